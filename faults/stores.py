"""Where the site under test keeps everything, what may go wrong there, and what is found there in the end."""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cysqlite
import pymongo

from faults.disk import Disk
from faults.history import History, Row
from faults.readers import ROOM
from faults.seen import TEXT
from testsuite.database_server import DatabaseServer
from testsuite.mongodb import MongoServer, mongo_server, opened, refusing
from testsuite.postgresql import NO_SYNC, PROGRAMS, PostgresqlServer
from testsuite.servers import ROOT

DISK_BYTES = 64 * 1024 * 1024  # of the small disk, and
DISK_BYTES_PER_SECOND = 64 * 1024  # of the run, in addition

SELECT_HEAD = "SELECT head FROM room WHERE slug = '{}'"
SELECT_ENTRIES = """
    SELECT seq, username, nonce, body, kind, target, posts FROM entry JOIN "user" ON author_id = "user".id
    WHERE room_id = '{}' ORDER BY seq
"""
SELECT_POSITIONS = """
    SELECT username, read_seq, read_posts FROM membership JOIN "user" ON user_id = "user".id
    WHERE room_id = '{}' AND read_seq IS NOT NULL
"""
SELECT_MEMBERS = 'SELECT id, username FROM "user" ORDER BY id'
FIELDS = ("nonce", "body", "kind", "target", "posts")  # of an entry on MongoDB, as a Row has them
FILE_HEADER_BYTES = 100  # at the beginning of SQLite's first page
PAGE_HEADER_BYTES = {2: 12, 5: 12, 10: 8, 13: 8}  # by the kind of a page that has cells
BYTES_OF_TEXT = re.compile(TEXT.pattern.encode())
UNIQUE_INDEXES = ("room_1_seq_1", "author_id_1_nonce_1")  # the indexes of the log on MongoDB


class Store:
    """What is the same in every engine. `locking` is the SQL that keeps others from writing.

    `database` is where the people are, `options` is what the processes are told of it; `servers` are those that may be
    broken, `left_out` the faults that cannot be had here, and why.
    """

    machines = 2
    locking = ""

    def __init__(self, database: str, *servers: DatabaseServer) -> None:
        self.database = database
        self.options = [f"--database={database}"]
        self.servers = servers
        self.left_out: dict[str, str] = {}

    def fill(self) -> None:
        """Leave no space on its disk."""
        raise NotImplementedError

    def clear(self) -> None:
        """Give the space back."""
        raise NotImplementedError

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the write lock in a program of its own; yield whether that has the lock. Killed, it releases it."""
        command = [sys.executable, "-m", "faults.holder", self.database, self.locking]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            try:
                yield bool(holder.stdout.readline())
            finally:
                holder.kill()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what is found in the tables."""
        raise NotImplementedError

    def integrity(self) -> list[str]:
        """Return what is broken in the files; "ok" if nothing is."""
        raise NotImplementedError

    def people(self) -> dict[int, str]:
        """Return the members' names, by id."""
        return dict(self.rows(SELECT_MEMBERS))

    def head(self, room: str = ROOM) -> int:
        """Return a room's head."""
        return int(self.rows(SELECT_HEAD.format(room))[0][0])

    def entries(self, room: str) -> list[Row]:
        """Return a room's log."""
        return [Row(*row) for row in self.rows(SELECT_ENTRIES.format(room))]

    def texts_in_files(self) -> list[str]:
        """Return the nonces of all texts in the files, where it is promised that nothing deleted is there."""
        return []

    def read(self, history: History) -> None:
        """Put what is on disk into the history of a room."""
        history.head = self.head(history.room)
        history.table = self.entries(history.room)
        found = self.rows(SELECT_POSITIONS.format(history.room))
        history.positions = {name: list(position) for name, *position in found}
        history.left_texts = self.texts_in_files()
        history.integrity = self.integrity()


