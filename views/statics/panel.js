// The state of the connection: in a word in the header, in a sentence in the panel, and there, behind "Details", the
// way in use and the ways that may be tried.

import { withoutLosingFocus } from './focus.js';
import { keep, recall } from './storage.js';
import { say } from './words.js';

const KEY = 'prosa.transports';
const EVERY = 3000;  // ms between two measurements of the round trip, while somebody looks
const IDS = ['connection', 'state', 'transports', 'transport', 'process', 'reconnects'];

export class Panel {
  // reopens(ways) connects anew. measures() asks for the round trip, which is shown once it is known. tries() ends the
  // wait for the next attempt.
  constructor({ reopens, measures, tries }) {
    const get = (id) => document.getElementById(id);
    for (const id of IDS) this[id] = get(id);
    this.roundTrip = get('round-trip');
    this.tryNow = get('try-now');
    this.about = get('about-state');
    this.next = get('next-try');
    this.details = get('connection-details');
    this.measures = measures;
    this.restore();
    get('connection-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const ways = this.ways;
      get('choose').hidden = ways.length > 0;
      if (!ways.length) return;
      keep('localStorage', KEY, ways);
      reopens(ways);
    });
    this.tryNow.addEventListener('click', tries);
    this.transports.disabled = !window.SockJS;
    for (const part of [this.connection, this.details]) part.addEventListener('toggle', () => this.look());
    this.connection.hidden = false;
  }

  get inputs() { return [...this.transports.querySelectorAll('input')]; }
  get ways() { return this.inputs.filter((input) => input.checked).map((input) => input.value); }

  restore() {
    const chosen = recall('localStorage', KEY, []);
    if (!this.inputs.some((input) => chosen.includes(input.value))) return;
    for (const input of this.inputs) input.checked = chosen.includes(input.value);
  }

  // Opened, closed or connected: count the seconds and measure as long as somebody looks.
  look() {
    clearInterval(this.ticks);
    clearInterval(this.timer);
    if (!this.connection.open) return;
    this.tellNext();
    this.ticks = setInterval(() => this.tellNext(), 1000);
    if (!this.details.open) return;
    this.measures();
    this.timer = setInterval(() => this.measures(), EVERY);
  }

  show(connection, waiting) {
    this.shown = connection;
    const word = stateInWords(connection.state, waiting);
    if (this.state.textContent !== word) {
      this.state.textContent = word;
      this.state.className = `state ${connection.state}`;
    }
    this.about.textContent = say(`about_${connection.state}`);
    this.tellNext();
    this.offerToTry();
    this.transport.textContent = connection.live ? connection.transport || say('plain') : '–';
    this.process.textContent = connection.live ? connection.process ?? '–' : '–';
    this.roundTrip.textContent = connection.live ? roundTripInWords(connection.roundTrip) : '–';
    this.reconnects.textContent = say('times', { n: connection.reconnects });
  }

  // Say when the next attempt begins.
  tellNext() {
    const { live, isHalted, nextAt } = this.shown;
    this.next.hidden = live || isHalted;
    const n = nextAt === null ? 0 : Math.ceil((nextAt - performance.now()) / 1000);
    this.next.textContent = n > 0 ? say('trying_in', { n }) : say('trying');
  }

  // Offline, nobody has to wait. Who did so beside the open panel stays there.
  offerToTry() {
    const { state, socket } = this.shown;
    const next = this.connection.open ? () => this.connection.querySelector('summary') : undefined;
    withoutLosingFocus(this.tryNow, () => { this.tryNow.hidden = state !== 'offline'; }, next);
    this.tryNow.textContent = say(socket ? 'trying' : 'try_now');
  }
}

function roundTripInWords(ms) {
  return ms === null ? say('measuring') : say('round_trip', { n: Math.max(1, Math.round(ms)) });
}

function stateInWords(state, n) {
  return state === 'offline' && n ? say('offline_waiting', { n }) : say(state);
}
