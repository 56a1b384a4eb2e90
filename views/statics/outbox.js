// What was written and is not yet on the server's disk. Each message keeps its nonce until it is acknowledged,
// over reconnects and reloads, so that sending it again can never post it twice.

import { keep, recall } from './storage.js';

const MOST = 8;            // messages on the wire at once: a SockJS send holds at most 16
const MOST_TEXT = 12_000;  // characters on the wire at once: a frame holds at most 64 KiB
const HOLD_ON = 10_000;    // ms after which an unanswered message is sent again

export class Outbox {
  // send(message) returns whether it went out. changed(item) is called when an item's state has changed:
  // waiting, sent, stored (on disk), failed, gone.
  constructor({ key, room, send, changed }) {
    Object.assign(this, { key, room, send, changed });
    this.items = recall('sessionStorage', key, []);
    this.timers = new Map();
    for (const item of this.items) {
      item.notBefore = 0;  // was by the clock of the page before
      if (item.state === 'sent') item.state = 'waiting';
    }
  }

  store() {
    keep('sessionStorage', this.key, this.items.filter((item) => item.state !== 'stored'));
  }

  find(nonce) { return this.items.find((item) => item.nonce === nonce); }

  // How many still have to go out.
  get waiting() { return this.items.filter((item) => item.state === 'waiting' || item.state === 'sent').length; }

  add(body) {
    const item = { nonce: newNonce(), body, at: Date.now(), state: 'waiting', why: '' };
    this.items.push(item);
    this.store();
    this.changed(item);
    this.flush();
  }

  // The connection is gone, and perhaps what was on it: that has to go out again.
  hold() {
    for (const item of this.items) if (item.state === 'sent') this.turn(item, 'waiting');
  }

  flush() {
    for (const item of this.items) {
      if (item.state !== 'waiting') continue;
      // Nothing overtakes a message that has to wait.
      if (item.notBefore > performance.now() || !this.hasRoomFor(item)) return;
      if (!this.send({ type: 'post', room: this.room, body: item.body, nonce: item.nonce })) return;
      this.turn(item, 'sent');
      this.remind(item, HOLD_ON);
    }
  }

  hasRoomFor({ body }) {
    const sent = this.items.filter((item) => item.state === 'sent');
    const text = sent.reduce((sum, item) => sum + item.body.length, body.length);
    return sent.length === 0 || (sent.length < (this.isSlowed ? 1 : MOST) && text <= MOST_TEXT);
  }

  // Come back to it, should it still be on its way by then.
  remind({ nonce }, after) {
    clearTimeout(this.timers.get(nonce));
    this.timers.set(nonce, setTimeout(() => {
      const item = this.find(nonce);
      if (item?.state === 'sent' || item?.state === 'waiting') this.again(item);
    }, after));
  }

  // It is on disk.
  acknowledged(nonce) {
    const item = this.find(nonce);
    if (!item || item.state === 'stored') return;
    this.turn(item, 'stored');
    this.flush();
  }

  // Its entry stands in the conversation.
  settled(nonce) {
    const item = this.find(nonce);
    if (item) this.drop(item);
  }

  refused(nonce, why, retryAfter) {
    const item = this.find(nonce);
    if (!item || item.state === 'stored') return;
    if (retryAfter === undefined) return this.fail(item, why);
    item.notBefore = performance.now() + retryAfter * 1000;
    this.isSlowed = true;
    this.turn(item, 'waiting');
    this.remind(item, retryAfter * 1000 + 10);
  }

  fail(item, why) {
    item.why = why;
    this.turn(item, 'failed');
    this.flush();
  }

  again(item) {
    item.notBefore = 0;
    item.why = '';
    this.turn(item, 'waiting');
    this.flush();
  }

  drop(item) {
    this.items = this.items.filter((other) => other !== item);
    if (!this.waiting) this.isSlowed = false;
    this.turn(item, 'gone');
    this.flush();
  }

  turn(item, state) {
    clearTimeout(this.timers.get(item.nonce));
    this.timers.delete(item.nonce);
    item.state = state;
    this.store();
    this.changed(item);
  }
}

// crypto.randomUUID exists only where the page came by HTTPS or from this machine.
function newNonce() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
