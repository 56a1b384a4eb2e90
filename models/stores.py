"""What one process keeps things in: the people's database, the rooms' log, and the doorbell that tells of both."""

from __future__ import annotations

from models.database import database
from models.engines.workers import Worker, Writer
from models.logs.base import RoomLog
from models.logs.sql import SqlLog


class Stores:
    """The stores of one process, over the database that is open; `mongo` is where the log lies, if not there.

    Made while the loop runs.
    """

    def __init__(self, mongo: str = "") -> None:
        self._writer = Writer("writer", database.obj)
        self._reader = Worker("reader", database.obj, database.readers)
        self.write = self._writer.run
        self.read = self._reader.run
        self.doorbell = database.doorbell(self.read)
        self.log = self._make_log(mongo)

    def _make_log(self, mongo: str) -> RoomLog:
        if not mongo:
            return SqlLog(self.write, self.read, self.doorbell)
        from models.logs.mongo import MongoLog  # noqa: PLC0415 - who has no MongoDB starts without what it needs

        return MongoLog(mongo, self.read)

    async def open(self) -> None:
        """Make the log ready. Raise CannotOpen."""
        await self.log.open()

    async def close(self) -> None:
        """Let go of everything."""
        await self.log.close()
        self._writer.close()
        self._reader.close()
        await self.doorbell.close()
