"""The doorbell of PostgreSQL: LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import psycopg

from models.engines.base import HEADS_QUERY, PEOPLE_VERSION_QUERY, Doorbell, Growth, Row, RunInThread, to_heads
from models.engines.postgresql_connection import connect_async
from models.engines.postgresql_listening import ListeningConnection
from models.errors.stores import Unavailable
from models.logs.base import Head
from models.logs.together import Together

if TYPE_CHECKING:
    from models.engines.postgresql import Postgresql

logger = logging.getLogger(__name__)


class PostgresqlDoorbell(Doorbell):
    """Listens for NOTIFY, which triggers of the migrations send, on a connection of its own; a room's has its head.

    A lost connection is opened again, and a slow poll finds the changes whose NOTIFY was missed. What a thread of this
    process has committed is known here already: it does not ring before that poll. That connection looks, too, and a
    thread only where there is none.
    """

    POLL_SECONDS = 1.0  # between two polls
    RETRY_SECONDS = 0.5  # before the next try to connect to a server that is gone
    ANSWER_TIMEOUT_SECONDS = 5.0  # for the answer to a poll
    MAX_LOOK_ROOMS = 50  # of which a look asks how far they are: those that were asked for last
    LOOK_QUERY = f"""
        SELECT '', ({PEOPLE_VERSION_QUERY})::text
        UNION ALL SELECT slug, head::text FROM room WHERE slug = ANY(string_to_array($1, ' '))
    """  # noqa: S608 - of constants
    POLL_QUERY = f"""
        SELECT ({PEOPLE_VERSION_QUERY}), (SELECT sum(head) FROM room), (SELECT sum(version) FROM process)
    """  # noqa: S608 - of constants
    PREPARE = f"PREPARE look (text) AS {LOOK_QUERY}; PREPARE poll AS {POLL_QUERY}"

    def __init__(self, database: Postgresql, parameters: dict[str, Any], read: RunInThread) -> None:
        super().__init__()
        self._database = database
        self._parameters = parameters  # of psycopg.connect
        self._read = read
        self._looking = Together(self._look_for_all)
        self._look_rooms: dict[str, None] = {}  # those that were asked for last are at the end
        self._seen: dict[str, int] = {}  # the heads of these rooms at the last look
        self._listening: ListeningConnection | None = None
        self._is_silent = False
        self._last_polled: tuple[str, ...] | None = None
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
        connection = await connect_async(self._parameters)
        try:
            await connection.execute("LISTEN prosa")
            await connection.execute(self.PREPARE)
            self._listening = listening = ListeningConnection(connection.pgconn, self._on_notice)
            self._is_silent = False
            self._ring_for_all()
            while True:
                await self._poll(listening)
                await listening.hear(self.POLL_SECONDS)
        finally:
            if self._listening is not None:
                self._listening.close(psycopg.OperationalError("closed"))
                self._listening = None
            await connection.close()

    def _on_notice(self, payload: str, server_pid: int) -> None:
        kind, *about = payload.split(" ")
        if kind == "head":
            *counts, room = about
            self._ring_count += 1
            self._rung.pop(room, None)
            self._rung[room] = self._ring_count, Head(*map(int, counts))
            if self._database.is_own(server_pid):
                return
        self._ring(people_changed=kind == "people")

    async def _poll(self, listening: ListeningConnection) -> None:
        """Ring if something has changed since the last poll, for all rooms if one has grown and none has rung."""
        has_rung = self._ring_count != self._polled_count
        self._polled_count = self._ring_count
        async with asyncio.timeout(self.ANSWER_TIMEOUT_SECONDS):
            (polled,) = await listening.ask("poll")
        if polled != self._last_polled:
            people_changed = not self._last_polled or polled[0] != self._last_polled[0]
            if not has_rung and (not self._last_polled or polled[1] != self._last_polled[1]):
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
        rooms = " ".join(self._look_rooms)
        seen: dict[str, str] = dict(await self._look_on_loop(rooms) or await self._read(self._look, rooms))
        version = seen.pop("")
        self._seen = {room: int(head) for room, head in seen.items()}
        return [version] * len(askers)

    async def _look_on_loop(self, rooms: str) -> Sequence[Row]:
        """Return what is seen on the connection that listens; nothing if that is lost. Raise Unavailable."""
        try:
            async with asyncio.timeout(self._database.timeout_seconds()):
                return await self._listening.ask("look", rooms) if self._listening else ()
        except psycopg.Error:
            return ()
        except TimeoutError as error:
            raise Unavailable() from error

    def _look(self, rooms: str) -> Sequence[Row]:
        rows: Sequence[Row] = self._database.execute_sql(self.LOOK_QUERY.replace("$1", "%s"), (rooms,)).fetchall()
        return rows

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
