"""The doorbell of PostgreSQL: LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from itertools import takewhile
from typing import Any

import peewee
import psycopg
from psycopg.pq.abc import PGconn

from models.engines.base import HEADS_QUERY, PEOPLE_VERSION_QUERY, Doorbell, Growth, RunInThread, to_heads
from models.engines.postgresql_connection import connect_async
from models.logs.base import Head
from models.logs.together import Together

logger = logging.getLogger(__name__)


class PostgresqlDoorbell(Doorbell):
    """Listens for NOTIFY, which triggers of the migrations send, on a connection of its own; a room's has its head.

    A lost connection is opened again, and a slow poll finds the changes whose NOTIFY was missed. What `is_own`, by the
    number of the connection that committed it, is known here already: it does not ring before that poll.
    """

    POLL_SECONDS = 1.0  # between two polls
    RETRY_SECONDS = 0.5  # before the next try to connect to a server that is gone
    ANSWER_TIMEOUT_SECONDS = 5.0  # for the answer to a poll
    MAX_LOOK_ROOMS = 50  # of which a look asks how far they are: those that were asked for last
    LOOK_QUERY = f"""
        SELECT '', ({PEOPLE_VERSION_QUERY})::text UNION ALL SELECT slug, head::text FROM room WHERE slug = ANY(%s)
    """  # noqa: S608 - of constants
    POLL_QUERY = f"SELECT ({PEOPLE_VERSION_QUERY}), (SELECT sum(head) FROM room), (SELECT sum(version) FROM process)"  # noqa: S608 - of constants

    def __init__(
        self,
        database: peewee.Database,
        parameters: dict[str, Any],
        read: RunInThread,
        is_own: Callable[[int], bool],
    ) -> None:
        super().__init__()
        self._database = database
        self._parameters = parameters  # of psycopg.connect
        self._read = read
        self._is_own = is_own
        self._looking = Together(self._look_for_all)
        self._look_rooms: dict[str, None] = {}  # those that were asked for last are at the end
        self._seen: dict[str, int] = {}  # the heads of these rooms at the last look
        self._is_silent = False
        self._last_polled: tuple[Any, ...] | None = None
        self._people_version: object = object()
        self._ring_count = 0  # of rings for rooms so far
        self._rung: dict[str, tuple[int, Head]] = {}  # by room: the number of its last ring, in order, and its head
        self._polled_count = 0  # of the rings, at the last poll
        self._all_rung = 0  # that of the last one that may have been for any room

    async def watch(self) -> None:
        while True:
            try:
                await self._listen()
            except (psycopg.Error, TimeoutError, OSError) as error:
                if not self._is_silent:
                    logger.warning("the doorbell is silent: %s", " ".join(str(error).split()))
                self._is_silent = True
            await asyncio.sleep(self.RETRY_SECONDS)

    async def _listen(self) -> None:
        """Ring for each NOTIFY. Raise psycopg.Error, TimeoutError or OSError when the server is gone."""
        async with await connect_async(self._parameters) as connection:
            connection.add_notify_handler(lambda notice: self._on_notice(notice.payload, notice.pid))
            await connection.execute("LISTEN prosa")
            self._is_silent = False
            self._ring_for_all()
            while True:
                await self._poll(connection)
                await self._hear(connection.pgconn)

    async def _hear(self, server: PGconn) -> None:
        """Take what the server says until the next poll is due. Raise psycopg.Error when the server is gone.

        psycopg's own `notifies` takes three times as long, at each process for each batch of messages of the site.
        """
        loop, socket = asyncio.get_running_loop(), server.socket
        lost: asyncio.Future[None] = loop.create_future()

        def take() -> None:
            try:
                server.consume_input()
                while (notice := server.notifies()) is not None:
                    self._on_notice(notice.extra.decode(), notice.be_pid)
            except psycopg.Error as error:  # its socket is closed, and the number may soon be that of another one
                loop.remove_reader(socket)
                lost.set_exception(error)

        loop.add_reader(socket, take)
        try:
            take()  # what came with the answer to the poll
            await asyncio.wait([lost], timeout=self.POLL_SECONDS)
        finally:
            if not lost.done():
                loop.remove_reader(socket)
        if lost.done():
            lost.result()

    def _on_notice(self, payload: str, server_pid: int) -> None:
        kind, *about = payload.split(" ")
        if kind == "head":
            *counts, room = about
            self._ring_count += 1
            self._rung.pop(room, None)
            self._rung[room] = self._ring_count, Head(*map(int, counts))
            if self._is_own(server_pid):
                return
        self._ring(people_changed=kind == "people")

    async def _poll(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Ring if something has changed since the last poll, for all rooms if one has grown and none has rung."""
        has_rung = self._ring_count != self._polled_count
        self._polled_count = self._ring_count
        async with asyncio.timeout(self.ANSWER_TIMEOUT_SECONDS):
            polled = await (await connection.execute(self.POLL_QUERY)).fetchone()
        if polled != self._last_polled:
            people_changed = not self._last_polled or not polled or polled[0] != self._last_polled[0]
            if not has_rung and (not self._last_polled or not polled or polled[1] != self._last_polled[1]):
                self._ring_for_all()
            self._last_polled = polled
            self._ring(people_changed)

    def _ring(self, people_changed: bool) -> None:
        if people_changed:
            self._people_version = object()
        self.ring()

    def _ring_for_all(self) -> None:
        self._ring_count += 1
        self._all_rung = self._ring_count

    def people_version(self) -> object:
        return self._people_version

    async def look(self) -> object:
        return await self._looking.ask(None)

    async def _look_for_all(self, askers: list[None]) -> list[object]:
        """Look once for all who ask at this moment: for the people, and for the rooms that are being read."""
        seen = await self._read(self._look, list(self._look_rooms))
        version = seen.pop("")
        self._seen = {room: int(head) for room, head in seen.items()}
        return [version] * len(askers)

    def _look(self, rooms: list[str]) -> dict[str, str]:
        return dict(self._database.execute_sql(self.LOOK_QUERY, (rooms,)).fetchall())

    def head_seen(self, room: str) -> int | None:
        self._look_rooms.pop(room, None)
        self._look_rooms[room] = None
        if len(self._look_rooms) > self.MAX_LOOK_ROOMS:
            del self._look_rooms[next(iter(self._look_rooms))]
        return self._seen.get(room)

    async def grown(self, mark: int | None) -> Growth:
        now = self._ring_count  # first: what rings while the database is asked is asked for again
        if mark is None or mark < self._all_rung:
            return Growth(now, await self._read(self._find_heads))
        fresh = takewhile(lambda rung: rung[1][0] > mark, reversed(self._rung.items()))
        return Growth(now, {room: head for room, (_, head) in fresh})

    def _find_heads(self) -> dict[str, Head]:
        return to_heads(self._database.execute_sql(HEADS_QUERY).fetchall())

    async def close(self) -> None:
        """Do nothing: `watch` closes its connection when it is cancelled."""
