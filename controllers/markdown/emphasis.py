"""Pairs runs of `*`, `_` and `~` (CommonMark 0.31, chapter 6.2, and GitHub's strikethrough)."""

from __future__ import annotations

import functools
import string
import unicodedata
from collections.abc import Iterable

MAX_NESTING = 20  # deeper marks stay text
TAGS = {"*": ("em", "strong"), "_": ("em", "strong"), "~": ("s", "s")}


class Run:
    """A run of marks, and the tags that replace them."""

    __slots__ = ("can_close", "can_open", "closing", "depth", "left", "length", "mark", "opening")

    def __init__(self, mark: str, length: int, can_open: bool, can_close: bool) -> None:
        self.mark = mark
        self.length = length
        self.can_open = can_open
        self.can_close = can_close
        self.reset()

    def reset(self) -> None:
        """Undo all pairing."""
        self.left = self.length  # marks that are not replaced by tags
        self.depth = 0  # of the tags between this run and the end of the stack
        self.closing = ""
        self.opening = ""

    def html(self) -> str:
        """Return the tags, and between them the marks that stay text."""
        return f"{self.closing}{self.mark * self.left}{self.opening}"


def run(mark: str, length: int, before: str, after: str, punctuation: str = "PS") -> Run:
    """Return the run of marks between two characters.

    `punctuation` are the general categories that count as punctuation before it; ASCII punctuation always does.
    """
    is_open, is_closed = not before or before.isspace(), not after or after.isspace()
    mark_before, mark_after = _is_punctuation(before, punctuation), _is_punctuation(after, "PS")
    left = not is_closed and (not mark_after or is_open or mark_before)
    right = not is_open and (not mark_before or is_closed or mark_after)
    if mark == "_":  # not inside a word
        left, right = left and (not right or mark_before), right and (not left or mark_after)
    return Run(mark, length, left, right)


@functools.lru_cache(1024)
def _is_punctuation(char: str, categories: str) -> bool:
    return bool(char) and (char in string.punctuation or unicodedata.category(char)[0] in categories)


def pair(runs: Iterable[Run]) -> None:
    """Replace the marks of matching runs by tags.

    Each run is pushed to the stack once and popped from it once; a part of the stack that a closing run has searched
    in vain is not searched again for its kind (`bottoms`).
    """
    stack: list[tuple[int, Run]] = []
    bottoms: dict[tuple[str, bool, int], int] = {}
    for number, closer in enumerate(runs):
        if closer.can_close:
            _close(closer, stack, bottoms, number)
        if closer.can_open and _usable(closer):
            stack.append((number, closer))


def _usable(one: Run) -> int:
    """Return how many marks can become tags: tildes only in pairs."""
    return one.left & ~1 if one.mark == "~" else one.left


def _close(closer: Run, stack: list[tuple[int, Run]], bottoms: dict[tuple[str, bool, int], int], number: int) -> None:
    """Pair `closer` with openers on the stack until its marks are used up."""
    kind = (closer.mark, closer.can_open, closer.length % 3)
    while _usable(closer):
        place, depth = len(stack) - 1, 0
        while place >= 0 and stack[place][0] >= bottoms.get(kind, 0) and not _fit(stack[place][1], closer):
            depth = max(depth, stack[place][1].depth)
            place -= 1
        if place < 0 or stack[place][0] < bottoms.get(kind, 0):
            bottoms[kind] = number
            return
        opener = stack[place][1]
        depth = max(depth, opener.depth) + 1
        if depth > MAX_NESTING:
            bottoms[kind] = number
            return
        del stack[place + 1 :]
        opener.depth = depth
        _make_tag(opener, closer)
        if not _usable(opener):
            stack.pop()
            if stack:
                stack[-1][1].depth = max(stack[-1][1].depth, depth)


def _fit(opener: Run, closer: Run) -> bool:
    """Tell whether two runs match (rules 9 and 10 of emphasis: the "rule of three")."""
    if opener.mark != closer.mark:
        return False
    if opener.mark == "~" or not (opener.can_close or closer.can_open):
        return True
    return (opener.length + closer.length) % 3 != 0 or (opener.length % 3 == 0 and closer.length % 3 == 0)


def _make_tag(opener: Run, closer: Run) -> None:
    is_double = opener.mark == "~" or min(opener.left, closer.left) > 1
    tag = TAGS[opener.mark][is_double]
    opener.opening = f"<{tag}>{opener.opening}"
    closer.closing += f"</{tag}>"
    opener.left -= 1 + is_double
    closer.left -= 1 + is_double
