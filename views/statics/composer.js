// The message box: grows with the text, keeps a draft over reloads, and refuses a text that is too long before it is
// sent.

import { isTouchOnly } from './focus.js';
import { cleanBody, countCharacters, isVisible } from './body.js';
import { load, remove, save } from './storage.js';
import { translate } from './locale.js';

const TYPING_INTERVAL_MS = 3000;  // between two `typing` messages

export class Composer {
  // onSend(body) returns 'sent' (clear the box), 'kept' (leave the text in it) or 'form' (let the browser post it).
  // onTyping() is called while the member types, at most once in TYPING_INTERVAL_MS.
  constructor({ key, maxChars, onSend, onTyping }) {
    Object.assign(this, { key, maxChars, onSend, onTyping, typingSentAt: -TYPING_INTERVAL_MS });
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
  }

  // Show the draft of the last visit. It is removed once a post by the form has led to the page with #newest.
  restoreDraft() {
    const [navigation] = performance.getEntriesByType('navigation');
    if (location.hash === '#newest' && navigation?.type === 'navigate') remove('sessionStorage', this.key);
    if (!this.field.value) this.field.value = load('sessionStorage', this.key, '');
    this.fitHeight();
  }

  onInput() {
    save('sessionStorage', this.key, this.field.value);
    this.fitHeight();
    if (!this.isLasting) this.showRefusal('');
    if (!this.field.value.trim() || performance.now() - this.typingSentAt < TYPING_INTERVAL_MS) return;
    this.typingSentAt = performance.now();
    this.onTyping();
  }

  onKeydown(event) {
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
    const outcome = this.onSend(body);
    if (outcome !== 'form') event.preventDefault();
    if (outcome === 'sent') this.clear();
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
    if (CSS.supports('field-sizing', 'content')) return;
    this.field.style.height = 'auto';
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
