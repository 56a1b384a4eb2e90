// Behaviour of all pages for members: Escape, a click elsewhere and focus elsewhere close what is open; on phones the
// focus stays in the open menu; and a page from the back/forward cache is reloaded if another member is signed in now
// (a live room notices that by itself).

import { fetchSignIn, ownerOf } from './identity.js';

document.documentElement.classList.add('js');

const menu = document.getElementById('menu');
const behindMenu = document.querySelectorAll('.skip, #main');
const isNarrow = matchMedia('(max-width: 46rem)');  // as in site.css

const openDetails = () => document.querySelectorAll('details.menu[open], details.connection[open]');
// Some of what belongs to a details element stands outside it (data-of): the menu's sidebar, the button beside the
// state of the connection.
const owns = (details, target) => details.contains(target) || Boolean(target.closest(`[data-of=${details.id}]`));

addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || event.isComposing) return;
  for (const details of openDetails()) {
    const focused = document.activeElement;
    details.open = false;
    if (focused === document.body || owns(details, focused)) details.querySelector('summary').focus();
  }
});

addEventListener('click', ({ target }) => {
  for (const details of openDetails()) {
    // On phones the menu's summary covers the page, so that a click beside the menu closes it without a script.
    if (details !== menu && !owns(details, target)) details.open = false;
  }
});

addEventListener('focusin', ({ target }) => {
  for (const details of openDetails()) if (!owns(details, target)) details.open = false;
});

menu.addEventListener('toggle', () => {
  for (const part of behindMenu) part.inert = menu.open && isNarrow.matches;
});
isNarrow.addEventListener('change', () => { menu.open = false; });

// --- finding a room or a person: by typing, from anywhere by Ctrl + K. What finds them is loaded with the first focus.

const isMac = /^(Mac|iP)/.test(navigator.platform);
const finder = document.getElementById('finder');
const field = document.getElementById('find-place');

finder.querySelector('kbd').textContent = isMac ? '⌘ K' : 'Ctrl K';
field.setAttribute('aria-keyshortcuts', isMac ? 'Meta+K' : 'Control+K');
finder.hidden = false;

addEventListener('keydown', (event) => {
  const isChosen = event.metaKey || (event.ctrlKey && !isMac);  // in a Mac's fields, Ctrl + K cuts a line
  if (!isChosen || event.shiftKey || event.altKey || event.key.toLowerCase() !== 'k') return;
  event.preventDefault();
  if (isNarrow.matches) menu.open = true;
  field.focus();
  field.select();
});

let found = null;
field.addEventListener('focus', ({ relatedTarget }) => {
  found ??= import('./finder.js').then(
    ({ Finder }) => new Finder({ isNarrow, cameFrom: relatedTarget }),
    () => { found = null; },
  );
});

// --- a member's name opens their card

addEventListener('click', (event) => {
  const link = event.target.closest('a[href^="/people/"]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  import('./person.js').then(({ showCard }) => showCard(link), () => location.assign(link.href));
});

addEventListener('pageshow', async ({ persisted }) => {
  if (!persisted || document.querySelector('#room:not([data-past])')) return;
  const signIn = await fetchSignIn();
  if (signIn && signIn.name !== ownerOf(document)) location.reload();
});
