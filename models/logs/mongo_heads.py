"""The heads of the rooms' logs on MongoDB."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Collection, Iterable, Mapping
from contextvars import Context
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import PyMongoError

from models import rooms
from models.database import batches
from models.engines.base import RunInThread
from models.logs.base import Entry, Head
from models.logs.mongo_documents import HEAD_FIELDS, Query, all_of
from models.logs.mongo_errors import ANSWER_TIMEOUT_SECONDS

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries, HeadDocument, Heads

SAVE_INTERVAL_SECONDS = 0.1  # between two writes of the stored heads
MAX_IDS = 50  # in a query: SecantusDB looks at all of them for each document
SEARCHED = {"search_from": 1}  # a room that is new has nothing that the search index lacks
SAVING_TIME = datetime.timedelta(seconds=5)  # that it may take until what was stored can be read


class MongoHeads:
    """The head of a room is its stored head or, if there are entries above that, the newest entry's seq.

    The stored heads (the collection `heads`) follow the appends in the background, so that a head is found with a
    short search. They are also what keeps a head where entries were purged: before the first entry is removed, the
    stored head must be raised to the head, and ANSWER_TIMEOUT_SECONDS must pass, since an append under way may have
    read the older number.
    """

    def __init__(self, stored: Heads, entries: Entries, read: RunInThread) -> None:
        self._stored = stored
        self._entries = entries
        self._read = read
        self._known: dict[str, Head] = {}  # the largest that this process has seen of each room
        self._unsaved: dict[str, Entry] = {}  # of which the heads are to be stored next
        self._saving: asyncio.Task[None] | None = None
        self._next: list[str] = []  # the rooms whose turn it is to be asked for exactly

    def known(self, room: str) -> Head:
        """Return the largest head that this process has seen; asked without waiting."""
        return self._known.get(room, Head())

    def learn(self, room: str, head: Head) -> Head:
        """Remember a head that was seen; return the largest one."""
        self._known[room] = head = max(head, self.known(room))
        return head

    async def approximate(self, slugs: Collection[str] | None = None) -> dict[str, Head]:
        """Return the larger of stored and known heads, of these rooms or (None) of all that ever had an entry.

        They may be smaller than the heads, never larger. Raise PyMongoError.
        """
        stored = await all_of(self._stored.find()) if slugs is None else await self._of(slugs)
        heads = {document["_id"]: self.learn(document["_id"], _head(document)) for document in stored}
        return (
            {**self._known, **heads} if slugs is None else {room: heads.get(room, self.known(room)) for room in slugs}
        )

    async def exact(self, room: str) -> Head:
        """Return the head of a room. Raise PyMongoError."""
        return await self._exact_from(room, (await self.approximate({room}))[room])

    async def saved_since(self, moment: datetime.datetime | None) -> tuple[dict[str, Head], datetime.datetime | None]:
        """Return the heads that were stored since a moment (None: all), and the moment for the next time.

        It is by the server's clock, and a little earlier than the last of them. Raise PyMongoError.
        """
        wanted = {} if moment is None else {"saved_at": {"$gte": moment}}
        saved = await all_of(self._stored.find(wanted))
        newest = max((document["saved_at"] for document in saved if "saved_at" in document), default=None)
        heads = {document["_id"]: self.learn(document["_id"], _head(document)) for document in saved}
        return heads, newest - SAVING_TIME if newest else moment

    async def exact_of_next(self, count: int) -> dict[str, Head]:
        """Return the heads of some rooms, by a query for each: others each time, until it was the turn of all.

        Raise PyMongoError, Unavailable.
        """
        self._next = self._next or await self._read(rooms.all_slugs)
        asked, self._next = self._next[:count], self._next[count:]
        approximate = await self.approximate(asked)
        return {room: await self._exact_from(room, head) for room, head in approximate.items()}

    async def newest_at(self, rooms: Collection[str]) -> dict[str, float]:
        """Return when the newest entries of these rooms were appended, as far as that is stored. Raise PyMongoError."""
        stored = await self._of(rooms)
        for document in stored:
            self.learn(document["_id"], _head(document))
        newest = {document["_id"]: document["newest"] for document in stored if "newest" in document}
        return {room: one["at"] for room, one in newest.items() if one["seq"] >= self.known(room).seq}

    async def _of(self, rooms: Collection[str]) -> list[HeadDocument]:
        """Return the stored heads of these rooms. Raise PyMongoError."""
        found: list[HeadDocument] = []
        for some in batches(rooms, MAX_IDS):
            found += await all_of(self._stored.find({"_id": {"$in": some}}))
        return found

    async def learn_newest(self, room: str) -> None:
        """Learn how far a room is, by a query for what is newer than what is known here. Raise PyMongoError."""
        await self._exact_from(room, self.known(room))

    async def _exact_from(self, room: str, head: Head) -> Head:
        newer: Query = {"room": room, "seq": {"$gt": head.seq}}
        for newest in await all_of(self._entries.find(newer, HEAD_FIELDS).sort("seq", -1).limit(1)):
            return self.learn(room, Head(newest["seq"], newest["posts"], newest["lines"]))
        return head

    def save_soon(self, entries: Iterable[Entry]) -> None:
        """Learn of entries that were appended, and store their rooms' heads in the background."""
        for entry in entries:
            self.learn(entry.room, entry.head)
            self._unsaved[entry.room] = entry
        if self._unsaved and self._saving is None:
            # In a context of its own: the append has a deadline, which does not count for what others append later.
            self._saving = asyncio.create_task(self._save_all(), context=Context())

    async def _save_all(self) -> None:
        while self._unsaved:
            entries, self._unsaved = self._unsaved, {}
            try:
                with pymongo.timeout(ANSWER_TIMEOUT_SECONDS):
                    await self._save(entries)
            except PyMongoError:  # appends log it; the heads are right without what is stored
                self._unsaved = {**entries, **self._unsaved}
            await asyncio.sleep(SAVE_INTERVAL_SECONDS)
        self._saving = None

    async def _save(self, entries: Mapping[str, Entry]) -> None:
        """Store the heads of rooms in which these entries were the newest. Raise PyMongoError."""
        await self._stored.bulk_write(
            [
                _raised(room, self.known(room), {"newest": {"seq": entry.seq, "at": entry.at}}, SEARCHED)
                for room, entry in entries.items()
            ]
        )

    async def restore(self, heads: Mapping[str, Head]) -> None:
        """Store the heads of another log where the stored ones are smaller. Raise PyMongoError."""
        await self._stored.bulk_write([_raised(room, head) for room, head in heads.items()])

    async def clear(self) -> None:
        """Remove all stored and known heads. Raise PyMongoError."""
        await self._stored.drop()
        self._known.clear()

    async def close(self) -> None:
        """Stop storing heads; those that are not stored yet are found from the entries."""
        if self._saving is not None:
            self._saving.cancel()
            await asyncio.gather(self._saving, return_exceptions=True)


def _head(document: HeadDocument) -> Head:
    return Head(document["head"], document["posts"], document["lines"])


def _raised(room: str, head: Head, more: Query | None = None, new: Query | None = None) -> pymongo.UpdateOne:
    """Return what raises a stored head, with `more` fields that grow; if it is a new one, it has the `new` fields."""
    grown = {"head": head.seq, "posts": head.posts, "lines": head.lines, **(more or {})}
    changes = {"$max": grown, "$currentDate": {"saved_at": True}, **({"$setOnInsert": new} if new else {})}
    return pymongo.UpdateOne({"_id": room}, changes, upsert=True)
