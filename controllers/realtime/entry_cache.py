"""The newest entries of each room in memory, bounded in bytes over all rooms of the process."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice, takewhile

from controllers.realtime.encoding import Encoded
from models.messages import Message

MAX_TEXTS = 500  # of each room, ready to be sent
MAX_PAGE_MESSAGES = 100  # of each room, for its newest page

NumberedText = tuple[int, str]  # seq and text


class EntryCache:
    """The newest entries of one room: as texts, to be sent again, and as messages, for the room's page."""

    def __init__(self, head: int, memory: MemoryLimit) -> None:
        """Take the room's head; only what comes after it is here, until it is filled."""
        self._head = head
        self._texts: dict[int, Encoded] = {}  # by seq, oldest first
        self._page: dict[int, Message] = {}  # the same
        self._has_all = not head  # of the room's messages
        self._memory = memory
        self.bytes = 0
        memory.add(self)

    def fill(self, newest: Sequence[Message]) -> None:
        """Take the log's newest messages, newest first, as they are now; fewer than MAX_PAGE_MESSAGES are all of them.

        What came after the newest of them stays.
        """
        before = self.bytes
        later = [message for message in self._page.values() if not newest or message.seq > newest[0].seq]
        self.bytes -= sum(map(_size, self._page.values()))
        self._page = {message.seq: message for message in (*reversed(newest), *later)}
        self.bytes += sum(map(_size, self._page.values()))
        self._has_all = len(newest) < MAX_PAGE_MESSAGES
        self._cut_page()
        self._memory.count(self, self.bytes - before)

    def extend(self, encoded: Iterable[tuple[Encoded, Message | None]], changed: Mapping[int, Message]) -> None:
        """Add entries, oldest first. The messages in `changed` may be here, and are other ones now."""
        before = self.bytes
        for message in changed.values():
            if message.seq in self._page:
                self._set_message(message)
        for one, line in encoded:
            if one.is_change:
                self._shorten(one.target)
            if line is not None and line.is_drawn:
                self._set_message(line)
            self._set_text(one)
            self._head = one.seq
        while len(self._texts) > MAX_TEXTS:
            self._remove_text(next(iter(self._texts)))
        self._cut_page()
        self._memory.count(self, self.bytes - before)

    def replace(self, one: Encoded) -> None:
        """Put an entry in the place of itself, if that is here and still shows messages."""
        before = self.bytes
        if one.seq in self._texts and self._texts[one.seq].shows:
            self._set_text(one)
        self._memory.count(self, self.bytes - before)

    def showing(self, seqs: Collection[int]) -> list[int]:
        """Return which entries here show words of one of these messages."""
        return [one.seq for one in self._texts.values() if not one.shows.isdisjoint(seqs)] if seqs else []

    def answers_to(self, seqs: Collection[int]) -> set[int]:
        """Return the messages here that answer one of these, and so quote it."""
        return {message.seq for message in self._page.values() if message.entry.target in seqs}

    def texts_after(self, seq: int, last: int) -> list[NumberedText] | None:
        """Return the texts after `seq` up to `last`; None if the cache does not reach that far back."""
        first = next(iter(self._texts), self._head + 1)
        if seq < first - 1:
            return None
        newest_first = takewhile(lambda one: one.seq > seq, reversed(self._texts.values()))
        return [(one.seq, one.text) for one in newest_first if one.seq <= last][::-1]

    def newest(self, limit: int) -> list[Message] | None:
        """Return at most `limit` messages, newest first; None if the log may have more of them than are here."""
        if len(self._page) < limit and not self._has_all:
            return None
        return list(islice(reversed(self._page.values()), limit))

    def posts_up_to(self, seq: int) -> int | None:
        """Return how many posts the room has up to a message; None if that is not here."""
        message = self._page.get(seq)
        return None if message is None else message.entry.posts

    def shrink(self) -> None:
        """Remove the oldest text; it is still in the log."""
        if self._texts:
            self._remove_text(next(iter(self._texts)))
        else:
            self._remove_message(next(iter(self._page)))

    def _cut_page(self) -> None:
        while len(self._page) > MAX_PAGE_MESSAGES:
            self._remove_message(next(iter(self._page)))

    def _shorten(self, target: int | None) -> None:
        """Leave the message out of its newest change so far, since another one is to come."""
        earlier = (one for one in reversed(self._texts.values()) if one.target == target and one.is_change)
        for one in islice(earlier, 1):
            self.bytes -= _size(one)
            one.text, one.shorter, one.shows = one.shorter or one.text, "", frozenset()
            self.bytes += _size(one)

    def _set_text(self, one: Encoded) -> None:
        if one.seq in self._texts:
            self.bytes -= _size(self._texts[one.seq])
        self._texts[one.seq] = one
        self.bytes += _size(one)

    def _set_message(self, message: Message) -> None:
        if message.seq in self._page:
            self.bytes -= _size(self._page[message.seq])
        self._page[message.seq] = message
        self.bytes += _size(message)
        if not message.is_drawn:
            self._remove_message(message.seq, was_cut=False)

    def _remove_text(self, seq: int) -> None:
        self.bytes -= _size(self._texts.pop(seq))

    def _remove_message(self, seq: int, was_cut: bool = True) -> None:
        self.bytes -= _size(self._page.pop(seq))
        self._has_all = self._has_all and not was_cut


def _size(held: Encoded | Message) -> int:
    """Return how many bytes the texts of an entry or a message take."""
    if isinstance(held, Encoded):
        return sys.getsizeof(held.text) + sys.getsizeof(held.shorter)
    return sys.getsizeof(held.body) + sum(len(name) for reaction in held.reactions for name in reaction.names)


class MemoryLimit:
    """Bounds what all caches hold together; those that hold most shrink first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._held_bytes = 0
        self._caches: set[EntryCache] = set()

    def add(self, cache: EntryCache) -> None:
        """Bound one more cache."""
        self._caches.add(cache)
        self.count(cache, cache.bytes)

    def remove(self, cache: EntryCache) -> None:
        """Bound a cache no more, which nobody holds any longer."""
        self._caches.discard(cache)
        self._held_bytes -= cache.bytes

    def count(self, cache: EntryCache, added_bytes: int) -> None:
        """Count what a cache has grown by (or shrunk, if negative), and shrink the largest until all fit."""
        if cache not in self._caches:
            return  # its room was forgotten while something was being added
        self._held_bytes += added_bytes
        while self._held_bytes > self._max_bytes:
            largest = max(self._caches, key=lambda cache: cache.bytes)
            before = largest.bytes
            largest.shrink()
            self._held_bytes += largest.bytes - before
