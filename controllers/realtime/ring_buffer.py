"""A ring buffer that counts the bytes of the texts in it."""

from __future__ import annotations

import sys
from collections import deque
from typing import TypeVar

V = TypeVar("V")


class RingBuffer(deque[V]):
    """The last `max_items` values that were added, each with a text whose bytes are counted."""

    def __init__(self, max_items: int) -> None:
        super().__init__()
        self._max_items = max_items
        self._sizes: deque[int] = deque()  # in bytes, of each value's text
        self.bytes = 0

    def add(self, value: V, text: str) -> None:
        """Append a value, and remove the oldest if there are too many."""
        size = sys.getsizeof(text)
        self.append(value)
        self._sizes.append(size)
        self.bytes += size
        if len(self) > self._max_items:
            self.remove_oldest()

    def remove_oldest(self) -> None:
        """Remove the oldest value."""
        self.popleft()
        self.bytes -= self._sizes.popleft()
