"""A test with a log, on any engine."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import unittest
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from models.database import database
from models.logs.base import Draft, Entry, RoomLog
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash
from testsuite.appender import open_log
from testsuite.live import TIMEOUT
from testsuite.mongodb import any_mongo, mongo_database


class LogTest(unittest.IsolatedAsyncioTestCase):
    """A test with a log. A class for an engine says where it lies.

    In the people's database, which is always there, ana and beto are in the lobby, ana alone in the attic.
    """

    def people_url(self) -> str:
        """Return an empty database for the people."""
        return str(Path(self.folder) / "people.db")

    @property
    def address(self) -> str:
        """Where the log lies: the people's database and, after a space, a MongoDB if it is there."""
        return self.people

    def setUp(self) -> None:
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.people = self.people_url()
        create_tables(self.people)
        ids = []
        for name in ("ana", "beto"):
            user = User(username=name, password=PasswordHash("none"))
            user.save()
            ids.append(user.id)
        self.ana, self.beto = ids
        Membership.create(room=Room.create(slug="attic", name="Attic"), user=self.ana)
        database.close()

    def draft(self, body: str, nonce: str = "", author: int = 0, room: str = "lobby") -> Draft:
        return Draft(room, author or self.ana, body, nonce or body)

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # its own book-keeping is most of the time otherwise
        self.log: RoomLog = await self.enterAsyncContext(open_log(self.address))

    async def fill(self, count: int, room: str = "lobby") -> list[Entry]:
        return await asyncio.gather(*(self.log.append(self.draft(f"{room} {n}", room=room)) for n in range(count)))

    async def everything(self, room: str = "lobby") -> list[Entry]:
        return await self.log.after(room, 0, 100_000)

    async def until(self, what: Callable[[], bool]) -> None:
        """Return once `what` is true."""
        async with asyncio.timeout(TIMEOUT):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[dict[str, int]]:
        """Hear the doorbell. Yield the heads that it has told, which go on growing."""
        heard: dict[str, int] = {}

        async def listen() -> None:
            async for room, head in self.log.changes():
                heard[room] = head

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class OnMongodb(LogTest):
    """A test with a log on a MongoDB, in a database of its own."""

    needs = ("mongodb",)
    server: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = cls.enterClassContext(any_mongo())

    def setUp(self) -> None:
        super().setUp()
        self.url = self.enterContext(mongo_database(self.server))

    @property
    def address(self) -> str:
        return f"{self.people} {self.url}"
