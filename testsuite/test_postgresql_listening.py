"""The connection to PostgreSQL on the event loop: answers, errors, and who gives up waiting."""

from __future__ import annotations

import asyncio
import contextlib
import unittest
from collections.abc import AsyncIterator

import psycopg

from models.engines.postgresql_connection import connect_async
from models.engines.postgresql_listening import ListeningConnection
from testsuite.postgresql import OnPostgresql
from testsuite.tables import address, sql
from testsuite.waiting import TIMEOUT_SECONDS

ECHO = "PREPARE echo (text) AS SELECT $1, number FROM generate_series(1, 2) AS number"
NUMBER = "PREPARE number AS SELECT pg_backend_pid()"
SLEEP = "PREPARE sleep AS SELECT pg_sleep(60)"


class Listening(OnPostgresql, unittest.IsolatedAsyncioTestCase):
    """What it hears, and what it is asked at the same time."""

    folder = "of a connection"

    def setUp(self) -> None:
        self.enterContext(self.database(self.folder))
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    @contextlib.asynccontextmanager
    async def listening(self, *statements: str) -> AsyncIterator[ListeningConnection]:
        """Open a connection that listens, with prepared statements."""
        connection = await connect_async({"conninfo": address(self.folder)})
        try:
            for statement in ("LISTEN here", *statements):
                await connection.execute(statement)
            listening = ListeningConnection(connection.pgconn, lambda payload, _: self.heard.put_nowait(payload))
            yield listening
            listening.close(psycopg.OperationalError("closed"))
        finally:
            await connection.close()

    async def test_who_asks_at_the_same_time_gets_their_own_answer_or_error(self) -> None:
        async with self.listening(ECHO) as listening:
            asked = [listening.ask("echo", f"\u00e1 {number}") for number in range(20)]
            *answers, error = await asyncio.gather(*asked, listening.ask("unknown"), return_exceptions=True)
            self.assertEqual(answers, [[(f"\u00e1 {n}", "1"), (f"\u00e1 {n}", "2")] for n in range(20)])
            self.assertIsInstance(error, psycopg.OperationalError)
            sql(self.folder, "NOTIFY here, 'between'")
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self.assertEqual(await self.heard.get(), "between")

    async def test_a_connection_that_was_ended_says_so(self) -> None:
        async with self.listening(NUMBER, SLEEP) as listening:
            ((number,),) = await listening.ask("number")
            asked = asyncio.create_task(listening.ask("sleep"))
            await asyncio.sleep(0)  # until it is asked
            sql(self.folder, f"SELECT pg_terminate_backend({number})")
            with self.assertRaises(psycopg.OperationalError):
                await asked
            with self.assertRaises(psycopg.OperationalError):
                await listening.hear(TIMEOUT_SECONDS)
            with self.assertRaises(psycopg.OperationalError):
                await listening.ask("number")

    async def test_who_gives_up_waiting_ends_it_for_all_who_wait(self) -> None:
        async with self.listening(SLEEP) as listening:
            first, second = (asyncio.create_task(listening.ask("sleep")) for _ in range(2))
            await asyncio.sleep(0)  # until the first is asked
            first.cancel()
            with self.assertRaises(TimeoutError):
                await second
            with self.assertRaises(TimeoutError):
                await listening.hear(TIMEOUT_SECONDS)
