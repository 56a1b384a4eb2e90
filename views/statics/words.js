// The page's texts, times and days, in the reader's language and zone.

import { element } from './element.js';

const texts = JSON.parse(document.getElementById('words').textContent);
const language = document.documentElement.lang;

// Days and times as where the reader lives: the page's language as it is written there, and a clock of 12 or 24 hours.
// The server, which knows neither, writes 24. What some browsers name is none ("C", "en-US@posix").
const isTag = (text) => { try { return Boolean(new Intl.Locale(text)); } catch { return false; } };
const isOfLanguage = (tag) => tag.split('-')[0] === language.split('-')[0];
const reader = navigator.languages.filter(isTag).find(isOfLanguage) ?? language;
const { hourCycle } = new Intl.DateTimeFormat([navigator.language].filter(isTag), { hour: 'numeric' }).resolvedOptions();
const hour = hourCycle === 'h23' ? '2-digit' : 'numeric';
const clock = new Intl.DateTimeFormat(reader, { hour, minute: '2-digit', hourCycle });
const moment = new Intl.DateTimeFormat(reader, { dateStyle: 'full', timeStyle: 'short', hourCycle });
const day = { weekday: 'long', day: 'numeric', month: 'long' };
const dayOfYear = new Intl.DateTimeFormat(reader, day);
const dayOfAnyYear = new Intl.DateTimeFormat(reader, { ...day, year: 'numeric' });
const conjunction = new Intl.ListFormat(language, { type: 'conjunction' });

// The blocks that Unicode keeps for scripts that are written from right to left, and the marks that turn a text around.
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}\u200f\u202b\u202e\u2067]/u;

// The text of that name, its {places} filled; `n` chooses between the words for one and for many.
export function say(name, values = {}) {
  const text = texts[name];
  const chosen = Array.isArray(text) ? text[values.n === 1 ? 0 : 1] : text;
  return chosen.replace(/\{(\w+)\}/g, (place, key) => isolated(values[key] ?? place));
}

// Whether there is a text of that name.
export const knows = (name) => Object.hasOwn(texts, name);

export function list(names) {
  return conjunction.format(names.map(isolated));
}

// A name that is written from right to left, kept from turning around what stands beside it (U+2068, U+2069); a
// text that has such names in it is itself one that is kept apart.
function isolated(text) {
  return FROM_THE_RIGHT.test(text) ? `\u2068${text}\u2069` : text;
}

// Show a <time> in the reader's zone.
export function localise(time) {
  const at = new Date(time.dateTime);
  time.replaceChildren(...clock.formatToParts(at).map(partOfTime));
  time.title = moment.format(at);
}

// "PM" apart, which the narrow times beside a message leave out.
function partOfTime({ type, value }) {
  return type === 'dayPeriod' ? element('span', 'period', value) : value;
}

export function isSameDay(a, b) {
  return a.toDateString() === b.toDateString();
}

export function dayName(date) {
  const now = new Date();
  if (isSameDay(date, now)) return say('today');
  if (isSameDay(date, new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) return say('yesterday');
  return (date.getFullYear() === now.getFullYear() ? dayOfYear : dayOfAnyYear).format(date);
}

// Call `then` shortly after each midnight of the reader's.
export function eachMidnight(then) {
  const now = new Date();
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  setTimeout(() => { then(); eachMidnight(then); }, midnight - now + 500);
}
