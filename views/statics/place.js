// Where the reader was on a page, to which a reload and the way back lead again.

import { seqOf } from './rows.js';
import { load, save } from './storage.js';

const KEY = 'prosa.place';
const addressHere = () => location.pathname + location.search;

// Begin where the reader was before; else at the message that the address names, or at the first one after it.
export function showPlace(conversation) {
  const { rows, scrolling, path } = conversation;
  const marked = rows.querySelector('.row.marked');
  const place = savedPlace();
  const row = place && conversation.rowOf(place.seq);
  if (row) scrolling.moveBack(row, place.top);
  else if (place) location.replace(`${path}?at=${place.seq}`);
  else if (marked) marked.scrollIntoView({ block: 'center' });
  else if (new URLSearchParams(location.search).has('after')) rows.firstElementChild?.scrollIntoView();
}

// Save the place when the reader goes on to another page. At the end of the conversation there is none to be kept.
export function keepPlace({ scrolling, isPast }) {
  const row = scrolling.isAtBottom() && !isPast ? null : scrolling.topmostRow();
  save('sessionStorage', KEY, row && { address: addressHere(), seq: seqOf(row), top: row.getBoundingClientRect().top });
}

// Return where the reader was on this page, if they come back to it.
function savedPlace() {
  const [navigation] = performance.getEntriesByType('navigation');
  const place = load('sessionStorage', KEY, null);
  const isBack = navigation?.type === 'reload' || navigation?.type === 'back_forward';
  return isBack && place?.address === addressHere() ? place : null;
}
