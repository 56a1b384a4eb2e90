"""How much is new for a member in each of their rooms."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from controllers.realtime.hub import Hub
from controllers.realtime.reads import Reads
from models.logs.base import Head, RoomLog
from models.reads import Position
from models.unread import Unread

MAX_CHECKED = 50_000  # memberships of which it is remembered what was found
MAX_SEQS = 500  # of what was deleted in a room, and of what names the member


class Checked(NamedTuple):
    """What was found beyond a position when a room's log was at `head`: the newest, and how many were older."""

    position: int
    head: int
    deleted: tuple[int, ...]
    older: int  # of the deleted ones
    mentions: tuple[int, ...]


class UnreadCounts:
    """Counts by the heads and positions that this process knows, and asks the log only for what may have changed."""

    def __init__(self, log: RoomLog, hub: Hub, reads: Reads) -> None:
        self._log = log
        self._hub = hub
        self._reads = reads
        self._checked: dict[tuple[int, str], Checked] = {}  # by member and room

    async def of_member(self, member_id: int, rooms: Collection[str]) -> dict[str, Unread]:
        """Return what is new in these rooms of a member. Raise Unavailable."""
        heads = await self._hub.heads()
        await self._hub.marks.follow({room: heads[room].seq for room in rooms if room in heads})
        positions = await self._reads.positions(member_id)
        stale = {
            room: position.seq
            for room in rooms
            if (position := positions.get(room)) is not None and not self._is_current(member_id, room, heads, position)
        }
        if stale:
            await self._check(member_id, stale, heads)
            positions = await self._reads.positions(member_id)  # they may have moved meanwhile, and that been told
        return {room: self._unread(member_id, room, heads.get(room, Head()), positions.get(room)) for room in rooms}

    def _is_current(self, member_id: int, room: str, heads: Mapping[str, Head], position: Position) -> bool:
        head = heads.get(room, Head())
        if position.seq >= head.seq:
            return True
        checked = self._checked.get((member_id, room))
        since = checked.head if checked is not None and checked.position == position.seq else position.seq
        return since == head.seq or self._hub.marks.is_unmarked(room, since, head.seq)

    async def _check(self, member_id: int, positions: dict[str, int], heads: Mapping[str, Head]) -> None:
        before = {room: heads[room].seq for room in positions}  # what comes meanwhile may be missing in the answers
        deleted = await self._log.deleted_beyond(positions)
        mentions = await self._log.mentions_beyond(member_id, positions)
        for room, position in positions.items():
            gone, named = sorted(deleted.get(room, ())), sorted(mentions.get(room, ()))
            found = tuple(gone[-MAX_SEQS:]), max(0, len(gone) - MAX_SEQS), tuple(named[-MAX_SEQS:])
            self._keep((member_id, room), Checked(position, before[room], *found))
        while len(self._checked) > MAX_CHECKED:
            del self._checked[next(iter(self._checked))]

    def _keep(self, key: tuple[int, str], new: Checked) -> None:
        """Keep what was found, unless somebody else has looked later and was quicker."""
        known = self._checked.get(key)
        if known is None or known.position != new.position or known.head <= new.head:
            self._checked[key] = new

    def _unread(self, member_id: int, room: str, head: Head, position: Position | None) -> Unread:
        checked = self._checked.get((member_id, room))
        if position is None or checked is None or checked.position != position.seq:
            return Unread(head, position)
        position = position._replace(posts=position.posts + checked.older)
        return Unread(head, position, checked.deleted, checked.mentions)
