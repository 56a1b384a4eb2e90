// What can be done with a message: a card of buttons beside it on hover and focus, a menu with all of it, and keys.
//
// The rows are reached by Tab as one, the arrows move between them, Tab goes into the one that has the focus.

import { element } from './element.js';
import { isTouchOnly } from './focus.js';
import { translate } from './locale.js';
import { authorOf, isNote, PARTS, seqOf } from './rows.js';
import { load, save } from './storage.js';

const USUAL_EMOJI = ['\u{1f44d}', '\u2764\ufe0f', '\u{1f604}'];
const EMOJI_KEY = 'prosa.emoji';
const LONG_PRESS_MS = 450;
const KEYS = { e: 'edit', r: 'reply', '+': 'menu', Enter: 'menu' };
const STEPS = { ArrowUp: -1, ArrowDown: 1 };

export class Actions {
  // `live` is set once the room is live; on a page of the past, what is done goes by the forms of the message's page.
  constructor({ room, conversation, composer, pages, announcer }) {
    Object.assign(this, { room, composer, pages, announcer, me: room.dataset.me, rows: conversation.rows, live: null });
    this.toolbar = this.createToolbar();
    this.menu = null;  // loaded with its first use
    this.rows.addEventListener('pointerover', (event) => this.onPointerOver(event));
    this.rows.addEventListener('focusin', ({ target }) => this.activate(target.closest('.row')));
    this.rows.addEventListener('keydown', (event) => this.onKeydown(event));
    this.rows.addEventListener('click', (event) => this.onClick(event));
    this.watchLongPress();
    this.setEntrance();
    conversation.onChange = () => this.setEntrance();
  }

  get isReadOnly() { return 'archived' in this.room.dataset || !this.live; }
  get emoji() { return load('localStorage', EMOJI_KEY, USUAL_EMOJI); }

  // Put an emoji that was used first among those in the card.
  remember(emoji) {
    save('localStorage', EMOJI_KEY, [emoji, ...this.emoji.filter((one) => one !== emoji)].slice(0, USUAL_EMOJI.length));
    this.toolbar.remove();
    this.toolbar = this.createToolbar();
  }

  // --- the row that is active

  // Tab leads to the last row, until another one was reached.
  setEntrance() {
    if (this.active?.isConnected) return;
    const rows = this.rows.querySelectorAll('.row');
    for (const row of rows) row.tabIndex = -1;
    if (rows.length) rows[rows.length - 1].tabIndex = 0;
  }

  activate(row) {
    if (!row || row === this.active) return;
    this.setPartsReachable(this.active, false);
    for (const other of this.rows.querySelectorAll('.row[tabindex="0"]')) other.tabIndex = -1;
    this.active = row;
    row.tabIndex = 0;
    this.setPartsReachable(row, true);
    this.showToolbar(row);
  }

  setPartsReachable(row, isReachable) {
    for (const part of row?.querySelectorAll(PARTS) ?? []) part.tabIndex = isReachable ? 0 : -1;
  }

  showToolbar(row) {
    if (this.isReadOnly || isTouchOnly.matches || !canBeChanged(row)) return;
    if (this.toolbar.parentElement !== row) row.append(this.toolbar);
  }

  onPointerOver({ target, pointerType }) {
    const row = target.closest('.row');
    if (row && pointerType === 'mouse' && !this.toolbar.contains(document.activeElement)) this.showToolbar(row);
  }

  createToolbar() {
    const toolbar = element('div', 'toolbar');
    for (const emoji of this.emoji) toolbar.append(createButton('react', translate('react_with', { emoji }), emoji));
    toolbar.append(createButton('reply', translate('do_reply')), createButton('menu', translate('more_actions')));
    return toolbar;
  }

  // --- keys, clicks, presses

