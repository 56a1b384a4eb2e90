// The message box: grows with the text, keeps a draft over reloads, and refuses a text that is too long before it is
// sent.

import { isTouchOnly } from './focus.js';
import { cleanBody, countCharacters, isVisible } from './body.js';
import { load, remove, save } from './storage.js';
import { translate } from './locale.js';

const TYPING_INTERVAL_MS = 3000;  // between two `typing` messages

export class Composer {
  // onSend({type, body, target}) returns 'sent' (clear the box), 'kept' (leave the text in it) or 'form' (let the browser
  // post it). onTyping() is called while the member types, at most once in TYPING_INTERVAL_MS. onEditLast() is called
  // for the arrow up in an empty box.
  constructor({ key, maxChars, onSend, onTyping, onEditLast }) {
    Object.assign(this, { key, maxChars, onSend, onTyping, onEditLast, typingSentAt: -TYPING_INTERVAL_MS });
    this.doing = null;  // a message that is being answered or edited: {type, target}
    this.bar = document.getElementById('doing');
    this.form = document.getElementById('composer');
    this.field = this.form.elements.body;
    this.refusal = document.getElementById('refusal');
    this.form.noValidate = true;
    this.form.autocomplete = 'off';  // the draft is kept for this member; the browser would show it to any other
    document.getElementById('hint').hidden = false;
    this.restoreDraft();
    this.form.addEventListener('submit', (event) => this.onSubmit(event));
    this.field.addEventListener('input', () => this.onInput());
    this.field.addEventListener('keydown', (event) => this.onKeydown(event));
    this.bar.querySelector('button').addEventListener('click', () => this.stopDoing());
  }

  // Show the draft of the last visit. It is removed once a post by the form has led to the page with #newest.
  restoreDraft() {
    const [navigation] = performance.getEntriesByType('navigation');
    if (location.hash === '#newest' && navigation?.type === 'navigate') remove('sessionStorage', this.key);
    if (!this.field.value) this.field.value = load('sessionStorage', this.key, '');
    this.fitHeight();
  }

  onInput() {
    if (this.doing?.type !== 'edit') save('sessionStorage', this.key, this.field.value);
    this.fitHeight();
    if (!this.isLasting) this.showRefusal('');
    if (!this.field.value.trim() || performance.now() - this.typingSentAt < TYPING_INTERVAL_MS) return;
    this.typingSentAt = performance.now();
    this.onTyping();
  }

  onKeydown(event) {
    if (event.key === 'Escape' && this.doing && !event.isComposing) return this.stopDoing(event);
    if (event.key === 'ArrowUp' && !this.field.value && !this.doing) return this.onEditLast(event);
    if (event.key !== 'Enter' || event.shiftKey || event.altKey) return;
    // 229: the Enter that ends a composition in Safari.
    if (event.isComposing || event.keyCode === 229) return;
    // An on-screen keyboard has no other key for a new line.
    if (isTouchOnly.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  onSubmit(event) {
    const body = cleanBody(this.field.value);
    const excess = countCharacters(body) - this.maxChars;
    if (!isVisible(body) || excess > 0) {
      event.preventDefault();
      if (isVisible(body)) this.showRefusal(translate('too_long', { n: excess, max: this.maxChars }));
      this.field.focus();
    } else {
      this.send(event, body);
    }
  }

  send(event, body) {
    const outcome = this.onSend({ type: 'post', ...this.doing, body });
    if (outcome !== 'form') event.preventDefault();
    if (outcome === 'sent' && this.doing?.type === 'edit') this.stopDoing();
    else if (outcome === 'sent') this.clear();
  }

  // --- answering and editing

  // Answer a message: `seq`, with its author and first words.
  reply({ seq, author, words }) {
    this.stopDoing();
    this.startDoing({ type: 'post', target: seq }, translate('replying', { name: author, words }));
    const field = this.form.elements.target ?? this.form.appendChild(document.createElement('input'));
    Object.assign(field, { type: 'hidden', name: 'target', value: seq });
  }

  // Edit a message of one's own; the draft in the box comes back afterwards.
  edit({ seq, body }) {
    this.stopDoing();
    this.startDoing({ type: 'edit', target: seq }, translate('editing'));
    this.field.value = body;
    this.fitHeight();
    this.field.setSelectionRange(body.length, body.length);
  }

  startDoing(doing, words) {
    this.doing = doing;
    this.bar.firstElementChild.textContent = words;
    this.bar.hidden = false;
    this.field.focus();
  }

  stopDoing(event) {
    event?.preventDefault();
    event?.stopPropagation();  // Escape leaves only this
    const wasEditing = this.doing?.type === 'edit';
    this.doing = null;
    this.bar.hidden = true;
    this.form.elements.target?.remove();
    if (!wasEditing) return;
    this.field.value = load('sessionStorage', this.key, '');
    this.fitHeight();
    this.field.focus();
  }

  // Put the text of a failed message back into the box, above the draft.
  putBack(text) {
    const draft = this.field.value;
    this.field.value = draft ? `${text}\n${draft}` : text;
    this.onInput();
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  clear() {
    this.stopDoing();
    this.field.value = '';
    this.typingSentAt = -TYPING_INTERVAL_MS;
    remove('sessionStorage', this.key);
    this.fitHeight();
    this.field.focus();
  }

  // Say why a message can't be sent, until the member types; `link` is [text, address].
  showRefusal(text, link) {
    this.isLasting = false;
    this.refusal.textContent = text;
    this.refusal.hidden = !text;
    if (!link) return;
    const anchor = document.createElement('a');
    [anchor.textContent, anchor.href] = link;
    this.refusal.append(' ', anchor);
  }

  // Say why no message can be sent, until another refusal is shown. An empty text removes only a lasting refusal.
  showLastingRefusal(text, link) {
    if (!text && !this.isLasting) return;
    this.showRefusal(text, link);
    this.isLasting = Boolean(text);
  }

  fitHeight() {
    this.form.classList.toggle('idle', !this.field.value.trim());
    if (CSS.supports('field-sizing', 'content')) return;
    this.field.style.height = 'auto';
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
