"""SQLite: a file, its settings, its one writer at a time, and its doorbell."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cysqlite
import peewee
from playhouse.cysqlite_ext import CySqliteDatabase

from models.engines.base import HEADS, PEOPLE_VERSION, READ_ONLY, Doorbell, Engine, Row, Run
from models.engines.sqlite_file import DatabaseFile, Identity
from models.errors import CannotOpen, ReadOnly, Unavailable, first_of

log = logging.getLogger(__name__)

BUSY_TIMEOUT = 5  # seconds that a writer waits, in all, for another process's transaction
LEAST = 0.5  # seconds of that which remain for somebody who has waited longer in line
TURN = (0.0005, 0.002)  # seconds between two tries

# Older libraries can lose commits in WAL mode when several processes write (sqlite.org/wal.html#walresetbug).
SAFE_VERSION = (3, 51, 3)
VERSION = CySqliteDatabase.server_version
WAL_IS_SAFE = VERSION >= SAFE_VERSION

PRAGMAS = {
    "journal_mode": "wal" if WAL_IS_SAFE else "truncate",
    "synchronous": "full",
    "foreign_keys": 1,
}

REFUSE = f"""
    CREATE TRIGGER IF NOT EXISTS read_only_{{table}}_{{verb}} BEFORE {{verb}} ON "{{table}}" WHEN {{condition}}
    BEGIN SELECT RAISE(ABORT, '{READ_ONLY}'); END
"""
CHANGES = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}
MOST_VALUES = 30_000  # in one statement; SQLite takes 32,766

REWRITE_WANTED = "SELECT 1 FROM setting WHERE name = 'rewrite_wanted'"

# What means a database to other programs: key=value, scheme:path, user:password@host.
NO_PATH = re.compile(r"\s*[\w+-][\w+.-]*\s*[:=]|[^:]*:.*@", re.DOTALL)


class Sqlite(CySqliteDatabase, Engine):
    """The people's database in a file."""

    now = "((julianday('now') - 2440587.5) * 86400.0)"
    readers = 1

    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        self.file = DatabaseFile(path)
        super().__init__(self.file.path, pragmas=PRAGMAS, timeout=BUSY_TIMEOUT)
        self.label = repr(path)
        self._asked = threading.local()
        self._opened = threading.local()
        if not WAL_IS_SAFE:
            dotted = ".".join(map(str, VERSION))
            log.warning("SQLite %s may lose commits in WAL mode: journal_mode=TRUNCATE, which is slower", dotted)

    def is_momentary(self, error: peewee.DatabaseError) -> bool:
        return isinstance(error, peewee.OperationalError) and "locked" in str(error)

    def why(self, error: peewee.DatabaseError) -> str:
        return str(first_of(error)).splitlines()[-1]  # a failed migration says its whole SQL first

    def spell(self, ddl: str) -> str:
        return ddl

    def execute_sql(self, sql: str, params: Sequence[Any] | None = None) -> Any:
        try:
            return super().execute_sql(sql, params)
        except peewee.IntegrityError as error:
            if READ_ONLY in str(error):
                raise ReadOnly() from error
            raise

    def _connect(self) -> Any:
        connection = super()._connect()
        self._opened.sides = self.file.sides()
        return connection

    def _close(self, connection: Any) -> None:
        self._opened.sides = {}
        if self.file.why_lost:
            leave(connection, self.file)
        super()._close(connection)  # type: ignore[misc]

    def ready(self, since: float) -> None:
        self._asked.since = since

    def verify(self) -> None:
        self.file.verify(getattr(self._opened, "sides", {}))

    def hurry(self) -> None:
        """Nothing: a file keeps nobody waiting for longer than BUSY_TIMEOUT."""

    def check(self) -> None:
        """Nothing: it is a file of this program's."""

    def settle(self) -> None:
        """Write the whole file anew if a migration wants it, so that no trace is left of what was removed."""
        self.file.warn_if_open_to_all()
        if not self.execute_sql(REWRITE_WANTED).fetchone():
            return
        self.execute_sql("VACUUM")
        ((is_busy, *_),) = self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if is_busy:
            raise peewee.OperationalError("database is locked by a reader")
        self.execute_sql("DELETE FROM setting WHERE name = 'rewrite_wanted'")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only writer: a transaction that begins with the write lock, so that it never has to upgrade."""
        with contextlib.ExitStack() as stack:
            self._begin(stack, self.atomic("IMMEDIATE"))
            yield

    appending = writing

    def _begin(self, stack: contextlib.ExitStack, transaction: Any) -> None:
        """Begin as soon as no other process writes.

        SQLite's own busy handler sleeps longer the longer it waits, so under load the same process wins again and
        again: one of four had 1/6 of another's turns and waited 3 s. Short sleeps of random length are fair.

        Who waits in line behind others of this process has waited all the same: otherwise each of them would hold up
        the next for the whole time.
        """
        now = time.monotonic()
        deadline = max(getattr(self._asked, "since", now) + BUSY_TIMEOUT, now + LEAST)
        self.pragma("busy_timeout", 0)
        try:
            while True:
                try:
                    stack.enter_context(transaction)
                    return
                except peewee.OperationalError as error:
                    if not self.is_momentary(error) or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(*TURN))  # noqa: S311
        finally:
            self.pragma("busy_timeout", BUSY_TIMEOUT * 1000)

    def doorbell(self, read: Run) -> Doorbell:
        return SqliteDoorbell(self.file)

    # --- for a move

    def is_same(self, other: Engine) -> bool:
        return isinstance(other, Sqlite) and Path(self.database).samefile(other.database)

    def take_time(self) -> None:
        """Nothing: no question is limited."""

    def refuse_writing(self, table: str, condition: str) -> None:
        for verb, row in CHANGES.items():
            self.execute_sql(REFUSE.format(table=table, verb=verb, condition=condition.format(row=row)))

    def allow_writing(self, table: str) -> None:
        for verb in CHANGES:
            self.execute_sql(f"DROP TRIGGER IF EXISTS read_only_{table}_{verb}")

    def empty(self, tables: Iterable[str]) -> None:
        for table in tables:
            self.execute_sql(f'DELETE FROM "{table}"')  # noqa: S608 - of the models' names

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        most = MOST_VALUES // len(columns)
        with self.writing():
            for start in range(0, len(rows), most):
                some = rows[start : start + most]
                row = f"({','.join('?' * len(columns))})"
                sql = f'INSERT INTO "{table}" ({",".join(columns)}) VALUES {",".join([row] * len(some))}'  # noqa: S608
                self.execute_sql(sql, [value for row in some for value in row])

    def last_id(self, table: str) -> int:
        (known,) = self.execute_sql("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        (largest,) = self.execute_sql(f'SELECT max(id) FROM "{table}"').fetchone()  # noqa: S608
        return max(known or 0, largest or 0)

    def number_on(self, table: str, last_id: int) -> None:
        self.execute_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        self.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last_id))


def sqlite_path(url: str) -> str:
    """Return the file that `url` names: a path, or sqlite:///path. Raise CannotOpen."""
    path = url.removeprefix("sqlite:///")
    if not path or "://" in path or path == ":memory:":
        raise CannotOpen("cannot use the database: it names no file; give a path, or sqlite:///path")
    if path == url and NO_PATH.match(url):  # not repeated: there may be a password in it
        raise CannotOpen(
            "cannot use the database: it is written neither as a path nor as postgresql://user:password@host/name; "
            "before a file's name with a : or = put ./"
        )
    return path


