// The page's texts, times and days, in the reader's language and zone.

const texts = JSON.parse(document.getElementById('words').textContent);
const language = document.documentElement.lang;

// The 24-hour clock is what the server writes: only the zone may change under the reader's eyes.
const clock = new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const moment = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'short', hourCycle: 'h23' });
const day = { weekday: 'long', day: 'numeric', month: 'long' };
const dayOfYear = new Intl.DateTimeFormat(language, day);
const dayOfAnyYear = new Intl.DateTimeFormat(language, { ...day, year: 'numeric' });
const conjunction = new Intl.ListFormat(language, { type: 'conjunction' });

// The text of that name, its {places} filled; `n` chooses between the words for one and for many.
export function say(name, values = {}) {
  const text = texts[name];
  const chosen = Array.isArray(text) ? text[values.n === 1 ? 0 : 1] : text;
  return chosen.replace(/\{(\w+)\}/g, (place, key) => values[key] ?? place);
}

// Whether there is a text of that name.
export const knows = (name) => Object.hasOwn(texts, name);

export function list(names) {
  return conjunction.format(names);
}

// Show a <time> in the reader's zone.
export function localise(time) {
  const at = new Date(time.dateTime);
  time.textContent = clock.format(at);
  time.title = moment.format(at);
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
