// Where the focus goes. It never falls to the page as a whole, where a keyboard would have to begin anew.

// Where the only keyboard is one on glass, which comes up as soon as a field has the focus.
export const isTouchOnly = matchMedia('(hover: none) and (pointer: coarse)');

// Begin where one writes, unless the reader or the address has chosen another place.
export function arrive() {
  const hasChosen = location.hash || document.activeElement !== document.body || document.querySelector('dialog[open]');
  if (!hasChosen && !isTouchOnly.matches) focusOn(whereOneWrites());
}

// Make a change that may take away what has the focus in `thing`; then `next()` has it.
export function withoutLosingFocus(thing, change, next = whereOneGoesOn) {
  const hadFocus = thing?.contains(document.activeElement);
  change();
  const now = document.activeElement;
  if (hadFocus && (!thing.contains(now) || now.closest('[hidden]'))) focusOn(next());
}

function focusOn(thing) {
  thing.focus({ preventScroll: true });
}

const whereOneWrites = () => document.getElementById('body');
export const whereOneReads = () => document.getElementById('scroller');
const whereOneGoesOn = () => (isTouchOnly.matches ? whereOneReads() : whereOneWrites());
