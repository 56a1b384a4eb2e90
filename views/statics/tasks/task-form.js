// The field for a new task, and beside it the box that ticks all. Who and when are asked for once there is a text.

import { countCharacters } from '../body.js';
import { translate } from '../locale.js';
import { focusField } from './focus.js';
import { tasks, templateOf } from './module.js';
import { dayOf } from './texts.js';

class TaskForm {
  static $inject = ['$element', 'page'];

  constructor($element, page) {
    Object.assign(this, { element: $element[0], page, text: '', to: '', due: null, why: '' });
  }

  // The plain page's field, in whose place this one stands, may have been typed in already.
  $postLink() {
    const field = this.element.querySelector('.new-task');
    const plain = document.querySelector('#tasks-plain [name=text]');
    const active = document.activeElement;
    this.text = plain?.value ?? '';
    if (active === plain || (active === document.body && !location.hash)) focusField(field);
  }

  get fields() { return { text: this.text.trim(), to: this.to.trim(), due: dayOf(this.due) }; }

  submit() {
    const { fields } = this;
    const excess = countCharacters(fields.text) - this.page.maxChars;
    this.why = excess > 0 ? translate('task_too_long', { n: excess, max: this.page.maxChars }) : '';
    if (!fields.text || this.why) return;
    this.onAdd({ fields });
    Object.assign(this, { text: '', to: '', due: null });
    this.element.querySelector('.new-task').focus();
  }
}

tasks.component('taskForm', {
  templateUrl: templateOf('task-form'),
  controller: TaskForm,
  bindings: { hasTasks: '<', allDone: '<', onAdd: '&', onAllDone: '&' },
});
