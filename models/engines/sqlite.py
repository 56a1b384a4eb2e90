"""SQLite as the people's database: a file, its settings, and one writer at a time."""

from __future__ import annotations

import contextlib
import logging
import random
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import cysqlite
import peewee
from playhouse.cysqlite_ext import CySqliteDatabase

from models.engines.base import READ_ONLY_MESSAGE, TRIGGER_ROWS, Doorbell, Engine, Row, RunInThread
from models.engines.sqlite_doorbell import SqliteDoorbell
from models.engines.sqlite_file import DatabaseFile
from models.engines.sqlite_search import Fts5Index
from models.errors.stores import CannotOpen, ReadOnly, first_of

logger = logging.getLogger(__name__)

BUSY_TIMEOUT_SECONDS = 5  # for which a writer waits for other processes, the time in this process's queue included
MIN_BUSY_TIMEOUT_SECONDS = 0.5  # for which it waits in any case, however long it was queued
RETRY_SECONDS = (0.0005, 0.002)  # shortest and longest pause between two tries to begin a transaction

# Older libraries can lose commits in WAL mode when several processes write (sqlite.org/wal.html#walresetbug).
SAFE_WAL_VERSION = (3, 51, 3)
LIBRARY_VERSION = CySqliteDatabase.server_version
WAL_IS_SAFE = LIBRARY_VERSION >= SAFE_WAL_VERSION

PRAGMAS = {
    "journal_mode": "wal" if WAL_IS_SAFE else "truncate",
    "synchronous": "full",
    "foreign_keys": 1,
    "secure_delete": 1,  # what is deleted is overwritten
}

REFUSING_TRIGGER = f"""
    CREATE TRIGGER IF NOT EXISTS read_only_{{table}}_{{change}} BEFORE {{change}} ON "{{table}}" WHEN {{condition}}
    BEGIN SELECT RAISE(ABORT, '{READ_ONLY_MESSAGE}'); END
"""
MAX_STATEMENT_VALUES = 30_000  # SQLite takes 32,766

REWRITE_WANTED_QUERY = "SELECT 1 FROM setting WHERE name = 'rewrite_wanted'"

# What other programs take for a database, but is no path: key=value, scheme:path, user:password@host.
NOT_A_PATH = re.compile(r"\s*[\w+-][\w+.-]*\s*[:=]|[^:]*:.*@", re.DOTALL)


