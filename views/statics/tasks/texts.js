// The sentences of the page, as everywhere on the site, and the days by which tasks are due.

import { isSameDay, regionalLanguage, translate } from '../locale.js';
import { tasks } from './module.js';

const DAY_MS = 24 * 3600 * 1000;
const WEEK_DAYS = 7;
const MAX_DAYS_AGO = 30;  // a day that was longer ago is named
const { lang } = document.documentElement;
const relative = new Intl.RelativeTimeFormat(lang, { numeric: 'auto' });
const weekday = new Intl.DateTimeFormat(regionalLanguage, { weekday: 'long' });
const short = new Intl.DateTimeFormat(regionalLanguage, { day: 'numeric', month: 'short' });
const shortWithYear = new Intl.DateTimeFormat(regionalLanguage, { day: 'numeric', month: 'short', year: 'numeric' });
const full = new Intl.DateTimeFormat(regionalLanguage, { dateStyle: 'full' });

tasks.filter('text', () => translate);

// Return the beginning of a day "2026-11-27" in the reader's zone; null for none.
export function dateOf(day) {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? [];
  return year ? new Date(year, month - 1, date) : null;
}

// Return the day of a date as it is stored; '' for none.
export function dayOf(date) {
  if (!date) return '';
  const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
}

// Return a day as a task shows it: in `words`, `inFull`, and whether it `isPast`.
export function describeDay(day, now = new Date()) {
  const date = dateOf(day);
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const days = Math.round((date - today) / DAY_MS);  // a day of 23 or 25 hours is one
  return { words: wordsOf(date, days, today), inFull: full.format(date), isPast: days < 0, isToday: isSameDay(date, today) };
}

function wordsOf(date, days, today) {
  if (days >= -MAX_DAYS_AGO && days <= 1) return relative.format(days, 'day');
  if (days > 1 && days < WEEK_DAYS) return weekday.format(date);
  return (date.getFullYear() === today.getFullYear() ? short : shortWithYear).format(date);
}
