"""The rooms of a member as the chat tells of them when they connect, each written once while nothing changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from controllers.web.json_answers import encoded_text
from controllers.web.kept_rooms import OBJECT_BYTES, KeptRooms, RoomNews, RoomsSource
from controllers.web.lru_cache import LRUCache
from models.names import initial, tint

MIN_KEPT_ROOMS = 10  # of a member
MAX_CACHE_BYTES = 8 * 1024 * 1024  # of descriptions: those of 500 rooms have 260 KB


class Descriptions(KeptRooms):
    """The rooms of one member in the message `rooms` (docs/protocol.rst)."""

    def __init__(self) -> None:
        super().__init__()
        self._texts: dict[str, str] = {}  # in the order of the rooms

    def update(self, source: RoomsSource, news: Iterable[RoomNews]) -> str:
        """Take what is new in the rooms that were stale; return the text of the message's list of rooms."""
        if self.take(source):
            self._texts = {}
        self._texts.update((one.room.slug, encoded_text(_describe(one, source.online))) for one in news)
        return f"[{','.join(self._texts.values())}]"


class DescriptionCache:
    """The descriptions of the members who came last."""

    def __init__(self) -> None:
        self._kept: LRUCache[int, Descriptions] = LRUCache(MAX_CACHE_BYTES)

    def get(self, member_id: int) -> Descriptions:
        """Return those of a member, empty ones if there are none."""
        return self._kept.get(member_id) or Descriptions()

    def keep(self, member_id: int, descriptions: Descriptions, text: str) -> None:
        """Keep those of a member; `text` is all of them together. A few are made anew in no time, and not kept."""
        if len(descriptions.slugs) >= MIN_KEPT_ROOMS:
            self._kept.put(member_id, descriptions, OBJECT_BYTES + 2 * len(text))


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
