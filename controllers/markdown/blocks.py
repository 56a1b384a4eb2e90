"""Reads the lines of a message as a tree of blocks (CommonMark 0.31, chapters 4 and 5; GitHub's tables)."""

from __future__ import annotations

import re

from controllers.markdown.tables import MAX_ROWS, alignments, cells, is_header
from controllers.markdown.tree import ESCAPED, Block, Container, Fence, Item, List, Paragraph, Quote, Table

MAX_BLOCKS = 1000  # of one message, items of lists included
MAX_LEVEL = 19  # a quote is one level, a list two; deeper blocks are shown on the deepest level

SPACES = re.compile(" *")
PREFIX = re.compile(r"[ \t>*+\-0-9.)]*")
MARKER = re.compile(r"(?:[-+*]|([0-9]{1,9})[.)])(?= |$)")
FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$", re.DOTALL)
ESCAPED_MARKER = re.compile(r"[0-9]{1,9}\\(?=[.)])|\\(?=[->+*`~])")


class TooManyBlocks(Exception):
    """A message with more than MAX_BLOCKS blocks."""


def blocks(text: str) -> list[Block]:
    """Return the blocks of `text`, which has LF line ends and no ESCAPED. Raise TooManyBlocks."""
    reader = _Reader()
    for line in text.split("\n"):
        reader.read(line)
    return reader.root.children


