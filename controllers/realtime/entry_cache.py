"""The newest entries of each room in memory, bounded in bytes over all rooms of the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, takewhile

from controllers.realtime.ring_buffer import RingBuffer
from models.logs.base import Entry

MAX_MESSAGES = 500  # of each room, ready to be sent
MAX_PAGE_ENTRIES = 100  # of each room, for its newest page

NumberedMessage = tuple[int, str]  # seq and text


class EntryCache:
    """The newest entries of one room: as messages, to be sent again, and as they are, for the room's page."""

    def __init__(self, head: int, newest: Sequence[Entry], memory: MemoryLimit) -> None:
        """Take the room's head and its newest entries, newest first; the messages are those that follow."""
        self._head = head
        self._messages: RingBuffer[NumberedMessage] = RingBuffer(MAX_MESSAGES)
        self._entries: RingBuffer[Entry] = RingBuffer(MAX_PAGE_ENTRIES)
        self._memory = memory
        for entry in reversed(newest):
            self._entries.add(entry, entry.body)
        memory.add(self)

    @property
    def bytes(self) -> int:
        """Return the size of the texts in this cache."""
        return self._messages.bytes + self._entries.bytes

    def extend(self, entries: Iterable[tuple[Entry, str]]) -> None:
        """Add entries and their messages, oldest first."""
        before = self.bytes
        for entry, text in entries:
            self._messages.add((entry.seq, text), text)
            self._entries.add(entry, entry.body)
            self._head = entry.seq
        self._memory.count(self.bytes - before)

    def messages_after(self, seq: int, last: int) -> list[NumberedMessage] | None:
        """Return the messages after `seq` up to `last`; None if the cache does not reach that far back."""
        first = self._messages[0][0] if self._messages else self._head + 1
        if seq < first - 1:
            return None
        newest_first = takewhile(lambda message: message[0] > seq, reversed(self._messages))
        return [message for message in newest_first if message[0] <= last][::-1]

    def newest(self, limit: int) -> list[Entry]:
        """Return at most `limit` entries, newest first; there may be more in the log."""
        return list(islice(reversed(self._entries), limit))

    def shrink(self) -> None:
        """Remove the oldest text; it is still in the log."""
        (self._messages or self._entries).remove_oldest()


class MemoryLimit:
    """Bounds what all caches hold together; those that hold most shrink first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._caches: list[EntryCache] = []

    def add(self, cache: EntryCache) -> None:
        """Bound one more cache."""
        self._caches.append(cache)
        self.count(cache.bytes)

    def count(self, added_bytes: int) -> None:
        """Count what a cache has grown by (or shrunk, if negative), and shrink the largest until all fit."""
        self._held_bytes += added_bytes
        while self._held_bytes > self._max_bytes:
            largest = max(self._caches, key=lambda cache: cache.bytes)
            before = largest.bytes
            largest.shrink()
            self._held_bytes += largest.bytes - before
