// Tells screen readers what is new. Each line is added to a visually hidden live region, read aloud once and removed.
// The conversation itself is no live region, so that it can be grouped, trimmed and redrawn silently.

import { element } from './element.js';
import { translate } from './locale.js';

const MAX_LINE_CHARS = 200;
const LINE_MS = 5000;          // how long a line stays, so that a busy screen reader still notices it
const STATE_CHANGE_MS = 5000;  // how long a connection state must last before it is announced

export class Announcer {
  constructor() {
    this.log = element('div', 'visually-hidden');
    this.log.setAttribute('role', 'log');
    this.log.setAttribute('aria-live', 'polite');
    document.body.append(this.log);
    this.announcedState = 'live';
  }

  announce(lines) {
    const added = lines.map((line) => element('p', '', shorten(line)));
    this.log.append(...added);
    setTimeout(() => added.forEach((line) => line.remove()), LINE_MS);
  }

  // Announce the connection's state, unless it changes back within seconds.
  announceState(state) {
    clearTimeout(this.timer);
    if (state === this.announcedState) return;
    this.timer = setTimeout(() => {
      this.announcedState = state;
      this.announce([translate(state)]);
    }, STATE_CHANGE_MS);
  }
}

function shorten(text) {
  const characters = [...text.replace(/\s+/g, ' ').trim()];
  const isLong = characters.length > MAX_LINE_CHARS;
  return isLong ? `${characters.slice(0, MAX_LINE_CHARS).join('')}…` : characters.join('');
}