class _Reader:
    """The open blocks while the lines are read."""

    def __init__(self) -> None:
        self.root = Quote(0)
        self.open: list[Container] = [self.root]
        self.count = 0  # of blocks
        self.leaf: Paragraph | Fence | Table | None = None  # the last block of the innermost container, if it may go on
        self.blank: int | None = None  # after a blank line: how many containers there are up to the innermost quote

    def read(self, raw: str) -> None:
        """Read one line."""
        if not raw and self.blank == 0:
            return  # a second empty line changes nothing
        line = _without_tabs(raw)
        pos, count = self._within(line)
        is_inside = count == len(self.open)
        if isinstance(self.leaf, Fence) and is_inside:
            self._read_code(self.leaf, raw if count == 1 else line[pos:])
            return
        pos, has_begun = self._begin(line, pos, count)
        if _skip(line, pos) == len(line):
            if not has_begun:
                self._close(count)
                self.blank = max(i for i in range(count) if isinstance(self.open[i], Quote))
                return
        else:
            self._read_text(line, pos, count, has_begun, is_inside)
        self.blank = None

    def _within(self, line: str) -> tuple[int, int]:
        """Return the position behind the marks of the open containers that the line continues, and their number."""
        pos, count = 0, 1
        for container in self.open[1:]:
            begin = _skip(line, pos)
            if isinstance(container, Quote):
                if not line.startswith(">", begin):
                    break
                pos = _behind_quote(line, begin)
            elif begin == len(line) and container.children:
                pos = begin
            elif begin < len(line) and begin - pos >= container.indent:
                pos += container.indent
            else:
                break
            count += 1
        return pos, count

    def _close(self, count: int) -> None:
        """Close all but the first `count` containers, and the open paragraph or code block."""
        del self.open[count:]
        self.leaf = None

    # --- the blocks that begin on a line

    def _begin(self, line: str, pos: int, count: int) -> tuple[int, bool]:
        """Open the blocks that begin on the line; return the position behind their marks, and whether any began."""
        has_begun = False
        while (begin := _skip(line, pos)) < len(line):
            in_paragraph = isinstance(self.leaf, Paragraph) and not has_begun
            if in_paragraph and begin - pos >= 4:
                break  # the paragraph continues; indented text begins no block
            within = len(self.open) if has_begun else count
            if line[begin] == ">":
                has_begun = self._begin_quote(within) or has_begun
                pos = _behind_quote(line, begin)
            elif fence := FENCE.match(line, begin):
                self._begin_code(fence, within, begin - pos)
                return len(line), True
            elif (marker := self._marker(line, begin, in_paragraph and count == len(self.open))) and (
                self._begin_item(line, pos, marker, within)
            ):
                pos, has_begun = _behind_marker(line, marker), True
            else:
                break
        return pos, has_begun

    def _begin_quote(self, count: int) -> bool:
        """Open a quote, unless it would be too deep; return whether it was opened."""
        level = self.open[count - 1].level + 1
        if level > MAX_LEVEL:
            return False
        self._close(count)
        quote = Quote(level)
        self._add(quote)
        self.open.append(quote)
        return True

    def _begin_code(self, fence: re.Match[str], count: int, indent: int) -> None:
        self._close(count)
        marks = fence[1] or fence[3]
        self.leaf = Fence(marks[0], len(marks), indent, fence[2] or fence[4] or "")
        self._add(self.leaf)

    def _marker(self, line: str, begin: int, interrupts: bool) -> re.Match[str] | None:
        """Return the list marker at `begin`. Within a paragraph it needs text behind it, and a number has to be 1."""
        marker = MARKER.match(line, begin)
        if marker and interrupts and ((marker[1] and int(marker[1]) != 1) or _skip(line, marker.end()) == len(line)):
            return None
        return marker

    def _begin_item(self, line: str, pos: int, marker: re.Match[str], count: int) -> bool:
        """Open an item, in the preceding list if that has the same kind of marker; return whether it was opened."""
        parent, indent = self.open[count - 1], _behind_marker(line, marker, is_virtual=True) - pos
        if parent.level + 2 > MAX_LEVEL:
            return isinstance(parent, Item) and self._begin_beside(parent, count, indent)
        self._close(count)
        mark = marker[0][-1]
        last = parent.children[-1] if parent.children else None
        if not isinstance(last, List) or last.mark != mark:
            last = List(mark, int(marker[1]) if marker[1] else None)
            self._add(last)
        elif self.blank is not None and self.blank < count:
            last.is_loose = True
        self._open_item(last, parent.level + 2, indent)
        return True

    def _begin_beside(self, item: Item, count: int, indent: int) -> bool:
        """Make an item that would be too deep an item of the deepest list."""
        if not item.children:
            item.indent += indent
            return True
        self._close(count - 1)
        self._open_item(item.siblings, item.level, item.indent + indent)
        return True

    def _open_item(self, siblings: List, level: int, indent: int) -> None:
        self._count()
        item = Item(level, siblings, indent)
        siblings.items.append(item)
        self.open.append(item)

    def _add(self, block: Block) -> None:
        """Add a block to the innermost container."""
        self._count()
        parent = self.open[-1]
        if isinstance(parent, Item) and parent.children and self.blank is not None and self.blank < len(self.open) - 1:
            parent.siblings.is_loose = True
        parent.children.append(block)

    def _count(self) -> None:
        self.count += 1
        if self.count > MAX_BLOCKS:
            raise TooManyBlocks()

    # --- text and code

    def _read_text(self, line: str, pos: int, count: int, has_begun: bool, is_inside: bool) -> None:
        begin = _skip(line, pos)
        goes_on = isinstance(self.leaf, Paragraph) and not has_begun
        is_deep = goes_on and begin - pos >= 4
        text = line[begin:].rstrip(" ")
        if "\\" in text and not is_deep:
            text = self._escaped(text, goes_on and is_inside)
        if goes_on and isinstance(self.leaf, Paragraph):
            if is_deep or not is_inside or not self._begin_table(self.leaf, text):
                self.leaf.lines.append(text)
        elif isinstance(self.leaf, Table) and is_inside and not has_begun and len(self.leaf.rows) < MAX_ROWS:
            self._count()
            self.leaf.rows.append(cells(text, len(self.leaf.aligns)))
        else:
            self._begin_paragraph(text, None if has_begun else count)

    def _begin_paragraph(self, text: str, count: int | None) -> None:
        if count is not None:
            self._close(count)
        self.leaf = Paragraph([text])
        self._add(self.leaf)

    def _begin_table(self, paragraph: Paragraph, text: str) -> bool:
        """Make the last line of `paragraph` the head of a table if `text` belongs below one; return whether it does."""
        aligns = alignments(text)
        if not aligns or not is_header(paragraph.lines[-1], len(aligns)):
            return False
        header = paragraph.lines.pop()
        if not paragraph.lines:
            self.open[-1].children.pop()
        self.leaf = Table(aligns, [cells(header, len(aligns))])
        self._add(self.leaf)
        return True

    def _escaped(self, text: str, interrupts: bool) -> str:
        """Return a line's text with ESCAPED in place of a backslash without which the line would begin a block."""
        escaped = ESCAPED_MARKER.match(text)
        if not escaped:
            return text
        head, tail = escaped[0][:-1], text[escaped.end() :]
        bare = head + tail
        would_begin = bare.startswith(">") or FENCE.match(bare) or self._marker(bare, 0, interrupts)
        return head + ESCAPED + tail if would_begin else text

    def _read_code(self, fence: Fence, line: str) -> None:
        """Add a line of code, or close the block."""
        bare = line.strip(" \t")
        if len(bare) >= fence.length and not bare.strip(fence.mark):
            fence.is_closed = True
            self.leaf = None
        else:
            indent = min(fence.indent, len(line) - len(line.lstrip(" \t")))
            fence.lines.append(line[indent:])


def _skip(line: str, pos: int) -> int:
    """Return the position behind the spaces at `pos`."""
    spaces = SPACES.match(line, pos) if line.startswith(" ", pos) else None
    return spaces.end() if spaces else pos


def _behind_quote(line: str, begin: int) -> int:
    return begin + 2 if line.startswith(" ", begin + 1) else begin + 1


def _behind_marker(line: str, marker: re.Match[str], is_virtual: bool = False) -> int:
    """Return where an item's text begins: behind one to four spaces, else behind one; if virtual, also past the end."""
    text = _skip(line, marker.end())
    if text == len(line) or text - marker.end() > 4:
        text = marker.end() + 1
    return text if is_virtual else min(text, len(line))


def _without_tabs(line: str) -> str:
    """Return `line` with the tabs before and between its marks expanded to columns of four."""
    if "\t" not in line:
        return line
    prefix = PREFIX.match(line)
    end = prefix.end() if prefix else 0
    return line[:end].expandtabs(4) + line[end:]
