// Puts the application in the place of the plain list, once all is there. Without AngularJS (npm) the plain list stays.

import './api.js';
import './live.js';
import './outbox.js';
import './page.js';
import './task-edit.js';
import './task-filter.js';
import './task-form.js';
import './task-item.js';
import './task-list.js';
import './task-panel.js';
import './task-person.js';
import './texts.js';

angular.bootstrap(document.querySelector('task-panel'), ['prosa.tasks'], { strictDi: true });
