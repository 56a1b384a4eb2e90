"""A cache of the values used last, bounded in bytes, since what members write is of any size."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class LRUCache(Generic[K, V]):
    """The values that were used last, of at most `max_bytes` together."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._items: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.bytes = 0

    def __contains__(self, key: K) -> bool:
        return key in self._items

    def get(self, key: K) -> V | None:
        """Return the value of `key`; None if it is not cached."""
        item = self._items.get(key)
        if item is None:
            return None
        self._items.move_to_end(key)
        return item[0]

    def put(self, key: K, value: V, size_bytes: int) -> None:
        """Cache a value of `size_bytes`, and remove those that were not used for longest."""
        self._remove(key)
        self._items[key] = value, size_bytes
        self.bytes += size_bytes
        while self.bytes > self._max_bytes:
            self._remove(next(iter(self._items)))

    def _remove(self, key: K) -> None:
        _, size_bytes = self._items.pop(key, (None, 0))
        self.bytes -= size_bytes
