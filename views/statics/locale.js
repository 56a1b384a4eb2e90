// Texts, times and days in the reader's language and time zone.

import { element } from './element.js';

const AFTER_MIDNIGHT_MS = 500;  // so that a timer that fires early does not see the old day

const texts = JSON.parse(document.getElementById('texts').textContent);
const language = document.documentElement.lang;

// Days and times are written as in the reader's region: the page's language in the region that the browser prefers,
// and a clock of 12 or 24 hours. The server, which knows neither, writes 24. Some browsers name languages that are
// none ("C", "en-US@posix").
const isLanguageTag = (text) => { try { return Boolean(new Intl.Locale(text)); } catch { return false; } };
const isPageLanguage = (tag) => tag.split('-')[0] === language.split('-')[0];
export const regionalLanguage = navigator.languages.filter(isLanguageTag).find(isPageLanguage) ?? language;
const browserLanguages = [navigator.language].filter(isLanguageTag);
const { hourCycle } = new Intl.DateTimeFormat(browserLanguages, { hour: 'numeric' }).resolvedOptions();
const hour = hourCycle === 'h23' ? '2-digit' : 'numeric';
const timeFormat = new Intl.DateTimeFormat(regionalLanguage, { hour, minute: '2-digit', hourCycle });
const titleFormat = new Intl.DateTimeFormat(regionalLanguage, { dateStyle: 'full', timeStyle: 'short', hourCycle });
const day = { weekday: 'long', day: 'numeric', month: 'long' };
const dayFormat = new Intl.DateTimeFormat(regionalLanguage, day);
const dayAndYearFormat = new Intl.DateTimeFormat(regionalLanguage, { ...day, year: 'numeric' });
const listFormat = new Intl.ListFormat(language, { type: 'conjunction' });

// Unicode's blocks for scripts written from right to left, and the control characters that change the direction.
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}\u200f\u202b\u202e\u2067]/u;

// Return the text of this name with its {placeholders} filled in; `n` chooses between singular and plural.
export function translate(name, values = {}) {
  const text = texts[name];
  const form = Array.isArray(text) ? text[values.n === 1 ? 0 : 1] : text;
  return form.replace(/\{(\w+)\}/g, (placeholder, key) => isolate(values[key] ?? placeholder));
}

export const hasText = (name) => Object.hasOwn(texts, name);

export function joinNames(names) {
  return listFormat.format(names.map(isolate));
}

// Keep a name that is written from right to left from reordering the words beside it (U+2068 and U+2069 isolate it). A
// list with such names is isolated as a whole, too.
function isolate(text) {
  return RIGHT_TO_LEFT.test(text) ? `\u2068${text}\u2069` : text;
}

// Show the time of a <time> element in the reader's zone.
export function showLocalTime(time) {
  const date = new Date(time.dateTime);
  time.replaceChildren(...timeFormat.formatToParts(date).map(timePart));
  time.title = titleFormat.format(date);
}

// "PM" gets an element of its own: the narrow times beside grouped messages leave it out.
function timePart({ type, value }) {
  return type === 'dayPeriod' ? element('span', 'period', value) : value;
}

export function isSameDay(a, b) {
  return a.toDateString() === b.toDateString();
}

export function dayName(date) {
  const now = new Date();
  if (isSameDay(date, now)) return translate('today');
  if (isSameDay(date, new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1))) return translate('yesterday');
  return (date.getFullYear() === now.getFullYear() ? dayFormat : dayAndYearFormat).format(date);
}

// Call listener() shortly after each midnight in the reader's zone.
export function onEachMidnight(listener) {
  const now = new Date();
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1);
  setTimeout(() => { listener(); onEachMidnight(listener); }, midnight - now + AFTER_MIDNIGHT_MS);
}
