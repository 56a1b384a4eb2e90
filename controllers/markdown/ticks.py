"""Where inline code ends: the runs of backticks in a text."""

from __future__ import annotations

import re

TICKS = re.compile("`+")


class Ticks:
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
