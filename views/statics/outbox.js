// Messages that are not yet on the server's disk. Each keeps its nonce until it is acknowledged, over reconnects and
// reloads, so that sending it again never posts it twice. Messages too large for a frame, and those that were sent
// twice over the live connection without an answer, are posted by the form.

import { maxFrameBytes } from './body.js';
import { createNonce } from './retrying.js';
import { load, save } from './storage.js';

const MAX_UNANSWERED = 8;             // messages sent and not answered: a SockJS request takes at most 16
const MAX_UNANSWERED_BYTES = 60_000;  // of them together: a frame takes at most 64 KiB
const MAX_LIVE_TRIES = 2;             // over the live connection without an answer; then the form, which always has one
const ANSWER_TIMEOUT_MS = 10_000;     // then an unanswered message is sent again
const POST_RETRY_MS = 5000;           // then the form is tried again, where the server did not say when

export class Outbox {
  // send(message) returns whether the live connection took it. canPost() tells whether the form can be tried.
  // post(item) posts by the form and resolves to {isStored}; {why, mayTryAgain} if it is refused; {retryAfter} in
  // seconds if the server asks to wait; or {} if it could not be reached. onItemChange(item) is called when the state
  // of an item has changed: waiting, sent, stored (on disk), failed, gone.
  constructor({ key, room, send, canPost, post, onItemChange }) {
    Object.assign(this, { key, room, send, canPost, post, onItemChange, isOffline: false, isPosting: false });
    this.items = load('sessionStorage', key, []);
    this.timers = new Map();
    for (const item of this.items) {
      item.notBefore = 0;  // by performance.now(), which began anew with this page
      if (item.state === 'sent') item.state = 'waiting';
    }
  }

  store() {
    save('sessionStorage', this.key, this.items.filter((item) => item.state !== 'stored'));
  }

  find(nonce) { return this.items.find((item) => item.nonce === nonce); }

  get waitingCount() { return this.items.filter((item) => item.state === 'waiting' || item.state === 'sent').length; }

  // Add a post, or with its `type` and `target` a change of a message: `fields` are those of the message to be sent.
  add(fields) {
    const item = { type: 'post', ...fields, nonce: createNonce(), at: Date.now(), state: 'waiting', why: '', tries: 0 };
    this.items.push(item);
    this.store();
    this.onItemChange(item);
    this.flush();
  }

  // The connection is lost, and perhaps what was sent over it: send the unanswered messages again.
  requeueUnanswered() {
    for (const item of this.items) if (item.state === 'sent') this.setState(item, 'waiting');
  }

  // The server could not parse one of the unanswered messages and does not say which: post them by the form, which
  // answers for each.
  postUnanswered() {
    for (const item of this.items) if (item.state === 'sent') item.tries = MAX_LIVE_TRIES;
    this.requeueUnanswered();
    this.flush();
  }

  // Send what can be sent now, in order: nothing overtakes a message that has to wait.
  flush() {
    for (const item of this.items) {
      if (item.state !== 'waiting') continue;
      if (this.isPosting || item.notBefore > performance.now()) return;
      if (this.needsForm(item)) {
        this.postByForm(item);
        return;
      }
      if (!this.hasRoomFor(item) || !this.send(this.messageOf(item))) return;
      item.tries = (item.tries ?? 0) + 1;
      this.setState(item, 'sent');
      this.retryLater(item, ANSWER_TIMEOUT_MS);
    }
  }

  messageOf({ type, target, body, emoji, nonce }) { return { type, room: this.room, target, body, emoji, nonce }; }
  bytesOf(item) { return maxFrameBytes(this.messageOf(item)); }
  get unanswered() { return this.items.filter((item) => item.state === 'sent'); }

  needsForm(item) {
    return this.isOffline || item.tries >= MAX_LIVE_TRIES || this.bytesOf(item) > MAX_UNANSWERED_BYTES;
  }

  hasRoomFor(item) {
    const bytes = this.unanswered.reduce((sum, other) => sum + this.bytesOf(other), this.bytesOf(item));
    return this.unanswered.length < (this.isSlowedDown ? 1 : MAX_UNANSWERED) && bytes <= MAX_UNANSWERED_BYTES;
  }

  // One message at a time, and none beside it on the live connection, which could overtake it.
  async postByForm(item) {
    if (this.unanswered.length || !this.canPost()) return;
    this.isPosting = true;
    this.setState(item, 'sent');
    const outcome = await this.post(item).catch(() => ({}));
    this.isPosting = false;
    if (!this.find(item.nonce) || item.state === 'stored') this.flush();
    else if (outcome.why) this.fail(item, outcome.why, outcome.mayTryAgain);
    else this.wait(item, outcome.retryAfter ? outcome.retryAfter * 1000 : POST_RETRY_MS);
  }

  // Retry an item after `ms`, unless it is stored or failed by then.
  retryLater({ nonce }, ms) {
    clearTimeout(this.timers.get(nonce));
    this.timers.set(nonce, setTimeout(() => {
      const item = this.find(nonce);
      if (item?.state === 'sent' || item?.state === 'waiting') this.retry(item);
    }, ms));
  }

  wait(item, ms) {
    item.notBefore = performance.now() + ms;
    this.setState(item, 'waiting');
    this.retryLater(item, ms + 10);
  }

  // The message is on disk.
  onAck(nonce) {
    const item = this.find(nonce);
    if (!item || item.state === 'stored') return;
    this.setState(item, 'stored');
    this.flush();
  }

  // The message's entry is in the conversation.
  onShown(nonce) {
    const item = this.find(nonce);
    if (item) this.remove(item);
  }

  // The message was refused; with `retryAfter` (seconds) only for now.
  onRefused(nonce, why, retryAfter) {
    const item = this.find(nonce);
    if (!item || item.state === 'stored') return;
    if (retryAfter === undefined) return this.fail(item, why);
    item.tries = 0;
    this.isSlowedDown = true;
    this.wait(item, retryAfter * 1000);
  }

  fail(item, why, mayTryAgain = false) {
    Object.assign(item, { why, mayTryAgain });
    this.setState(item, 'failed');
    this.flush();
  }

  // None of the waiting messages will ever be accepted.
  failAll(why) {
    for (const item of this.items) {
      if (item.state === 'waiting' || item.state === 'sent') this.fail(item, why);
    }
  }

  retry(item) {
    item.notBefore = 0;
    item.why = '';
    this.setState(item, 'waiting');
    this.flush();
  }

  remove(item) {
    this.items = this.items.filter((other) => other !== item);
    if (!this.waitingCount) this.isSlowedDown = false;
    this.setState(item, 'gone');
    this.flush();
  }

  setState(item, state) {
    clearTimeout(this.timers.get(item.nonce));
    this.timers.delete(item.nonce);
    item.state = state;
    this.store();
    this.onItemChange(item);
  }
}
