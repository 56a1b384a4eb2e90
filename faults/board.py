"""The board: which messages of a room the writers know, so that they can answer and change them."""

from __future__ import annotations

import random

MAX_POSTS = 80  # the newest ones
GONE_SHARE = 0.1  # of what writers want is of what was deleted


class Board:
    """The newest posts of a room, as its readers hear them: authors by number."""

    def __init__(self) -> None:
        self._authors: dict[int, str] = {}
        self._gone: dict[int, str] = {}

    def hear(self, seq: int, author: str) -> None:
        """Note a post."""
        _add(self._authors, seq, author)

    def lose(self, seq: int) -> None:
        """Note that a post was deleted."""
        if seq in self._authors:
            _add(self._gone, seq, self._authors.pop(seq))

    def pick(self, dice: random.Random, author: str | None = None) -> int | None:
        """Return the number of a post, of this author if one is given; None if there is none."""
        board = self._gone if dice.random() < GONE_SHARE else self._authors
        known = [seq for seq, name in board.items() if author in (None, name)]
        return dice.choice(known) if known else None


def _add(board: dict[int, str], seq: int, author: str) -> None:
    board[seq] = author
    if len(board) > MAX_POSTS:
        del board[min(board)]
