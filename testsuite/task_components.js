// Tests of the components of the list of tasks (task_harness.js).

import { inStillOrder } from './still.js';
import { TaskStore } from './store.js';
import { describeDay } from './texts.js';
import { equal, panel, press, settle, show, submit, task, type } from './task_harness.js';

const NOW = new Date(2026, 10, 27, 23, 59);

export function bindings_are_one_way_and_all_that_is_injected_is_named() {
  for (const [provider, , [name, definition]] of angular.module('prosa.tasks')._invokeQueue) {
    if (provider !== '$compileProvider') continue;
    for (const binding of Object.values(definition.bindings ?? {})) equal(/^[<@&]$/.test(binding), true);
    if (definition.controller.length) equal(definition.controller.$inject.length, definition.controller.length);
    equal([name, Boolean(definition.templateUrl), definition.template], [name, true, undefined]);
  }
}

export function the_form_adds_what_was_typed_once_and_trimmed_and_clears() {
  const added = [];
  const app = show('<task-form has-tasks="true" all-done="false" on-add="add(fields)" on-all-done="all(done)"></task-form>', { add: (fields) => added.push(fields), all: (done) => added.push(done) });
  type(app.find('.new-task'), '  Buy {{1+1}} clocks ');
  submit(app.find('form'));
  equal(added, [{ text: 'Buy {{1+1}} clocks', to: '', due: '' }]);
  equal(app.find('.new-task').value, '');
  type(app.find('.new-task'), ' \t ');
  submit(app.find('form'));
  equal(added.length, 1);
  app.find('.toggle-all').click();
  equal(added.at(-1), true);
}

export function the_form_keeps_a_text_that_is_too_long_and_says_by_how_much() {
  const added = [];
  const app = show('<task-form has-tasks="false" all-done="false" on-add="add(fields)" on-all-done="all()"></task-form>', { add: (fields) => added.push(fields) });
  equal(app.find('.toggle-all'), null);
  type(app.find('.new-task'), '\u{1f600}'.repeat(501));
  submit(app.find('form'));
  equal([added.length, app.find('[role=alert]').textContent.includes('1 character too many')], [0, true]);
  type(app.find('.new-task'), '\u{1f600}'.repeat(500));
  submit(app.find('form'));
  equal([added.length, app.find('[role=alert]')], [1, null]);
}

export function a_row_shows_text_as_text_and_links_to_its_message() {
  const row = task(7, { key: 7, text: "<b>x</b>{{constructor.constructor('hacked=1')()}}", to: 'ana', due: '2020-01-31', source: 128 });
  const app = show('<task-item row="row" is-edited="false" is-read-only="false" on-deed="deed()"></task-item>', { row, deed() {} });
  equal(app.find('.task-text').textContent, row.text);
  equal(app.find('.task-text').children.length, 0);
  equal(app.find('.source').getAttribute('href'), '/rooms/lobby?at=128');
  equal(app.find('.task-due').matches('.overdue'), true);
  equal(app.find('.task-due').textContent.startsWith('overdue'), true);
  app.scope.row = { ...row, done: true };
  settle(app);
  equal(app.find('.task-due').matches('.overdue'), false);
}

export function days_are_told_as_people_tell_them() {
  const words = (day) => describeDay(day, NOW).words;
  equal(['2026-11-26', '2026-11-27', '2026-11-28'].map(words), ['yesterday', 'today', 'tomorrow']);
  equal(words('2026-11-30'), 'Monday');
  equal([words('2026-12-24'), words('2027-01-02')], ['Dec 24', 'Jan 2, 2027']);
  equal(words('2026-11-20'), '7 days ago');
  equal([describeDay('2026-11-26', NOW).isPast, describeDay('2026-11-27', NOW).isPast], [true, false]);
  for (let day = 1; day < 28; day += 1) {  // over the change to summer time, wherever that is
    equal(describeDay('2026-03-30', new Date(2026, 2, day, 1)).words === 'tomorrow', day === 29);
  }
}

export async function editing_saves_once_by_enter_and_by_leaving_and_escape_cancels() {
  for (const [end, wanted] of [['submit', ['save']], ['leave', ['save']], ['Escape', ['cancel']]]) {
    const done = [];
    const app = show('<task-edit row="row" on-deed="note(deed, value)"></task-edit>', { row: task(7, { to: '', due: '' }), note: (deed, value) => done.push([deed, value?.fields?.text]) });
    const field = app.find('.edit-field');
    await null;
    equal(document.activeElement === field, true);
    type(field, ' other words ');
    if (end === 'submit') submit(app.find('form'));
    else if (end === 'Escape') press(field, 'Escape');
    document.querySelector('#find-place').focus();
    await new Promise((later) => { setTimeout(later, 20); });
    equal(done.map(([deed]) => deed), wanted);
    if (wanted[0] === 'save') equal(done[0][1], 'other words');
  }
}

