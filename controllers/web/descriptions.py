"""The rooms of a member as the chat tells of them when they connect, each written once while nothing changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from controllers.web.json_answers import encoded_text
from controllers.web.kept_rooms import OBJECT_BYTES, KeptRooms, RoomNews, RoomsSource
from controllers.web.lru_cache import LRUCache
from models.names import initial, tint

MIN_KEPT_ROOMS = 10  # of a member
MAX_CACHE_BYTES = 8 * 1024 * 1024  # of descriptions: those of 500 rooms have 650 KB

Told = TypeVar("Told")
Tell = Callable[[str, int], Told]  # makes what is sent, of the list of rooms as JSON text and the number of open tasks


class Descriptions(KeptRooms, Generic[Told]):
    """The rooms of one member in the message `rooms` (docs/protocol.rst)."""

    def __init__(self, tell: Tell[Told]) -> None:
        super().__init__()
        self._tell = tell
        self._texts: dict[str, str] = {}  # in the order of the rooms
        self._told: tuple[int, Told] | None = None
        self.size_bytes = OBJECT_BYTES

    def update(self, source: RoomsSource, news: Sequence[RoomNews], tasks: int) -> Told:
        """Take what is new in the rooms that were stale; return what is sent, the same while nothing changes."""
        is_another = self.take(source)
        if is_another:
            self._texts = {}
        self._texts.update((one.room.slug, encoded_text(_describe(one, source.online))) for one in news)
        if self._told is None or is_another or news or tasks != self._told[0]:
            text = f"[{','.join(self._texts.values())}]"
            self._told = tasks, self._tell(text, tasks)
            # The texts and their objects; the message, in which one emoji makes each character four bytes; its frame.
            self.size_bytes = OBJECT_BYTES + 2 * len(text) + 3 * sys.getsizeof(text)
        return self._told[1]


class DescriptionCache(Generic[Told]):
    """The descriptions of the members who came last."""

    def __init__(self, tell: Tell[Told]) -> None:
        self._tell = tell
        self._kept: LRUCache[int, Descriptions[Told]] = LRUCache(MAX_CACHE_BYTES)

    def get(self, member_id: int) -> Descriptions[Told]:
        """Return those of a member, empty ones if there are none."""
        return self._kept.get(member_id) or Descriptions(self._tell)

    def keep(self, member_id: int, descriptions: Descriptions[Told]) -> None:
        """Keep those of a member. A few are made anew in no time, and not kept."""
        if len(descriptions.slugs) >= MIN_KEPT_ROOMS:
            self._kept.put(member_id, descriptions, descriptions.size_bytes)


def _describe(news: RoomNews, online: Collection[str]) -> dict[str, object]:
    room, unread = news.room, news.unread
    position = unread.position
    return {
        "room": room.slug,
        "address": room.address,
        "name": room.name,
        "kind": room.kind,
        "people": room.people,
        "online": [name for name in room.people if name in online],
        "picture": (initial(room.people[0]), tint(room.people[0])) if room.people else None,
        "archived": room.is_archived,
        "muted": room.is_muted,
        "pinned": room.is_pinned,
        "notify": room.notify,
        "head": unread.head.seq,
        "posts": unread.head.posts,
        "at": news.newest_at,
        "read": position.seq if position else None,
        "read_posts": position.posts if position else None,
        "deleted": unread.deleted,
        "mentions": unread.mentions,
    }
