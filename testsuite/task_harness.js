// In the place of tasks/main.js: the components of the list of tasks on their real page, with angular-mocks for what
// the server and the timers do. Each test is a function; Python calls them by their names.

import { templates } from './module.js';

const COMPONENTS = ['api', 'outbox', 'page', 'task-edit', 'task-filter', 'task-form', 'task-item', 'task-list', 'task-panel', 'task-person', 'texts'];
const texts = new Map();
const SHORT_MS = 100;  // less than requests and pauses take
let parts = null;

export function equal(found, wanted) {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) {
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(wanted)}`);
  }
}

export const task = (id, fields = {}) => ({
  id, text: `task ${id}`, done: false, to: null, due: null, rank: `r${String(id).padStart(3, '0')}`, version: id, source: null, author: 'beto', at: 0, changed: id, ...fields,
});

async function load() {
  await Promise.all(COMPONENTS.map((name) => import(`./${name}.js`)));
  await new Promise((done) => {
    document.head.append(Object.assign(document.createElement('script'), { src: '/static/vendor/angular-mocks.js', onload: done }));
  });
  await Promise.all(templates.map(async (address) => texts.set(address, await (await fetch(address)).text())));
}

// Make a new application that is not connected; return its services.
export function create() {
  parts?.element?.remove();
  const live = { start(cursor, on) { Object.assign(this, { cursor, on, connection: { isHalted: false } }); } };
  const injector = angular.injector(['ng', 'ngMock', 'prosa.tasks', ['$provide', (it) => { it.value('taskLive', live); }]], true);
  const names = ['$compile', '$rootScope', '$httpBackend', '$timeout', '$templateCache', 'taskOutbox'];
  parts = Object.fromEntries(names.map((name) => [name.replace('$', ''), injector.get(name)]));
  for (const [address, text] of texts) parts.templateCache.put(address, text);
  return Object.assign(parts, { live, digest: () => parts.rootScope.$digest() });
}

// Show a component by its element, with these values in its scope.
export function show(html, values = {}) {
  const app = create();
  const scope = Object.assign(app.rootScope.$new(), values);
  app.element = app.compile(html)(scope)[0];
  document.getElementById('scroller').append(app.element);
  settle(app);
  return Object.assign(app, { scope, find: (selector) => app.element.querySelector(selector) });
}

// Let the timers of the page itself run.
export function settle(app) {
  app.digest();
  try { app.timeout.flush(SHORT_MS); } catch { /* there are none */ }
  app.digest();
}

const PATH = '/api/rooms/lobby/tasks';

// Show the whole list with these tasks. What was kept of an earlier one is sent again as `prepare` expects it.
export function panel(tasks, prepare) {
  if (!prepare) localStorage.clear();
  const app = create();
  app.httpBackend.expectGET(PATH).respond({ tasks, seq: 100 });
  app.expect = (method, path, status, answer, headers) => {
    const seen = {};
    app.httpBackend.expect(method, PATH + path).respond((_, __, data) => {
      Object.assign(seen, data && JSON.parse(data));
      return [status, answer, headers ?? {}];
    });
    return seen;
  };
  prepare?.(app);
  app.element = app.compile('<task-panel></task-panel>')(app.rootScope.$new())[0];
  document.getElementById('scroller').append(app.element);
  app.httpBackend.flush();
  settle(app);
  const rows = () => [...app.element.querySelectorAll('.task')];
  return Object.assign(app, {
    find: (selector) => app.element.querySelector(selector),
    rows,
    texts: () => rows().map((row) => row.querySelector('.task-text, .edit-field')).map((it) => it.textContent || it.value),
    entry: (entry) => { app.live.on.entry({ room: 'lobby', author: 'beto', ...entry }, true); app.digest(); },
    answer: () => { app.httpBackend.flush(); settle(app); },
  });
}

export function type(field, text) {
  field.focus();
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

export const press = (target, key, more = {}) => target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
export const submit = (form) => form.dispatchEvent(new Event('submit', { bubbles: true, cancelable: true }));

window.ready = load().then(() => import('./task_components.js')).then((tests) => Object.keys(tests));
window.runTest = async (name) => { await (await import('./task_components.js'))[name](); };
