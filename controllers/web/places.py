"""The rooms of a member as the sidebar and the list of rooms show them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import NamedTuple

from controllers.web.lru_cache import LRUCache
from models.reads import Position
from models.rooms import DIRECT, RoomInfo
from models.unread import Unread

MAX_CACHE_BYTES = 4 * 1024 * 1024  # of sidebars, as each member sees theirs: one of 500 rooms has 200 KB


class Place(NamedTuple):
    """A room with what is new there for the member; `is_online` is whether the other in a direct room is."""

    slug: str
    address: str
    name: str
    description: str
    is_direct: bool
    is_closed: bool
    is_muted: bool
    is_pinned: bool
    is_archived: bool
    people: tuple[str, ...]
    is_online: bool
    unread: int
    mentions: int


class PlacesSource(NamedTuple):
    """All that a member's places are made of; it equals no earlier one as soon as something of it has changed.

    Who moves a position or reads the rooms makes another mapping or list; `heads_version` counts what is appended, in
    any room; `online` are those people of direct rooms who are.
    """

    rooms: Sequence[RoomInfo]
    positions: Mapping[str, Position]
    heads_version: int
    online: tuple[str, ...]


class KeptPlaces(NamedTuple):
    """The HTML of a member's places and of how many open tasks they have, and what it was made of."""

    source: PlacesSource
    places: Sequence[Place]
    open_tasks: int
    html: str


class PlacesCache:
    """The HTML of the places of each member."""

    def __init__(self) -> None:
        self._kept: LRUCache[Hashable, KeptPlaces] = LRUCache(MAX_CACHE_BYTES)

    def get(self, key: Hashable, source: PlacesSource) -> str | None:
        """Return the HTML with this key if nothing has changed; else None."""
        kept = self._kept.get(key)
        return kept.html if kept and kept.source == source else None

    def get_alike(self, key: Hashable, places: Sequence[Place], open_tasks: int) -> str | None:
        """Return the HTML with this key if what has changed makes no difference; else None."""
        kept = self._kept.get(key)
        return kept.html if kept and (kept.places, kept.open_tasks) == (places, open_tasks) else None

    def keep(self, key: Hashable, places: KeptPlaces) -> None:
        """Keep the HTML of a member's places."""
        self._kept.put(key, places, 3 * len(places.html))  # what it was made of has names, too


def places(
    rooms: Collection[RoomInfo], unread: Mapping[str, Unread], newest_at: Mapping[str, float], online: Collection[str]
) -> list[Place]:
    """Return a member's rooms: the pinned ones first, then by their newest entry."""
    in_order = sorted(rooms, key=lambda room: (room.is_archived, not room.is_pinned, -newest_at[room.slug]))
    return [_place(room, unread[room.slug], online) for room in in_order]


def _place(room: RoomInfo, unread: Unread, online: Collection[str]) -> Place:
    is_quiet = room.is_muted
    return Place(
        room.slug,
        room.address,
        room.name,
        room.description,
        room.kind == DIRECT,
        room.kind == "closed",
        room.is_muted,
        room.is_pinned,
        room.is_archived,
        room.people,
        any(name in online for name in room.people),
        0 if is_quiet else unread.count,
        unread.mention_count,
    )
