// Moves the rows of a list by their handles, with a mouse, a pen or a finger. While one is dragged a line shows where it
// would come to stand; Escape lets it stay where it was.

const EDGE_PX = 48;         // of the scrolled area, where it scrolls along
const SCROLL_PX = 10;       // for each picture
const PLACES = ['drop-before', 'drop-after'];

export class Dragging {
  // onDrop(key, before) is called with the keys (data-key) of the moved row and of the one that follows it, '' for none.
  constructor(list, onDrop) {
    Object.assign(this, { list, onDrop, row: null });
    list.addEventListener('pointerdown', (event) => this.begin(event));
  }

  get rows() { return [...this.list.querySelectorAll('.task')].filter((row) => row !== this.row); }

  begin(event) {
    const handle = event.target.closest('.handle');
    if (!handle || event.button !== 0 || this.row) return;
    event.preventDefault();
    this.row = handle.closest('.task');
    this.row.classList.add('dragged');
    this.scroller = this.list.closest('.scroller');
    this.listening = new AbortController();
    const { signal } = this.listening;
    handle.setPointerCapture(event.pointerId);
    handle.addEventListener('pointermove', ({ clientY }) => this.moveTo(clientY), { signal });
    handle.addEventListener('pointerup', () => this.end(true), { signal });
    handle.addEventListener('pointercancel', () => this.end(false), { signal });
    addEventListener('keydown', (pressed) => this.onKeydown(pressed), { signal, capture: true });
    this.y = event.clientY;
    this.scrollAlong();
  }

  onKeydown(event) {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.end(false);
  }

  moveTo(y) {
    this.y = y;
    const { rows } = this;
    const next = rows.find((row) => y < middleOf(row));
    this.unmark();
    this.before = next?.dataset.key ?? '';
    this.hasMoved = true;
    if (next) next.classList.add('drop-before');
    else rows.at(-1)?.classList.add('drop-after');
  }

  unmark() {
    for (const row of this.list.querySelectorAll('.drop-before, .drop-after')) row.classList.remove(...PLACES);
  }

  scrollAlong() {
    if (!this.row) return;
    const { top, bottom } = this.scroller?.getBoundingClientRect() ?? {};
    if (this.y < top + EDGE_PX) this.scroller.scrollTop -= SCROLL_PX;
    else if (this.y > bottom - EDGE_PX) this.scroller.scrollTop += SCROLL_PX;
    requestAnimationFrame(() => this.scrollAlong());
  }

  end(isDropped) {
    const { row, hasMoved, before } = this;
    this.listening.abort();
    this.unmark();
    row.classList.remove('dragged');
    Object.assign(this, { row: null, hasMoved: false });
    if (isDropped && hasMoved) this.onDrop(row.dataset.key, before);
  }
}

function middleOf(row) {
  const { top, height } = row.getBoundingClientRect();
  return top + height / 2;
}
