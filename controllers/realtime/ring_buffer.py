"""The newest values of a sequence, with the bytes of their texts counted."""

from __future__ import annotations

import sys
from collections import deque
from typing import TypeVar

V = TypeVar("V")


class RingBuffer(deque[V]):
    """The last values, at most `max_items`, each with a text whose bytes are counted."""

    def __init__(self, max_items: int) -> None:
        super().__init__()
        self._max_items = max_items
        self._sizes: deque[int] = deque()
        self.bytes = 0

    def add(self, value: V, text: str) -> None:
        """Append a value, and let go of the oldest if there are too many."""
        size = sys.getsizeof(text)
        self.append(value)
        self._sizes.append(size)
        self.bytes += size
        if len(self) > self._max_items:
            self.drop_oldest()

    def drop_oldest(self) -> None:
        """Let go of the oldest value."""
        self.popleft()
        self.bytes -= self._sizes.popleft()
