// What is asked of one row of the conversation, and done to it.

import { element } from './element.js';
import { dayName, isSameDay, localise } from './words.js';

// Bring what the server drew into the reader's zone, say on the row whose it is and when, and let links open
// beside the room, so that a tap on one does not end the conversation.
export function dress(row) {
  const time = row.querySelector('time');
  localise(time);
  row.dataset.author = authorOf(row);
  row.dataset.at = Date.parse(time.dateTime) / 1000;
  // Code that is wider than the page is scrolled with the arrow keys, too.
  for (const code of row.querySelectorAll('pre')) code.tabIndex = 0;
  for (const link of row.querySelectorAll('.body a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
}

export const authorOf = (row) => row.querySelector('.author').textContent;
export const timeOf = (row) => new Date(row.dataset.at * 1000);
export const seqOf = (row) => (row ? Number(row.dataset.seq) : 0);

// Draw a day line above a row of another day than the row before it, and above who came and went earlier that day.
export function beginDay(row, before) {
  const isOfThatDay = (other) => isSameDay(timeOf(other), timeOf(row));
  if (before && isOfThatDay(before)) return;
  let first = row;
  let above = row.previousElementSibling;
  while (above?.matches('.passing') && isOfThatDay(above)) [first, above] = [above, above.previousElementSibling];
  first.before(line('day', dayName(timeOf(row))));
}

export function lastRowBefore(row) {
  let before = row.previousElementSibling;
  while (before && !before.matches('.row')) before = before.previousElementSibling;
  return before;
}

export function line(kind, text) {
  const item = element('li', kind);
  item.append(element('span', '', text));
  return item;
}
