// Speaks to those who listen. Screen readers read aloud, once, each line that comes into this unseen log; then the
// line goes. The conversation itself is silent, so that it can be grouped, trimmed and drawn anew.

import { element } from './element.js';
import { say } from './words.js';

const MOST_CHARACTERS = 200;  // of one line
const LINE_MS = 5000;         // how long a line stays, for a busy screen reader to notice it
const LASTING_MS = 5000;      // after which a state of the connection is worth a word

export class Announcer {
  constructor() {
    this.log = element('div', 'unseen');
    this.log.setAttribute('role', 'log');
    this.log.setAttribute('aria-live', 'polite');
    document.body.append(this.log);
    this.spokenState = 'live';
  }

  speak(lines) {
    const spoken = lines.map((line) => element('p', '', shorten(line)));
    this.log.append(...spoken);
    setTimeout(() => spoken.forEach((line) => line.remove()), LINE_MS);
  }

  // The connection has this state. What heals within seconds is not told, and so is not its end.
  changeState(state) {
    clearTimeout(this.timer);
    if (state === this.spokenState) return;
    this.timer = setTimeout(() => {
      this.spokenState = state;
      this.speak([say(state)]);
    }, LASTING_MS);
  }
}

function shorten(text) {
  const characters = [...text.replace(/\s+/g, ' ').trim()];
  return characters.length > MOST_CHARACTERS ? `${characters.slice(0, MOST_CHARACTERS).join('')}…` : characters.join('');
}
