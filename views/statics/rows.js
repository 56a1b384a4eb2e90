// Functions on single rows of the conversation: their data, and the day lines between them.

import { element } from './element.js';
import { dayName, isSameDay, showLocalTime, translate } from './locale.js';

export const PARTS = '.author, .when, .more, .reaction, .replies, .quote a';  // links of a message that are no text of it
const EVERYBODY = 'room';  // @room

// Prepare a row that the server rendered: times in the reader's zone, data-author and data-at, and links that open in
// a new tab, so that following one does not leave the room.
export function prepareRow(row) {
  const time = row.querySelector('time');
  showLocalTime(time);
  row.dataset.author = authorOf(row);
  row.dataset.at = Date.parse(time.dateTime) / 1000;
  // What belongs to a message is reached from the message, by Tab once it has the focus (actions.js).
  row.tabIndex = -1;
  for (const part of row.querySelectorAll(PARTS)) part.tabIndex = row.contains(document.activeElement) ? 0 : -1;
  for (const pill of row.querySelectorAll('.reaction')) preparePill(pill);
  // Wide code can then be scrolled with the arrow keys.
  for (const code of row.querySelectorAll('pre')) prepareCode(code);
  for (const link of row.querySelectorAll('.body a:not(.message-link)')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer';
  }
}

// A block of code can be scrolled with the arrow keys, and copied.
function prepareCode(pre) {
  pre.tabIndex = 0;
  if (pre.parentElement.matches('.code')) return;
  const box = element('div', 'code');
  const button = element('button', 'copy-code', translate('copy_code'));
  button.type = 'button';
  button.onclick = async () => {
    const isCopied = await navigator.clipboard?.writeText(pre.textContent).then(() => true, () => false);
    button.textContent = translate(isCopied ? 'copied' : 'copy_code');
  };
  pre.before(box);
  box.append(pre, button);
}

// A reaction is a link to the message's page; with a script it is a switch.
function preparePill(pill) {
  pill.setAttribute('role', 'button');
  pill.setAttribute('aria-pressed', pill.matches('.own'));
}

// Show the present state of a row's message, and which reactions are this member's own: those that were, and that of a
// change of theirs (`own` is its entry, or null).
export function replaceMessage(row, html, own) {
  const kept = new Set([...row.querySelectorAll('.reaction.own')].map((pill) => tonelessOf(pill.dataset.emoji)));
  if (own?.kind === 'react') kept.add(tonelessOf(own.body));
  if (own?.kind === 'unreact') kept.delete(tonelessOf(own.body));
  row.innerHTML = html;
  for (const pill of row.querySelectorAll('.reaction')) {
    pill.classList.toggle('own', kept.has(tonelessOf(pill.dataset.emoji)));
  }
}

// Mark the names of this member, and of everybody, in a message.
export function markMentions(row, me) {
  for (const mention of row.querySelectorAll('.mention')) {
    mention.toggleAttribute('data-own', mention.dataset.name === me || mention.dataset.name === EVERYBODY);
  }
}

// An emoji without its skin tone: all tones of one emoji are one reaction.
export const tonelessOf = (emoji) => emoji.replace(/[\u{1f3fb}-\u{1f3ff}\ufe0f]/gu, '');

export const isNote = (row) => Boolean(row.querySelector(':scope > .deed'));
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
