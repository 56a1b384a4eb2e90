// Small manners of the pages inside: Escape, a tap elsewhere and the focus elsewhere close what is open, while the
// menu covers a phone's page the keyboard stays in it, and none shows to one member what was made for another. (A
// live room notices by itself.)

import { ownerOf, whoIsIt } from './who.js';

const menu = document.getElementById('menu');
const covered = document.querySelectorAll('.skip, #main');
const covers = matchMedia('(max-width: 46rem)');  // as in site.css

const open = () => document.querySelectorAll('details.menu[open], details.connection[open]');
// What belongs to it may stand outside it: the menu's sidebar, the button beside the state of the connection.
const holds = (details, thing) => details.contains(thing) || Boolean(thing.closest(`[data-of=${details.id}]`));

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.isComposing) return;
  for (const details of open()) {
    const now = document.activeElement;
    details.open = false;
    if (now === document.body || holds(details, now)) details.querySelector('summary').focus();
  }
});

addEventListener('click', ({ target }) => {
  for (const details of open()) {
    // On phones the menu's own veil closes it.
    if (details !== menu && !holds(details, target)) details.open = false;
  }
});

addEventListener('focusin', ({ target }) => {
  for (const details of open()) if (!holds(details, target)) details.open = false;
});

menu.addEventListener('toggle', () => {
  for (const part of covered) part.inert = menu.open && covers.matches;
});
covers.addEventListener('change', () => { menu.open = false; });

addEventListener('pageshow', async ({ persisted }) => {
  if (!persisted || document.querySelector('#room:not([data-past])')) return;
  const name = await whoIsIt().catch(() => null);
  if (name !== null && name !== ownerOf(document)) location.reload();
});
