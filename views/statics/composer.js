// Where one writes: grows with the text, keeps it over reloads, and refuses what is too long before it is sent.

import { isTouchOnly } from './focus.js';
import { cleaned, isVisible, lengthOf } from './body.js';
import { forget, keep, recall } from './storage.js';
import { say } from './words.js';

const TYPING_EVERY = 3000;  // ms between two `typing`

export class Composer {
  // sends(body) returns 'taken', 'kept' (leave the text here) or 'form' (the browser shall post it).
  // types() is called now and then while somebody writes.
  constructor({ key, max, sends, types }) {
    Object.assign(this, { key, max, sends, types, typedAt: -TYPING_EVERY });
    this.form = document.getElementById('composer');
    this.field = this.form.elements.body;
    this.refusal = document.getElementById('refusal');
    this.form.noValidate = true;
    this.form.autocomplete = 'off';  // what is kept here is kept for its member; the browser would give it to anybody
    document.getElementById('hint').hidden = false;
    this.restore();
    this.form.addEventListener('submit', (event) => this.submit(event));
    this.field.addEventListener('input', () => this.written());
    this.field.addEventListener('keydown', (event) => this.pressed(event));
  }

  // What the browser has posted is kept until the page comes that a post leads to.
  restore() {
    const [arrival] = performance.getEntriesByType('navigation');
    if (location.hash === '#newest' && arrival?.type === 'navigate') forget('sessionStorage', this.key);
    if (!this.field.value) this.field.value = recall('sessionStorage', this.key, '');
    this.grow();
  }

  written() {
    keep('sessionStorage', this.key, this.field.value);
    this.grow();
    if (!this.isStanding) this.refuse('');
    if (!this.field.value.trim() || performance.now() - this.typedAt < TYPING_EVERY) return;
    this.typedAt = performance.now();
    this.types();
  }

  pressed(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.altKey) return;
    // 229: the Enter that ends a composition in Safari.
    if (event.isComposing || event.keyCode === 229) return;
    // On glass, Enter is the only way to a new line.
    if (isTouchOnly.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.form.requestSubmit();
  }

  submit(event) {
    const body = cleaned(this.field.value);
    const excess = lengthOf(body) - this.max;
    if (!isVisible(body) || excess > 0) {
      event.preventDefault();
      if (isVisible(body)) this.refuse(say('too_long', { n: excess, max: this.max }));
      this.field.focus();
    } else {
      this.handOver(event, body);
    }
  }

  handOver(event, body) {
    const answer = this.sends(body);
    if (answer !== 'form') event.preventDefault();
    if (answer === 'taken') this.clear();
  }

  // Put a text that was sent, and not taken, back to be changed; the draft that stands here follows it.
  takeBack(text) {
    const draft = this.field.value;
    this.field.value = draft ? `${text}\n${draft}` : text;
    this.written();
    this.field.focus();
    this.field.setSelectionRange(text.length, text.length);
  }

  clear() {
    this.field.value = '';
    this.typedAt = -TYPING_EVERY;
    forget('sessionStorage', this.key);
    this.grow();
    this.field.focus();
  }

  // Say in words why something can't be sent; `link` is [text, address].
  refuse(words, link) {
    this.isStanding = false;
    this.refusal.textContent = words;
    this.refusal.hidden = !words;
    if (!link) return;
    const anchor = document.createElement('a');
    [anchor.textContent, anchor.href] = link;
    this.refusal.append(' ', anchor);
  }

  // The same, until there are other words: they are about more than one message. None take those away that stand.
  stand(words, link) {
    if (!words && !this.isStanding) return;
    this.refuse(words, link);
    this.isStanding = Boolean(words);
  }

  grow() {
    if (CSS.supports('field-sizing', 'content')) return;
    this.field.style.height = 'auto';
    this.field.style.height = `${this.field.scrollHeight}px`;
  }
}
