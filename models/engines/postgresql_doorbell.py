"""The doorbell of PostgreSQL: LISTEN and NOTIFY."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import peewee
import psycopg

from models.engines.base import HEADS_QUERY, PEOPLE_VERSION_QUERY, Doorbell, RunInThread, to_heads
from models.engines.postgresql_connection import connect_async
from models.logs.base import Head

logger = logging.getLogger(__name__)


class PostgresqlDoorbell(Doorbell):
    """Listens for NOTIFY, which the triggers of the first migration send, on a connection of its own.

    A lost connection is opened again, and a slow poll finds the changes whose NOTIFY was missed.
    """

    POLL_SECONDS = 1.0  # between two polls
    RETRY_SECONDS = 0.5  # before the next try to connect to a server that is gone
    ANSWER_TIMEOUT_SECONDS = 5.0  # for the answer to a poll
    POLL_QUERY = f"SELECT ({PEOPLE_VERSION_QUERY}), (SELECT sum(head) FROM room), (SELECT sum(version) FROM process)"  # noqa: S608 - of constants

    def __init__(self, database: peewee.Database, parameters: dict[str, Any], read: RunInThread) -> None:
        super().__init__()
        self._database = database
        self._parameters = parameters  # of psycopg.connect
        self._read = read
        self._is_silent = False
        self._last_polled: tuple[Any, ...] | None = None
        self._people_version: object = object()

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
            await connection.execute("LISTEN prosa")
            self._is_silent = False
            while True:
                await self._poll(connection)
                async for notice in connection.notifies(timeout=self.POLL_SECONDS):
                    self._ring(people_changed=notice.payload == "people")

    async def _poll(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Ring if something has changed since the last poll."""
        async with asyncio.timeout(self.ANSWER_TIMEOUT_SECONDS):
            polled = await (await connection.execute(self.POLL_QUERY)).fetchone()
        if polled != self._last_polled:
            people_changed = not self._last_polled or not polled or polled[0] != self._last_polled[0]
            self._last_polled = polled
            self._ring(people_changed)

    def _ring(self, people_changed: bool) -> None:
        if people_changed:
            self._people_version = object()
        self.ring()

    def people_version(self) -> object:
        return self._people_version

    async def heads(self) -> dict[str, Head]:
        return await self._read(lambda: to_heads(self._database.execute_sql(HEADS_QUERY).fetchall()))

    async def close(self) -> None:
        """Do nothing: `watch` closes its connection when it is cancelled."""
