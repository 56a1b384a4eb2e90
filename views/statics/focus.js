// Keeps the focus in a useful place. It never falls back to the page as a whole, where a keyboard user would have to
// start again from the top.

// Touch devices, whose on-screen keyboard opens as soon as a field has the focus.
export const isTouchOnly = matchMedia('(hover: none) and (pointer: coarse)');

// Focus the message box when the page has loaded, unless the reader or the address has chosen another place.
export function focusComposer() {
  const hasChosen = location.hash || document.activeElement !== document.body || document.querySelector('dialog[open]');
  if (!hasChosen && !isTouchOnly.matches) focusOn(messageBox());
}

// Call change(), which may hide or remove the focused element within `container`; if it does, focus fallback().
export function withoutLosingFocus(container, change, fallback = mainPlace) {
  const hadFocus = container?.contains(document.activeElement);
  change();
  const focused = document.activeElement;
  if (hadFocus && (!container.contains(focused) || focused.closest('[hidden]'))) focusOn(fallback());
}

function focusOn(target) {
  target.focus({ preventScroll: true });
}

const messageBox = () => document.getElementById('body');
export const scroller = () => document.getElementById('scroller');
const mainPlace = () => (isTouchOnly.matches ? scroller() : messageBox());
