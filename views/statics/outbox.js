// What was written and is not yet on the server's disk. Each message keeps its nonce until it is acknowledged,
// over reconnects and reloads, so that sending it again can never post it twice. What can't go over the live connection
// goes by the form: what a frame has no room for, and what was on the wire twice without an answer.

import { wireBytes } from './body.js';
import { keep, recall } from './storage.js';

const MOST = 8;             // messages on the wire at once: a SockJS send holds at most 16
const MOST_BYTES = 60_000;  // on the wire at once: a frame holds at most 64 KiB
const MOST_TRIES = 2;       // over the live connection without an answer; the form always has one
const HOLD_ON = 10_000;     // ms after which an unanswered message is sent again
const LATER = 5000;         // ms after which the form is tried again where the site did not say when

export class Outbox {
  // send(message) returns whether it went out live. mayPost() says whether the form can be tried; post(item) tries it and
  // promises what came of it: {isStored}, {why} not and whether one mayTryAgain, or {later}, in seconds, if known.
  // changed(item) is called when an item's state has changed: waiting, sent, stored (on disk), failed, gone.
  constructor({ key, room, send, mayPost, post, changed }) {
    Object.assign(this, { key, room, send, mayPost, post, changed, isOffline: false, isPosting: false });
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
    const item = { nonce: newNonce(), body, at: Date.now(), state: 'waiting', why: '', tries: 0 };
    this.items.push(item);
    this.store();
    this.changed(item);
    this.flush();
  }

  // The connection is gone, and perhaps what was on it: that has to go out again.
  hold() {
    for (const item of this.items) if (item.state === 'sent') this.turn(item, 'waiting');
  }

  // The site could not read something that was sent, and does not say what: the form will tell.
  doubt() {
    for (const item of this.items) if (item.state === 'sent') item.tries = MOST_TRIES;
    this.hold();
    this.flush();
  }

  flush() {
    for (const item of this.items) {
      if (item.state !== 'waiting') continue;
      // Nothing overtakes a message that has to wait.
      if (this.isPosting || item.notBefore > performance.now()) return;
      if (this.needsForm(item)) {
        this.postByForm(item);
        return;
      }
      if (!this.hasRoomFor(item) || !this.send(this.message(item))) return;
      item.tries = (item.tries ?? 0) + 1;
      this.turn(item, 'sent');
      this.remind(item, HOLD_ON);
    }
  }

  message({ body, nonce }) { return { type: 'post', room: this.room, body, nonce }; }
  bytesOf(item) { return wireBytes(this.message(item)); }
  needsForm(item) { return this.isOffline || item.tries >= MOST_TRIES || this.bytesOf(item) > MOST_BYTES; }
  get sent() { return this.items.filter((item) => item.state === 'sent'); }

  hasRoomFor(item) {
    const bytes = this.sent.reduce((sum, other) => sum + this.bytesOf(other), this.bytesOf(item));
    return this.sent.length < (this.isSlowed ? 1 : MOST) && bytes <= MOST_BYTES;
  }

  // By the form a message goes alone: another way could be quicker.
  async postByForm(item) {
    if (this.sent.length || !this.mayPost()) return;
    this.isPosting = true;
    this.turn(item, 'sent');
    const outcome = await this.post(item).catch(() => ({}));
    this.isPosting = false;
    if (!this.find(item.nonce) || item.state === 'stored') this.flush();
    else if (outcome.why) this.fail(item, outcome.why, outcome.mayTryAgain);
    else this.wait(item, outcome.later ? outcome.later * 1000 : LATER);
  }

  // Come back to it, should it still be on its way by then.
  remind({ nonce }, after) {
    clearTimeout(this.timers.get(nonce));
    this.timers.set(nonce, setTimeout(() => {
      const item = this.find(nonce);
      if (item?.state === 'sent' || item?.state === 'waiting') this.again(item);
    }, after));
  }

  wait(item, ms) {
    item.notBefore = performance.now() + ms;
    this.turn(item, 'waiting');
    this.remind(item, ms + 10);
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

  // Only what says when to try again can be tried again.
  refused(nonce, why, retryAfter) {
    const item = this.find(nonce);
    if (!item || item.state === 'stored') return;
    if (retryAfter === undefined) return this.fail(item, why);
    item.tries = 0;
    this.isSlowed = true;
    this.wait(item, retryAfter * 1000);
  }

  fail(item, why, mayTryAgain = false) {
    Object.assign(item, { why, mayTryAgain });
    this.turn(item, 'failed');
    this.flush();
  }

  // None of what waits will ever be taken.
  failAll(why) {
    for (const item of this.items) {
      if (item.state === 'waiting' || item.state === 'sent') this.fail(item, why);
    }
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
