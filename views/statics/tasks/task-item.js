// One row: a task with what can be done with it, or the form in which it is edited.

import { pictureOf } from '../people.js';
import { tasks, templateOf } from './module.js';
import { describeDay } from './texts.js';

class TaskItem {
  static $inject = ['page'];

  constructor(page) {
    this.page = page;
  }

  $onChanges() {
    const { to, due, source, done } = this.row;
    this.day = due ? describeDay(due) : null;
    this.isOverdue = Boolean(this.day?.isPast) && !done;
    this.picture = to ? pictureOf(to) : null;
    this.sourceAddress = source ? `/rooms/${encodeURIComponent(this.page.address)}?at=${Number(source)}` : '';
  }

  ask(deed, value) {
    this.onDeed({ deed, value });
  }

  // Return what somebody has made of the task, in words.
  describe({ text, to, due }) {
    return [text, to, due && describeDay(due).inFull].filter(Boolean).join(' · ') || '–';
  }

  edit() {
    if (!this.isReadOnly && !this.row.failed && !this.row.conflict) this.ask('edit');
  }
}

tasks.component('taskItem', {
  templateUrl: templateOf('task-item'),
  controller: TaskItem,
  bindings: { row: '<', isEdited: '<', isReadOnly: '<', onDeed: '&' },
});
