"""The doorbell of the log on MongoDB: a change stream, with a slow look at the heads underneath."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from pymongo.errors import OperationFailure, PyMongoError

from models.errors import Unavailable
from models.logs.mongo_errors import NO_REPLICA_SET, describe
from models.refusals import RefusalLogger

logger = logging.getLogger(__name__)

Heads = Callable[[], Awaitable[dict[str, int]]]

MAX_AWAIT_MS = 250  # for which the server holds a query for news; closing may take as long
POLL_SECONDS = 1.0  # between two queries of the stored heads, beside a change stream
POLL_WITHOUT_STREAM_SECONDS = 0.1
EXACT_POLL_SECONDS = 10.0  # between two queries of the newest entries, one for each room
RETRY_SECONDS = 0.5  # before a server that did not answer is asked again


class MongoChanges:
    """Rings when a room may have grown, whoever appended.

    `watch` opens a change stream after a token; `know` is told how far a room has grown and returns how far that is
    known; `noted` returns what is noted of the heads, which is cheap and may be a moment late; `exact` returns the
    heads of all rooms.
    """

    def __init__(self, watch: Callable[..., Any], know: Callable[[str, int], int], noted: Heads, exact: Heads) -> None:
        self._watch = watch
        self._know = know
        self._noted = noted
        self._exact = exact
        self._refusal_logger = RefusalLogger(logger)
        self._pace = POLL_SECONDS
        self._tasks: set[asyncio.Task[None]] = set()

    async def changes(self) -> AsyncIterator[tuple[str, int]]:
        """Yield rooms that may have grown, with their heads; what happens while the listener is busy is one ring."""
        heard = _Heard()
        tasks = [asyncio.create_task(self._listen(heard)), asyncio.create_task(self._poll(heard))]
        self._tasks.update(tasks)
        try:
            while True:
                await heard.rung.wait()
                for room, head in heard.take():
                    yield room, head
        finally:
            await self._end(tasks)

    async def close(self) -> None:
        """Stop listening."""
        await self._end(list(self._tasks))

    async def _end(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.difference_update(tasks)

    async def _poll(self, heard: _Heard) -> None:
        """Look at the heads now and then: a ring that was lost comes late, but it comes."""
        loop = asyncio.get_running_loop()
        exactly = loop.time()
        while True:
            with contextlib.suppress(PyMongoError, Unavailable):
                if loop.time() >= exactly:
                    heard.ring(await self._exact())
                    exactly = loop.time() + EXACT_POLL_SECONDS
                else:
                    heard.ring(await self._noted())
            await asyncio.sleep(self._pace)

    async def _listen(self, heard: _Heard) -> None:
        """Follow the change stream for as long as there is one; open it anew where it broke."""
        while True:
            try:
                await self._follow(heard)
            except OperationFailure as error:
                if error.code == NO_REPLICA_SET:
                    logger.warning("this MongoDB is no replica set and has no change streams: asking it every 0.1 s")
                    self._pace = POLL_WITHOUT_STREAM_SECONDS
                    return
                self._refusal_logger.report("the change stream ended", describe(error))
                heard.token = None  # too old, or of a collection that is gone
            except PyMongoError as error:
                self._refusal_logger.report("the change stream broke", describe(error))
            except Unavailable:
                pass  # the people's database refused, and that was said
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self, heard: _Heard) -> None:
        """Ring for what a stream tells, from where the one before it broke. Raise PyMongoError, Unavailable."""
        async with self._watch(heard.token, max_await_time_ms=MAX_AWAIT_MS) as stream:
            change = await stream.try_next()
            if heard.token is None:
                heard.ring(await self._exact())  # what came before the stream was open
            while stream.alive:
                if change is not None:
                    room, seq = change["fullDocument"]["room"], change["fullDocument"]["seq"]
                    heard.ring({room: self._know(room, seq)})
                heard.token = stream.resume_token
                change = await stream.try_next()
        heard.token = None


class _Heard:
    """What has grown and was not told yet."""

    def __init__(self) -> None:
        self.rung = asyncio.Event()
        self.token: Any = None  # where the change stream goes on after it broke
        self._heads: dict[str, int] = {}
        self._untold: dict[str, int] = {}

    def ring(self, heads: dict[str, int]) -> None:
        for room, head in heads.items():
            if head > self._heads.get(room, -1):
                self._heads[room] = self._untold[room] = head
                self.rung.set()

    def take(self) -> list[tuple[str, int]]:
        untold, self._untold = self._untold, {}
        self.rung.clear()
        return list(untold.items())
