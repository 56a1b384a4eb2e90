"""How many open tasks are given to a member."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from controllers.realtime.hub import Hub
from models.logs.base import RoomLog
from models.members import Member

MAX_COUNTS = 10_000  # members of whom the count is remembered


class Count(NamedTuple):
    """What was counted in these rooms when the rooms' logs were at this version."""

    rooms: frozenset[str]
    version: int
    open_count: int


class OpenTasks:
    """Counts anew only when something but messages was appended to a room."""

    def __init__(self, log: RoomLog, hub: Hub) -> None:
        self._log = log
        self._hub = hub
        self._counts: dict[int, Count] = {}  # by member

    async def of_member(self, member: Member, rooms: Collection[str]) -> int:
        """Return how many open tasks in these rooms of a member are given to them. Raise Unavailable."""
        await self._hub.heads()
        key = frozenset(rooms), self._hub.changes_version
        known = self._counts.get(member.id)
        if known is None or known[:2] != key:
            known = Count(*key, await self._log.count_tasks_given_to(member.username, rooms))
            self._counts[member.id] = known
        while len(self._counts) > MAX_COUNTS:
            del self._counts[next(iter(self._counts))]
        return known.open_count
