// The list of messages: rows in the order of their seq, day lines, grouping, what is new, and the scroll position.
// The server renders the messages; rendered here are only the member's own that the server does not have yet.
// The list is no live region: the announcer tells screen readers what is new.

import { element } from './element.js';
import { scroller, withoutLosingFocus } from './focus.js';
import { onEachMidnight, showLocalTime, translate } from './locale.js';
import { addDayLine, authorOf, createLine, prepareRow, previousRow, seqOf, timeOf } from './rows.js';
import { Scrolling } from './scrolling.js';

const MAX_ROWS = 1000;              // in the page, while the reader is at the bottom
const MAX_ROWS_SCROLLED_UP = 3000;  // while the reader is further up
const MAX_ROWS_IN_SIGHT = 6000;     // beyond that even rows that the reader sees are removed
const MIN_TRIM_ROWS = 100;          // fewer are not worth the layout
const MAX_PRESENCE_LINES = 20;
const LABEL_CHARS = 40;             // of a failed message, to tell its buttons from another's

export class Conversation {
  constructor(room, announcer) {
    this.announcer = announcer;
    this.me = room.dataset.me;
    this.groupingGapMs = Number(room.dataset.groupingGapSeconds) * 1000;
    this.path = `/rooms/${encodeURIComponent(room.dataset.room)}`;
    for (const id of ['scroller', 'rows', 'outbox', 'jump']) this[id] = document.getElementById(id);
    this.scrolling = new Scrolling({
      scroller: this.scroller,
      spacer: document.getElementById('newest'),
      getRows: () => [...this.rows.querySelectorAll('.row'), ...this.outbox.children],
    });
    this.newCount = 0;
    this.batch = [];
    this.arrangeAll();
    onEachMidnight(() => this.changeRows(() => this.arrangeAll()));
    this.scroller.addEventListener('scroll', () => this.updateJump(), { passive: true });
    this.jump.addEventListener('click', () => this.scrollToNewest());
  }

  get newestSeq() { return seqOf([...this.rows.querySelectorAll('.row')].at(-1)); }
  get oldestSeq() { return seqOf(this.rows.querySelector('.row')); }

  // --- adding

  // Add an entry's row; `isAway` if the reader was away when it was posted. Entries that come within a frame are added
  // together: the layout of many rows takes milliseconds, and is computed once for all. A hidden page has no frames.
  add(entry, isAway) {
    this.batch.push([entry, isAway]);
    if (this.batch.length > 1) return;
    if (document.hidden) queueMicrotask(() => this.addBatch());
    else requestAnimationFrame(() => this.addBatch());
  }

  addBatch() {
    if (!this.batch.length) return;
    const rows = this.batch.map(([entry, isAway]) => [this.createRow(entry), isAway]);
    this.batch = [];
    this.appendAll(rows);
  }

  createRow(entry) {
    const row = element('li', entry.author === this.me ? 'row own' : 'row');
    row.dataset.seq = entry.seq;
    row.innerHTML = entry.html;
    return row;
  }

  // Add rows of a fetched page, which are newer than all that are here.
  appendRows(rows) {
    this.addBatch();
    this.appendAll(rows.map((row) => [row, false]));
  }

  appendAll(rows) {
    const others = rows.map(([row]) => row).filter((row) => authorOf(row) !== this.me);
    this.changeRows(() => {
      document.getElementById('empty')?.remove();
      for (const [row, isAway] of rows) this.append(row, isAway);
      this.groupPending();
    }, others.length);
    this.announcer.announce(others.map((row) => `${authorOf(row)}: ${row.querySelector('.body').textContent}`));
    this.trim();
  }

  append(row, isAway) {
    if (isAway && !row.matches('.own')) this.countAway();
    this.rows.append(row);
    prepareRow(row);
    addDayLine(row, previousRow(row));
    this.group(row);
  }

  // Add older rows above all others. The row that was first keeps its picture and name, so that it does not change
  // its height under the reader's eyes.
  prepend(rows) {
    this.changeRows(() => {
      this.rows.querySelector('.row')?.classList.add('keeps-heading');
      this.rows.prepend(...rows);
      this.arrangeAll();
    });
  }

  // Add a small line about members who came or left.
  addPresenceLine(text) {
    this.changeRows(() => {
      const lines = [...this.rows.querySelectorAll('.presence-line')];
      if (lines.length >= MAX_PRESENCE_LINES) lines[0].remove();
      const line = createLine('presence-line', text);
      line.dataset.at = Date.now() / 1000;
      this.rows.append(line);
      this.groupPending();
    });
  }

  // --- arranging

  // Rebuild all day lines and groups, by the days of the reader's time zone.
  arrangeAll() {
    this.rows.querySelectorAll('.day').forEach((day) => day.remove());
    let before = null;
    for (const row of this.rows.querySelectorAll('.row')) {
      prepareRow(row);
      addDayLine(row, before);
      this.group(row);
      before = row;
    }
  }

  groupPending() {
    for (const row of this.outbox.children) this.group(row, row.previousElementSibling ?? this.rows.lastElementChild);
  }

  // Show a message without picture and name if it follows another one of its author within the grouping gap.
  group(row, before = row.previousElementSibling) {
    const isSameAuthor = before?.matches('.row') && authorOf(before) === authorOf(row);
    const isClose = isSameAuthor && timeOf(row) - timeOf(before) < this.groupingGapMs;
    row.classList.toggle('follows', Boolean(isClose && !row.matches('.keeps-heading')));
  }

