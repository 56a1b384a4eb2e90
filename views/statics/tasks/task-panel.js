// All of the list: what is in it, what is on its way, what is shown. The components below it have no state but what is
// being typed.

import { onEachMidnight, translate } from '../locale.js';
import { pauseMs } from '../retrying.js';
import { keepFocus } from './focus.js';
import { tasks, templateOf, templates } from './module.js';
import { addressOf, shownByAddress } from './page.js';
import { project } from './projection.js';
import { inStillOrder } from './still.js';
import { TaskStore } from './store.js';

const FIELDS = ['text', 'to', 'due'];

class TaskPanel {
  static $inject = ['$scope', '$element', '$timeout', '$q', '$templateRequest', 'taskApi', 'taskOutbox', 'taskLive', 'announcer', 'page'];

  constructor($scope, $element, $timeout, $q, $templateRequest, api, outbox, live, announcer, page) {
    Object.assign(this, { $scope, $timeout, $q, $templateRequest, api, outbox, live, announcer, page, element: $element[0] });
    Object.assign(this, { store: new TaskStore(), rows: [], all: [], shown: [], editing: null, isReady: false, problem: '' });
  }

  $onInit() {
    this.show = shownByAddress();
    const onBack = () => this.$scope.$applyAsync(() => this.showOnly(shownByAddress()));
    addEventListener('popstate', onBack);
    this.$scope.$on('$destroy', () => removeEventListener('popstate', onBack));
    onEachMidnight(() => this.$scope.$applyAsync(() => this.refresh()));
    this.$q.all([this.load(), this.loadTemplates()]).then(([seq]) => this.begin(seq));
  }

  // So that all of it appears at once.
  loadTemplates() { return this.$q.all(templates.map((address) => this.$templateRequest(address))); }

  // Return a promise of the entry as of which the list was loaded; it tries until there is one.
  load(failed = 1) {
    return this.api.list().then(
      (list) => {
        this.store.load(list.tasks, list.seq);
        this.refresh();
        return list.seq;
      },
      () => this.$timeout(() => this.load(failed + 1), pauseMs(failed)),
    );
  }

  begin(seq) {
    this.isReady = true;
    this.$timeout(() => this.page.takePlace());
    this.outbox.start({
      change: () => this.refresh(),
      stored: (change, answer) => this.onStored(change, answer),
      refused: (change, code, why) => this.onRefused(change, code, why),
      conflict: (task) => this.store.put(task),
      halt: (isRoomLost) => this.onHalt(isRoomLost),
    });
    this.live.start(seq, {
      entry: (entry, isNews) => this.onEntry(entry, isNews),
      gap: () => this.load(),
      state: (state) => this.onState(state),
      waitingCount: () => this.outbox.waitingCount,
    });
    this.refresh();
  }

  // --- what comes from the server

  onEntry(entry, isNews) {
    const before = this.store.tasks.get(entry.target);
    if (entry.author === this.page.me && entry.kind === 'task_made') this.noteKey(entry.seq, entry.nonce);
    this.store.receive(entry);
    this.outbox.onEntry(entry);
    if (isNews && entry.author !== this.page.me) this.announceOthers(entry, before);
    this.refresh();
  }

  // A task that was made here keeps its row.
  noteKey(id, nonce) {
    if (this.outbox.find(nonce)) this.store.keys.set(id, nonce);
    if (this.editing === nonce) this.editing = this.store.keyOf(id);
  }

  onStored(change, answer) {
    if (change.type === 'add') this.noteKey(answer.id, change.nonce);
    if (change.type === 'remove') this.store.remove(change.id);
    else if (answer?.id) this.store.put(answer);
    else if (answer?.tasks) this.store.load(answer.tasks, answer.seq);
    else this.load();
  }

  onRefused(change, code, why) {
    if (code === 'gone') this.store.remove(change.id);
    else this.problem = why;
    if (code === 'gone' && change.type === 'change' && change.fields.text) this.offer(change.fields.text);
    this.refresh();
  }

  // A text for a task that somebody has removed: it becomes a new one, if its author wants that.
  offer(text) { this.offered = text; }

  onState(state) {
    if (state === 'live') {
      this.outbox.isHalted = false;
      this.notice = null;
      this.outbox.retry();
    } else if (this.live.connection.isHalted) {
      this.onHalt();
    }
  }

  // Nothing goes out any more. If the API has said so first (`isRoomLost` or not), the connection finds out why.
  onHalt(isRoomLost) {
    this.outbox.isHalted = true;
    if (this.live.connection.isHalted) this.notice = this.live.notice;
    else this.live.halt(isRoomLost);
  }

