// Shows what entries change in messages that are on the page: their text, reactions and answers, or that they are gone.

import { markMentions, replaceMessage } from './rows.js';
import { translate } from './locale.js';

const LINES = new Set(['post', 'note']);  // the kinds of entries that have a row of their own
const MAX_KEPT = 200;  // changes that may come before the older page that they belong to

export class Changes {
  constructor(conversation) {
    this.conversation = conversation;
    this.kept = [];  // pairs of the time when each came, by performance.now(), and the entry
  }

  // Remember an entry for rows that are fetched just now.
  keep(entry) {
    this.kept.push([performance.now(), entry]);
    if (this.kept.length > MAX_KEPT) this.kept.shift();
  }

  // Apply what came since a page was asked for, since that page may be older.
  applySince(time) {
    for (const [at, entry] of this.kept) if (at >= time) this.apply(entry);
  }

  apply(entry) {
    const { kind, seq, target, html, others = {}, quote, author } = entry;
    const own = author === this.conversation.me ? entry : null;
    if (html !== undefined) this.show(LINES.has(kind) ? seq : target, html, own);  // else a later change brings it
    for (const [seq, itsHtml] of Object.entries(others)) this.show(seq, itsHtml, null);
    if (quote !== undefined) this.showQuote(target, quote);
  }

  // Show the message `seq` as it is now; without HTML it has no place any more.
  show(seq, html, own) {
    const row = this.conversation.rowOf(seq);
    if (!row) return;
    if (!html) return this.remove(row);
    const hadFocus = row.contains(document.activeElement);
    replaceMessage(row, html, own);
    markMentions(row, this.conversation.me);
    this.conversation.refresh(row);
    if (hadFocus) row.focus({ preventScroll: true });
  }

  remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    if (row.contains(document.activeElement)) next?.closest('.row')?.focus({ preventScroll: true });
    row.remove();
    this.conversation.arrangeAll();
  }

  // Show the first words of a message where answers quote them; none are left of one that was deleted.
  showQuote(target, words) {
    for (const link of this.conversation.rows.querySelectorAll(`.quote a[data-target="${Number(target)}"]`)) {
      link.querySelector('.words').textContent = words || translate('deleted');
    }
  }
}
