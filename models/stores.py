"""The stores of one process: the people's database, the rooms' log, and the doorbell of the database."""

from __future__ import annotations

from models.database import database
from models.engines.workers import WorkerPool, Writer
from models.logs.base import RoomLog
from models.logs.sql import SqlLog


class Stores:
    """`write` and `read` call a function in a thread of the database that is open; `log` is there or on MongoDB.

    `mongo` is the URL of that MongoDB, or empty. Made while the loop runs.
    """

    def __init__(self, mongo: str = "") -> None:
        self._writer = Writer("writer", database.obj)
        self._reader = WorkerPool("reader", database.obj, database.reader_threads)
        self.write = self._writer.run
        self.read = self._reader.run
        self.doorbell = database.doorbell(self.read)
        self.log = self._make_log(mongo)

    def _make_log(self, mongo: str) -> RoomLog:
        if not mongo:
            return SqlLog(self.write, self.read, self.doorbell)
        from models.logs.mongo import MongoLog  # noqa: PLC0415 - its drivers are loaded only where a log is there

        return MongoLog(mongo, self.read)

    async def open(self) -> None:
        """Connect the log. Raise CannotOpen."""
        await self.log.open()

    async def close(self) -> None:
        """Close all connections."""
        await self.log.close()
        self._writer.close()
        self._reader.close()
        await self.doorbell.close()
