// What is left to do, which tasks are shown, and clearing those that are done.

import { tasks, templateOf } from './module.js';
import { addressOf, SHOWS } from './page.js';

class TaskFilter {
  constructor() {
    this.shows = SHOWS.map((show) => ({ show, address: addressOf(show) }));
  }

  // A click with a key that opens another tab is left to the browser.
  choose(event, show) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.onChoose({ show });
  }
}

tasks.component('taskFilter', {
  templateUrl: templateOf('task-filter'),
  controller: TaskFilter,
  bindings: { left: '<', show: '<', hasDone: '<', onChoose: '&', onClear: '&' },
});
