// The calls of the JSON API that the list of tasks makes.

import { formToken } from '../identity.js';
import { tasks } from './module.js';

const TIMEOUT_MS = 30_000;  // after which an answer is not waited for any more

// How each kind of change is asked for: method, path below that of the tasks, body, query.
const REQUESTS = {
  add: ({ nonce, text, to, due }) => ['POST', '', { nonce, text, ...(to && { to }), ...(due && { due }) }],
  change: ({ nonce, id, version, fields }) => ['PATCH', `/${id}`, { nonce, version, ...fields }],
  done: ({ nonce, id, done }) => ['PATCH', `/${id}`, { nonce, done }],
  move: ({ nonce, id, before }) => ['PATCH', `/${id}`, { nonce, before }],
  remove: ({ nonce, id }) => ['DELETE', `/${id}`, undefined, { nonce }],
  all_done: ({ nonce, done }) => ['PUT', '/done', { nonce, done }],
  clear_done: ({ nonce }) => ['DELETE', '/done', undefined, { nonce }],
};

class TaskApi {
  static $inject = ['$http', 'page'];

  constructor($http, page) {
    Object.assign(this, { $http, path: `/api/rooms/${encodeURIComponent(page.address)}/tasks` });
  }

  // Return a promise of { tasks, seq }: all tasks, as they were at the entry `seq`.
  list() {
    return this.$http.get(this.path, { timeout: TIMEOUT_MS }).then(({ data }) => data);
  }

  // Return a promise of what the server answers to a change; it fails with Angular's { status, data, headers }.
  send(change) {
    const [method, path, data, params] = REQUESTS[change.type](change);
    const headers = { 'X-Xsrftoken': formToken(), ...(data && { 'Content-Type': 'application/json' }) };
    return this.$http({ method, url: this.path + path, data, params, headers, timeout: TIMEOUT_MS }).then((it) => it.data);
  }
}

tasks.service('taskApi', TaskApi);
