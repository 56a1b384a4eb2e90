// One live connection to a room, with retries. Its cursor is the seq of the last entry received: every entry after it
// is passed on exactly once and in order, whatever happens to the sockets.

import { pauseMs } from './retrying.js';

const STABLE_MS = 2000;            // a connection that was live for longer is again retried at once
const TRANSPORT_TIMEOUT_MS = 2000; // SockJS's own, of some 600 ms, gives a WebSocket up when the page is busy
const JOIN_TIMEOUT_MS = 15_000;    // from opening the socket to `joined`
const MAX_SILENCE_MS = 30_000;     // then the server is pinged; SockJS sends a heartbeat every 25 s
const PONG_TIMEOUT_MS = 8000;
const TIMEOUT_CHECK_MS = 5000;     // between two looks at the timeouts
const MAX_FAILED_ATTEMPTS = 3;     // after more, the state is 'offline'
const SIGNED_OUT_CODES = new Set([4001, 4008]);  // SockJS close codes
const ROOM_LOST_CODES = new Set(['not_member', 'unknown_room']);
const HALTED_STATES = new Set(['signed_out', 'stopped']);

export class Connection {
  // room, me: the room's address and the member for whom the page was made. cursor: seq of the newest entry shown.
  // onMessage(frame): called for each message of the server; entries only once and in order.
  // onStateChange(state): connecting, live, reconnecting, offline (called for each failed attempt), signed_out or
  // stopped. It is 'stopped' if another member is signed in now, or if this member was removed from the site or from the
  // room; `otherSignIn` is who is signed in (identity.js), or null if that is this member or unknown.
  // fetchSignIn(): resolves to who is signed in now (identity.js), or null if that is unknown.
  constructor({ room, me, cursor, transports, onMessage, onStateChange, fetchSignIn }) {
    Object.assign(this, { room, me, cursor, transports, onMessage, onStateChange, fetchSignIn });
    this.state = '';
    this.otherSignIn = null;
    this.transport = '';
    this.failedAttempts = 0;
    this.reconnects = 0;
    this.roundTripMs = null;  // of the last ping; null while unknown
    this.retryAt = null;      // time of the next attempt by performance.now(); null if none is scheduled
    this.headAtJoin = cursor;
    this.wasLive = false;
    this.addListeners();
  }

  get isLive() { return this.state === 'live'; }
  get isHalted() { return HALTED_STATES.has(this.state); }

  // Whether the entry was posted while this page was disconnected.
  wasMissed(seq) { return this.reconnects > 0 && seq <= this.headAtJoin; }

