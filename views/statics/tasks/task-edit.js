// The form in which a task is edited. It keeps what is typed, whatever becomes of the task meanwhile. Enter and leaving
// save, once; Escape cancels; an empty text removes the task.

import { countCharacters } from '../body.js';
import { translate } from '../locale.js';
import { tasks, templateOf } from './module.js';
import { dateOf, dayOf } from './texts.js';

class TaskEdit {
  static $inject = ['$element', '$scope', 'page'];

  constructor($element, $scope, page) {
    Object.assign(this, { element: $element[0], $scope, page, isOver: false, why: '' });
  }

  $onInit() {
    const { text, to, due, version } = this.row;
    this.begun = { text, to, due, version };
    Object.assign(this, { text, to, due: dateOf(due) });
  }

  $postLink() {
    const field = this.element.querySelector('.edit-field');
    queueMicrotask(() => {
      field.focus();
      field.setSelectionRange(field.value.length, field.value.length);
    });
    this.element.addEventListener('mousedown', keepFieldFocused);
    this.element.addEventListener('focusout', () => setTimeout(() => this.onLeft()));
    this.element.addEventListener('keydown', (event) => this.onKeydown(event));
  }

  get fields() { return { text: this.text.trim(), to: this.to.trim(), due: dayOf(this.due) }; }

  // Leaving the form, not the window, saves; a task that is gone waits for a decision.
  onLeft() {
    const focused = document.activeElement;
    if (this.isOver || this.row.isGone || this.element.contains(focused) || !this.element.isConnected) return;
    this.$scope.$apply(() => this.save());
  }

  onKeydown(event) {
    if (event.key !== 'Escape' || event.isComposing) return;
    event.preventDefault();
    event.stopPropagation();
    this.$scope.$apply(() => this.end('cancel'));
  }

  save() {
    const { fields, begun } = this;
    const excess = countCharacters(fields.text) - this.page.maxChars;
    this.why = excess > 0 ? translate('task_too_long', { n: excess, max: this.page.maxChars }) : '';
    if (this.why) return;
    if (!this.row.isGone) this.end('save', { begun, fields });
    else if (fields.text) this.end('again', fields);
    else this.end('cancel');
  }

  end(deed, value) {
    if (this.isOver) return;
    this.isOver = true;
    this.onDeed({ deed, value });
  }
}

// Where a click gives a button no focus (Safari), it would else leave the form.
function keepFieldFocused(event) {
  if (event.target.closest('button')) event.preventDefault();
}

tasks.component('taskEdit', {
  templateUrl: templateOf('task-edit'),
  controller: TaskEdit,
  bindings: { row: '<', onDeed: '&' },
});
