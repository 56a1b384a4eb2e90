// Completes names after @ and emoji after : in the message box, from a list above it.

import { element } from './element.js';
import { isTouchOnly } from './focus.js';
import { Listbox } from './listbox.js';
import { translate } from './locale.js';
import { fold, matches } from './matching.js';
import { PeopleSearch, picture } from './people.js';

const MAX_CHOICES = 8;
const MAX_TOKEN_CHARS = 100;  // before the caret, in which the sign is looked for
const EVERYBODY = 'room';  // @room, as the server knows it
// What is typed at the caret, after a sign that begins a word. A name may have spaces.
const PERSON = /(?<![\p{L}\p{N}_@])@([\p{L}\p{N}_][^\n@]*)$/u;
const EMOJI = /(?<![\p{L}\p{N}_:]):([\p{L}\p{N}_+][\p{L}\p{M}\p{N}_+’-]+)$/u;
const WORD = /^[\p{L}\p{N}_]/u;

export class Completion {
  // announcer tells screen readers how many choices there are.
  constructor({ form, announcer }) {
    Object.assign(this, { field: form.elements.body, announcer, token: null, dismissed: null });
    this.people = new PeopleSearch(`${form.getAttribute('action')}/people`);
    this.listbox = new Listbox({
      field: this.field,
      place: this.field.parentElement,
      label: translate('completions'),
      keys: ['Enter', 'Tab'],
      onTake: (choice) => this.take(choice),
      onEscape: () => { this.dismissed = this.token; },
    });
    this.field.addEventListener('input', (event) => this.onInput(event));
    this.field.addEventListener('compositionend', () => this.update());
    document.addEventListener('selectionchange', () => this.onSelectionChange());
  }

  // An input method has its own list of choices. On-screen keyboards compose each word, but ask for no choice.
  onInput({ isComposing }) {
    if (!isComposing || isTouchOnly.matches) this.update();
  }

  onSelectionChange() {
    if (this.listbox.isOpen && tokenAt(this.field)?.text !== this.token.text) this.listbox.close();
  }

  // Show the choices for what is typed at the caret, if there are any.
  async update() {
    const token = this.token = tokenAt(this.field);
    if (!continues(token, this.dismissed)) this.dismissed = null;
    if (!token || this.dismissed) {
      this.listbox.close();
      return;
    }
    // Until the answer comes, Enter takes nothing that does not fit any more.
    this.show(this.listbox.choices.filter(({ key }) => key.includes(fold(token.typed))));
    const choices = token.isPerson ? await this.findPeople(token.typed) : await findEmoji(token.typed);
    if (choices && this.token === token && document.activeElement === this.field) this.show(choices);
  }

  // Show choices, unless the only one is what is typed already: then Enter sends the message.
  show(choices) {
    const offered = choices.length === 1 && choices[0].text === this.token.text ? [] : choices;
    const n = offered.length;
    if (n && !this.listbox.isOpen) this.announcer.announce([translate('completion_choices', { n })]);
    this.listbox.show(offered);
  }

  async findPeople(typed) {
    const people = await this.people.find(typed);
    const choices = people?.map((one) => createChoice(`@${one.username}`, picture(one), one.username, one.note));
    if (EVERYBODY.startsWith(typed.toLowerCase())) choices?.push(everybody());
    return choices;
  }

  // Put the choice in the place of what was typed. The browser's own undo brings that back.
  take({ text }) {
    this.field.setSelectionRange(this.token.start, this.token.end);
    this.dismissed = { start: this.token.start, text };
    document.execCommand('insertText', false, `${text} `);
  }
}

// Return what is typed at the caret: its `start` and `end`, its `text` with the sign, and what was `typed` after that.
function tokenAt({ value, selectionStart, selectionEnd: end }) {
  if (selectionStart !== end || WORD.test(value.slice(end, end + 2))) return null;
  const before = value.slice(Math.max(0, end - MAX_TOKEN_CHARS), end);
  const emoji = EMOJI.exec(before);
  const [text, typed] = emoji ?? PERSON.exec(before) ?? [];
  return text ? { text, typed, isPerson: !emoji, start: end - text.length, end } : null;
}

const continues = (token, earlier) => token?.start === earlier?.start && token?.text.startsWith(earlier?.text);

// Return a choice that puts `text` into the message: a sign, the name by which it is found, and perhaps a note.
function createChoice(text, sign, name, note = '') {
  const parts = [sign, element('bdi', 'name', name), ...(note ? [element('span', 'aside', note)] : [])];
  return { text, key: fold(name), parts };
}

function everybody() {
  const sign = picture({ initial: '@', tint: 'none' });
  return createChoice(`@${EVERYBODY}`, sign, EVERYBODY, translate('everybody'));
}

let table = null;  // a promise of all emoji, each with one of its names: { sign, name, key }

async function findEmoji(typed) {
  table ??= fetchEmoji();
  const [first, later] = matches(await table, fold(typed));
  const found = new Map();
  for (const one of [...first, ...later]) if (found.size < MAX_CHOICES && !found.has(one.sign)) found.set(one.sign, one);
  return [...found.values()].map(({ sign, name }) => createChoice(sign, emojiElement(sign), name.replaceAll('_', ' ')));
}

async function fetchEmoji() {
  try {
    const answer = await fetch('/emoji.json');
    const { emoji } = await answer.json();
    return emoji.flatMap(([sign, ...names]) => names.map((name) => ({ sign, name, key: fold(name) })));
  } catch {
    table = null;  // the next time perhaps
    return [];
  }
}

function emojiElement(sign) {
  const shown = element('span', 'emoji', sign);
  shown.setAttribute('aria-hidden', 'true');
  return shown;
}
