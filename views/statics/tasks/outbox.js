// Changes of tasks that the server does not have yet. Each keeps its nonce until it is answered, over lost connections
// and reloads, so that sending it again does it once. One at a time, in their order.

import { renewFormTokens } from '../identity.js';
import { translate } from '../locale.js';
import { createNonce, pauseMs } from '../retrying.js';
import { keysBeginningWith, load, remove, save } from '../storage.js';
import { tasks } from './module.js';

const MAX_CHANGES = 500;  // that wait at the same time
const TEMPORARY_STATUSES = new Set([408, 425, 429]);
const GONE_CODES = new Set(['unknown_task']);
const ROOM_LOST_CODES = new Set(['unknown_room', 'not_member']);

class TaskOutbox {
  static $inject = ['$timeout', 'taskApi', 'page'];

  constructor($timeout, api, page) {
    Object.assign(this, { $timeout, api, isSending: false, isHalted: false, timer: null });
    this.prefix = `prosa.tasks.${page.me}.${page.room}.`;
    const kept = keysBeginningWith('localStorage', this.prefix).map((key) => load('localStorage', key));
    this.changes = kept.filter(Boolean).sort((a, b) => a.at - b.at);
    for (const change of this.changes) if (change.state === 'sent') change.state = 'waiting';
  }

  // on.change() is called when the changes are others; on.stored(change, answer) before one is gone that the server has;
  // on.refused(change, code) when one is gone that the server refused; on.conflict(task) with a task as it is now;
  // on.halt(isRoomLost) when nothing more can be sent: not in this room, or not by this member.
  start(on) {
    this.on = on;
    addEventListener('online', () => this.retry());
    addEventListener('storage', ({ key, newValue }) => { if (newValue === null) this.forget(key); });
    this.flush();
  }

  // Whether a change could not be sent at once.
  get isLate() { return this.changes.some((change) => change.isLate); }
  get waitingCount() { return this.changes.filter(({ state }) => state === 'waiting' || state === 'sent').length; }

  // Add a change: its `type`, the task's `id`, and what else belongs to it. Too many are refused.
  add(fields) {
    if (this.changes.length >= MAX_CHANGES) return this.on.refused(fields, 'full', translate('too_many_waiting'));
    const change = { ...fields, nonce: createNonce(), at: Date.now(), state: 'waiting', tries: 0 };
    this.changes.push(change);
    this.store(change);
    return this.flush();
  }

  store(change) {
    save('localStorage', this.prefix + change.nonce, change);
    this.on.change();
  }

  remove(change) {
    this.changes = this.changes.filter((other) => other !== change);
    remove('localStorage', this.prefix + change.nonce);
    this.on.change();
  }

  // Another tab of this browser has sent it.
  forget(key) {
    const change = this.changes.find(({ nonce }) => this.prefix + nonce === key);
    if (change && change.state !== 'sent') this.$timeout(() => this.remove(change));
  }

  find(nonce) { return this.changes.find((change) => change.nonce === nonce); }

  // A change of a task that is not stored itself yet waits for it.
  isReady({ state, id, before }) {
    return state === 'waiting' && !this.changes.some(({ type, nonce }) => type === 'add' && (nonce === id || nonce === before));
  }

  // The network is back, perhaps.
  retry() {
    this.$timeout.cancel(this.timer);
    this.timer = null;
    this.flush();
  }

  flush() {
    const change = this.changes.find((one) => this.isReady(one));
    if (!change || this.isSending || this.isHalted || this.timer) return;
    if (!navigator.onLine) return this.wait(change);
    this.isSending = true;
    change.state = 'sent';
    change.tries += 1;
    this.api.send(change)
      .then((answer) => this.onStored(change, answer), (refusal) => this.onRefused(change, refusal))
      .finally(() => {
        this.isSending = false;
        this.flush();
      });
  }

  onStored(change, answer) {
    if (change.type === 'add') this.rename(change.nonce, answer);
    this.on.stored(change, answer);
    this.remove(change);
  }

  // The task that was known by a nonce has its number now.
  rename(nonce, { id, version }) {
    for (const change of this.changes) {
      if (change.before === nonce) change.before = id;
      if (change.id === nonce) Object.assign(change, { id, ...(change.type === 'change' && { version }) });
    }
  }

  // The entry of a change came before its answer.
  onEntry({ nonce, kind, seq }) {
    const change = nonce && this.find(nonce);
    if (!change) return;
    if (kind === 'task_made') this.rename(nonce, { id: seq, version: seq });
    this.remove(change);
  }

  onRefused(change, { status, data, headers }) {
    const { code, message } = data?.error ?? {};
    if (!this.find(change.nonce)) return null;
    if (status <= 0 || status >= 500 || TEMPORARY_STATUSES.has(status)) return this.wait(change, headers?.('Retry-After'));
    if (status === 401) return this.halt(change, false);
    if (status === 403 && !change.isRenewed) return this.renew(change);
    if (ROOM_LOST_CODES.has(code)) return this.halt(change, true);
    if (status === 409 && data.task) return this.onConflict(change, data.task);
    return this.fail(change, GONE_CODES.has(code) ? 'gone' : code, message ?? '');
  }

  // Try later: after so many seconds if the server says so.
  wait(change, seconds) {
    Object.assign(change, { state: 'waiting', isLate: true });
    this.store(change);
    if (navigator.onLine) this.timer = this.$timeout(() => this.retry(), seconds ? seconds * 1000 : pauseMs(change.tries));
  }

  halt(change, isRoomLost) {
    this.isHalted = true;
    this.wait(change);
    this.on.halt(isRoomLost);
  }

  // The token of the page's forms may be that of a cookie that is gone; of another member we take none.
  async renew(change) {
    change.isRenewed = true;
    if (await renewFormTokens()) this.$timeout(() => this.requeue(change));
    else this.$timeout(() => this.halt(change, false));
  }

  requeue(change) {
    change.state = 'waiting';
    this.flush();
  }

  // Somebody has changed the task meanwhile. If they have left what this changes as it was, it is sent for the new
  // version; otherwise the member decides.
  onConflict(change, task) {
    this.on.conflict(task);
    const { fields, base, version } = change;
    const isOthers = (name) => valueOf(task, name) !== base[name] && valueOf(task, name) !== fields[name];
    const isClear = task.version > version && !Object.keys(fields).some(isOthers);
    Object.assign(change, { version: task.version, state: isClear ? 'waiting' : 'conflict', theirs: task });
    this.store(change);
  }

  // The member wants their change all the same.
  insist(change) {
    const base = Object.fromEntries(Object.keys(change.fields).map((name) => [name, valueOf(change.theirs, name)]));
    Object.assign(change, { base, version: change.theirs.version, state: 'waiting' });
    this.store(change);
    this.flush();
  }

  // A text stays until its author has seen why it was refused.
  fail(change, code, why) {
    if (change.type !== 'add' && (change.type !== 'change' || code === 'gone')) {
      this.remove(change);
      this.on.refused(change, code, why);
    } else {
      Object.assign(change, { state: 'failed', why });
      this.store(change);
    }
  }

  // Discard a change, with those of a task that it would have made.
  discard(change) {
    for (const other of this.changes) if (other.id === change.nonce || other.before === change.nonce) this.remove(other);
    this.remove(change);
  }
}

const valueOf = (task, name) => task[name] ?? '';

tasks.service('taskOutbox', TaskOutbox);
