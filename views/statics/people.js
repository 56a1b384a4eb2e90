// Asks the server for people whose names begin with what is typed; their pictures.

import { element } from './element.js';

const PAUSE_MS = 120;      // of the typing, before the server is asked
const TIMEOUT_MS = 5000;   // after which an answer is not waited for any more
const TINTS = 10;          // of the grounds of pictures
const MAX_TYPED_CHARS = 80;  // no name is longer

export class PeopleSearch {
  constructor(address) {
    Object.assign(this, { address, asked: null, running: null, nobody: null });
  }

  // Return the people found, or null if something else has been asked for meanwhile. One request runs at a time; one
  // that fails has found nobody.
  async find(text) {
    const typed = text.normalize();
    const turn = this.asked = Symbol(typed);
    const isSettled = this.nobody !== null && typed.startsWith(this.nobody);  // who is not "an" is not "ana"
    if (!isSettled) this.nobody = null;
    if (isSettled || !typed || typed.length > MAX_TYPED_CHARS) return [];
    await Promise.all([this.running, new Promise((resolve) => { setTimeout(resolve, PAUSE_MS); })]);
    if (turn !== this.asked) return null;
    this.running = this.fetch(typed);
    const people = await this.running;
    if (turn !== this.asked) return null;
    if (people?.length === 0) this.nobody = typed;
    return people ?? [];
  }

  async fetch(typed) {
    const query = new URLSearchParams({ q: typed });
    try {
      const answer = await fetch(`${this.address}?${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
      return answer.ok ? (await answer.json()).people : null;
    } catch {
      return null;
    }
  }
}

export function picture({ initial, tint }) {
  const shown = element('span', `picture tint-${tint}`, initial);
  shown.setAttribute('aria-hidden', 'true');
  return shown;
}

// Return what the picture of a member shows, as the server draws it (models/names.py).
export function pictureOf(name) {
  const [first = ''] = [...(/[\p{L}\p{N}]/u.exec(name)?.[0].toUpperCase() ?? '')];
  return { initial: first, tint: crc32(new TextEncoder().encode(name)) % TINTS };
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ -1) >>> 0;
}