  announceOthers({ kind, author, task }, before) {
    const text = task?.text ?? before?.text;
    const words = { task_made: 'said_made', task_done: 'said_done', task_removed: 'said_removed' }[kind];
    if (words && text) this.announcer.announce([translate(words, { name: author, text })]);
  }

  // --- what is shown

  refresh(isStill = this.editing !== null) {
    const rows = project(this.store, this.outbox.changes, this.outbox.isLate);
    this.rows = isStill ? inStillOrder(rows, this.rows, this.editing) : rows;
    this.all = this.rows.filter(({ isGone }) => !isGone);
    this.shown = this.rows.filter((row) => row.key === this.editing || this.isShown(row));
    this.left = this.all.filter(({ done }) => !done).length;
    keepFocus(this.element, this.shown.map(({ key }) => key));
    if (this.live.panel) this.live.show();
  }

  isShown({ done, to, conflict, failed }) {
    if (conflict || failed) return true;
    return { all: true, active: !done, completed: done, mine: to === this.page.me }[this.show];
  }

  get hasDone() { return this.all.length > this.left; }

  choose(show) {
    history.pushState(null, '', addressOf(show));
    this.showOnly(show);
  }

  showOnly(show) {
    this.show = show;
    this.refresh();
  }

  // --- what the member does

  add(fields) {
    this.outbox.add({ type: 'add', ...fields });
    this.announcer.announce([translate('said_added', { text: fields.text })]);
    if (this.show === 'completed' || (this.show === 'mine' && fields.to !== this.page.me)) this.choose('all');
  }

  setDone(row, done) {
    this.outbox.add({ type: 'done', id: row.id, done });
    this.announcer.announce([translate(done ? 'said_is_done' : 'said_is_open', { text: row.text })]);
  }

  setAllDone(done) {
    this.outbox.add({ type: 'all_done', done });
    this.announcer.announce([translate(done ? 'said_all_done' : 'said_all_open')]);
  }

  clearDone() {
    this.outbox.add({ type: 'clear_done' });
    this.announcer.announce([translate('said_cleared')]);
  }

  remove(row) {
    if (this.editing === row.key) this.editing = null;
    this.outbox.add({ type: 'remove', id: row.id });
    this.announcer.announce([translate('said_is_removed', { text: row.text })]);
  }

  // Move a row before another one of those that are shown; null: to the end.
  move(row, before) {
    const rest = this.shown.filter((other) => other !== row);
    const place = before === null ? rest.length : rest.findIndex(({ key }) => key === before);
    if (place < 0 || place === this.shown.indexOf(row)) return;
    const isHidden = (other) => other !== row && !this.shown.includes(other);
    const next = rest[place] ?? this.all.slice(this.all.indexOf(rest.at(-1)) + 1).find(isHidden);
    this.outbox.add({ type: 'move', id: row.id, before: next?.id ?? null });
    this.announcer.announce([translate('said_moved', { place: place + 1, all: this.shown.length })]);
    this.refresh(false);
  }

  // Move a row by one among those that are shown.
  step(row, by) {
    const rest = this.shown.filter((other) => other !== row);
    const place = this.shown.indexOf(row) + by;
    if (place >= 0 && place <= rest.length) this.move(row, rest[place]?.key ?? null);
  }

  edit({ key }) {
    this.editing = key;
    this.refresh();
  }

  stopEditing() {
    this.editing = null;
    this.refresh();
  }

  // Take what was edited: only what differs from what the editing began with. An empty text removes.
  save(row, { begun, fields }) {
    this.editing = null;
    const differs = FIELDS.filter((name) => fields[name] !== begun[name]);
    const pick = (from) => Object.fromEntries(differs.map((name) => [name, from[name]]));
    const change = { type: 'change', id: row.id, version: begun.version, base: pick(begun), fields: pick(fields) };
    if (!fields.text) this.remove(row);
    else if (differs.length) this.outbox.add(change);
    this.refresh();
  }

  // What was edited is no task any more, and becomes another one.
  addAgain(fields) {
    this.editing = null;
    this.add(fields);
  }

  // Do what a row asks for.
  run(deed, { key }, value) {
    const row = this.rows.find((one) => one.key === key);
    const change = this.outbox.find(row?.failed ?? row?.conflict?.nonce);
    const deeds = {
      done: () => this.setDone(row, value),
      remove: () => this.remove(row),
      move: () => this.move(row, value),
      step: () => this.step(row, value),
      edit: () => this.edit(row),
      cancel: () => this.stopEditing(),
      save: () => this.save(row, value),
      again: () => this.addAgain(value),
      insist: () => this.outbox.insist(change),
      retry: () => this.outbox.requeue(change),
      discard: () => this.outbox.discard(change),
    };
    if (row) deeds[deed]();
  }
}

tasks.component('taskPanel', { templateUrl: templateOf('task-panel'), controller: TaskPanel });
