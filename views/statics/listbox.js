// A list of choices for a field in which somebody types (ARIA, combobox with a listbox). The focus stays in the field.

import { element } from './element.js';

export class Listbox {
  // The list is added to `place`, and called `label`. A choice has `parts` (elements to be shown), and what onTake(choice)
  // needs when it is taken by a click or one of the `keys`. onEscape() is called when Escape has closed the list.
  constructor({ field, place, label, keys, onTake, onEscape }) {
    Object.assign(this, { field, keys, onTake, onEscape, choices: [], current: -1 });
    this.list = element('ul', 'listbox');
    this.list.id = `${field.id}-choices`;
    setAll(this.list, { role: 'listbox', 'aria-label': label });
    place.append(this.list);
    setAll(field, { 'aria-autocomplete': 'list', 'aria-controls': this.list.id, 'aria-haspopup': 'listbox' });
    // A textarea may have no other role (ARIA in HTML), and only a combobox says whether its list is open.
    this.isCombobox = field.matches('input');
    if (this.isCombobox) field.setAttribute('role', 'combobox');
    // Before all others who listen at the field: Enter shall take a choice, and not send the message.
    field.addEventListener('keydown', (event) => this.onKeydown(event), { capture: true });
    field.addEventListener('blur', () => this.close());
    this.list.addEventListener('mousedown', (event) => event.preventDefault());  // which would take the focus
    this.list.addEventListener('click', (event) => this.onClick(event));
    this.close();
  }

  get isOpen() { return this.choices.length > 0; }

  // Show these choices in place of all others; the first is selected.
  show(choices) {
    this.choices = [];
    this.list.replaceChildren();
    this.add(choices);
  }

  add(choices) {
    this.list.append(...choices.map((choice, i) => this.createOption(choice, this.choices.length + i)));
    const isFirst = !this.isOpen;
    this.choices.push(...choices);
    this.list.hidden = !this.isOpen;
    if (this.isCombobox) this.field.setAttribute('aria-expanded', String(this.isOpen));
    if (isFirst) this.select(this.isOpen ? 0 : -1);
  }

  close() {
    this.show([]);
  }

  createOption({ parts }, index) {
    const option = element('li', 'choice');
    option.id = `${this.list.id}-${index}`;
    setAll(option, { role: 'option', 'aria-selected': 'false' });
    option.append(...parts);
    return option;
  }

  select(index) {
    this.list.children[this.current]?.setAttribute('aria-selected', 'false');
    this.current = index;
    const option = this.list.children[index];
    option?.setAttribute('aria-selected', 'true');
    option?.scrollIntoView({ block: 'nearest' });
    if (option) this.field.setAttribute('aria-activedescendant', option.id);
    else this.field.removeAttribute('aria-activedescendant');
  }

  onKeydown(event) {
    const { key, isComposing, keyCode, shiftKey, ctrlKey, altKey, metaKey } = event;
    // 229: the Enter that ends a composition in Safari.
    if (!this.isOpen || isComposing || keyCode === 229 || shiftKey || ctrlKey || altKey || metaKey) return;
    if (key === 'ArrowDown') this.move(1);
    else if (key === 'ArrowUp') this.move(-1);
    else if (this.keys.includes(key)) this.take(this.current);
    else if (key === 'Escape') this.escape();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  escape() {
    this.close();
    this.onEscape?.();
  }

  move(step) {
    this.select((this.current + step + this.choices.length) % this.choices.length);
  }

  onClick({ target }) {
    const index = [...this.list.children].indexOf(target.closest('.choice'));
    if (index >= 0) this.take(index);
  }

  take(index) {
    const choice = this.choices[index];
    this.close();
    this.onTake(choice);
  }
}

function setAll(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) target.setAttribute(name, value);
}