class Sqlite(CySqliteDatabase, Engine):
    """The people's database in a file."""

    now = "((julianday('now') - 2440587.5) * 86400.0)"
    reader_threads = 1

    def __init__(self, url: str) -> None:
        path = sqlite_path(url)
        self.file = DatabaseFile(path)
        super().__init__(self.file.path, pragmas=PRAGMAS, timeout=BUSY_TIMEOUT_SECONDS)
        self.label = repr(path)
        self.search_index = Fts5Index(self)
        self._call = threading.local()  # queued_at: when the call that this thread runs was queued
        self._opened = threading.local()  # side_files: those that this thread's connection has open
        if not WAL_IS_SAFE:
            dotted = ".".join(map(str, LIBRARY_VERSION))
            logger.warning("SQLite %s may lose commits in WAL mode: journal_mode=TRUNCATE, which is slower", dotted)

    def is_transient(self, error: peewee.DatabaseError) -> bool:
        return isinstance(error, peewee.OperationalError) and "locked" in str(error)

    def describe(self, error: Exception) -> str:
        return str(first_of(error)).splitlines()[-1]  # the lines before are the SQL, where a migration failed

    def translate_ddl(self, ddl: str) -> str:
        return ddl

    def execute_sql(self, sql: str, params: Sequence[object] | None = None) -> Any:
        try:
            return super().execute_sql(sql, params)
        except peewee.IntegrityError as error:
            if READ_ONLY_MESSAGE in str(error):
                raise ReadOnly() from error
            raise

    def _connect(self) -> cysqlite.Connection:
        connection: cysqlite.Connection = super()._connect()
        connection.execute("PRAGMA schema_version")  # opens the files beside it, which stay while they are open
        self._opened.side_files = self.file.side_files()
        return connection

    def _close(self, connection: cysqlite.Connection) -> None:
        self._opened.side_files = {}
        if self.file.lost_reason:
            self.file.before_close(connection)
        super()._close(connection)  # type: ignore[misc]

    def before_call(self, queued_at: float) -> None:
        self._call.queued_at = queued_at

    def verify_file(self) -> None:
        self.file.verify(getattr(self._opened, "side_files", {}))

    def wipe_deleted(self) -> bool:
        """Write the newest pages, where `secure_delete` has overwritten it, to the file, and empty the write-ahead log.

        The older pages there still have it. Does not wait for a reader.
        """
        self.pragma("busy_timeout", 0)
        try:
            ((is_busy, *_),) = self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        finally:
            self.pragma("busy_timeout", BUSY_TIMEOUT_SECONDS * 1000)
        return not is_busy

    def shorten_timeouts(self) -> None:
        """Do nothing: no call waits for longer than BUSY_TIMEOUT_SECONDS."""

    def check_usable(self) -> None:
        """Do nothing: a file that can be opened can be used."""

    def after_migrations(self) -> None:
        """Rewrite the whole file if a migration has asked for it, so that no removed data is left in it."""
        self.file.warn_if_public()
        if not self.execute_sql(REWRITE_WANTED_QUERY).fetchone():
            return
        self.execute_sql("VACUUM")
        ((is_busy, *_),) = self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if is_busy:
            raise peewee.OperationalError("database is locked by a reader")
        self.execute_sql("DELETE FROM setting WHERE name = 'rewrite_wanted'")

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Begin a transaction with the write lock, so that one runs at a time and never has to upgrade its lock."""
        with contextlib.ExitStack() as stack:
            self._begin(stack, self.atomic("IMMEDIATE"))
            yield

    locking_rows = appending = writing

    def _begin(self, stack: contextlib.ExitStack, transaction: AbstractContextManager[object]) -> None:
        """Begin as soon as no other process writes. Raise OperationalError after BUSY_TIMEOUT_SECONDS.

        SQLite's own busy handler sleeps longer the longer it waits, so under load the same process wins again and
        again: one of four had 1/6 of another's turns and waited 3 s. Short sleeps of random length are fair.

        The time that a call was queued in this process counts too: otherwise each call would delay the next one by
        the whole timeout.
        """
        now = time.monotonic()
        deadline = max(getattr(self._call, "queued_at", now) + BUSY_TIMEOUT_SECONDS, now + MIN_BUSY_TIMEOUT_SECONDS)
        self.pragma("busy_timeout", 0)
        try:
            while True:
                try:
                    stack.enter_context(transaction)
                    return
                except peewee.OperationalError as error:
                    if not self.is_transient(error) or time.monotonic() > deadline:
                        raise
                time.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311
        finally:
            self.pragma("busy_timeout", BUSY_TIMEOUT_SECONDS * 1000)

    def doorbell(self, read: RunInThread) -> Doorbell:
        return SqliteDoorbell(self.file)

    # --- for a move

    def is_same(self, other: Engine) -> bool:
        return isinstance(other, Sqlite) and Path(self.database).samefile(other.database)

    def lift_timeouts(self) -> None:
        """Do nothing: queries have no timeout."""

    restore_timeouts = lift_timeouts

    def refuse_writing(self, table: str, condition: str) -> None:
        for change, row in TRIGGER_ROWS.items():
            self.execute_sql(REFUSING_TRIGGER.format(table=table, change=change, condition=condition.format(row=row)))

    def allow_writing(self, table: str) -> None:
        for change in TRIGGER_ROWS:
            self.execute_sql(f"DROP TRIGGER IF EXISTS read_only_{table}_{change}")

    def empty_tables(self, tables: Iterable[str]) -> None:
        for table in tables:
            self.execute_sql(f'DELETE FROM "{table}"')  # noqa: S608 - of the models' names

    def bulk_insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        batch_size = MAX_STATEMENT_VALUES // len(columns)
        with self.writing():
            for start in range(0, len(rows), batch_size):
                batch = rows[start : start + batch_size]
                row = f"({','.join('?' * len(columns))})"
                sql = f'INSERT INTO "{table}" ({",".join(columns)}) VALUES {",".join([row] * len(batch))}'  # noqa: S608
                self.execute_sql(sql, [value for row in batch for value in row])

    def last_id(self, table: str) -> int:
        (known,) = self.execute_sql("SELECT max(seq) FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        (largest,) = self.execute_sql(f'SELECT max(id) FROM "{table}"').fetchone()  # noqa: S608
        return max(known or 0, largest or 0)

    def set_last_id(self, table: str, last_id: int) -> None:
        self.execute_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        self.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last_id))


def sqlite_path(url: str) -> str:
    """Return the path of the file that `url` names, which is a path or sqlite:///path. Raise CannotOpen."""
    path = url.removeprefix("sqlite:///")
    if not path or "://" in path or path == ":memory:":
        raise CannotOpen("cannot use the database: it names no file; give a path, or sqlite:///path")
    if path == url and NOT_A_PATH.match(url):  # not repeated: there may be a password in it
        raise CannotOpen(
            "cannot use the database: it is written neither as a path nor as postgresql://user:password@host/name; "
            "before a file's name with a : or = put ./"
        )
    return path
