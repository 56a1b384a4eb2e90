"""The doorbell of SQLite: a poll for the file's version."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import cysqlite

from models.engines.base import PEOPLE_VERSION_QUERY, Doorbell, Growth, to_heads
from models.engines.sqlite_file import DatabaseFile, FileIdentity
from models.errors.stores import Unavailable

HEAD_QUERY = "SELECT head FROM room WHERE slug = ?"
# Transactions that write come one after the other: what one of them has stored is behind all that was seen before.
GROWN_QUERY = "SELECT grown, slug, head, posts, lines FROM room WHERE grown > ?"


class SqliteDoorbell(Doorbell):
    """Polls `PRAGMA data_version` on a connection of its own: 5 microseconds, no lock, no broker."""

    BUSY_POLL_SECONDS = 0.002  # between two polls while clients are connected
    IDLE_POLL_SECONDS = 0.25  # while none is

    def __init__(self, file: DatabaseFile) -> None:
        super().__init__()
        self._file = file
        self._connection = cysqlite.Connection(file.path, timeout=0)
        self._side_files: dict[str, FileIdentity] = {}  # which this connection has open; empty before its first query
        self._verified_at = 0.0
        self._version = -1  # of the file at the last poll; -1: not known
        self._people_version: object = None
        self._seen: dict[str, int] = {}  # the heads of the rooms that were asked for
        self._seen_version: object = None  # the version of the file whose heads these are

    async def watch(self) -> None:
        """Ring for every change until cancelled. Raise Lost."""
        while True:
            self._verify_file()
            self.poll()
            await asyncio.sleep(self.BUSY_POLL_SECONDS if self.has_subscribers() else self.IDLE_POLL_SECONDS)

    def _verify_file(self) -> None:
        """Raise Lost if the file was taken away; looks at most once in IDLE_POLL_SECONDS."""
        now = time.monotonic()
        if now >= self._verified_at + self.IDLE_POLL_SECONDS:
            self._verified_at = now
            if self._version != -1:
                self._side_files = self._side_files or self._file.side_files()
            self._file.verify(self._side_files)

    def poll(self) -> None:
        """Ring if anything was committed since the last poll."""
        try:
            ((version,),) = self._query("PRAGMA data_version")
            if version != self._version:
                ((self._people_version,),) = self._query(PEOPLE_VERSION_QUERY)
        except cysqlite.OperationalError:  # locked, in a database without WAL
            version, self._people_version = -1, object()
        if version != self._version or version == -1:
            self._version = version
            self.ring()

    def people_version(self) -> object:
        self.poll()
        return self._people_version

    async def look(self) -> object:
        return self.people_version()

    def head_seen(self, room: str) -> int | None:
        if self._version == -1 or self._version != self._seen_version:
            self._seen.clear()
            self._seen_version = self._version
        if room not in self._seen:
            try:
                found = self._query(HEAD_QUERY, room)
            except cysqlite.OperationalError:
                return None
            self._seen[room] = found[0][0] if found else 0
        return self._seen[room]

    async def grown(self, mark: int | None) -> Growth:
        """Return the heads of the rooms that have grown; a few microseconds on the loop for each."""
        try:
            found = self._query(GROWN_QUERY, -1 if mark is None else mark)
        except cysqlite.OperationalError as error:
            raise Unavailable() from error
        return Growth(max((row[0] for row in found), default=mark or 0), to_heads(row[1:] for row in found))

    def _query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what `sql` finds. Raise cysqlite.DatabaseError, but Lost if the content is another program's."""
        try:
            return list(self._connection.execute(sql, values))
        except cysqlite.OperationalError:
            raise
        except cysqlite.DatabaseError:
            self._file.verify(self._side_files)
            raise

    async def close(self) -> None:
        if self._file.lost_reason:
            self._file.before_close(self._connection)
        self._connection.close()
