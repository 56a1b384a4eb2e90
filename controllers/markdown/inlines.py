"""The text of a paragraph or cell as HTML: emphasis, code, links, names, emoji, backslashes (CommonMark 0.31, 6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from controllers.markdown.addresses import BEGINS, address, destination
from controllers.markdown.emphasis import Run, pair, run
from controllers.markdown.links import place
from controllers.markdown.references import Setting, emoji, escape, link, mention, message_link, named_link
from controllers.markdown.ticks import Ticks
from controllers.markdown.tree import ESCAPED
from models.emojis import MAX_NAME_CHARS
from models.mentions import AT, find_name

# Where one of these characters stands, which is what a search looks for first, one of these kinds of text may begin.
TOKEN = re.compile(
    r"(?=[`*_~\\\0\n\[\]:#@HhWwMm])(?:"
    r"(?P<ticks>`+)"
    r"|(?P<marks>\*+|_+|~~+)"
    r"|(?P<backslashes>\\+)(?P<mark>[*_~`:#\[]?)"
    rf"|{ESCAPED}(?P<escaped>.)"
    r"|(?P<line_end>\n)"
    r"|(?P<bracket>[\[\]])"
    rf"|(?P<emoji>(?<![A-Za-z0-9_:])(?::[^\s:]{{1,{MAX_NAME_CHARS}}}:)+(?![A-Za-z0-9_:]))"  # not in a word, no C++
    r"|(?P<number>(?<![\w&#])#[1-9][0-9]{0,14}(?!\w))"
    rf"|(?P<at>{AT.pattern})"
    rf"|(?P<address>{BEGINS}))",
    re.DOTALL,
)
MARKS = re.compile(r"\*+|_+|~+|`+")
REFERRING = (":", "#", "[")  # marks that begin an emoji's name, a message's number, the words of a link
MAX_RUNS = 2000  # of marks in a paragraph; further runs stay text


@dataclass(slots=True)
class Escape:
    """A mark behind a backslash; the backslash is removed if the mark would be markup without it."""

    mark: str
    ghost: Run | None = None  # the run without the backslash
    is_needed: bool = False

    def html(self) -> str:
        """Return the mark as text."""
        return self.mark if self.is_needed else "\\" + self.mark


Piece: TypeAlias = str | Run | Escape


@dataclass(slots=True)
class Opener:
    """A `[`, and how many pieces, runs, ghosts and escapes there were before it; its escape if it has a backslash."""

    before: tuple[int, int, int, int]
    escape: Escape | None = None


def inline_html(text: str, setting: Setting) -> str:
    """Return the HTML of a text without blocks."""
    return _Reader(text, setting).html() if TOKEN.search(text) else escape(text)


class _Reader:
    """Reads one text once, from special character to special character."""

    def __init__(self, text: str, setting: Setting) -> None:
        self.text = text
        self.setting = setting
        self.pieces: list[Piece] = []
        self.runs: list[Run] = []
        self.ghosts: list[Run] = []  # the runs as they would be without the backslashes
        self.ghosts_end = 0  # the end of the last one
        self.escapes: list[Escape] = []
        self.openers: list[Opener] = []
        self.ticks = Ticks(text)
        self.no_address_before = 0

    def html(self) -> str:
        """Read the text and return its HTML."""
        pos = 0
        while token := TOKEN.search(self.text, pos):
            if token.start() > pos:
                self.pieces.append(escape(self.text[pos : token.start()]))
            pos = TAKE[token.lastgroup or ""](self, token)
        self.pieces.append(escape(self.text[pos:]))
        self._settle()
        return _joined(self.pieces)

    def _take_text(self, token: re.Match[str]) -> int:
        """Read a character that is text because of a backslash."""
        self.pieces.append(escape(token["escaped"]))
        return token.end()

    def _take_line_end(self, token: re.Match[str]) -> int:
        self.pieces.append("<br>\n")
        return token.end()

    # --- emphasis

    def _take_marks(self, token: re.Match[str]) -> int:
        self._add_run(*token.span(), self.text[token.start() - 1 : token.start()])
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

    def _settle(self, runs: int = 0, ghosts: int = 0, escapes: int = 0) -> None:
        """Pair the runs from the given ones on, and find which marks would be markup without their backslashes."""
        if len(self.escapes) > escapes:
            pair(self.ghosts[ghosts:])
            for found in self.escapes[escapes:]:
                found.is_needed = found.ghost is not None and found.ghost.left < found.ghost.length
            for one in self.runs[runs:]:
                one.reset()
        pair(self.runs[runs:])
        del self.runs[runs:], self.ghosts[ghosts:], self.escapes[escapes:]

    # --- backslashes

    def _take_backslashes(self, token: re.Match[str]) -> int:
        """Read backslashes: they are text, except one before a mark that would be markup without it.

        The character before them counts for the mark; a symbol counts as a letter there: the shoulder of ¯\\_(ツ)_/¯.
        """
        first, count, mark = token.start(), len(token["backslashes"]), token["mark"]
        begin = first + count
        if mark in REFERRING:
            return self._take_backslashes_before_reference(begin, count, mark)
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

    def _take_backslashes_before_reference(self, begin: int, count: int, mark: str) -> int:
        """Read backslashes before a colon, a `#` or a `[`."""
        if count % 2 == 0:
            self.pieces.append("\\" * count)
            return begin
        found = TOKEN.match(self.text, begin)
        is_emoji = found is not None and found.lastgroup == "emoji" and emoji(found[0])[1] > 0
        is_number = found is not None and found.lastgroup == "number" and self.setting.room != ""
        one = Escape(mark, is_needed=is_emoji or is_number)
        if mark == "[":
            self._open(one)
        self.pieces += ["\\" * (count - 1), one]
        return begin + 1

    # --- code and references

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
        self.pieces.append(link(found) if found else escape(token[0]))
        return begin + len(found or token[0])

    def _take_bracket(self, token: re.Match[str]) -> int:
        """Read `[`, which may open the words of a link, or `]` with the address behind it."""
        if token[0] == "[":
            self._open()
        elif self.openers:
            found, end = destination(self.text, token.end())
            opener = self._opener(is_link=bool(found and place(found)))
            if opener:
                self._add_link(opener, found)
                return end
        self.pieces.append(token[0])
        return token.end()

    def _open(self, backslash: Escape | None = None) -> None:
        before = len(self.pieces), len(self.runs), len(self.ghosts), len(self.escapes)
        self.openers.append(Opener(before, backslash))

    def _opener(self, is_link: bool) -> Opener | None:
        """Remove the last `[`, and if a link ends here also those behind backslashes; return the link's."""
        while self.openers:
            opener = self.openers.pop()
            if not is_link:
                return None
            if not opener.escape:
                return opener
            opener.escape.is_needed = True
        return None

    def _add_link(self, opener: Opener, found: str) -> None:
        """Replace the pieces from the opener on by a link. None may contain it: the openers before it are text."""
        begin, *others = opener.before
        self._settle(*others)
        self.pieces[begin:] = [named_link(found, _joined(self.pieces[begin + 1 :]))]
        self.openers.clear()

    def _take_number(self, token: re.Match[str]) -> int:
        room = self.setting.room
        self.pieces.append(message_link(room, token[0][1:]) if room else token[0])
        return token.end()

    def _take_at(self, token: re.Match[str]) -> int:
        name, end = "", token.end()
        if self.setting.names and self.setting.mentions_left:
            self.setting.mentions_left -= 1
            name, end = find_name(self.text, end, self.setting.names)
        typed = self.text[token.start() : end]
        self.pieces.append(mention(self.setting.names[name], typed) if name else typed)
        return end

    def _take_emoji(self, token: re.Match[str]) -> int:
        found, length = emoji(token[0])
        self.pieces.append(found or ":")
        return token.start() + (length or 1)


TAKE = {
    "ticks": _Reader._take_code,
    "marks": _Reader._take_marks,
    "mark": _Reader._take_backslashes,
    "escaped": _Reader._take_text,
    "line_end": _Reader._take_line_end,
    "bracket": _Reader._take_bracket,
    "emoji": _Reader._take_emoji,
    "number": _Reader._take_number,
    "at": _Reader._take_at,
    "address": _Reader._take_address,
}


def _joined(pieces: Sequence[Piece]) -> str:
    return "".join(piece if isinstance(piece, str) else piece.html() for piece in pieces)
