// The round button, which leads to the first message that is new to the reader, then to the newest.

import { withoutLosingFocus } from './focus.js';
import { translate } from './locale.js';
import { previousRow } from './rows.js';

export class Jump {
  constructor(conversation) {
    Object.assign(this, { conversation, scrolling: conversation.scrolling, newCount: 0, firstNew: null });
    this.button = document.getElementById('jump');
    this.button.addEventListener('click', () => this.leadOn());
    conversation.scroller.addEventListener('scroll', () => this.update(), { passive: true });
    this.showSince(conversation.rows.querySelector('.new-line'));
  }

  // The line above what was new when the page was made says since when.
  showSince(line) {
    const { room, path, isPast, oldestSeq } = this.conversation;
    const read = Number(room.dataset.read);
    const isFurtherUp = !line && oldestSeq > read + 1 && document.getElementById('older');
    this.firstNewAddress = isFurtherUp && !isPast ? `${path}?after=${read}` : '';
    if (line && !this.scrolling.isInSight(line)) this.firstNew = line;
    const before = line && previousRow(line);
    if (!before) return;
    line.firstElementChild.textContent = translate('new_since', { time: before.querySelector('time').textContent });
  }

  // Rows are about to be added below what the reader sees; `row` is the first of them that is new.
  expect(row) {
    if (!this.newCount && !this.scrolling.isAtBottom()) this.firstNew = row;
  }

  // Show the button where the newest messages are not in sight, with how many have come; `added` of them just now.
  update(added = 0) {
    const isAtBottom = this.scrolling.isAtBottom();
    this.newCount = isAtBottom ? 0 : this.newCount + added;
    if (this.firstNew && this.scrolling.isInSight(this.firstNew)) this.firstNew = null;
    const words = this.newCount ? translate('new_messages', { n: this.newCount }) : translate('to_newest');
    this.button.textContent = this.newCount || '';
    this.button.title = words;
    this.button.setAttribute('aria-label', words);
    withoutLosingFocus(this.button, () => { this.button.hidden = isAtBottom; });
  }

  // Lead to the first new message, if it is further down and was not in sight yet, then to the newest.
  leadOn() {
    const { firstNew } = this;
    this.firstNew = null;
    if (firstNew?.isConnected && this.scrolling.revealBelow(firstNew)) this.update();
    else if (this.firstNewAddress) location.assign(this.firstNewAddress);
    else if (this.conversation.isPast) location.assign(this.conversation.path);
    else this.toNewest();
  }

  toNewest() {
    this.scrolling.toBottom();
    this.update();
  }
}
