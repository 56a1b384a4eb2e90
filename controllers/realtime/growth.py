"""Which rooms have grown, in the order in which this process has learnt it."""

from __future__ import annotations

from collections import deque
from itertools import islice

MAX_ROOMS = 10_000  # that are remembered; who has seen none of these looks at all rooms


class GrowthJournal:
    """A log of the rooms that grow. What is made of rooms remembers up to which version it has seen it, as a cursor."""

    def __init__(self) -> None:
        self._rooms: deque[str] = deque(maxlen=MAX_ROOMS)
        self.version = 0

    def add(self, room: str) -> None:
        """Note that a room has grown."""
        self._rooms.append(room)
        self.version += 1

    def since(self, version: int) -> set[str] | None:
        """Return the rooms that have grown since a version; None if that is too long ago."""
        behind = self.version - version
        return set(islice(reversed(self._rooms), behind)) if behind <= len(self._rooms) else None
