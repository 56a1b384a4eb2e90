// What the page around the application says: the room, the member, and where the plain list stands.

import { Announcer } from '../announcer.js';
import { tasks } from './module.js';

export const SHOWS = ['all', 'active', 'completed', 'mine'];

tasks.factory('page', () => {
  const main = document.getElementById('tasks');
  const { room, address, me, maxChars } = main.dataset;
  const takePlace = () => { document.getElementById('tasks-plain')?.remove(); };
  return { room, address, me, maxChars: Number(maxChars), isArchived: 'archived' in main.dataset, takePlace };
});

tasks.factory('announcer', () => new Announcer());

// Which tasks are shown is in the address, so that it survives a reload and the way back.
export function shownByAddress() {
  const show = new URLSearchParams(location.search).get('show');
  return SHOWS.includes(show) ? show : 'all';
}

export const addressOf = (show) => (show === 'all' ? location.pathname : `${location.pathname}?show=${show}`);
