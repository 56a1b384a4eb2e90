// The list of messages: rows in the order of their seq, as the server has rendered them, with day lines and groups.
// The list is no live region: the announcer tells screen readers what is new.

import { Changes } from './changes.js';
import { element } from './element.js';
import { scroller, withoutLosingFocus } from './focus.js';
import { Jump } from './jump.js';
import { onEachMidnight, translate } from './locale.js';
import { PendingRows } from './pending.js';
import { keepPlace, showPlace } from './place.js';
import { addDayLine, authorOf, createLine, isNote, markMentions, prepareRow, previousRow, seqOf, timeOf } from './rows.js';
import { Scrolling } from './scrolling.js';

const MAX_ROWS = 1000;              // in the page, while the reader is at the bottom
const MAX_ROWS_SCROLLED_UP = 3000;  // while the reader is further up
const MAX_ROWS_IN_SIGHT = 6000;     // beyond that even rows that the reader sees are removed
const MIN_TRIM_ROWS = 100;          // fewer are not worth the layout
const MAX_PRESENCE_LINES = 20;
const LINES = new Set(['post', 'note']);  // the kinds of entries that have a row

export class Conversation {
  constructor(room, announcer) {
    this.announcer = announcer;
    this.room = room;
    this.me = room.dataset.me;
    this.groupingGapMs = Number(room.dataset.groupingGapSeconds) * 1000;
    this.path = `/rooms/${encodeURIComponent(room.dataset.room)}`;
    for (const id of ['scroller', 'rows']) this[id] = document.getElementById(id);
    this.pending = new PendingRows(this);
    this.scrolling = new Scrolling({
      scroller: this.scroller,
      spacer: document.getElementById('newest'),
      getRows: () => [...this.rows.querySelectorAll('.row'), ...this.pending.rows],
    });
    this.batch = [];
    this.changes = new Changes(this);
    this.arrangeAll();
    onEachMidnight(() => this.changeRows(() => this.arrangeAll()));
    this.jump = new Jump(this);
    showPlace(this);
    addEventListener('pagehide', () => keepPlace(this));
    this.jump.update();
  }

  get isPast() { return 'past' in this.room.dataset; }
  get newestSeq() { return seqOf([...this.rows.querySelectorAll('.row')].at(-1)); }
  get oldestSeq() { return seqOf(this.rows.querySelector('.row')); }

  // --- adding

  // Add an entry's row; `isAway` if the reader was away when it was posted. Entries that come within a frame are added
  // together: the layout of many rows takes milliseconds, and is computed once for all. A hidden page has no frames.
  add(entry, isAway) {
    this.later([entry, isAway]);
  }

  // Show what an entry changes: the message that is its target, others beside it, and where its words are quoted.
  change(entry) {
    this.changes.keep(entry);
    this.later([entry]);
  }

  later(item) {
    this.batch.push(item);
    if (this.batch.length > 1) return;
    if (document.hidden) queueMicrotask(() => this.addBatch());
    else requestAnimationFrame(() => this.addBatch());
  }

  addBatch() {
    if (!this.batch.length) return;
    const batch = this.batch;
    this.batch = [];
    const isNew = ([{ kind, html, seq }]) => LINES.has(kind) && html && !this.rowOf(seq);
    const added = batch.filter(isNew);
    const others = batch.filter((item) => !added.includes(item) || item[0].others);
    if (added.length) this.appendAll(added.map(([entry, isAway]) => [this.createRow(entry), isAway]));
    if (others.length) this.changeRows(() => others.forEach(([entry]) => this.changes.apply(entry)));
  }

  createRow(entry) {
    const row = element('li', entry.author === this.me ? 'row own' : 'row');
    row.dataset.seq = entry.seq;
    row.innerHTML = entry.html;
    markMentions(row, this.me);
    return row;
  }

  rowOf(seq) { return this.rows.querySelector(`.row[data-seq="${Number(seq)}"]`); }

  // Add rows of a fetched page, which are newer than all that are here.
  appendRows(rows) {
    this.addBatch();
    this.appendAll(rows.map((row) => [row, false]));
  }

  appendAll(rows) {
    const others = rows.map(([row]) => row).filter((row) => authorOf(row) !== this.me);
    this.jump.expect(others[0]);
    this.changeRows(() => {
      document.getElementById('empty')?.remove();
      for (const [row, isAway] of rows) this.append(row, isAway);
      this.pending.group();
    }, others.length);
    this.announcer.announce(others.map(spokenOf));
    this.trim();
  }

  // Add rows below a page of older messages, and call change(), while the reader's place stays.
  appendFurther(rows, change) {
    this.scrolling.keepInPlace(this.scrolling.topmostRow(), () => {
      for (const row of rows) if (!this.rowOf(row.dataset.seq)) this.append(row, false);
      change();
    });
  }

  append(row, isAway) {
    if (isAway && !row.matches('.own')) this.countAway();
    this.rows.append(row);
    prepareRow(row);
    addDayLine(row, previousRow(row));
    this.group(row);
  }

  // Add older rows above all others, which were fetched at `fetchedAt` (performance.now()). The row that was first keeps
  // its picture and name, so that it does not change its height under the reader's eyes.
  prepend(rows, fetchedAt) {
    this.changeRows(() => {
      this.rows.querySelector('.row')?.classList.add('keeps-heading');
      this.rows.prepend(...rows);
      this.changes.applySince(fetchedAt);
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
      this.pending.group();
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

  // The rows above are gone: give the first one a day line, picture and name.
  arrangeFirst() {
    const first = this.rows.querySelector('.row');
    if (this.rows.querySelector('.row, .day') === first) addDayLine(first, null);
    this.group(first);
  }

  // A row has another content now.
  refresh(row) {
    prepareRow(row);
    this.group(row);
    const next = row.nextElementSibling;
    if (next?.matches('.row')) this.group(next);
  }

  // Show a message without picture and name if it follows another one of its author within the grouping gap.
  group(row, before = row.previousElementSibling) {
    const isSameAuthor = before?.matches('.row') && authorOf(before) === authorOf(row);
    const isClose = isSameAuthor && timeOf(row) - timeOf(before) < this.groupingGapMs;
    const isPlain = !isNote(row) && !(before && isNote(before)) && !row.querySelector('.quote');
    row.classList.toggle('follows', Boolean(isClose && isPlain && !row.matches('.keeps-heading')));
  }

  // Remove the oldest rows where there are too many.
  trim() {
    const excess = this.excessRows();
    if (excess.length < MIN_TRIM_ROWS) return;
    withoutLosingFocus(this.rows, () => this.changeRows(() => {
      excess.forEach((row) => row.remove());
      this.arrangeFirst();
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

  // Change the rows by `change` and keep the scroll position; `added` of them are new to the reader. While the page
  // is hidden, the line above the new messages stays in sight.
  changeRows(change, added = 0) {
    this.scrolling.keepPosition(change);
    this.onChange?.();
    const isAtBottom = this.scrolling.isAtBottom();
    if (isAtBottom && document.hidden && this.awayLine?.isConnected) this.scrolling.reveal(this.awayLine);
    this.jump.update(isAtBottom ? 0 : added);
  }
}

// What is said of a row by itself: its author and its text, in the language of the page.
function spokenOf(row) {
  if (isNote(row)) return row.querySelector('.deed').innerText;
  return `${authorOf(row)}: ${row.querySelector('.body').textContent}`;
}
