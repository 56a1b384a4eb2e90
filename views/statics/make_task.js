// Makes a task of a message, and says so with a link to it.

import { countCharacters } from './body.js';
import { element } from './element.js';
import { formToken } from './identity.js';
import { translate } from './locale.js';
import { createNonce } from './retrying.js';
import { seqOf } from './rows.js';

const MAX_TASK_CHARS = 500;  // as models/tasks.py has it
const TIMEOUT_MS = 30_000;   // after which an answer is not waited for any more

// Add a task with the words of a row's message to the room's list.
export async function makeTask(row, announcer) {
  const { pathname } = location;
  const text = shorten(row.querySelector('.body').innerText.replace(/\s+/g, ' ').trim());
  const answer = await fetch(`/api${pathname}/tasks`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Xsrftoken': formToken() },
    body: JSON.stringify({ text, source: seqOf(row), nonce: createNonce() }),
    signal: AbortSignal.timeout?.(TIMEOUT_MS),
  }).catch(() => null);
  const words = answer?.ok ? translate('is_task', { text }) : await whyNot(answer);
  show(words, answer?.ok ? `${pathname}/tasks` : '');
  announcer.announce([words]);
}

async function whyNot(answer) {
  const { error } = (await answer?.json().catch(() => null)) ?? {};
  return error?.message ?? translate('no_task');
}

function shorten(text) {
  return countCharacters(text) > MAX_TASK_CHARS ? `${[...text].slice(0, MAX_TASK_CHARS - 1).join('')}…` : text;
}

// Say something above the message box until it is closed, with a link to the tasks.
function show(words, address) {
  document.querySelector('.said')?.remove();
  const said = element('div', 'said');
  said.append(element('bdi', '', words));
  if (address) said.append(Object.assign(element('a', '', translate('to_tasks')), { href: address }));
  const close = Object.assign(element('button', 'quiet', translate('close')), { type: 'button', onclick: () => said.remove() });
  said.append(close);
  document.querySelector('.bottom').prepend(said);
}
