// Functions on single rows of the conversation: their data, and the day lines between them.

import { element } from './element.js';
import { dayName, isSameDay, showLocalTime } from './locale.js';

// Prepare a row that the server rendered: times in the reader's zone, data-author and data-at, and links that open in
// a new tab, so that following one does not leave the room.
export function prepareRow(row) {
  const time = row.querySelector('time');
  showLocalTime(time);
  row.dataset.author = authorOf(row);
  row.dataset.at = Date.parse(time.dateTime) / 1000;
  // Wide code can then be scrolled with the arrow keys.
  for (const code of row.querySelectorAll('pre')) code.tabIndex = 0;
  for (const link of row.querySelectorAll('.body a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
}

export const authorOf = (row) => row.querySelector('.author').textContent;
export const timeOf = (row) => new Date(row.dataset.at * 1000);
export const seqOf = (row) => (row ? Number(row.dataset.seq) : 0);

// Add a day line above a row whose day is not that of the row before it. Lines about members who came or left on the
// same day stay below it.
export function addDayLine(row, before) {
  const isOfThatDay = (other) => isSameDay(timeOf(other), timeOf(row));
  if (before && isOfThatDay(before)) return;
  let first = row;
  let above = row.previousElementSibling;
  while (above?.matches('.presence-line') && isOfThatDay(above)) [first, above] = [above, above.previousElementSibling];
  first.before(createLine('day', dayName(timeOf(row))));
}

export function previousRow(row) {
  let before = row.previousElementSibling;
  while (before && !before.matches('.row')) before = before.previousElementSibling;
  return before;
}

export function createLine(className, text) {
  const line = element('li', className);
  line.append(element('span', '', text));
  return line;
}
