"""What is made of the rooms of a member, made again only of those of which something has changed."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import NamedTuple

from models.reads import Position
from models.rooms import RoomInfo
from models.unread import Unread

OBJECT_BYTES = 1_000  # of the objects around a member's texts; those of each room take as much again as its text

GrownSince = Callable[[int], set[str] | None]  # returns the rooms that have grown since a version, if that is known


class RoomsSource(NamedTuple):
    """What all is made of that is shown of a member's rooms; it equals no earlier one once something has changed.

    Who moves a position or reads the rooms makes another mapping or list; `growth` is the version of the journal of
    what is appended, in any room; `online` are those people of direct rooms who are.
    """

    rooms: Sequence[RoomInfo]
    positions: Mapping[str, Position]
    growth: int
    online: frozenset[str] = frozenset()


class RoomNews(NamedTuple):
    """A room with what is new there for the member, and when its newest entry was appended."""

    room: RoomInfo
    unread: Unread
    newest_at: float


class KeptRooms:
    """Of which state of a member's rooms something was made."""

    def __init__(self) -> None:
        self.slugs: frozenset[str] = frozenset()
        self.source: RoomsSource | None = None
        self._people: list[str] = []  # of direct rooms

    def online(self, rooms: Sequence[RoomInfo], everybody: Container[str]) -> frozenset[str]:
        """Return which people of the direct rooms are online."""
        is_known = self.source is not None and rooms is self.source.rooms
        people = self._people if is_known else _people_of(rooms)
        return frozenset(name for name in people if name in everybody)

    def stale(self, source: RoomsSource, grown_since: GrownSince) -> list[RoomInfo]:
        """Return the rooms of which something may have changed."""
        before = self.source
        grown = grown_since(before.growth) if before else None
        if before is None or grown is None or source.rooms != before.rooms:
            return list(source.rooms)
        slugs = grown & self.slugs
        if source.positions is not before.positions:
            slugs |= {slug for slug in self.slugs if source.positions.get(slug) != before.positions.get(slug)}
        if changed := source.online ^ before.online:
            slugs |= {room.slug for room in source.rooms if not changed.isdisjoint(room.people)}
        return [room for room in source.rooms if room.slug in slugs] if slugs else []

    def take(self, source: RoomsSource) -> bool:
        """Take what it is made of from now on; return whether all rooms were stale."""
        is_another = self.source is None or source.rooms != self.source.rooms
        if is_another:
            self.slugs = frozenset(room.slug for room in source.rooms)
            self._people = _people_of(source.rooms)
        self.source = source
        return is_another


def _people_of(rooms: Iterable[RoomInfo]) -> list[str]:
    return [name for room in rooms for name in room.people]
