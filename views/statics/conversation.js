// The conversation on the page: rows in the order of their seq, day lines, grouping, what is new, scrolling.
// Messages are drawn by the server; what is drawn here is only what the server does not have yet.
// Nothing of it is a live region: the announcer tells what is new.

import { element } from './element.js';
import { whereOneReads, withoutLosingFocus } from './focus.js';
import { authorOf, beginDay, dress, lastRowBefore, line, seqOf, timeOf } from './rows.js';
import { Scrolling } from './scrolling.js';
import { eachMidnight, localise, say } from './words.js';

const MOST_ROWS = 1000;       // in the page, while the reader is at the bottom
const MOST_ROWS_HELD = 3000;  // while the reader is reading further up
const MOST_ROWS_SEEN = 6000;  // while that would take away what the reader sees
const EXCERPT = 40;           // characters of a message that failed, by which its buttons are told from another's

export class Conversation {
  constructor(room, announcer) {
    this.announcer = announcer;
    this.me = room.dataset.me;
    this.gap = Number(room.dataset.gap);
    this.place = `/rooms/${encodeURIComponent(room.dataset.room)}`;
    for (const id of ['scroller', 'rows', 'waiting', 'jump']) this[id] = document.getElementById(id);
    this.scrolling = new Scrolling({
      scroller: this.scroller,
      ending: document.getElementById('newest'),
      rows: () => [...this.rows.querySelectorAll('.row'), ...this.waiting.children],
    });
    this.unseen = 0;
    this.batch = [];
    this.arrange();
    eachMidnight(() => this.holding(() => this.arrange(), 0));
    this.scroller.addEventListener('scroll', () => this.look(), { passive: true });
    this.jump.addEventListener('click', () => this.toNewest());
  }

  get newest() { return seqOf([...this.rows.querySelectorAll('.row')].at(-1)); }
  get oldest() { return seqOf(this.rows.querySelector('.row')); }

  // --- adding

  // Add the entry's row; `isAway` if the reader was away when it was said. Entries that come together are
  // drawn together: one look at the layout for all of them.
  add(entry, isAway) {
    this.batch.push([entry, isAway]);
    if (this.batch.length === 1) queueMicrotask(() => this.drawBatch());
  }

  drawBatch() {
    const rows = this.batch.map(([entry, isAway]) => [this.row(entry), isAway]);
    this.batch = [];
    this.appendAll(rows);
  }

  row(entry) {
    const row = element('li', entry.author === this.me ? 'row own' : 'row');
    row.dataset.seq = entry.seq;
    row.innerHTML = entry.html;
    return row;
  }

  // Rows of a page that was fetched, newer than what stands here.
  appendRows(rows) {
    this.appendAll(rows.map((row) => [row, false]));
  }

  appendAll(rows) {
    const others = rows.map(([row]) => row).filter((row) => authorOf(row) !== this.me);
    this.holding(() => {
      document.getElementById('empty')?.remove();
      for (const [row, isAway] of rows) this.append(row, isAway);
      this.arrangeWaiting();
    }, others.length);
    this.announcer.speak(others.map((row) => `${authorOf(row)}: ${row.querySelector('.body').textContent}`));
    this.trim();
  }

  append(row, isAway) {
    if (isAway && !row.matches('.own')) this.markAway();
    this.rows.append(row);
    dress(row);
    beginDay(row, lastRowBefore(row));
    this.group(row);
  }

  // Older rows, above all others. The row that was the first keeps its name: the reader may be looking at it.
  prepend(rows) {
    this.holding(() => {
      this.rows.querySelector('.row')?.classList.add('leads');
      this.rows.prepend(...rows);
      this.arrange();
    }, 0);
  }

  // A small passing line: who came, who left.
  pass(text) {
    this.holding(() => {
      const others = [...this.rows.querySelectorAll('.passing')];
      if (others.length >= 20) others[0].remove();
      const passing = line('passing', text);
      passing.dataset.at = Date.now() / 1000;
      this.rows.append(passing);
      this.arrangeWaiting();
    }, 0);
  }

  // --- arranging

  // Draw all day lines and groups anew, by the days of the reader's zone.
  arrange() {
    this.rows.querySelectorAll('.day').forEach((day) => day.remove());
    let before = null;
    for (const row of this.rows.querySelectorAll('.row')) {
      dress(row);
      beginDay(row, before);
      this.group(row);
      before = row;
    }
  }

  arrangeWaiting() {
    for (const row of this.waiting.children) this.group(row, row.previousElementSibling ?? this.rows.lastElementChild);
  }

  // A message that follows another of its author closely is drawn without picture and name.
  group(row, before = row.previousElementSibling) {
    const isSameAuthor = before?.matches('.row') && authorOf(before) === authorOf(row) && !row.matches('.leads');
    row.classList.toggle('follows', Boolean(isSameAuthor && timeOf(row) - timeOf(before) < this.gap * 1000));
  }