export function the_filter_counts_in_words_and_leads_to_addresses() {
  const app = show('<task-filter left="left" show="\'active\'" has-done="true" on-choose="choose(show)" on-clear="clear()"></task-filter>', { left: 1, choose() {}, clear() {} });
  equal(app.find('.left').textContent, '1 task left');
  app.scope.left = 2;
  app.digest();
  equal(app.find('.left').textContent, '2 tasks left');
  equal([...app.element.querySelectorAll('nav a')].map((link) => link.getAttribute('href').split('tasks')[1]), ['', '?show=active', '?show=completed', '?show=mine']);
  equal(app.find('[aria-current]').textContent, 'Open');
}

export function nothing_but_the_form_and_a_sentence_is_there_without_tasks() {
  const app = panel([]);
  equal([app.find('.task-list'), app.find('.task-filter'), Boolean(app.find('.empty-tasks'))], [null, null, true]);
}

export function a_task_is_there_before_the_server_has_it_and_its_row_stays_the_same() {
  const app = panel([task(1)]);
  const sent = app.expect('POST', '', 201, task(5, { text: 'new' }));
  type(app.find('.new-task'), 'new');
  submit(app.find('.task-form'));
  equal(app.texts(), ['task 1', 'new']);
  const [, row] = app.rows();
  app.answer();
  equal([sent.text, sent.nonce.length, app.texts()], ['new', 32, ['task 1', 'new']]);
  app.entry({ seq: 5, kind: 'task_made', author: 'ana', nonce: sent.nonce, task: task(5, { text: 'new' }) });
  equal([app.rows().length, app.rows()[1] === row, localStorage.length], [2, true, 0]);
}

export function an_entry_that_comes_before_its_answer_makes_no_second_row() {
  const app = panel([]);
  const sent = app.expect('POST', '', 201, task(5, { text: 'new' }));
  type(app.find('.new-task'), 'new');
  submit(app.find('.task-form'));
  app.digest();
  app.entry({ seq: 5, kind: 'task_made', author: 'ana', nonce: app.taskOutbox.changes[0].nonce, task: task(5, { text: 'new' }) });
  equal(app.texts(), ['new']);
  app.answer();
  equal([app.texts(), sent.text], [['new'], 'new']);
}

function change(app, text) {
  app.find('.task .edit').click();
  settle(app);
  type(app.find('.edit-field'), text);
  submit(app.find('.task-edit'));
}

export function a_change_of_an_older_version_is_sent_again_if_nobody_has_changed_the_same() {
  const app = panel([task(1)]);
  const first = app.expect('PATCH', '/1', 409, { error: { code: 'conflict', message: '' }, task: task(1, { due: '2026-12-24', version: 9, changed: 9 }) });
  const second = app.expect('PATCH', '/1', 200, task(1, { text: 'mine', due: '2026-12-24', version: 10, changed: 10 }));
  change(app, 'mine');
  app.answer();
  equal([first.version, second.version, second.text, second.due, first.nonce === second.nonce], [1, 9, 'mine', undefined, true]);
  equal([app.texts(), app.find('.task-trouble')], [['mine'], null]);
}

export function two_texts_are_shown_and_one_is_chosen() {
  const app = panel([task(1)]);
  app.expect('PATCH', '/1', 409, { error: { code: 'conflict', message: '' }, task: task(1, { text: 'theirs', version: 9, changed: 9 }) });
  change(app, 'mine');
  app.answer();
  equal([...app.element.querySelectorAll('.task-trouble dd')].map((it) => it.textContent), ['theirs', 'mine']);
  const again = app.expect('PATCH', '/1', 200, task(1, { text: 'mine', version: 10, changed: 10 }));
  app.element.querySelectorAll('.task-trouble button')[1].click();
  app.answer();
  equal([again.version, again.text, app.texts(), app.find('.task-trouble')], [9, 'mine', ['mine'], null]);
}

