// Moves the member's read position when they have seen what is new: the page is in sight, and its end, too.

const INTERVAL_MS = 1000;  // at least, between two messages about it

export class Reading {
  // canRead() tells whether somebody may be looking, and the position can be sent; send(message) sends it; cursor() is
  // the seq of the newest entry on the page.
  constructor({ room, conversation, canRead, send, cursor }) {
    Object.assign(this, { room, conversation, canRead, send, cursor, sentSeq: 0, isHeld: false });
    conversation.scroller.addEventListener('scroll', () => this.update(), { passive: true });
  }

  // Look whether the position has to be moved, now or within the interval.
  update() {
    if (this.timer || this.isHeld || !this.hasRead()) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      if (!this.isHeld && this.hasRead()) this.tell();
    }, this.sentSeq ? INTERVAL_MS : 0);
  }

  hasRead() {
    return this.canRead() && this.cursor() > this.sentSeq && this.conversation.scrolling.isAtBottom();
  }

  tell() {
    const seq = this.cursor();
    if (this.send({ type: 'read', room: this.room, seq })) this.sentSeq = seq;
  }

  // Let this message and all after it be new again; nothing moves the position until the reader comes back.
  unreadFrom(seq) {
    this.isHeld = true;
    this.send({ type: 'unread', room: this.room, seq });
  }
}
