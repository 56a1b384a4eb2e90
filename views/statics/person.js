// Another member: their card over the page that one is on, and writing to them.

import { element } from './element.js';
import { formToken, parseHtml } from './identity.js';

const dialog = element('dialog', 'sheet-menu');
dialog.setAttribute('aria-labelledby', 'who');
dialog.addEventListener('click', ({ target }) => { if (target === dialog) dialog.close(); });
document.body.append(dialog);

// Show the card that a link leads to. If that cannot be done, the link is followed.
export async function showCard({ href }) {
  const response = await fetch(href).catch(() => null);
  const card = response?.ok && parseHtml(await response.text()).getElementById('card');
  if (!card) return location.assign(href);
  dialog.replaceChildren(card);
  if (!dialog.open) dialog.showModal();
}

// Open the room of this member and another person by a form, since it may have to be made.
export function writeTo(username) {
  const form = element('form');
  Object.assign(form, { method: 'post', action: '/direct', hidden: true });
  for (const [name, value] of Object.entries({ username, _xsrf: formToken() })) {
    form.append(Object.assign(element('input'), { type: 'hidden', name, value }));
  }
  document.body.append(form);
  form.submit();
}
