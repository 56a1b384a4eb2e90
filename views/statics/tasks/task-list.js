// The rows of the list, which can be moved: by dragging their handles, or by Alt and the arrow keys.

import { Dragging } from './dragging.js';
import { tasks, templateOf } from './module.js';

const STEPS = { ArrowUp: -1, ArrowDown: 1 };

class TaskList {
  static $inject = ['$element', '$scope'];

  constructor($element, $scope) {
    Object.assign(this, { element: $element[0], $scope });
  }

  $onInit() {
    this.element.addEventListener('keydown', (event) => this.onKeydown(event));
    this.dragging = new Dragging(this.element, (key, before) => this.$scope.$apply(() => this.move(key, before)));
  }

  move(key, before) {
    const find = (text) => this.rows.find((row) => String(row.key) === text);
    const row = find(key);
    if (row) this.onDeed({ deed: 'move', row, value: find(before)?.key ?? null });
  }

  onKeydown(event) {
    const step = STEPS[event.key];
    const row = event.target.closest('.task');
    if (!step || !row || !event.altKey || event.target.closest('.task-edit') || event.ctrlKey || event.metaKey || this.isReadOnly) return;
    event.preventDefault();
    const moved = this.rows.find(({ key }) => String(key) === row.dataset.key);
    this.$scope.$apply(() => this.onDeed({ deed: 'step', row: moved, value: step }));
  }
}

tasks.component('taskList', {
  templateUrl: templateOf('task-list'),
  controller: TaskList,
  bindings: { rows: '<', editing: '<', isReadOnly: '<', onDeed: '&' },
});
