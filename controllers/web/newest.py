"""The newest messages of others over several rooms, as the page of what is new and the feed show them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from operator import attrgetter

from models import messages
from models.logs.base import POST, Entry, RoomLog
from models.messages import Message

LOOKED_AT_LINES = 100  # of a room's newest: notes and what was deleted are no news

Find = Callable[[str], Awaitable[Sequence[Entry]]]  # among the entries of a room

_when = attrgetter("at", "room", "seq")


class NewestMessages:
    """Finds the newest messages of everybody but `reader_id`, newest first, over rooms; deleted ones are none.

    `newest_at` says when the newest entry of each room was appended: rooms in which nothing is as new are not read.
    """

    def __init__(self, log: RoomLog, newest_at: Mapping[str, float], reader_id: int) -> None:
        self._log = log
        self._newest_at = newest_at
        self._reader_id = reader_id

    async def of(self, rooms: Collection[str], limit: int) -> list[Message]:
        """Return the newest messages of these rooms, at most `limit`. Raise Unavailable."""

        async def find(room: str) -> Sequence[Entry]:
            return await self._log.lines_before(room, None, LOOKED_AT_LINES)

        return await self._newest(rooms, find, limit)

    async def among(self, seqs: Mapping[str, Collection[int]], limit: int) -> list[Message]:
        """Return the newest of these posts, by room, at most `limit`. Raise Unavailable."""

        async def find(room: str) -> Sequence[Entry]:
            return await self._log.entries(room, sorted(seqs[room])[-limit:])

        return await self._newest(seqs, find, limit)

    async def _newest(self, rooms: Collection[str], find: Find, limit: int) -> list[Message]:
        found: list[Entry] = []
        for room in sorted(rooms, key=self._newest_at.__getitem__, reverse=True):
            if len(found) == limit and found[-1].at > self._newest_at[room]:
                break
            found = sorted([*found, *filter(self._is_news, await find(room))], key=_when, reverse=True)[:limit]
        return await self._fold(found)

    def _is_news(self, entry: Entry) -> bool:
        return entry.kind == POST and bool(entry.body) and entry.author_id != self._reader_id

    async def _fold(self, posts: Sequence[Entry]) -> list[Message]:
        folded: dict[tuple[str, int], Message] = {}
        for room in {post.room for post in posts}:
            found = await messages.fold_all(self._log, room, [post for post in posts if post.room == room])
            folded |= {(room, seq): message for seq, message in found.items()}
        shown = (folded[post.room, post.seq] for post in posts)
        return [message for message in shown if not message.is_deleted]