  trim() {
    const spare = this.spareRows();
    if (spare.length < 100) return;
    withoutLosingFocus(this.rows, () => this.holding(() => {
      spare.forEach((row) => row.remove());
      this.arrange();
    }, 0), whereOneReads);
    this.trimmed?.();
  }

  spareRows() {
    const all = [...this.rows.children];
    const most = this.scrolling.isAtBottom() ? MOST_ROWS : MOST_ROWS_HELD;
    const spare = all.slice(0, Math.max(0, all.length - most));
    if (!spare.length || all.length >= MOST_ROWS_SEEN) return spare;
    const seen = all.indexOf(this.scrolling.topmost());
    if (seen < 0) return spare;
    // One row above what is in sight stays: the first has a name, and so grows where nobody sees it.
    return spare.slice(0, Math.max(0, seen - 1));
  }

  // --- being away

  // What comes from now on with `isAway` stands under a new line.
  leave() { this.awayLine = null; }

  markAway() {
    if (!this.awayLine?.isConnected) {
      this.rows.querySelectorAll('.away').forEach((old) => old.remove());
      this.awayLine = line('away', '');
      this.awayCount = 0;
      this.rows.append(this.awayLine);
    }
    this.awayCount += 1;
    this.awayLine.firstChild.textContent = say('away', { n: this.awayCount });
  }

  // --- scrolling

  // Change the list by `change`; `news` of it are new to the reader. Who comes back finds the line under which the
  // news began.
  holding(change, news) {
    this.scrolling.holding(change);
    const isAtBottom = this.scrolling.isAtBottom();
    if (!isAtBottom) this.unseen += news;
    else if (document.hidden && this.awayLine?.isConnected) this.scrolling.show(this.awayLine);
    this.look();
  }

  look() {
    if (this.scrolling.isAtBottom()) this.unseen = 0;
    if (this.unseen) this.jump.textContent = say('new_messages', { n: this.unseen });
    withoutLosingFocus(this.jump, () => { this.jump.hidden = this.unseen === 0; });
  }

  toNewest() {
    this.scrolling.toBottom();
    this.look();
  }

  // --- own messages on their way

  waitingRow(nonce) {
    return nonce ? this.waiting.querySelector(`[data-nonce="${CSS.escape(nonce)}"]`) : null;
  }

  // Draw an item of the outbox as it now is.
  showItem(item, deedsOfItem) {
    withoutLosingFocus(this.waitingRow(item.nonce), () => this.holding(() => this.drawItem(item, deedsOfItem), 0));
  }

  drawItem(item, deedsOfItem) {
    const row = this.waitingRow(item.nonce) ?? this.newWaitingRow(item);
    const hasFailed = item.state === 'failed';
    if (hasFailed && !row.matches('.failed')) this.announcer.speak([`${say('not_sent')}. ${item.why}`]);
    row.className = `row own${hasFailed ? ' failed' : item.state === 'stored' ? '' : ' pending'}`;
    for (const note of row.querySelectorAll('.note')) note.textContent = noteOn(item);
    row.querySelector('time').hidden = item.state !== 'stored';
    row.querySelector('.deeds')?.remove();
    if (hasFailed) row.querySelector('.message').append(deeds(item, deedsOfItem));
    this.arrangeWaiting();
  }

  // The same as message.html draws, with the text as it was written.
  newWaitingRow(item) {
    const row = element('li', 'row own');
    row.dataset.nonce = item.nonce;
    row.dataset.at = item.at / 1000;
    const message = element('article', 'message');
    const heading = element('p', 'heading');
    const author = element('b', 'author', this.me);
    const body = element('div', 'body plain');
    const time = element('time');
    time.dateTime = new Date(item.at).toISOString();
    author.dir = body.dir = 'auto';
    heading.append(author, ' ', time, element('span', 'note'));
    body.append(element('p', '', item.body), ' ', element('span', 'note'));
    message.append(this.myPicture(), heading, body);
    row.append(message);
    document.getElementById('empty')?.remove();
    this.waiting.append(row);
    localise(time);
    return row;
  }

  myPicture() {
    const picture = document.querySelector('.self .picture').cloneNode(true);
    picture.classList.remove('present');
    return picture;
  }

  dropItem(item) {
    const row = this.waitingRow(item.nonce);
    withoutLosingFocus(row, () => this.holding(() => {
      row?.remove();
      this.arrangeWaiting();
    }, 0));
  }
}

// What stands beside the name, or behind the text where there is no name.
function noteOn({ state }) {
  if (state === 'failed') return say('not_sent');
  if (state === 'stored') return '';
  return state === 'sent' ? say('sending') : say('waiting');
}

function deeds({ why, body }, deedsOfItem) {
  const box = element('p', 'deeds');
  if (why) box.append(element('span', 'why', why));
  for (const [text, act] of deedsOfItem) {
    const button = element('button', '', text);
    Object.assign(button, { type: 'button', onclick: act });
    button.setAttribute('aria-label', `${text}: ${body.slice(0, EXCERPT)}`);
    box.append(button);
  }
  return box;
}