class SqliteStore(Store):
    """A file, on a small disk of its own if one may be mounted."""

    machines = 1
    locking = "BEGIN IMMEDIATE"

    def __init__(self, disk: Disk) -> None:
        super().__init__(str(disk.folder / "people.db"))
        self._disk = disk
        if not disk.is_small:
            self.left_out["disk full"] = "no file system may be mounted here"

    def fill(self) -> None:
        """There is no space left, not even in the write-ahead log, which is emptied before."""
        with contextlib.closing(cysqlite.connect(self.database, timeout=2.0)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._disk.fill()

    def clear(self) -> None:
        self._disk.clear()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(cysqlite.connect(self.database, timeout=20.0)) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def texts_in_files(self) -> list[str]:
        pages, *others = sorted(Path(self.database).parent.glob("people.db*"))
        found = [without_gaps(pages.read_bytes()), *(file.read_bytes() for file in others)]
        return sorted({nonce.decode() for part in found for nonce in BYTES_OF_TEXT.findall(part)})

    def integrity(self) -> list[str]:
        return [line for (line,) in self.rows("PRAGMA integrity_check")]


def without_gaps(database: bytes) -> bytes:
    """Return the file of a database with zeros in the gap that each page has between its cells and their list.

    When SQLite parts the cells of a page over others it leaves copies there, which no deletion overwrites, whatever
    `secure_delete` says (sqlite.org/fileformat2.html, "B-tree Pages"; docs/deploy.rst says so to operators).
    """
    page_bytes = int.from_bytes(database[16:18])
    left = bytearray(database)
    for page in range(0, len(database), page_bytes):
        header = page + (FILE_HEADER_BYTES if page == 0 else 0)
        if header_bytes := PAGE_HEADER_BYTES.get(database[header]):
            begin = header + header_bytes + 2 * int.from_bytes(database[header + 3 : header + 5])
            end = page + int.from_bytes(database[header + 5 : header + 7])
            left[begin:end] = bytes(max(end - begin, 0))
    return bytes(left)


class PostgresqlStore(Store):
    """A server that all machines share, and nothing else."""

    locking = f"SELECT 1 FROM room WHERE slug = '{ROOM}' FOR UPDATE"

    def __init__(self, server: PostgresqlServer, *others: DatabaseServer) -> None:
        super().__init__(server.url(), server, *others)
        self._server = server
        self.left_out["disk full"] = "it is the server's own care"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._server.sql(query)

    def integrity(self) -> list[str]:
        """Ask the server's own program, for the tables and for their indexes, with everything that is in them."""
        command = [str(PROGRAMS / "pg_amcheck"), "--install-missing", "--heapallindexed", self.database]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        return ["ok"] if checked.returncode == 0 else (checked.stdout + checked.stderr).splitlines()


class MongodbStore(PostgresqlStore):
    """Two servers: people and rooms are on PostgreSQL, since machines share no file, and the log is on MongoDB."""

    def __init__(self, people: PostgresqlServer, log: MongoServer) -> None:
        super().__init__(people, log)
        self._log = f"{log.url}prosa"
        self.options.append(f"--mongo={self._log}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Let the collection refuse every entry, as that of a log which is being moved does.

        MongoDB has no lock that another program could hold against single inserts, and in PostgreSQL an append only
        reads, which no lock of a row keeps waiting.
        """
        with refusing(self._log):
            yield True

    def head(self, room: str = ROOM) -> int:
        """Return the newest entry, or what is noted of the head where that is more."""
        with opened(self._log) as log:
            newest = log["entries"].find_one({"room": room}, sort=[("seq", -1)])
            noted = log["heads"].find_one({"_id": room})
        return max(newest["seq"] if newest else 0, noted["head"] if noted else 0)

    def entries(self, room: str) -> list[Row]:
        names = self.people()
        with opened(self._log) as log:
            found = log["entries"].find({"room": room}).sort("seq")
            return [Row(one["seq"], names[one["author_id"]], *(one[name] for name in FIELDS)) for one in found]

    def integrity(self) -> list[str]:
        """Check both. SecantusDB's own `validate` looks at nothing, so each index is read along and counted."""
        with opened(self._log) as log:
            broken = [f"MongoDB: {line}" for line in _broken_indexes(log["entries"])]
        return broken or super().integrity()


def _broken_indexes(entries: pymongo.collection.Collection[Any]) -> Iterator[str]:
    indexes = entries.index_information()
    everything = _ids(entries, [("$natural", 1)])
    for name in UNIQUE_INDEXES:
        if not indexes.get(name, {}).get("unique"):
            yield f"{name} is no unique index"
        elif (found := _ids(entries, name)) != everything:
            yield f"{name} finds {len(found)} of {len(everything)} entries"


def _ids(entries: pymongo.collection.Collection[Any], along: str | list[tuple[str, int]]) -> list[Any]:
    return sorted(one["_id"] for one in entries.find(hint=along))


@contextlib.contextmanager
def sqlite(folder: str, seconds: float) -> Iterator[Store]:
    """Have a file in `folder`, with space for a run of `seconds`."""
    disk = Disk(folder, DISK_BYTES + int(seconds * DISK_BYTES_PER_SECOND))
    try:
        yield SqliteStore(disk)
    finally:
        disk.close()


@contextlib.contextmanager
def postgresql(folder: str, seconds: float) -> Iterator[Store]:
    """Run a server."""
    with contextlib.closing(PostgresqlServer(NO_SYNC)) as server:
        server.start()
        yield PostgresqlStore(server)


@contextlib.contextmanager
def mongodb(folder: str, seconds: float) -> Iterator[Store]:
    """Run a server for the people, and one for the log."""
    with contextlib.closing(PostgresqlServer(NO_SYNC)) as people, mongo_server() as log:
        people.start()
        yield MongodbStore(people, log)


ENGINES: dict[str, Callable[[str, float], AbstractContextManager[Store]]] = {
    "sqlite": sqlite,
    "postgresql": postgresql,
    "mongodb": mongodb,
}
