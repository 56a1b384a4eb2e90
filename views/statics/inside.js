// Small manners of the pages inside: Escape and a tap elsewhere close what is open, and none shows to one member what
// was made for another. (A live room notices by itself.)

import { ownerOf, whoIsIt } from './who.js';

const open = () => document.querySelectorAll('details.menu[open], details.connection[open]');

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  for (const details of open()) {
    details.open = false;
    details.querySelector('summary').focus();
  }
});

addEventListener('click', ({ target }) => {
  for (const details of open()) {
    // On phones the menu's own veil closes it, and its sidebar stands outside it.
    if (!details.matches('.menu') && !details.contains(target)) details.open = false;
  }
});

addEventListener('pageshow', async ({ persisted }) => {
  if (!persisted || document.querySelector('#room:not([data-past])')) return;
  const name = await whoIsIt().catch(() => null);
  if (name !== null && name !== ownerOf(document)) location.reload();
});
