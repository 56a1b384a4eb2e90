// The panel "Connection": the state in a word, the way in use, and the ways that may be tried.

import { keep, recall } from './storage.js';
import { say } from './words.js';

const KEY = 'prosa.transports';
const EVERY = 3000;  // ms between two measurements of the round trip, while somebody looks

export class Panel {
  // reopens(ways) connects anew. measures() asks for the round trip, which is shown once it is known.
  constructor({ reopens, measures }) {
    const get = (id) => document.getElementById(id);
    for (const id of ['connection', 'state', 'transports', 'transport', 'process', 'reconnects']) this[id] = get(id);
    this.roundTrip = get('round-trip');
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
    this.transports.disabled = !window.SockJS;
    this.connection.addEventListener('toggle', () => this.look());
    this.connection.hidden = false;
  }

  get inputs() { return [...this.transports.querySelectorAll('input')]; }
  get ways() { return this.inputs.filter((input) => input.checked).map((input) => input.value); }

  restore() {
    const chosen = recall('localStorage', KEY, []);
    if (!this.inputs.some((input) => chosen.includes(input.value))) return;
    for (const input of this.inputs) input.checked = chosen.includes(input.value);
  }

  // Opened, closed or connected: measure as long as somebody looks.
  look() {
    clearInterval(this.timer);
    if (!this.connection.open) return;
    this.measures();
    this.timer = setInterval(() => this.measures(), EVERY);
  }

  show(connection, waiting) {
    const word = stateInWords(connection.state, waiting);
    if (this.state.textContent !== word) {
      this.state.textContent = word;
      this.state.className = `state ${connection.state}`;
    }
    this.transport.textContent = connection.live ? connection.transport || say('plain') : '–';
    this.process.textContent = connection.live ? connection.process ?? '–' : '–';
    this.roundTrip.textContent = connection.live ? roundTripInWords(connection.roundTrip) : '–';
    this.reconnects.textContent = say('times', { n: connection.reconnects });
  }
}

function roundTripInWords(ms) {
  return ms === null ? say('measuring') : say('round_trip', { n: Math.max(1, Math.round(ms)) });
}

function stateInWords(state, n) {
  return state === 'offline' && n ? say('offline_waiting', { n }) : say(state);
}
