// Where in the conversation the reader is, and how they stay there while it changes around them.

const NEAR = 48;  // px from the bottom that count as being there

export class Scrolling {
  // rows() returns all messages, in their order.
  constructor({ scroller, ending, rows }) {
    Object.assign(this, { scroller, ending, rows, rest: 0 });
  }

  isAtBottom() { return Math.abs(this.scroller.scrollTop) < NEAR; }

  toBottom() {
    this.scroller.scrollTop = 0;
    this.pad(0);
  }

  // Who reads further up keeps what is under their eyes; who is at the bottom stays there.
  holding(change) {
    if (this.isAtBottom()) {
      change();
      this.toBottom();
    } else {
      const anchor = this.topmost();
      const top = anchor && topOf(anchor);
      change();
      if (anchor?.isConnected) this.keep(anchor, top);
    }
  }

  // Browsers scroll by whole pixels of the screen, rows have fractions of one: what is left of one goes below
  // the last row, lest the text drifts away by it with each message.
  keep(anchor, top) {
    this.scroller.scrollTop += topOf(anchor) - top + this.rest;
    const rest = this.rest + topOf(anchor) - top;
    this.pad(Math.abs(rest) < 1 ? rest : 0);
  }

  pad(rest) {
    if (rest !== this.rest) this.ending.style.marginTop = `${rest}px`;
    this.rest = rest;
  }

  // Only messages: day lines and passing lines are drawn anew when what is around them changes.
  topmost() {
    const top = topOf(this.scroller);
    const rows = this.rows();
    return rows.find((row) => row.getBoundingClientRect().bottom > top) ?? rows.at(-1);
  }

  // Scroll up as far as it takes to see this line.
  show(line) {
    const above = topOf(this.scroller) + 8 - topOf(line);
    if (above > 0) this.scroller.scrollTop -= above;
  }
}

const topOf = (thing) => thing.getBoundingClientRect().top;
