// What is read from the site by plain pages: older messages, and, where no live connection can be had, posting by the
// form.

import { element } from './element.js';
import { whereOneReads, withoutLosingFocus } from './focus.js';
import { ownerOf, parse } from './who.js';
import { say } from './words.js';

const PATIENCE = 30_000;  // ms for the answer to a form
const TEMPORARY = new Set([408, 425, 429]);

export class Pages {
  // meets(name) is told when a page comes that was made for somebody else than this one.
  constructor({ conversation, meets }) {
    Object.assign(this, { conversation, meets });
    this.turn = document.getElementById('turn');
    this.turn.addEventListener('click', (event) => this.turnBack(event));
    conversation.trimmed = () => this.pointBefore(conversation.oldest);
  }

  async turnBack(event) {
    const link = event.target.closest('a');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.isLoading) return;
    this.isLoading = true;
    link.textContent = say('loading');
    await this.showOlder(link.href).catch(() => { link.textContent = say('not_loaded'); });
    this.isLoading = false;
  }

  async showOlder(address) {
    const answer = await fetch(address);
    if (isSignIn(answer)) return location.assign(address);
    if (!answer.ok) throw new Error(answer.statusText);
    const page = parse(await answer.text());
    if (!this.isOurs(page)) throw new Error('made for another');
    this.conversation.prepend(rowsOf(page));
    this.fill(page.getElementById('turn')?.childNodes ?? []);
  }

  fill(nodes) {
    const next = () => this.turn.querySelector('a') ?? whereOneReads();
    withoutLosingFocus(this.turn, () => this.turn.replaceChildren(...nodes), next);
  }

  // What stood above `seq` has left the page: the link leads to it.
  pointBefore(seq) {
    const link = element('a', '', say('older'));
    link.id = 'older';
    link.rel = 'prev';
    link.href = `${this.conversation.place}?before=${seq}`;
    this.fill([link]);
  }

  // Whether a page was made for the same member as this one: what another one sees does not belong here.
  isOurs(page) {
    const owner = ownerOf(page);
    if (owner === null || owner === ownerOf(document)) return true;
    this.meets(owner);
    return false;
  }

  // Post as the form does. Return {isStored, rows} with the rows of the page that came back; {why} it is refused, and
  // whether one mayTryAgain; {later}, in seconds if the site says so; or {} if it could not be asked.
  async post(form, item) {
    let [answer, page] = await send(form, item);
    const token = page.querySelector('.kept [name=_xsrf]');
    if (answer.status === 403 && token && this.isOurs(page)) {  // ours was of a cookie that is not there any more
      form.elements._xsrf.value = token.value;
      [answer, page] = await send(form, item);
    }
    return this.isOurs(page) ? outcomeOf(answer, page) : {};
  }
}

async function send(form, { body, nonce }) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set('body', body);
  fields.set('nonce', nonce);
  const answer = await fetch(form.action, { method: 'POST', body: fields, signal: AbortSignal.timeout?.(PATIENCE) });
  return [answer, parse(await answer.text())];
}

// A page that is not the room's comes from somebody on the way, who knows nothing of what is stored.
function outcomeOf(answer, page) {
  if (answer.ok) return page.getElementById('room') ? { isStored: true, rows: rowsOf(page) } : {};
  if (answer.status > 500 || TEMPORARY.has(answer.status)) return { later: Number(answer.headers.get('Retry-After')) };
  const why = page.querySelector('#refusal:not([hidden]), .card .lead')?.textContent;
  if (answer.status === 413) return { why: why ?? say('refused_too_long') };
  return { why: why ?? say('refused_bad_message'), mayTryAgain: answer.status === 500 || why === undefined };
}

const isSignIn = (answer) => answer.redirected && new URL(answer.url).pathname === '/login';
const rowsOf = (page) => [...page.querySelectorAll('#rows > .row')];
