"""A test with a log, on any engine."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import unittest
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from models.database import database
from models.logs.base import Draft, Entry, Head, RoomLog
from models.logs.together import MAX_WISHES
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash
from testsuite.appender import open_log
from testsuite.mongodb import any_mongo, mongo_database
from testsuite.unindexed import forget_rows, forget_words
from testsuite.waiting import TIMEOUT_SECONDS


class LogTest(unittest.IsolatedAsyncioTestCase):
    """A test with a log, by default in a SQLite file.

    In the people's database ana and beto are members of the lobby, and ana alone of the attic.
    """

    def people_url(self) -> str:
        """Return the URL of an empty database for people and rooms."""
        return str(Path(self.folder) / "people.db")

    @property
    def address(self) -> str:
        """What `open_log` opens: the people's database and, after a space, the MongoDB of the log, if it has one."""
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

    async def forget_index(self) -> None:
        """Let the search index have nothing, as if the log were older than it is."""
        self.with_models(lambda: forget_rows(database.execute_sql))

    def with_models(self, change: Callable[[], object]) -> None:
        """Change the people's database on a connection of its own."""
        with database.connection_context():
            change()

    def draft(self, body: str, nonce: str = "", author: int = 0, room: str = "lobby") -> Draft:
        return Draft(room, author or self.ana, body, nonce or body)

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # or most of the time would be spent on its checks
        self.log: RoomLog = await self.enterAsyncContext(open_log(self.address))

    async def fill(self, count: int, room: str = "lobby") -> list[Entry]:
        """Append as many at once as are written together: a slow server has its time for each of these batches."""
        drafts, entries = [self.draft(f"{room} {n}", room=room) for n in range(count)], list[Entry]()
        for start in range(0, count, MAX_WISHES):
            entries += await asyncio.gather(*map(self.log.append, drafts[start : start + MAX_WISHES]))
        return entries

    async def everything(self, room: str = "lobby") -> list[Entry]:
        return await self.log.after(room, 0, 100_000)

    async def until(self, what: Callable[[], bool]) -> None:
        """Return once `what` is true."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[dict[str, Head]]:
        """Listen to the doorbell. Yield the heads that it has told, a dict that is updated meanwhile."""
        heard: dict[str, Head] = {}

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

    async def forget_index(self) -> None:
        await asyncio.to_thread(forget_words, self.url)
