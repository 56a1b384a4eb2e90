// Finds a room or a person by typing. While something is typed, what was found stands in the place of the sidebar's
// lists; if that is nothing, Enter searches the messages for it.

import { element } from './element.js';
import { Listbox } from './listbox.js';
import { fold, matches } from './matching.js';
import { PeopleSearch, picture } from './people.js';
import { writeTo } from './person.js';

const MAX_ROOMS = 50;  // to be shown; more are found by typing more

export class Finder {
  // isNarrow tells whether the sidebar is behind a menu; cameFrom is what had the focus before the field.
  constructor({ isNarrow, cameFrom }) {
    Object.assign(this, { isNarrow, cameFrom });
    this.box = document.getElementById('finder');
    this.places = document.getElementById('places');
    this.field = document.getElementById('find-place');
    this.people = new PeopleSearch('/people');
    this.field.addEventListener('keydown', (event) => this.onKeydown(event), { capture: true });
    this.listbox = new Listbox({
      field: this.field,
      place: this.places,
      label: this.field.labels[0].textContent,
      keys: ['Enter'],
      onTake: (choice) => this.take(choice),
    });
    this.nothing = element('p', 'nothing');
    this.nothing.setAttribute('role', 'status');
    this.search = element('a', '', this.box.dataset.search);
    this.search.addEventListener('mousedown', (event) => event.preventDefault());  // which would take the focus
    this.places.append(this.nothing);
    this.field.addEventListener('focus', ({ relatedTarget }) => this.onFocus(relatedTarget));
    for (const one of [this.field, this.search]) one.addEventListener('blur', (event) => this.onBlur(event));
    this.field.addEventListener('input', () => this.update());
    if (document.activeElement === this.field) this.update();
  }

  // Remember where to give the focus back to.
  onFocus(relatedTarget) {
    this.cameFrom = relatedTarget ?? this.cameFrom;  // null after a look at another window
    this.update();
  }

  onBlur({ relatedTarget }) {
    if (relatedTarget !== this.search) this.showLists();
  }

  // Escape clears the field and leaves it; in an open menu it clears first, and an empty field leaves the menu.
  onKeydown(event) {
    if (event.key === 'Enter' && !event.isComposing && this.search.isConnected) this.search.click();
    if (event.key !== 'Escape' || event.isComposing) return;
    const isInMenu = this.isNarrow.matches;
    if (isInMenu && !this.field.value) return;
    this.clear();
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!isInMenu) (this.cameFrom ?? document.getElementById('body') ?? document.getElementById('main')).focus();
  }

  take(choice) {
    this.clear();
    choice.go();
  }

  clear() {
    this.field.value = '';
    this.update();
  }

  get typed() { return this.field.value.trim(); }

  // Show what matches; people whose room is not in the sidebar follow when the server has found them.
  async update() {
    const { typed } = this;
    this.places.classList.toggle('finding', typed !== '');
    this.nothing.replaceChildren();
    const rooms = this.rooms();
    this.listbox.show(typed ? matches(rooms, fold(typed)).flat().slice(0, MAX_ROOMS) : []);
    const people = await this.people.find(typed);
    if (!people || !typed || document.activeElement !== this.field) return;
    const known = new Set(rooms.filter(({ isDirect }) => isDirect).map(({ name }) => name));
    this.listbox.add(people.filter(({ username }) => !known.has(username)).map((person) => this.personChoice(person)));
    if (!this.listbox.isOpen) this.showNothing(typed);
  }

  showNothing(typed) {
    this.search.href = `/search?${new URLSearchParams({ q: typed })}`;
    this.nothing.replaceChildren(`${this.box.dataset.nothing} `, this.search);
  }

  showLists() {
    this.places.classList.remove('finding');
    this.nothing.replaceChildren();
  }

  // Return the rooms of the sidebar as choices, of which those that are shown copy the `parts` of their links.
  rooms() {
    return [...this.places.querySelectorAll('.place > a')].map((link) => {
      const name = link.querySelector('.name').textContent;
      const isDirect = link.closest('ul').dataset.kind === 'people';
      const go = () => link.click();
      return { name, key: fold(name), isDirect, go, get parts() { return link.cloneNode(true).childNodes; } };
    });
  }

  personChoice(person) {
    const go = () => writeTo(person.username);
    const note = person.note ? [element('span', 'aside', person.note)] : [];
    return { go, parts: [picture(person), element('bdi', 'name', person.username), ...note] };
  }
}
