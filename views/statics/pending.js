// The member's own messages that the server does not have yet: rows below those that it has rendered.

import { element } from './element.js';
import { withoutLosingFocus } from './focus.js';
import { personPath } from './identity.js';
import { showLocalTime, translate } from './locale.js';

const LABEL_CHARS = 40;  // of a failed message, to tell its buttons from another's

export class PendingRows {
  constructor(conversation) {
    this.conversation = conversation;
    this.list = document.getElementById('outbox');
  }

  get rows() { return [...this.list.children]; }

  rowOf(nonce) {
    return nonce ? this.list.querySelector(`[data-nonce="${CSS.escape(nonce)}"]`) : null;
  }

  // Show an outbox item in its present state. `actions` are pairs of a button's text and its function.
  show(item, actions) {
    withoutLosingFocus(this.rowOf(item.nonce), () => this.conversation.changeRows(() => this.update(item, actions)));
  }

  update(item, actions) {
    const row = this.rowOf(item.nonce) ?? this.add(item);
    const hasFailed = item.state === 'failed';
    if (hasFailed && !row.matches('.failed')) {
      this.conversation.announcer.announce([`${translate('not_sent')}. ${item.why}`]);
    }
    row.className = `row own${hasFailed ? ' failed' : item.state === 'stored' ? '' : ' pending'}`;
    for (const note of row.querySelectorAll('.note')) note.textContent = noteOf(item);
    row.querySelector('time').hidden = item.state !== 'stored';
    row.querySelector('.actions')?.remove();
    if (hasFailed) row.querySelector('.message').append(createActions(item, actions));
    this.group();
  }

  // message.html as the server renders it, with the text as it was written.
  add(item) {
    const row = element('li', 'row own');
    Object.assign(row.dataset, { nonce: item.nonce, at: item.at / 1000 });
    row.append(document.getElementById('own-message').content.cloneNode(true));
    const [time, body] = [row.querySelector('time'), row.querySelector('.body')];
    row.querySelector('.author').href = personPath(this.conversation.me);
    time.dateTime = new Date(item.at).toISOString();
    showLocalTime(time);
    row.querySelector('.heading').append(element('span', 'note'));
    body.classList.add('plain');
    body.append(element('p', '', item.body), ' ', element('span', 'note'));
    document.getElementById('empty')?.remove();
    this.list.append(row);
    return row;
  }

  remove(item) {
    const row = this.rowOf(item.nonce);
    withoutLosingFocus(row, () => this.conversation.changeRows(() => {
      row?.remove();
      this.group();
    }));
  }

  // The first follows on the last of the rows that the server has rendered.
  group() {
    for (const row of this.rows) {
      this.conversation.group(row, row.previousElementSibling ?? this.conversation.rows.lastElementChild);
    }
  }
}

// The state of an outbox item in a word, beside the name, or after the text where the name is not shown.
function noteOf({ state }) {
  if (state === 'failed') return translate('not_sent');
  if (state === 'stored') return '';
  return state === 'sent' ? translate('sending') : translate('waiting');
}

function createActions({ why, body }, actions) {
  const box = element('p', 'actions');
  if (why) box.append(element('span', 'error-text', why));
  for (const [text, onclick] of actions) {
    const button = element('button', '', text);
    Object.assign(button, { type: 'button', onclick });
    button.setAttribute('aria-label', `${text}: ${body.slice(0, LABEL_CHARS)}`);
    box.append(button);
  }
  return box;
}
