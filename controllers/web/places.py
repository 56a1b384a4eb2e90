"""The rooms of a member as the sidebar and the list of rooms show them."""

from __future__ import annotations

import bisect
from collections.abc import Collection, Hashable, Iterable
from typing import NamedTuple

from controllers.web.kept_rooms import OBJECT_BYTES, KeptRooms, RoomNews, RoomsSource
from controllers.web.lru_cache import LRUCache
from models.rooms import DIRECT, RoomInfo
from models.unread import Unread

MAX_CACHE_BYTES = 8 * 1024 * 1024  # of sidebars, as each member sees theirs: one of 500 rooms has 300 KB
MAX_DRAWN_BYTES = 4 * 1024 * 1024  # of HTML that many members see: a room in the sidebar has 600 bytes
MAX_PAGES = 3  # for which the HTML of a whole sidebar is kept

Order = tuple[bool, bool, float, int]  # archived ones last, pinned ones first, then by the newest entry, then by name


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


class Sidebar(KeptRooms):
    """A member's rooms in the order of the sidebar, in one language.

    Those of which something has changed are looked at and drawn again, and no others: it costs as much as what has
    happened since the last page, not as many rooms as there are.
    """

    def __init__(self) -> None:
        super().__init__()
        self._numbers: dict[str, int] = {}  # of the rooms, by name
        self._places: dict[str, Place] = {}
        self._rows: dict[str, bytes] = {}  # the HTML of each place
        self._order: list[tuple[Order, str]] = []
        self._orders: dict[str, Order] = {}
        self._pages: dict[str, tuple[int, bytes]] = {}  # by the current page: the open tasks, and the HTML of all

    @property
    def size_bytes(self) -> int:
        """How many bytes it takes."""
        return (
            OBJECT_BYTES + 2 * sum(map(len, self._rows.values())) + sum(len(html) for _, html in self._pages.values())
        )

    def update(self, source: RoomsSource, news: Iterable[RoomNews]) -> list[Place]:
        """Take what is new in the rooms that were stale; return those that have to be drawn again."""
        if self.take(source):
            self._places, self._rows, self._order, self._orders, self._pages = {}, {}, [], {}, {}
            self._numbers = {room.slug: number for number, room in enumerate(source.rooms)}
        changed = []
        for room, unread, newest_at in news:
            place = place_of(room, unread, source.online)
            self._move(place.slug, (place.is_archived, not place.is_pinned, -newest_at, self._numbers[place.slug]))
            if self._places.get(place.slug) != place:
                self._places[place.slug] = place
                self._pages.clear()
                changed.append(place)
        return changed

    def _move(self, slug: str, order: Order) -> None:
        before = self._orders.get(slug)
        if before != order:
            if before is not None:
                del self._order[bisect.bisect_left(self._order, (before, slug))]
            bisect.insort(self._order, (order, slug))
            self._orders[slug] = order
            self._pages.clear()

    def keep_rows(self, places: Iterable[Place], rows: Iterable[bytes]) -> None:
        """Take the HTML of places that were drawn."""
        self._rows.update(zip((place.slug for place in places), rows, strict=True))

    def places(self) -> list[Place]:
        """Return the rooms in their order."""
        return [self._places[slug] for _, slug in self._order]

    def rows(self, places: Iterable[Place], current: str, current_row: bytes) -> bytes:
        """Return the HTML of some of the rooms; that of the current one is drawn in another way."""
        return b"".join(current_row if place.slug == current else self._rows[place.slug] for place in places)

    def page(self, current: str, open_tasks: int) -> bytes | None:
        """Return the HTML of all as it was drawn for a page, if nothing has changed."""
        found = self._pages.get(current)
        return found[1] if found and found[0] == open_tasks else None

    def keep_page(self, current: str, open_tasks: int, html: bytes) -> None:
        """Keep the HTML of all for a page."""
        self._pages[current] = open_tasks, html
        if len(self._pages) > MAX_PAGES:
            del self._pages[next(iter(self._pages))]


class Sidebars:
    """The sidebars of the members who came last, each by the member and the language.

    `drawn` is HTML that many of them share.
    """

    def __init__(self) -> None:
        self.drawn: LRUCache[Hashable, bytes] = LRUCache(MAX_DRAWN_BYTES)
        self._kept: LRUCache[Hashable, Sidebar] = LRUCache(MAX_CACHE_BYTES)

    def get(self, key: Hashable) -> Sidebar:
        """Return the sidebar with this key, empty if there is none."""
        return self._kept.get(key) or Sidebar()

    def keep(self, key: Hashable, sidebar: Sidebar) -> None:
        """Keep a sidebar that has changed."""
        self._kept.put(key, sidebar, sidebar.size_bytes)


def place_of(room: RoomInfo, unread: Unread, online: Collection[str]) -> Place:
    """Return a room with what is new there."""
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
