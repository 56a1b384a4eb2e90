// One live connection to a room, kept alive. A connection is a cursor: the last seq that it has.
// Every entry after the cursor is handed on exactly once and in order, whatever happens to the sockets.

const AT_ONCE = 300;          // ms: the first reconnect, spread so that a restart is not answered by a stampede
const FIRST_PAUSE = 1000;     // ms before the second; each further one is twice as long
const LONGEST_PAUSE = 30_000;
const STEADY = 2000;          // ms live after which the next loss is answered at once again
const PATIENCE = 15_000;      // ms from opening to `joined`
const QUIET = 30_000;         // ms without a word from the server: ask whether it is there. SockJS speaks every 25 s
const ANSWER = 8000;          // ms for its answer
const HOPELESS = 3;           // failed attempts after which we call ourselves offline
const SIGNED_OUT = new Set([4001, 4008]);
const REMOVED = 'You were removed';  // the reason that goes with the code (controllers/realtime/revocation.py)
const NOT_YOURS = new Set(['not_member', 'unknown_room']);
const HALTED = new Set(['signed_out', 'stopped']);

export class Connection {
  // hears(frame): each message of the server, entries filtered. changes(state): connecting, live, reconnecting,
  // offline (again after each attempt), signed_out, or stopped: somebody else is signed in than `me`, for whom the page
  // was made (`stranger` is their name), the room is not theirs any more, or they were removed (`isRemoved`).
  // asksWho(): a promise of the name of who is signed in, '' for nobody, null if that can't be known.
  constructor({ room, me, cursor, ways, hears, changes, asksWho }) {
    Object.assign(this, { room, me, cursor, ways, hears, changes, asksWho });
    this.state = '';
    this.stranger = '';
    this.isRemoved = false;
    this.transport = '';
    this.failures = 0;
    this.reconnects = 0;
    this.roundTrip = null;   // ms that the last answer to a ping took; null while unknown
    this.nextAt = null;      // when the next attempt begins, by performance.now(); null if none is waited for
    this.headAtJoin = cursor;
    this.wasLive = false;
    this.watch();
  }

  get live() { return this.state === 'live'; }
  get isHalted() { return HALTED.has(this.state); }

  // Whether this was said while we were not connected.
  missed(seq) { return this.reconnects > 0 && seq <= this.headAtJoin; }

  watch() {
    setInterval(() => this.listen(), 5000);
    addEventListener('online', () => this.hurry());
    addEventListener('offline', () => this.lose());
    addEventListener('pageshow', ({ persisted }) => { if (persisted) this.comeBack(); });
    document.addEventListener('visibilitychange', () => { if (!document.hidden) this.hurry(); });
  }

  open() {
    clearTimeout(this.timer);
    this.nextAt = null;
    this.become(this.wasLive ? 'reconnecting' : 'connecting');
    const socket = this.socket = this.makeSocket();
    this.openedAt = performance.now();
    this.noteWord();
    this.askedAt = 0;
    this.pingedAt = -Infinity;
    this.roundTrip = null;
    const mine = (react) => (event) => { if (socket === this.socket) react(event); };
    socket.onmessage = mine((event) => this.receive(event.data));
    socket.onheartbeat = mine(() => this.heard());
    socket.onclose = mine(({ code, reason }) => this.closed(code, reason));
  }

