// The menu of a message: a sheet from the bottom on touch devices, a card elsewhere.

import { element } from './element.js';
import { translate } from './locale.js';

export class MessageMenu {
  // onChoice(deed, row, emoji) is called with what was chosen for the row.
  constructor({ onChoice }) {
    this.onChoice = onChoice;
    this.dialog = element('dialog', 'sheet-menu');
    this.dialog.setAttribute('aria-label', translate('more_actions'));
    this.dialog.addEventListener('click', ({ target }) => { if (target === this.dialog) this.dialog.close(); });
    this.dialog.addEventListener('close', () => { if (!this.isChosen) this.row.focus({ preventScroll: true }); });
    document.body.append(this.dialog);
  }

  // Offer `choices` for a row, and to react with these emoji or another one.
  open(row, choices, emoji) {
    Object.assign(this, { row, isChosen: false });
    const list = element('ul', 'deeds');
    for (const deed of choices) list.append(this.createChoice(deed));
    this.dialog.replaceChildren(this.createEmoji(emoji), list);
    this.dialog.showModal();
  }

  choose(deed, emoji) {
    this.isChosen = true;
    this.dialog.close();
    this.onChoice(deed, this.row, emoji);
  }

  createChoice(deed) {
    const item = element('li');
    item.append(createButton(deed, translate(`do_${deed}`), () => {
      if (deed === 'delete') this.confirm(item);
      else this.choose(deed);
    }));
    return item;
  }

  // A deletion cannot be undone: ask once more, in the place of the button.
  confirm(item) {
    const no = createButton('keep', translate('do_keep'), () => this.dialog.close());
    const yes = createButton('delete', translate('do_delete_now'), () => this.choose('delete'));
    item.replaceChildren(element('p', '', translate('delete_this')), yes, no);
    no.focus();
  }

  createEmoji(emoji) {
    const form = element('form', 'emoji');
    form.setAttribute('aria-label', translate('do_react'));
    for (const one of emoji) {
      const button = createButton('', one, () => this.choose('react', one));
      button.setAttribute('aria-label', translate('react_with', { emoji: one }));
      form.append(button);
    }
    const field = element('input');
    Object.assign(field, { required: true, autocomplete: 'off', size: 4 });
    field.setAttribute('aria-label', translate('another_emoji'));
    form.append(field, Object.assign(element('button', 'button soft', translate('do_react')), { type: 'submit' }));
    form.onsubmit = (event) => {
      event.preventDefault();
      this.choose('react', field.value.trim());
    };
    return form;
  }
}

function createButton(className, text, onclick) {
  return Object.assign(element('button', className, text), { type: 'button', onclick });
}