def leave(connection: Any, file: DatabaseFile) -> None:
    """Ready a connection to a lost file to be closed.

    Whatever was acknowledged goes into the file that is open, wherever that stands now. SQLite shall not remove what
    stands beside it, since that may be another's.
    """
    connection.db_config(cysqlite.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # type: ignore[attr-defined]
    if file.can_be_finished:
        with contextlib.suppress(cysqlite.Error):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class SqliteDoorbell(Doorbell):
    """Reads `PRAGMA data_version` on a connection of its own: 5 microseconds, no lock, no broker."""

    QUICK = 0.002  # seconds between two looks while somebody listens for messages
    IDLE = 0.25  # seconds while nobody does

    def __init__(self, file: DatabaseFile) -> None:
        super().__init__()
        self._file = file
        self._connection = cysqlite.Connection(file.path, timeout=0)
        self._sides: dict[str, Identity] = {}  # beside the file, once this connection has looked
        self._verified_at = 0.0
        self._version = -1
        self._people_version: object = None
        self._heads: dict[str, int] = {}
        self._heads_version: object = None  # when the heads were last read

    async def watch(self) -> None:
        """Ring for every change until cancelled. Raise Lost."""
        while True:
            self._verify_now_and_then()
            self.look()
            await asyncio.sleep(self.QUICK if self.is_busy() else self.IDLE)

    def _verify_now_and_then(self) -> None:
        now = time.monotonic()
        if now >= self._verified_at + self.IDLE:
            self._verified_at = now
            if self._version != -1:
                self._sides = self._sides or self._file.sides()
            self._file.verify(self._sides)

    def look(self) -> None:
        """Ring if something was committed since the last look."""
        try:
            version = self._connection.execute_scalar("PRAGMA data_version")
            if version != self._version:
                self._people_version = self._connection.execute_scalar(PEOPLE_VERSION)
        except cysqlite.OperationalError:  # locked, where there is no WAL
            version, self._people_version = -1, object()
        if version != self._version or version == -1:
            self._version = version
            self.ring()

    def people_version(self) -> object:
        self.look()
        return self._people_version

    people_version_now = people_version

    def head_seen(self, room: str) -> object:
        if self._version == -1 or self._version != self._heads_version:
            try:
                self._heads = self._read_heads()
            except Unavailable:
                return object()
            self._heads_version = self._version
        return self._heads.get(room)

    async def heads(self) -> dict[str, int]:
        return self._read_heads()

    def _read_heads(self) -> dict[str, int]:
        """Return the heads, in a few microseconds, without a way to a thread and back. Raise Unavailable."""
        try:
            return dict(self._connection.execute(HEADS))
        except cysqlite.OperationalError as error:
            raise Unavailable() from error

    async def close(self) -> None:
        if self._file.why_lost:
            leave(self._connection, self._file)
        self._connection.close()