export function what_others_do_does_not_disturb_who_is_typing() {
  const app = panel([task(1), task(2), task(3)]);
  app.rows()[1].querySelector('.edit').click();
  settle(app);
  const field = app.find('.edit-field');
  type(field, 'half a wo');
  field.setSelectionRange(2, 4);
  app.entry({ seq: 11, kind: 'task_made', task: task(11) });
  app.entry({ seq: 12, kind: 'task_moved', target: 2, task: task(2, { rank: 'a', changed: 12 }) });
  app.entry({ seq: 13, kind: 'task_changed', target: 2, task: task(2, { rank: 'a', text: 'theirs', version: 13, changed: 13 }) });
  app.entry({ seq: 14, kind: 'task_removed', target: 1, task: null });
  settle(app);
  equal([document.activeElement === field, field.value, field.selectionStart, field.selectionEnd], [true, 'half a wo', 2, 4]);
  equal(app.texts(), ['half a wo', 'task 3', 'task 11']);
  app.entry({ seq: 15, kind: 'task_removed', target: 2, task: null });
  settle(app);
  equal([field.isConnected, document.activeElement === field, field.value], [true, true, 'half a wo']);
  const sent = app.expect('POST', '', 201, task(16, { text: 'half a wo' }));
  submit(app.find('.task-edit'));
  app.answer();
  equal([sent.text, app.texts()], ['half a wo', ['task 3', 'task 11', 'half a wo']]);
}

export function what_was_not_answered_is_sent_again_in_its_order_after_a_reload() {
  const app = panel([task(1)]);
  app.expect('POST', '', 503, '', { 'Retry-After': '3' });
  type(app.find('.new-task'), 'first');
  submit(app.find('.task-form'));
  app.httpBackend.flush();
  app.digest();
  equal(app.find('.task-note').textContent, 'waiting');
  app.rows()[1].querySelector('.tick').click();
  app.digest();
  equal(localStorage.length, 2);
  const [{ nonce }] = app.taskOutbox.changes;
  app.taskOutbox.isHalted = true;
  const seen = [];
  const next = panel([task(1)], ({ expect }) => {
    seen.push(expect('POST', '', 201, task(5, { text: 'first' })));
    seen.push(expect('PATCH', '/5', 200, task(5, { text: 'first', done: true, changed: 6 })));
  });
  equal([seen[0].nonce, seen[1].done, localStorage.length], [nonce, true, 0]);
  equal([next.texts(), next.rows()[1].querySelector('.tick').checked], [['task 1', 'first'], true]);
}

export function what_is_refused_stays_until_its_author_has_read_why() {
  const app = panel([]);
  app.expect('POST', '', 400, { error: { code: 'unknown_member', message: 'There is nobody of that name.' } });
  type(app.find('.new-task'), 'for nobody');
  submit(app.find('.task-form'));
  app.answer();
  equal(app.find('.task-trouble .error-text').textContent, 'There is nobody of that name.');
  app.element.querySelectorAll('.task-trouble button')[1].click();
  settle(app);
  equal([app.rows().length, localStorage.length], [0, 0]);
}

export async function moving_is_one_change_and_the_focus_goes_along() {
  const app = panel([task(1), task(2), task(3)]);
  const tick = app.rows()[2].querySelector('.tick');
  tick.focus();
  const sent = app.expect('PATCH', '/3', 200, task(3, { rank: 'r001m', changed: 20 }));
  press(tick, 'ArrowUp', { altKey: true });
  await null;  // as between two keys that wait
  equal([app.texts(), document.activeElement === tick], [['task 1', 'task 3', 'task 2'], true]);
  app.answer();
  equal([sent.before, app.texts()], [2, ['task 1', 'task 3', 'task 2']]);
}

export function of_what_is_known_the_newest_counts_whatever_comes_last() {
  const store = new TaskStore();
  store.load([task(1), task(2)], 10);
  store.receive({ seq: 12, kind: 'task_done', target: 1, task: task(1, { done: true, changed: 12 }) });
  store.receive({ seq: 13, kind: 'task_removed', target: 2, task: null });
  store.receive({ seq: 14, kind: 'task_made', task: task(14) });
  store.receive({ seq: 15, kind: 'task_changed', target: 1 });
  store.load([task(1), task(2)], 11);
  equal(store.inOrder.map(({ id, done }) => [id, done]), [[1, true], [14, false]]);
  store.load([], 20);
  equal(store.inOrder, []);
}

export function rows_keep_their_order_while_one_is_edited() {
  const rows = (...keys) => keys.map((key) => ({ key }));
  const order = (now, before, editing) => inStillOrder(rows(...now), rows(...before), editing).map(({ key, isGone }) => (isGone ? -key : key));
  equal(order([3, 1, 2], [1, 2, 3], 2), [1, 2, 3]);
  equal(order([9, 1, 8, 2, 7], [1, 2], 2), [9, 1, 8, 2, 7]);
  equal(order([1, 3], [1, 2, 3], 2), [1, -2, 3]);
  equal(order([1, 2], [1, 2, 3], 2), [1, 2]);
}
