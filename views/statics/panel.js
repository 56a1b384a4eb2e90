// Shows the state of the connection: a word in the header, a sentence in its panel, and under "Details" the transport
// in use and those that may be tried.

import { withoutLosingFocus } from './focus.js';
import { translate } from './locale.js';
import { load, save } from './storage.js';

const STORAGE_KEY = 'prosa.transports';
const MEASURE_INTERVAL_MS = 3000;  // between two measurements of the round trip, while the details are open
const COUNTDOWN_INTERVAL_MS = 1000;
const IDS = ['connection', 'state', 'transport', 'process', 'reconnects'];

export class ConnectionPanel {
  // onReconnect(transports) is called when other transports were chosen, onMeasure() when the round trip should be
  // measured, onRetry() when the member does not want to wait for the next attempt.
  constructor({ onReconnect, onMeasure, onRetry }) {
    const get = (id) => document.getElementById(id);
    for (const id of IDS) this[id] = get(id);
    this.choices = get('transports');
    this.roundTrip = get('round-trip');
    this.retryButton = get('try-now');
    this.about = get('about-state');
    this.countdown = get('next-try');
    this.details = get('connection-details');
    this.onMeasure = onMeasure;
    this.restoreChoice();
    get('connection-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const { transports } = this;
      get('choose').hidden = transports.length > 0;
      if (!transports.length) return;
      save('localStorage', STORAGE_KEY, transports);
      onReconnect(transports);
    });
    this.retryButton.addEventListener('click', onRetry);
    this.choices.disabled = !window.SockJS;
    for (const part of [this.connection, this.details]) part.addEventListener('toggle', () => this.updateTimers());
    this.connection.hidden = false;
  }

  get checkboxes() { return [...this.choices.querySelectorAll('input')]; }
  // The transports that may be tried.
  get transports() { return this.checkboxes.filter((box) => box.checked).map((box) => box.value); }

  restoreChoice() {
    const chosen = load('localStorage', STORAGE_KEY, []);
    if (!this.checkboxes.some((box) => chosen.includes(box.value))) return;
    for (const box of this.checkboxes) box.checked = chosen.includes(box.value);
  }

  // Count the seconds while the panel is open, and measure the round trip while the details are.
  updateTimers() {
    clearInterval(this.countdownTimer);
    clearInterval(this.measureTimer);
    if (!this.connection.open) return;
    this.showCountdown();
    this.countdownTimer = setInterval(() => this.showCountdown(), COUNTDOWN_INTERVAL_MS);
    if (!this.details.open) return;
    this.onMeasure();
    this.measureTimer = setInterval(() => this.onMeasure(), MEASURE_INTERVAL_MS);
  }

  // Show the connection's state and the number of waiting messages.
  show(connection, waitingCount) {
    this.shown = connection;
    const text = stateText(connection.state, waitingCount);
    if (this.state.textContent !== text) {
      this.state.textContent = text;
      this.state.className = `state ${connection.state}`;
    }
    this.about.textContent = translate(`about_${connection.state}`);
    this.showCountdown();
    this.showRetryButton();
    this.transport.textContent = connection.isLive ? connection.transport || translate('plain') : '–';
    this.process.textContent = connection.isLive ? connection.process ?? '–' : '–';
    this.roundTrip.textContent = connection.isLive ? roundTripText(connection.roundTripMs) : '–';
    this.reconnects.textContent = translate('times', { n: connection.reconnects });
  }

  // Show in how many seconds the next attempt begins.
  showCountdown() {
    const { isLive, isHalted, retryAt } = this.shown;
    this.countdown.hidden = isLive || isHalted;
    const n = retryAt === null ? 0 : Math.ceil((retryAt - performance.now()) / 1000);
    this.countdown.textContent = n > 0 ? translate('trying_in', { n }) : translate('trying');
  }

  // Show "Try now" while offline. When it goes, the focus stays at the panel if that is open.
  showRetryButton() {
    const { state, socket } = this.shown;
    const fallback = this.connection.open ? () => this.connection.querySelector('summary') : undefined;
    withoutLosingFocus(this.retryButton, () => { this.retryButton.hidden = state !== 'offline'; }, fallback);
    this.retryButton.textContent = translate(socket ? 'trying' : 'try_now');
  }
}

function roundTripText(ms) {
  return ms === null ? translate('measuring') : translate('round_trip', { n: Math.max(1, Math.round(ms)) });
}

function stateText(state, n) {
  return state === 'offline' && n ? translate('offline_waiting', { n }) : translate(state);
}

// What is said once nothing more can be sent from a page that was made for `me`, by who is signed in now (identity.js):
// a text and perhaps a link, [text, [text, address]].
export function otherSignInNotice(me, { name, removed }) {
  if (name) return [translate('another', { me, name }), [translate('open_as', { name }), location.pathname]];
  if (removed === me) return [translate('removed_words')];
  const next = encodeURIComponent(location.pathname + location.search);
  return [translate('signed_out_words'), [translate('sign_in'), `/login?next=${next}`]];
}
