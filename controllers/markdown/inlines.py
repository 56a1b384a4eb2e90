"""The text of a paragraph as HTML: emphasis, code, links, line ends, and backslashes (CommonMark 0.31, chapter 6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from controllers.markdown.addresses import BEGINS, address, target
from controllers.markdown.blocks import ESCAPED
from controllers.markdown.emphasis import Run, pair, run

TOKEN = re.compile(rf"(`+)|(\*+|_+|~~+)|(\\+)([*_~`]?)|{ESCAPED}(.)|(\n)|({BEGINS})", re.DOTALL)
MARKS = re.compile(r"\*+|_+|~+|`+")
TICKS = re.compile("`+")
MAX_RUNS = 2000  # of marks in a paragraph; further runs stay text


def escape(text: str) -> str:
    """Return `text` escaped for HTML, also for attribute values."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


@dataclass(slots=True)
class Escape:
    """A mark behind a backslash; the backslash is removed if the mark would be markup without it."""

    mark: str
    ghost: Run | None = None  # the run without the backslash
    is_needed: bool = False

    def html(self) -> str:
        """Return the mark as text."""
        return self.mark if self.is_needed else "\\" + self.mark


def inline_html(text: str) -> str:
    """Return the HTML of a paragraph's text."""
    return _Reader(text).html() if TOKEN.search(text) else escape(text)


class _Reader:
    """Reads one paragraph once, from special character to special character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pieces: list[str | Run | Escape] = []
        self.runs: list[Run] = []
        self.ghosts: list[Run] = []  # the runs as they would be without the backslashes
        self.ghosts_end = 0  # the end of the last one
        self.escapes: list[Escape] = []
        self.ticks = _Ticks(text)
        self.no_address_before = 0

    def html(self) -> str:
        """Read the text and return its HTML."""
        pos = 0
        while token := TOKEN.search(self.text, pos):
            if token.start() > pos:
                self.pieces.append(escape(self.text[pos : token.start()]))
            pos = self._take(token)
        self.pieces.append(escape(self.text[pos:]))
        if self.escapes:
            self._settle_escapes()
        pair(self.runs)
        return "".join(piece if isinstance(piece, str) else piece.html() for piece in self.pieces)

    def _take(self, token: re.Match[str]) -> int:
        """Read one token; return the position behind it."""
        ticks, marks, backslashes, mark, escaped, line_end, _ = token.groups()
        if marks:
            self._add_run(*token.span(), self.text[token.start() - 1 : token.start()])
        elif ticks:
            return self._take_code(token)
        elif backslashes:
            return self._take_backslashes(token.start(), len(backslashes), mark)
        elif escaped or line_end:
            self.pieces.append("<br>\n" if line_end else escape(escaped))
        else:
            return self._take_address(token)
        return token.end()

    def _add_run(self, begin: int, end: int, before: str, punctuation: str = "PS") -> None:
        if len(self.runs) == MAX_RUNS:
            self.pieces.append(self.text[begin:end])
            return
        found = run(self.text[begin], end - begin, before, self.text[end : end + 1], punctuation)
        self.runs.append(found)
        self.pieces.append(found)
        if begin >= self.ghosts_end:
            self.ghosts.append(found)

    # --- backslashes

    def _take_backslashes(self, first: int, count: int, mark: str) -> int:
        """Read backslashes: they are text, except one before a mark that would be markup without it.

        The character before them counts for the mark; a symbol counts as a letter there: the shoulder of ¯\\_(ツ)_/¯.
        """
        begin = first + count
        marks = MARKS.match(self.text, begin) if mark else None
        end = marks.end() if marks else begin
        is_escape = mark and count % 2 == 1
        self.pieces.append("\\" * (count - 1 if is_escape else count))
        if not is_escape:
            return self._take_marks_behind(begin, end, self.text[first - 1 : first] if first else "")
        if mark == "`":
            self.pieces.append(Escape(mark, is_needed=self.ticks.escape(end - begin)))
            return begin + 1
        if len(self.escapes) == MAX_RUNS:
            self.pieces.append("\\" + mark)
            return begin + 1
        ghost = run(mark, end - begin, self.text[first - 1 : first] if first else "", self.text[end : end + 1], "P")
        self.ghosts.append(ghost)
        self.ghosts_end = end
        self.escapes.append(Escape(mark, ghost))
        self.pieces.append(self.escapes[-1])
        return begin + 1

    def _take_marks_behind(self, begin: int, end: int, before: str) -> int:
        """Read the marks behind an even number of backslashes, if any; backticks are left for the next token."""
        marks = self.text[begin:end]
        if not marks or marks[0] == "`":
            return begin
        if marks == "~":
            self.pieces.append(marks)
        else:
            self._add_run(begin, end, before, "P")
        return end

    def _settle_escapes(self) -> None:
        """Find which marks would be markup without their backslashes."""
        pair(self.ghosts)
        for found in self.escapes:
            found.is_needed = found.ghost is not None and found.ghost.left < found.ghost.length
        for one in self.runs:
            one.reset()

    # --- code and links

    def _take_code(self, token: re.Match[str]) -> int:
        begin = token.end()
        end = self.ticks.end(begin, len(token[0]))
        if end < 0:
            self.pieces.append(token[0])
            return begin
        code = self.text[begin:end].replace("\n", " ").replace(ESCAPED, "\\")
        if code.startswith(" ") and code.endswith(" ") and code.strip(" "):
            code = code[1:-1]
        self.pieces.append(f"<code>{escape(code)}</code>")
        return end + len(token[0])

    def _take_address(self, token: re.Match[str]) -> int:
        begin, end = token.span()
        found = ""
        if begin >= self.no_address_before:
            found, self.no_address_before = address(self.text, begin, end)
        if not found:
            self.pieces.append(escape(token[0]))
            return end
        self.pieces.append(f'<a href="{escape(target(found))}">{escape(found)}</a>')
        return begin + len(found)


class _Ticks:
    """The runs of backticks at which code may end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._runs: dict[int, list[int]] | None = None  # by length, the last run first
        self._escaped: set[int] = set()

    def end(self, begin: int, length: int) -> int:
        """Remove the next run of this length from `begin` on; return where it begins, -1 if there is none."""
        runs = self._of(length)
        while runs and runs[-1] < begin:
            runs.pop()
        return runs.pop() if runs else -1

    def escape(self, length: int) -> bool:
        """Return whether a run of this length behind a backslash would be markup without it."""
        if len(self._of(length)) > 1:
            self._escaped.add(length)
        return length in self._escaped

    def _of(self, length: int) -> list[int]:
        if self._runs is None:
            self._runs = {}
            for found in reversed([*TICKS.finditer(self._text)]):
                self._runs.setdefault(len(found[0]), []).append(found.start())
        return self._runs.get(length, [])