  addListeners() {
    setInterval(() => this.checkTimeouts(), TIMEOUT_CHECK_MS);
    addEventListener('online', () => this.wake());
    addEventListener('offline', () => this.drop());
    addEventListener('pageshow', ({ persisted }) => { if (persisted) this.onPageRestored(); });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.wake(); });
  }

  open() {
    clearTimeout(this.timer);
    this.retryAt = null;
    this.setState(this.wasLive ? 'reconnecting' : 'connecting');
    const socket = this.socket = this.createSocket();
    this.openedAt = performance.now();
    this.noteActivity();
    this.probedAt = 0;
    this.pingedAt = -Infinity;
    this.roundTripMs = null;
    const ifCurrent = (listener) => (event) => { if (socket === this.socket) listener(event); };
    socket.onmessage = ifCurrent((event) => this.receive(event.data));
    socket.onheartbeat = ifCurrent(() => this.onActivity());
    socket.onclose = ifCurrent(({ code }) => this.onClose(code));
  }

  createSocket() {
    const { transports } = this;
    if (window.SockJS) return new SockJS('/chat', null, { transports, timeout: TRANSPORT_TIMEOUT_MS });
    return new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/chat/websocket`);
  }

  // Reconnect with these transports.
  reopen(transports) {
    this.transports = transports;
    this.closeSocket();
    this.failedAttempts = 0;
    this.state = '';
    this.open();
  }

  send(message) {
    if (!this.socket || this.socket.readyState !== 1) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  join() {
    this.send({ type: 'join', room: this.room, after: this.cursor });
  }

  onActivity() {
    this.noteActivity();
    this.probedAt = 0;
  }

  noteActivity() {
    this.activeAt = performance.now();
    this.activeDate = Date.now();
  }

  // Time since the server last sent anything. performance.now() is monotonic but may stand still while the machine
  // sleeps; Date.now() goes on, but can be set.
  get silenceMs() { return Math.max(performance.now() - this.activeAt, Date.now() - this.activeDate); }

  receive(text) {
    this.onActivity();
    let frame;
    try { frame = JSON.parse(text); } catch { return; }
    if (frame.type === 'hello') this.onHello(frame);
    if (frame.type === 'pong') this.onPong();
    if (frame.type === 'joined') this.onJoined(frame);
    else if (isTemporary(frame)) this.joinLater(frame.retry_after);
    else if (frame.type !== 'entry' || this.advance(frame)) this.onMessage(frame);
    if (frame.type === 'error' && this.isAboutRoom(frame)) this.halt('stopped');
  }

  // Whether an error means that the room can't be joined. Before the state is 'live' only `join` was sent, so any
  // lasting error is about it; afterwards the server says so with a code of its own.
  isAboutRoom({ room, code, nonce, retry_after: retryAfter }) {
    if (nonce || retryAfter !== undefined) return false;
    return !this.isLive || (room === this.room && ROOM_LOST_CODES.has(code));
  }

  // Join only once it is known as whom.
  onHello({ process, you }) {
    this.process = process;
    if (this.checkMember({ name: you.username })) this.join();
  }

  // Whether who is signed in now is the member for whom this page was made. Otherwise halt.
  checkMember(signIn) {
    if (signIn.name !== this.me) {
      this.halt(signIn.name || signIn.removed === this.me ? 'stopped' : 'signed_out', signIn);
      return false;
    }
    this.otherSignIn = null;
    return true;
  }

  // The server could not join us just now (its database is locked, for example).
  joinLater(seconds) {
    const socket = this.socket;
    setTimeout(() => { if (socket === this.socket) this.join(); }, seconds * 1000);
  }

  onJoined(frame) {
    this.acceptsGap = this.isRejoining;
    this.isRejoining = false;
    if (this.isLive) return;
    this.headAtJoin = frame.head;
    if (this.wasLive) this.reconnects += 1;
    this.wasLive = true;
    this.joinedAt = performance.now();
    this.transport = this.socket.transport ?? '';
    this.setState('live');
  }

  // Move the cursor to this entry and return true if it is the next one. If entries are missing before it, join again
  // from the cursor; if they are still missing then, the log itself has a gap there, and the entry is accepted.
  advance({ room, seq }) {
    if (room !== this.room || seq <= this.cursor || this.isRejoining) return false;
    if (seq > this.cursor + 1 && !this.acceptsGap) {
      this.isRejoining = true;
      this.join();
      return false;
    }
    this.acceptsGap = false;
    this.cursor = seq;
    return true;
  }

  // Notice a server that has gone silent without closing the socket.
  checkTimeouts() {
    if (!this.socket) return;
    const now = performance.now();
    const isUnanswered = this.isLive && this.probedAt && now - this.probedAt > PONG_TIMEOUT_MS;
    const isNotJoined = !this.isLive && now - this.openedAt > JOIN_TIMEOUT_MS;
    if (isUnanswered || isNotJoined) this.drop();
    else if (this.isLive && !this.probedAt && this.silenceMs > MAX_SILENCE_MS) this.probe();
  }

  // Ping; without any answer within PONG_TIMEOUT_MS the connection is dropped.
  probe() {
    this.probedAt = performance.now();
    this.ping();
  }

  // Measure the round trip, unless a ping may still be answered.
  measure() {
    if (this.isLive && performance.now() - this.pingedAt > PONG_TIMEOUT_MS) this.ping();
  }

  ping() {
    this.pingedAt = performance.now();
    this.send({ type: 'ping' });
  }

  onPong() {
    this.roundTripMs = performance.now() - this.pingedAt;
    this.pingedAt = -Infinity;
  }

  // Begin a new attempt at once, even if one is under way, which may hang.
  retryNow() {
    if (this.isLive || this.isHalted) return;
    this.closeSocket();
    this.open();
  }

  // The network or the reader is back: check the connection at once instead of waiting for a timer.
  wake() {
    if (this.state === '') return;
    if (this.isHalted) this.checkSignIn();
    else if (!this.socket) this.open();
    else if (this.isLive && !this.probedAt) {
      this.probe();
      setTimeout(() => this.checkTimeouts(), PONG_TIMEOUT_MS + 100);
    }
  }

  // The page comes from the browser's back/forward cache, in which its timers stood still.
  onPageRestored() {
    this.drop();
    this.wake();
  }

  closeSocket() {
    const socket = this.socket;
    this.socket = null;
    this.isRejoining = this.acceptsGap = false;
    socket?.close();
  }

  // Give the connection up as lost, and retry.
  drop() {
    if (!this.socket) return;
    this.closeSocket();
    this.onClose(0);
  }

  onClose(code) {
    this.socket = null;
    this.isRejoining = this.acceptsGap = false;
    if (this.isLive) this.failedAttempts = performance.now() - this.joinedAt > STABLE_MS ? 0 : 1;
    this.scheduleRetry(SIGNED_OUT_CODES.has(code));
  }

  // Retry, and ask who is signed in, at once or after the first failed attempt. Until there is an answer the page goes
  // on to take messages: this member may have signed in anew.
  scheduleRetry(asksAtOnce = false) {
    const waitMs = pauseMs(this.failedAttempts);
    this.failedAttempts += 1;
    this.retryAt = performance.now() + waitMs;
    if (!navigator.onLine || this.failedAttempts > MAX_FAILED_ATTEMPTS) this.setState('offline');
    else this.setState(this.wasLive ? 'reconnecting' : 'connecting');
    this.timer = setTimeout(() => this.open(), waitMs);
    if (asksAtOnce || this.failedAttempts > 1) this.checkSignIn();
  }

  // Ask who is signed in now. If it is this member again, with whatever session, reconnect. While halted nothing else
  // is tried: ask until there is an answer.
  async checkSignIn() {
    const signIn = await this.fetchSignIn();
    if (this.isLive) return;
    if (!signIn) this.askLater();
    else if (this.checkMember(signIn) && this.isHalted) this.reopen(this.transports);
  }

  askLater() {
    if (!this.isHalted) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.checkSignIn(), pauseMs(this.failedAttempts));
    this.failedAttempts += 1;
  }

  // Disconnect, and don't retry until this member is signed in.
  halt(state, otherSignIn = null) {
    if (this.state === state && this.otherSignIn?.name === otherSignIn?.name) return;
    this.otherSignIn = otherSignIn;
    clearTimeout(this.timer);
    this.retryAt = null;
    this.closeSocket();
    this.setState(state);
  }

  setState(state) {
    // Further attempts don't change 'offline' until one succeeds, so that the word on the page does not flicker.
    if (this.state === 'offline' && (state === 'connecting' || state === 'reconnecting')) return;
    this.state = state;
    this.onStateChange(state);
  }
}

// Whether the server could not join us just now, and says when to try again.
function isTemporary({ type, nonce, retry_after: retryAfter }) {
  return type === 'error' && !nonce && retryAfter !== undefined;
}
