// Small manners of the pages inside: Escape and a tap elsewhere close what is open.

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
