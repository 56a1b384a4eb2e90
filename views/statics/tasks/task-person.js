// The field for the person that a task is given to, with the people of the room as choices.

import { element } from '../element.js';
import { Listbox } from '../listbox.js';
import { translate } from '../locale.js';
import { PeopleSearch, picture } from '../people.js';
import { tasks, templateOf } from './module.js';

class TaskPerson {
  static $inject = ['$element', '$scope', 'page', 'announcer'];

  constructor($element, $scope, page, announcer) {
    Object.assign(this, { element: $element[0], $scope, announcer });
    this.people = new PeopleSearch(`/rooms/${encodeURIComponent(page.address)}/people`);
  }

  $postLink() {
    this.field = this.element.querySelector('input');
    this.field.id = this.name;
    this.listbox = new Listbox({
      field: this.field,
      place: this.element,
      label: translate('completions'),
      keys: ['Enter', 'Tab'],
      onTake: ({ name }) => this.$scope.$apply(() => this.take(name)),
    });
  }

  $onChanges() {
    this.typed = this.value;
  }

  take(name) {
    this.typed = name;
    this.onChange({ value: name });
  }

  // Offer the people whose names go on as what was typed, unless it is a whole name already.
  async typing() {
    const { typed } = this;
    this.onChange({ value: typed });
    const people = (await this.people.find(typed.trim())) ?? [];
    const others = people.length === 1 && people[0].username === typed.trim() ? [] : people;
    if (this.typed !== typed || document.activeElement !== this.field) return;
    const n = others.length;
    if (n && !this.listbox.isOpen) this.announcer.announce([translate('completion_choices', { n })]);
    this.listbox.show(others.map((person) => ({
      name: person.username,
      parts: [picture(person), element('bdi', 'name', person.username)],
    })));
  }
}

tasks.component('taskPerson', {
  templateUrl: templateOf('task-person'),
  controller: TaskPerson,
  bindings: { value: '<', name: '@', onChange: '&' },
});