  onKeydown(event) {
    const row = event.target.closest('.row');
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target !== row) {
      if (event.key === 'Escape') row.focus();
      return;
    }
    if (Object.hasOwn(STEPS, event.key)) this.moveFrom(row, STEPS[event.key]);
    else if (Object.hasOwn(KEYS, event.key)) this.run(KEYS[event.key], row);
    else return;
    event.preventDefault();
  }

  moveFrom(row, step) {
    const rows = [...this.rows.querySelectorAll('.row')];
    const next = rows[rows.indexOf(row) + step];
    if (next) next.focus();
    else if (step > 0) this.composer.field.focus();
  }

  onClick(event) {
    const row = event.target.closest('.row');
    if (!row || this.isReadOnly || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const [button, pill, more] = ['.toolbar button', '.reaction', '.more'].map((one) => event.target.closest(one));
    if (button) this.run(button.dataset.deed, row, button.dataset.emoji);
    else if (pill) this.run('react', row, pill.dataset.emoji);
    else if (more) this.run('menu', row);
    else return;
    event.preventDefault();
  }

  // On touch a long press opens the menu; moving the finger scrolls.
  watchLongPress() {
    let timer = null;
    this.rows.addEventListener('pointerdown', ({ target, pointerType }) => {
      const row = target.closest('.row');
      if (pointerType !== 'touch' || !row || target.closest('a, button')) return;
      timer = setTimeout(() => this.run('menu', row), LONG_PRESS_MS);
    });
    for (const type of ['pointerup', 'pointercancel', 'pointermove']) {
      this.rows.addEventListener(type, () => clearTimeout(timer));
    }
  }

  // --- deeds

  run(deed, row, emoji) {
    if (this.isReadOnly || !canBeChanged(row)) return;
    const deeds = {
      menu: () => this.openMenu(row).catch(() => location.assign(row.querySelector('.more').href)),
      react: () => this.react(row, emoji),
      reply: () => this.reply(row),
      edit: () => this.edit(row),
      delete: () => this.change(row, { type: 'delete' }),
      unread: () => this.live.reading.unreadFrom(seqOf(row)),
      copy: () => this.copy(new URL(row.querySelector('.when').getAttribute('href'), location.href).href),
      copy_text: () => this.copy(row.querySelector('.body').innerText),
      write: () => import('./person.js').then(({ writeTo }) => writeTo(authorOf(row))),
      task: () => import('./make_task.js').then(({ makeTask }) => makeTask(row, this.announcer)),
      open: () => location.assign(row.querySelector('.more').href),
    };
    deeds[deed]();
  }

  // Once it is loaded it opens before the next key, which is meant for it.
  async openMenu(row) {
    if (!this.menu) {
      const { MessageMenu } = await import('./menu.js');
      this.menu ??= new MessageMenu({ onChoice: (deed, it, emoji) => this.run(deed, it, emoji) });
    }
    this.menu.open(row, this.choicesFor(row), this.emoji);
  }

  choicesFor(row) {
    const isOwn = authorOf(row) === this.me;
    return [
      'reply',
      ...(isOwn ? ['edit'] : []),
      'task',
      'copy',
      'copy_text',
      'unread',
      ...(isOwn ? [] : ['write']),
      ...(isOwn || this.room.dataset.admin ? ['delete'] : []),
      'open',
    ];
  }

  change(row, fields) {
    this.live.post({ ...fields, target: seqOf(row) });
  }

  react(row, emoji) {
    const pill = [...row.querySelectorAll('.reaction')].find((one) => one.dataset.emoji === emoji);
    this.change(row, { type: pill?.matches('.own') ? 'unreact' : 'react', emoji });
    this.remember(emoji);
  }

  reply(row) {
    this.composer.reply({ seq: seqOf(row), author: authorOf(row), words: row.querySelector('.body').innerText });
  }

  // The text as it was written is on the message's page.
  async edit(row) {
    if (authorOf(row) !== this.me) return;
    const page = await this.pages.load(row.querySelector('.more').href).catch(() => null);
    const text = page?.getElementById('text')?.value;
    if (text === undefined) this.composer.showRefusal(translate('message_not_loaded'));
    else this.composer.edit({ seq: seqOf(row), body: text });
  }

  editLast(event) {
    const row = [...this.rows.querySelectorAll('.row.own')].filter(canBeChanged).at(-1);
    if (!row || this.isReadOnly) return;
    event.preventDefault();
    this.edit(row);
  }

  async copy(text) {
    const isCopied = await navigator.clipboard?.writeText(text).then(() => true, () => false);
    if (isCopied) this.announcer.announce([translate('copied')]);
    else prompt(translate('copy_by_hand'), text);
  }
}

const canBeChanged = (row) => !isNote(row) && !row.querySelector('.message.deleted');

function createButton(deed, label, emoji = '') {
  const button = element('button', `do-${deed}`, emoji);
  Object.assign(button, { type: 'button', title: label });
  Object.assign(button.dataset, { deed, emoji });
  button.setAttribute('aria-label', label);
  return button;
}
