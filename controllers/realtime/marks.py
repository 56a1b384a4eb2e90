"""Up to where it is known that nothing in a room deletes or edits a post, or names somebody: for all members alike."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from models.logs.base import Entry, RoomLog

MAX_ROOMS = 50_000  # of which it is remembered; 300 bytes each
MAX_READ_ROOMS = 10  # by a query each; where more have grown, what is new for a member is asked for at once
MAX_READ_ENTRIES = 50  # of a room


class Known(NamedTuple):
    """The entries after `since` up to `upto` are known; `marked` is the newest that is a mark, or `since`."""

    since: int
    upto: int
    marked: int


class Marks:
    """Follows the rooms of which what is new is counted, so that an entry is looked at once and not for each member."""

    def __init__(self, log: RoomLog) -> None:
        self._log = log
        self._known: dict[str, Known] = {}
        self._reading = asyncio.Lock()

    def is_unmarked(self, room: str, since: int, head: int) -> bool:
        """Return whether it is known that there is no mark after `since` up to `head`."""
        known = self._known.get(room)
        return known is not None and known.since <= since and known.marked <= since and known.upto >= head

    def note(self, room: str, entries: Sequence[Entry]) -> None:
        """Note entries of a room that follow one another, unless some are missing before them."""
        known = self._known.get(room)
        if known is not None and entries[0].seq <= known.upto + 1:
            self._extend(room, known, entries)

    async def follow(self, heads: Mapping[str, int]) -> None:
        """Read what has come in these rooms up to their heads, if it is little. Raise Unavailable."""
        if far := {room: head for room, head in heads.items() if self._is_far_behind(room, head)}:
            await self._begin(far)
        behind = [room for room, head in heads.items() if room in self._known and head > self._known[room].upto]
        if len(behind) > MAX_READ_ROOMS:
            return
        for room in behind:
            async with self._reading:
                await self._read(room, heads[room])

    async def _begin(self, heads: Mapping[str, int]) -> None:
        """Begin anew where the log can tell without a search that nothing is a mark, else at the heads."""
        marked = await self._log.marked(heads)
        for room, head in heads.items():
            if self._is_far_behind(room, head):
                since = marked.get(room, head)
                self._keep(room, Known(since, max(since, head), since))

    async def _read(self, room: str, head: int) -> None:
        known = self._known.get(room)
        if known is None or known.upto >= head:
            return  # it was read for another request
        entries = await self._log.after(room, known.upto, MAX_READ_ENTRIES)
        if entries:
            self._extend(room, self._known.get(room, known), entries)
        else:  # they were purged
            self._keep(room, Known(head, head, head))

    def _is_far_behind(self, room: str, head: int) -> bool:
        """Return whether many entries would have to be read."""
        known = self._known.get(room)
        return known is None or head - known.upto > MAX_READ_ENTRIES

    def _extend(self, room: str, known: Known, entries: Sequence[Entry]) -> None:
        marked = max([known.marked, *(entry.seq for entry in entries if entry.is_mark)])
        self._keep(room, Known(known.since, max(known.upto, entries[-1].seq), marked))

    def _keep(self, room: str, known: Known) -> None:
        self._known[room] = known
        if len(self._known) > MAX_ROOMS:
            self._known = {room: known}  # what is counted next begins anew