  makeSocket() {
    if (window.SockJS) return new SockJS('/chat', null, { transports: this.ways });
    return new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/chat/websocket`);
  }

  // Connect anew by these ways.
  reopen(ways) {
    this.ways = ways;
    this.letGo();
    this.failures = 0;
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

  heard() {
    this.noteWord();
    this.askedAt = 0;
  }

  noteWord() {
    this.heardAt = performance.now();
    this.heardOn = Date.now();
  }

  // ms since the last word, by the clock that nobody sets; or by the other one, which goes on while a machine sleeps.
  get silence() { return Math.max(performance.now() - this.heardAt, Date.now() - this.heardOn); }

  receive(text) {
    this.heard();
    let frame;
    try { frame = JSON.parse(text); } catch { return; }
    if (frame.type === 'hello') this.greeted(frame);
    if (frame.type === 'pong') this.ponged();
    if (frame.type === 'joined') this.joined(frame);
    else if (frame.type === 'error' && !frame.nonce && frame.retry_after !== undefined) this.joinLater(frame.retry_after);
    else if (frame.type !== 'entry' || this.advance(frame)) this.hears(frame);
    if (frame.type === 'error' && this.isAboutRoom(frame)) this.halt('stopped');
  }

  // What is refused before anything but `join` was sent is the room itself; later, where one is told unasked.
  isAboutRoom({ room, code, nonce, retry_after: retryAfter }) {
    if (nonce || retryAfter !== undefined) return false;
    return !this.live || (room === this.room && NOT_YOURS.has(code));
  }

  // Nothing is said before we know as whom.
  greeted({ process, you }) {
    this.process = process;
    if (this.meet(you.username)) this.join();
  }

  // Whether `name` is who the page was made for. Another one is not written for; nobody (''), not any more.
  meet(name) {
    this.stranger = name === this.me ? '' : this.stranger;
    this.isRemoved &&= name !== this.me;
    if (name === this.me) return true;
    this.halt(name || this.isRemoved ? 'stopped' : 'signed_out', name);
    return false;
  }

  // The server could not look just now (its database is locked, say); until it can, nothing is heard.
  joinLater(seconds) {
    const socket = this.socket;
    setTimeout(() => { if (socket === this.socket) this.join(); }, seconds * 1000);
  }

  joined(frame) {
    this.isOwed = this.isAskingAgain;
    this.isAskingAgain = false;
    if (this.live) return;
    this.headAtJoin = frame.head;
    if (this.wasLive) this.reconnects += 1;
    this.wasLive = true;
    this.joinedAt = performance.now();
    this.transport = this.socket.transport ?? '';
    this.become('live');
  }

  // Whether this entry is the next one. If it is a later one, ask again from the cursor; what then still
  // jumps jumps in the log.
  advance({ room, seq }) {
    if (room !== this.room || seq <= this.cursor || this.isAskingAgain) return false;
    if (seq > this.cursor + 1 && !this.isOwed) {
      this.isAskingAgain = true;
      this.join();
      return false;
    }
    this.isOwed = false;
    this.cursor = seq;
    return true;
  }

  // Notice a peer that has gone without a word.
  listen() {
    if (!this.socket) return;
    const now = performance.now();
    const isLate = this.live ? this.askedAt && now - this.askedAt > ANSWER : now - this.openedAt > PATIENCE;
    if (isLate) this.lose();
    else if (this.live && !this.askedAt && this.silence > QUIET) this.ask();
  }

  ask() {
    this.askedAt = performance.now();
    this.ping();
  }

  // Find out the round trip, unless the answer may still be on its way.
  measure() {
    if (this.live && performance.now() - this.pingedAt > ANSWER) this.ping();
  }

  ping() {
    this.pingedAt = performance.now();
    this.send({ type: 'ping' });
  }

  ponged() {
    this.roundTrip = performance.now() - this.pingedAt;
    this.pingedAt = -Infinity;
  }

  // The reader does not want to wait, neither for the next attempt nor for one that may hang.
  tryNow() {
    if (this.live || this.isHalted) return;
    this.letGo();
    this.open();
  }

  // The network is back, or the reader: don't wait any longer.
  hurry() {
    if (this.state === '') return;
    if (this.isHalted) this.checkWho();
    else if (!this.socket) this.open();
    else if (this.live && !this.askedAt) {
      this.ask();
      setTimeout(() => this.listen(), ANSWER + 100);
    }
  }

  // Out of the browser's memory, where time stood still.
  comeBack() {
    this.lose();
    this.hurry();
  }

  letGo() {
    const socket = this.socket;
    this.socket = null;
    this.isAskingAgain = this.isOwed = false;
    socket?.close();
  }

  lose() {
    if (!this.socket) return;
    this.letGo();
    this.closed(0);
  }

  closed(code, reason) {
    this.socket = null;
    this.isAskingAgain = this.isOwed = false;
    if (this.live) this.failures = performance.now() - this.joinedAt > STEADY ? 0 : 1;
    if (!SIGNED_OUT.has(code)) return this.pause();
    this.isRemoved = reason === REMOVED;
    this.meet('');
    this.checkWho();
  }

  pause() {
    const grown = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (this.failures - 1)) * (0.5 + Math.random() / 2);
    const wait = this.failures === 0 ? Math.random() * AT_ONCE : grown;
    this.failures += 1;
    this.nextAt = performance.now() + wait;
    if (!navigator.onLine || this.failures > HOPELESS) this.become('offline');
    else this.become(this.wasLive ? 'reconnecting' : 'connecting');
    this.timer = setTimeout(() => this.open(), wait);
    if (this.failures > 1) this.checkWho();
  }

  // Whose session it is may have changed; one that is new, of the same member, is as good as the old one.
  async checkWho() {
    const name = await this.asksWho().catch(() => null);
    if (name === null || this.live) return;
    if (this.meet(name) && this.isHalted) this.pause();
  }

  // Not to go on until the reader is who they were.
  halt(state, stranger = '') {
    if (this.state === state && this.stranger === stranger) return;
    this.stranger = stranger;
    clearTimeout(this.timer);
    this.nextAt = null;
    this.letGo();
    this.become(state);
  }

  become(state) {
    // Once offline, each further attempt is quiet until one succeeds: the word does not flicker.
    if (this.state === 'offline' && (state === 'connecting' || state === 'reconnecting')) return;
    this.state = state;
    this.changes(state);
  }
}
