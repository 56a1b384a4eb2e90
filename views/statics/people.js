// Who is online, who came and left, who is writing.

import { element } from './element.js';
import { list, say } from './words.js';

const MOST_NAMED = 3;  // in one passing line

export class People {
  // passes(text) shows a passing line.
  constructor({ me, passes }) {
    Object.assign(this, { me, passes, known: null });
    this.online = document.getElementById('online');
    this.number = document.getElementById('online-count');
    this.writing = document.getElementById('writing');
    this.mine = document.querySelector('.self .picture');
    this.myState = document.getElementById('my-state');
  }

  // After a pause the first list is only a list: who came and left meanwhile is not news any more.
  forget() {
    this.known = null;
    this.showWriting([]);
  }

  showMe(isLive) {
    this.mine.classList.toggle('present', isLive);
    this.myState.textContent = isLive ? say('online') : '';
    if (!isLive) this.showWriting([]);
    // Without a connection the list is what we last heard.
    this.online.parentElement.classList.toggle('stale', !isLive);
  }

  showOnline({ online, count }) {
    this.tellChanges(online, count);
    this.known = count === online.length ? new Set(online) : null;
    this.number.textContent = count;
    this.online.parentElement.hidden = count === 0;
    this.online.replaceChildren(...online.map(person));
    const n = count - online.length;
    if (n > 0) this.online.append(element('li', 'more', say('more_online', { n })));
  }

  // Two whole lists tell who came and who left.
  tellChanges(online, count) {
    if (!this.known || count !== online.length) return;
    const now = new Set(online);
    this.tell('joined', online.filter((name) => !this.known.has(name)));
    this.tell('left', [...this.known].filter((name) => !now.has(name)));
  }

  tell(what, names) {
    const others = names.filter((name) => name !== this.me);
    const n = others.length;
    if (n > MOST_NAMED) this.passes(say(`people_${what}`, { n }));
    else if (n) this.passes(say(what, { n, names: list(others) }));
  }

  showWriting(members) {
    const others = members.filter((name) => name !== this.me);
    const n = others.length;
    if (n > 2) this.writing.replaceChildren(say('several_writing'));
    else this.writing.replaceChildren(...(n ? writingInParts(others) : []));
  }
}

// The sentence with each name as an element of its own, which can be cut without the words around it.
function writingInParts(names) {
  const words = say('writing', { n: names.length, names: list(names.map(() => '\0')) }).split('\0');
  return words.flatMap((word, i) => (i ? [element('bdi', '', names[i - 1]), word] : [word]));
}

function person(name) {
  const item = element('li');
  const picture = element('span', `picture present tint-${tint(name)}`, initial(name));
  picture.setAttribute('aria-hidden', 'true');
  const who = element('span', 'who');
  who.append(element('bdi', '', name));
  item.append(picture, who);
  return item;
}

// These two as the server draws them: the first letter or digit, and a colour by the CRC-32 of the name.
function initial(name) {
  return [...(name.match(/[\p{L}\p{N}]/u)?.[0] ?? '').toUpperCase()][0] ?? '';
}

function tint(name) {
  let crc = 0xffffffff;
  for (const byte of new TextEncoder().encode(name)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  }
  return ((crc ^ 0xffffffff) >>> 0) % 10;
}
