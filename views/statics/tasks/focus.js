// Where the focus goes when rows come, move and go.

import { isTouchOnly } from '../focus.js';

const PARTS = '.tick, .edit';

export const rowOf = (element, key) => element.querySelector(`.task[data-key="${CSS.escape(key)}"]`);

// Remember what has the focus in `element`, and give it back once the rows are those with these keys, in their order: as
// soon as AngularJS is done with them, before the next key. What is gone with its row hands the focus on to the row in
// its place, or to the field for a new task.
export function keepFocus(element, keys) {
  const focused = document.activeElement;
  const row = element.contains(focused) && focused.closest('.task');
  if (!row) return;
  const [key, place] = [row.dataset.key, [...row.parentElement.children].indexOf(row)];
  queueMicrotask(() => {
    if (document.activeElement !== document.body) return;
    if (focused.isConnected) return focused.focus({ preventScroll: true });
    const next = keys.some((one) => String(one) === key) ? key : keys[Math.min(place, keys.length - 1)];
    const part = next !== undefined && rowOf(element, next)?.querySelector(PARTS);
    (part || element.querySelector('.new-task')).focus({ preventScroll: true });
  });
}

// Focus a field when it has come, unless an on-screen keyboard would cover the page for it.
export function focusField(field) {
  if (!isTouchOnly.matches) field.focus({ preventScroll: true });
}