  // Remove the oldest rows where there are too many.
  trim() {
    const excess = this.excessRows();
    if (excess.length < MIN_TRIM_ROWS) return;
    withoutLosingFocus(this.rows, () => this.changeRows(() => {
      excess.forEach((row) => row.remove());
      this.arrangeAll();
    }), scroller);
    this.onTrim?.();
  }

  excessRows() {
    const all = [...this.rows.children];
    const max = this.scrolling.isAtBottom() ? MAX_ROWS : MAX_ROWS_SCROLLED_UP;
    const excess = all.slice(0, Math.max(0, all.length - max));
    if (!excess.length || all.length >= MAX_ROWS_IN_SIGHT) return excess;
    const inSight = all.indexOf(this.scrolling.topmostRow());
    if (inSight < 0) return excess;
    // The first row left gets a picture and a name and grows: leave one above those in sight, where that is not seen.
    return excess.slice(0, Math.max(0, inSight - 1));
  }

  // --- the line "new while you were away"

  // The reader goes away: entries added from now on with `isAway` stand below a new line.
  startAway() {
    this.addBatch();
    this.awayLine = null;
  }

  countAway() {
    if (!this.awayLine?.isConnected) {
      this.rows.querySelectorAll('.away-line').forEach((old) => old.remove());
      this.awayLine = createLine('away-line', '');
      this.awayCount = 0;
      this.rows.append(this.awayLine);
    }
    this.awayCount += 1;
    this.awayLine.firstChild.textContent = translate('away', { n: this.awayCount });
  }

  // --- scrolling

  // Change the rows by `change` and keep the scroll position; `added` of them are new to the reader. While the page
  // is hidden, the line above the new messages stays in sight.
  changeRows(change, added = 0) {
    this.scrolling.keepPosition(change);
    const isAtBottom = this.scrolling.isAtBottom();
    if (!isAtBottom) this.newCount += added;
    else if (document.hidden && this.awayLine?.isConnected) this.scrolling.reveal(this.awayLine);
    this.updateJump();
  }

  // Show or hide the button that leads to the newest messages.
  updateJump() {
    if (this.scrolling.isAtBottom()) this.newCount = 0;
    if (this.newCount) this.jump.textContent = translate('new_messages', { n: this.newCount });
    withoutLosingFocus(this.jump, () => { this.jump.hidden = this.newCount === 0; });
  }

  scrollToNewest() {
    this.scrolling.toBottom();
    this.updateJump();
  }

  // --- the member's messages in the outbox

  pendingRow(nonce) {
    return nonce ? this.outbox.querySelector(`[data-nonce="${CSS.escape(nonce)}"]`) : null;
  }

  // Show an outbox item in its present state. `actions` are pairs of a button's text and its function.
  showItem(item, actions) {
    withoutLosingFocus(this.pendingRow(item.nonce), () => this.changeRows(() => this.updateItem(item, actions)));
  }

  updateItem(item, actions) {
    const row = this.pendingRow(item.nonce) ?? this.addPendingRow(item);
    const hasFailed = item.state === 'failed';
    if (hasFailed && !row.matches('.failed')) this.announcer.announce([`${translate('not_sent')}. ${item.why}`]);
    row.className = `row own${hasFailed ? ' failed' : item.state === 'stored' ? '' : ' pending'}`;
    for (const note of row.querySelectorAll('.note')) note.textContent = noteOf(item);
    row.querySelector('time').hidden = item.state !== 'stored';
    row.querySelector('.actions')?.remove();
    if (hasFailed) row.querySelector('.message').append(createActions(item, actions));
    this.groupPending();
  }

  // message.html as the server renders it, with the text as it was written.
  addPendingRow(item) {
    const row = element('li', 'row own');
    Object.assign(row.dataset, { nonce: item.nonce, at: item.at / 1000 });
    row.append(document.getElementById('own-message').content.cloneNode(true));
    const [time, body] = [row.querySelector('time'), row.querySelector('.body')];
    time.dateTime = new Date(item.at).toISOString();
    showLocalTime(time);
    row.querySelector('.heading').append(element('span', 'note'));
    body.classList.add('plain');
    body.append(element('p', '', item.body), ' ', element('span', 'note'));
    document.getElementById('empty')?.remove();
    this.outbox.append(row);
    return row;
  }

  removeItem(item) {
    const row = this.pendingRow(item.nonce);
    withoutLosingFocus(row, () => this.changeRows(() => {
      row?.remove();
      this.groupPending();
    }));
  }
}

// The state of an outbox item in a word, beside the name, or after the text where the name is not shown.
function noteOf({ state }) {
  if (state === 'failed') return translate('not_sent');
  if (state === 'stored') return '';
  return state === 'sent' ? translate('sending') : translate('waiting');
}

function createActions({ why, body }, actions) {
  const box = element('p', 'actions');
  if (why) box.append(element('span', 'error-text', why));
  for (const [text, onclick] of actions) {
    const button = element('button', '', text);
    Object.assign(button, { type: 'button', onclick });
    button.setAttribute('aria-label', `${text}: ${body.slice(0, LABEL_CHARS)}`);
    box.append(button);
  }
  return box;
}
