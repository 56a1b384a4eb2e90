// The scroll position of the conversation, which is kept while rows are added and removed around the reader.

const BOTTOM_PX = 48;      // so near to the bottom counts as being there
const REVEAL_MARGIN_PX = 8;

export class Scrolling {
  // scroller scrolls from the bottom (column-reverse), spacer stands below the last row. getRows() returns all rows of
  // messages, in order.
  constructor({ scroller, spacer, getRows }) {
    Object.assign(this, { scroller, spacer, getRows, remainder: 0 });
  }

  isAtBottom() { return Math.abs(this.scroller.scrollTop) < BOTTOM_PX; }

  toBottom() {
    this.scroller.scrollTop = 0;
    this.setRemainder(0);
  }

  // Call change(), which adds or removes rows. A reader at the bottom stays there; one further up keeps the topmost row
  // in its place.
  keepPosition(change) {
    if (this.isAtBottom()) {
      change();
      this.toBottom();
    } else {
      const anchor = this.topmostRow();
      const top = anchor && topOf(anchor);
      change();
      if (anchor?.isConnected) this.moveBack(anchor, top);
    }
  }

  // Call change() and keep `anchor` where it is, also for a reader at the bottom.
  keepInPlace(anchor, change) {
    const top = topOf(anchor);
    change();
    if (anchor.isConnected) this.moveBack(anchor, top);
  }

  // Scroll until `anchor` is again at `top`. Browsers scroll by whole pixels of the screen, while rows have fractions:
  // the remainder is added as a margin below the last row, or the text would drift with each message.
  moveBack(anchor, top) {
    this.scroller.scrollTop += topOf(anchor) - top + this.remainder;
    const remainder = this.remainder + topOf(anchor) - top;
    this.setRemainder(Math.abs(remainder) < 1 ? remainder : 0);
  }

  setRemainder(px) {
    if (px !== this.remainder) this.spacer.style.marginTop = `${px}px`;
    this.remainder = px;
  }

  // Only messages: other lines are rebuilt when rows around them change.
  topmostRow() {
    const top = topOf(this.scroller);
    const rows = this.getRows();
    return rows.find((row) => row.getBoundingClientRect().bottom > top) ?? rows.at(-1);
  }

  isInSight(line) {
    const { top, bottom } = this.scroller.getBoundingClientRect();
    return line.getBoundingClientRect().bottom > top && topOf(line) < bottom;
  }

  // Scroll down so that the line is at the top, if it is below what is in sight; return whether it is.
  revealBelow(line) {
    const isBelow = topOf(line) > this.scroller.getBoundingClientRect().bottom;
    if (isBelow) line.scrollIntoView({ block: 'start' });
    return isBelow;
  }

  // Scroll up as far as needed to bring the line into sight.
  reveal(line) {
    const hidden = topOf(this.scroller) + REVEAL_MARGIN_PX - topOf(line);
    if (hidden > 0) this.scroller.scrollTop -= hidden;
  }
}

const topOf = (target) => target.getBoundingClientRect().top;
