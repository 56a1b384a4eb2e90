// Fetches plain pages of the site: older messages, and the answer to a message that is posted by the form.

import { element } from './element.js';
import { scroller, withoutLosingFocus } from './focus.js';
import { ownerOf, parseHtml } from './identity.js';
import { translate } from './locale.js';

const POST_TIMEOUT_MS = 30_000;
const TEMPORARY_STATUSES = new Set([408, 425, 429]);

export class Pages {
  // onOtherMember(name) is called when a fetched page was made for another member than this one ('': a visitor).
  constructor({ conversation, onOtherMember }) {
    Object.assign(this, { conversation, onOtherMember });
    this.paging = document.getElementById('paging');
    this.paging.addEventListener('click', (event) => this.onPagingClick(event));
    conversation.onTrim = () => this.showLinkBefore(conversation.oldestSeq);
  }

  async onPagingClick(event) {
    const link = event.target.closest('a');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    if (this.isLoading) return;
    this.isLoading = true;
    link.textContent = translate('loading');
    await this.showOlder(link.href).catch(() => { link.textContent = translate('not_loaded'); });
    this.isLoading = false;
  }

  async showOlder(address) {
    const response = await fetch(address);
    if (isSignIn(response)) return location.assign(address);
    if (!response.ok) throw new Error(response.statusText);
    const page = parseHtml(await response.text());
    if (!this.isForThisMember(page)) throw new Error('the page was made for another member');
    this.conversation.prepend(rowsOf(page));
    this.showPaging(page.getElementById('paging')?.childNodes ?? []);
  }

  showPaging(nodes) {
    const fallback = () => this.paging.querySelector('a') ?? scroller();
    withoutLosingFocus(this.paging, () => this.paging.replaceChildren(...nodes), fallback);
  }

  // Link to the messages before `seq`, which were removed from this page.
  showLinkBefore(seq) {
    const link = element('a', '', translate('older'));
    link.id = 'older';
    link.rel = 'prev';
    link.href = `${this.conversation.path}?before=${seq}`;
    this.showPaging([link]);
  }

  // Whether a page was made for the same member as this one: what another member sees must not be mixed in.
  isForThisMember(page) {
    const owner = ownerOf(page);
    if (owner === null || owner === ownerOf(document)) return true;
    this.onOtherMember(owner);
    return false;
  }

  // Post an outbox item as the form does. Return {isStored, rows} with the rows of the page that came back;
  // {why, mayTryAgain} if it is refused; {retryAfter}, in seconds or 0, if it can't be taken now; or {} if the
  // answer is not the site's own.
  async post(form, item) {
    let [response, page] = await submit(form, item);
    const token = page.querySelector('.unsent [name=_xsrf]');
    if (response.status === 403 && token && this.isForThisMember(page)) {  // the cookie that our token was for is gone
      form.elements._xsrf.value = token.value;
      [response, page] = await submit(form, item);
    }
    return this.isForThisMember(page) ? outcomeOf(response, page) : {};
  }
}

async function submit(form, { body, nonce }) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set('body', body);
  fields.set('nonce', nonce);
  const signal = AbortSignal.timeout?.(POST_TIMEOUT_MS);
  const response = await fetch(form.action, { method: 'POST', body: fields, signal });
  return [response, parseHtml(await response.text())];
}

// A page other than the room's comes from something between browser and site (a captive portal, for example), which
// does not know whether the message is stored.
function outcomeOf(response, page) {
  if (response.ok) return page.getElementById('room') ? { isStored: true, rows: rowsOf(page) } : {};
  if (response.status > 500 || TEMPORARY_STATUSES.has(response.status)) {
    return { retryAfter: Number(response.headers.get('Retry-After')) };
  }
  const why = page.querySelector('#refusal:not([hidden]), .card .lead')?.textContent;
  if (response.status === 413) return { why: why ?? translate('refused_too_long') };
  return { why: why ?? translate('refused_bad_message'), mayTryAgain: response.status === 500 || why === undefined };
}

const isSignIn = (response) => response.redirected && new URL(response.url).pathname === '/login';
const rowsOf = (page) => [...page.querySelectorAll('#rows > .row')];
