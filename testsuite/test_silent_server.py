"""PostgreSQL stands still while its connections stay open: no request waits for it for ever."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import time
import unittest
from unittest import mock

import peewee

from models.engines.postgresql import Postgresql
from testsuite.cases import FolderTest
from testsuite.clients import PASSWORD, Client
from testsuite.postgresql import PostgresqlServer
from testsuite.servers import Server
from testsuite.tables import add_accounts
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

END_SECONDS = 10.0  # within which a process ends
MEMBER_COUNT = 8  # who all wait at once


class StandingStill(FolderTest):
    """docs/security.rst 23, where the database is a server."""

    needs = ("postgres",)

    def setUp(self) -> None:
        super().setUp()
        self.postgresql = PostgresqlServer()
        self.addCleanup(self.postgresql.close)
        self.postgresql.start()
        self.option = f"--database={self.postgresql.url()}"
        add_accounts(self.postgresql.url(), ("ana",), PASSWORD)

    def site(self, *altered: str) -> Server:
        """Start a process, and sign in."""
        server = self.start(self.option, "--messages_per_second=0", altered=altered).wait()
        self.ana = Client(server.url).sign_in("ana")
        self.ana.get("/rooms/lobby")
        return server

    def test_pages_are_refused_in_time_and_all_is_well_afterwards(self) -> None:
        server = self.site("models.engines.postgresql:ANSWER_TIMEOUT_SECONDS=1.0")
        with self.postgresql.paused():
            for path in ("/healthz", "/rooms/lobby"):
                self.assertEqual(self.ana.get(path).status, 503)
            self.assertEqual(self.ana.post("/rooms/lobby", {"body": "kept", "nonce": "form"}).status, 503)
        wait_for(lambda: self.ana.get("/healthz").status == 200, "it is well again")
        self.assertEqual(self.ana.post("/rooms/lobby", {"body": "kept", "nonce": "form"}).status, 302)
        self.assertEqual(server.stop(), 0)

    def test_a_process_ends_in_time_and_says_nothing_of_those_who_waited(self) -> None:
        server = self.site()
        chats = [self.ana.chat() for _ in range(MEMBER_COUNT)]
        for chat in chats:
            self.addCleanup(chat.close)
        with self.postgresql.paused():
            pages = [self.ana.begin("GET", "/rooms/lobby") for _ in range(MEMBER_COUNT)]
            for page in pages:
                self.addCleanup(page.close)
            for _ in range(2):  # until the pages were taken, then until they were asked for
                chats[0].send("ping")
                chats[0].until("pong")
            for chat in chats:
                chat.send("join", room="lobby", after=0)
                chat.post("in vain")
                chat.send("leave", room="lobby")
            began = time.monotonic()
            self.assertEqual(server.stop(), 0)
            self.assertLess(time.monotonic() - began, END_SECONDS)
            self.assertEqual({page.getresponse().status for page in pages}, {503})
        self.assertNotIn("Traceback", "".join(server.lines))


class Connecting(unittest.TestCase):
    """No answer to a new connection: the socket is closed at once, not when Python collects garbage."""

    def setUp(self) -> None:
        gc.disable()
        self.addCleanup(gc.enable)
        self.server = self.enterContext(socket.create_server(("127.0.0.1", 0)))
        self.server.settimeout(TIMEOUT_SECONDS)
        port = self.server.getsockname()[1]
        self.database = Postgresql(f"postgresql://me:secret@127.0.0.1:{port}/prosa?connect_timeout=2")

    def check_closed(self) -> None:
        """Check that the connected sockets were closed."""
        peer, _ = self.server.accept()
        with peer:
            peer.settimeout(1.0)
            while peer.recv(1024):
                pass

    def test_for_a_question(self) -> None:
        with contextlib.suppress(peewee.OperationalError):  # assertRaises would tidy up after it
            self.database.connect()
        self.check_closed()

    def test_for_the_doorbell(self) -> None:
        async def listen() -> None:
            doorbell = self.database.doorbell(mock.AsyncMock())
            with self.assertLogs("models.engines.postgresql_doorbell", "WARNING") as logged:
                watching = asyncio.create_task(doorbell.watch())
                while not logged.output:  # noqa: ASYNC110 - what is waited for is no event
                    await asyncio.sleep(0.01)
            self.check_closed()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

        asyncio.run(listen())
