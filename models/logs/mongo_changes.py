"""The doorbell of the log on MongoDB: a change stream, and queries of the heads in case the stream misses something."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, TypedDict

from pymongo.errors import OperationFailure, PyMongoError

from models.errors.stores import Unavailable
from models.logs.base import Head
from models.logs.mongo_documents import HEAD_FIELDS, Query
from models.logs.mongo_errors import NO_REPLICA_SET, describe
from models.logs.mongo_heads import MongoHeads
from models.logs.mongo_targets import MongoTargets
from models.refusals import RefusalLogger

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries

logger = logging.getLogger(__name__)

MAX_AWAIT_MS = 250  # for which the server holds a query for news; closing may take as long
POLL_SECONDS = 1.0  # between two queries of the stored heads, beside a change stream
POLL_WITHOUT_STREAM_SECONDS = 0.1
SETTLE_SECONDS = 10.0  # between two looks for changes that have not taken effect
EXACT_ROOMS = 50  # asked for their newest entries at each poll, by a query each
RETRY_SECONDS = 0.5  # before a server that did not answer is asked again
# Of the entries of a room that were stored together, the newest is enough: each event is a call of the driver, at each
# process. If only some of them could be stored, the poll tells of these.
NEW_ENTRIES: list[Query] = [
    {"$match": {"operationType": "insert", "fullDocument.is_followed": {"$ne": True}}},
    {"$project": {f"fullDocument.{name}": 1 for name in ("room", *HEAD_FIELDS)}},
]


class NewEntry(TypedDict):
    """What a change tells of an entry."""

    room: str
    seq: int
    posts: int
    lines: int


class Change(TypedDict):
    """What a change stream of NEW_ENTRIES yields."""

    fullDocument: NewEntry


class ChangeStream(Protocol):
    """A change stream of Motor's, which leaves its type open."""

    alive: bool
    resume_token: Mapping[str, object] | None

    async def try_next(self) -> Change | None:
        """Return the next change, or None if there is none within MAX_AWAIT_MS. Raise PyMongoError."""


class MongoChanges:
    """Tells which rooms may have grown, whichever process appended."""

    def __init__(self, entries: Entries, heads: MongoHeads, targets: MongoTargets) -> None:
        self._entries = entries
        self._heads = heads
        self._targets = targets
        self._refusal_logger = RefusalLogger(logger)
        self._poll_seconds = POLL_SECONDS
        self._tasks: set[asyncio.Task[None]] = set()

    async def changes(self) -> AsyncIterator[tuple[str, Head]]:
        """Yield rooms that may have grown, with their heads: of each room the newest one only."""
        news = _News()
        tasks = [asyncio.create_task(self._listen(news)), asyncio.create_task(self._poll(news))]
        self._tasks.update(tasks)
        try:
            while True:
                await news.rung.wait()
                for room, head in news.take():
                    yield room, head
        finally:
            await self._cancel(tasks)

    async def close(self) -> None:
        """Stop listening."""
        await self._cancel(list(self._tasks))

    async def _cancel(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.difference_update(tasks)

    async def _poll(self, news: _News) -> None:
        """Query the heads now and then: what the change stream missed comes late, but it comes.

        Where a process has ended before it could store a head, the newest entry tells it.
        """
        loop = asyncio.get_running_loop()
        settled_at, moment = loop.time() - SETTLE_SECONDS, None
        while True:
            with contextlib.suppress(PyMongoError, Unavailable):
                saved, moment = await self._heads.saved_since(moment)
                news.add(saved)
                news.add(await self._heads.exact_of_next(EXACT_ROOMS))
                if loop.time() >= settled_at + SETTLE_SECONDS:
                    settled_at = loop.time()
                    await self._targets.settle_pending()
            await asyncio.sleep(self._poll_seconds)

    async def _listen(self, news: _News) -> None:
        """Follow the change stream, and open it again where it broke; return if the server has none."""
        while True:
            try:
                await self._follow(news)
            except OperationFailure as error:
                if error.code == NO_REPLICA_SET:
                    logger.warning("this MongoDB is no replica set and has no change streams: asking it every 0.1 s")
                    self._poll_seconds = POLL_WITHOUT_STREAM_SECONDS
                    return
                self._refusal_logger.report("the change stream ended", describe(error))
                news.resume_token = None  # too old, or of a collection that was dropped
            except PyMongoError as error:
                self._refusal_logger.report("the change stream broke", describe(error))
            except Unavailable:
                pass  # the people's database refused, which is logged there
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, news: _News) -> None:
        """Tell what one change stream yields, from where the one before it broke. Raise PyMongoError, Unavailable."""
        opening: AbstractAsyncContextManager[ChangeStream] = self._entries.watch(
            NEW_ENTRIES, resume_after=news.resume_token, max_await_time_ms=MAX_AWAIT_MS
        )
        async with opening as stream:
            change = await stream.try_next()
            if news.resume_token is None:
                news.add(await self._heads.approximate())  # what came before the stream was open
            while stream.alive:
                if change is not None:
                    new = change["fullDocument"]
                    head = Head(new["seq"], new["posts"], new["lines"])
                    news.add({new["room"]: self._heads.learn(new["room"], head)})
                news.resume_token = stream.resume_token
                change = await stream.try_next()
        news.resume_token = None


class _News:
    """What has grown and was not yielded yet."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.resume_token: Mapping[str, object] | None = None  # where the change stream continues after it broke
        self._heads: dict[str, Head] = {}
        self._pending: dict[str, Head] = {}

    def add(self, heads: dict[str, Head]) -> None:
        """Ring for the rooms whose heads are larger than those that were added before."""
        for room, head in heads.items():
            if room not in self._heads or head > self._heads[room]:
                self._heads[room] = self._pending[room] = head
                self.rung.set()

    def take(self) -> list[tuple[str, Head]]:
        """Return the rooms that were not yielded yet, with their heads."""
        pending, self._pending = self._pending, {}
        self.rung.clear()
        return list(pending.items())
