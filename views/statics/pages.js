// Fetches plain pages of the site: older messages, and the answer to a message that is posted by the form.

import { element } from './element.js';
import { scroller, withoutLosingFocus } from './focus.js';
import { ownerOf, parseHtml, signInOf } from './identity.js';
import { translate } from './locale.js';

const NEAR_PX = 300;  // of the end of the page, where the next one is loaded
const TIMEOUT_MS = 30_000;  // after which an answer is not waited for any more
const TEMPORARY_STATUSES = new Set([408, 425, 429]);

export class Pages {
  // onOtherMember(signIn) is called when a fetched page was made for somebody else than this one (identity.js);
  // onEnd(head) when the newest messages have been added to a page of older ones: every entry up to `head` is in them.
  constructor({ conversation, onOtherMember, onEnd }) {
    Object.assign(this, { conversation, onOtherMember, onEnd });
    this.older = document.getElementById('paging');
    this.newer = document.getElementById('paging-newer');
    for (const place of [this.older, this.newer]) {
      place?.addEventListener('click', (event) => this.onPagingClick(event));
    }
    conversation.onTrim = () => this.showLinkBefore(conversation.oldestSeq);
    this.watch();
  }

  // Load on as the reader nears an end of the page.
  watch() {
    const near = new IntersectionObserver((changes) => {
      for (const { isIntersecting, target } of changes) if (isIntersecting && this.hasScrolled) this.loadOn(target);
    }, { root: this.conversation.scroller, rootMargin: `${NEAR_PX}px 0px` });
    this.conversation.scroller.addEventListener('scroll', () => { this.hasScrolled = true; }, { once: true });
    for (const place of [this.older, this.newer]) if (place) near.observe(place);
  }

  onPagingClick(event) {
    const link = event.target.closest('[rel]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.loadOn(link.parentElement);
  }

  async loadOn(place) {
    const link = place.querySelector('[rel]');
    if (!link || this.isLoading) return;
    this.isLoading = true;
    link.textContent = translate('loading');
    const show = place === this.newer ? this.showNewer : this.showOlder;
    await show.call(this, link.href).catch(() => { link.textContent = translate('not_loaded'); });
    this.isLoading = false;
  }

  async showOlder(address) {
    const fetchedAt = performance.now();
    const page = await this.load(address);
    if (!page) return;
    this.conversation.prepend(rowsOf(page), fetchedAt);
    this.showPaging(this.older, page.getElementById('paging'));
  }

  async showNewer(address) {
    const page = await this.load(address);
    if (!page) return;
    const showPaging = () => this.showPaging(this.newer, page.getElementById('paging-newer'));
    this.conversation.appendFurther(rowsOf(page), showPaging);
    const room = page.getElementById('room');
    if (!('past' in room.dataset)) this.onEnd(Number(room.dataset.head));
  }

  // Return a page of this room for this member; null if the browser goes to the sign-in instead.
  async load(address) {
    const response = await fetch(address, { signal: AbortSignal.timeout?.(TIMEOUT_MS) });
    if (isSignIn(response)) return location.assign(address), null;
    if (!response.ok) throw new Error(response.statusText);
    const page = parseHtml(await response.text());
    if (!this.isForThisMember(page)) throw new Error('the page was made for another member');
    return page;
  }

  // Show the links of a fetched page in the place of those here.
  showPaging(place, fetched) {
    const fallback = () => place.querySelector('a') ?? scroller();
    withoutLosingFocus(place, () => place.replaceChildren(...(fetched?.childNodes ?? [])), fallback);
  }

  // Link to the messages before `seq`, which were removed from this page.
  showLinkBefore(seq) {
    const link = element('a', '', translate('older'));
    link.id = 'older';
    link.rel = 'prev';
    link.href = `${this.conversation.path}?before=${seq}`;
    const place = element('p');
    place.append(link);
    this.showPaging(this.older, place);
  }

  // Whether a page was made for the same member as this one: what another member sees must not be mixed in.
  isForThisMember(page) {
    const signIn = signInOf(page);
    if (!signIn || signIn.name === ownerOf(document)) return true;
    this.onOtherMember(signIn);
    return false;
  }

  // Post an outbox item as the form does. Return {isStored, rows} with the rows of the page that came back;
  // {why, mayTryAgain} if it is refused; {retryAfter}, in seconds or 0, if it can't be taken now; or {} if the
  // answer is not the site's own.
  async post(form, item) {
    const path = this.conversation.path + pathOf(item);
    let [response, page] = await submit(form, path, item);
    const token = page.querySelector('.unsent [name=_xsrf]');
    if (response.status === 403 && token && this.isForThisMember(page)) {  // the cookie that our token was for is gone
      form.elements._xsrf.value = token.value;
      [response, page] = await submit(form, path, item);
    }
    return this.isForThisMember(page) ? outcomeOf(response, page, item) : {};
  }
}

async function submit(form, path, { type, nonce, body, emoji, target }) {
  const fields = new URLSearchParams({ _xsrf: form.elements._xsrf.value, nonce });
  if (body !== undefined) fields.set('body', body);
  if (emoji) fields.set('emoji', emoji);
  if (target && type === 'post') fields.set('target', target);
  const signal = AbortSignal.timeout?.(TIMEOUT_MS);
  const response = await fetch(path, { method: 'POST', body: fields, signal });
  return [response, parseHtml(await response.text())];
}

// A page other than the room's comes from something between browser and site (a captive portal, for example), which
// does not know whether the message is stored.
function outcomeOf(response, page, { type }) {
  const room = page.getElementById('room');
  if (response.ok && type !== 'post') return room ? { isStored: true, rows: [] } : {};
  if (response.ok) return room ? { isStored: true, rows: rowsOf(page) } : {};
  if (response.status > 500 || TEMPORARY_STATUSES.has(response.status)) {
    return { retryAfter: Number(response.headers.get('Retry-After')) };
  }
  const why = page.querySelector('#refusal:not([hidden]), .sheet .alert, .card .lead')?.textContent;
  if (response.status === 413) return { why: why ?? translate('refused_too_long') };
  return { why: why ?? translate('refused_bad_message'), mayTryAgain: response.status === 500 || why === undefined };
}

// Where the form of a message is sent, or of a change of a message.
const pathOf = ({ type, target }) => (type === 'post' ? '' : `/messages/${target}/${type.replace('unreact', 'react')}`);
const isSignIn = (response) => response.redirected && new URL(response.url).pathname === '/login';
const rowsOf = (page) => [...page.querySelectorAll('#rows > .row')];
