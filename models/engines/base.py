"""The interface of a database engine, and of its doorbell."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple, ParamSpec, Protocol, TypeVar

import peewee

from models.logs.base import Head

if TYPE_CHECKING:
    from models.engines.search_index import SearchIndex

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]  # values as the driver takes and gives them

READ_ONLY_MESSAGE = "prosa is read-only"  # the database's error for a write while the site is moved
HEADS_QUERY = "SELECT slug, head, posts, lines FROM room"
PEOPLE_VERSION_QUERY = "SELECT value FROM setting WHERE name = 'people_version'"
TRIGGER_ROWS = {"INSERT": "NEW", "UPDATE": "NEW", "DELETE": "OLD"}  # SQL's name for the row that a statement changes


class Growth(NamedTuple):
    """The heads of rooms that may have grown; the next look asks for what came after `mark`."""

    mark: int
    heads: dict[str, Head]


def to_heads(rows: Iterable[Row]) -> dict[str, Head]:
    """Return what HEADS_QUERY finds, by room."""
    return {slug: Head(*counts) for slug, *counts in rows}


class RunInThread(Protocol):
    """Calls a function in one of the database's threads, for example WorkerPool.run."""

    async def __call__(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`. Raise what it raises, Unavailable or Unstorable."""


class Engine(ABC):
    """What the site needs of a peewee database beyond peewee's own methods."""

    label: str  # the database's name in messages, without a password
    now: str  # SQL for the database's current time in seconds since 1970; the clocks of machines differ
    reader_threads: int  # how many threads read from it at the same time
    search_index: SearchIndex

    @abstractmethod
    def translate_ddl(self, ddl: str) -> str:
        """Return a migration's DDL, which is written for SQLite, in this engine's dialect."""

    def spell(self, ddl: str) -> str:
        """Return `translate_ddl(ddl)`, under the name by which migrations call it. Migrations do not change."""
        return self.translate_ddl(ddl)

    @abstractmethod
    def check_usable(self) -> None:
        """Raise CannotOpen if the site cannot keep its promises on this database."""

    @abstractmethod
    def after_migrations(self) -> None:
        """Finish what migrations have left to do outside of their transaction."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Begin a transaction that changes people. At most one runs at a time, of all processes."""

    @abstractmethod
    def locking_rows(self) -> AbstractContextManager[None]:
        """Begin a transaction that locks the rows that it needs. Where the engine can, several run at a time."""

    @abstractmethod
    def appending(self) -> AbstractContextManager[None]:
        """Begin such a transaction, in which a statement may fail as late as at the next fetching of rows, or the end.

        How many rows a statement has changed is not known in it.
        """

    @abstractmethod
    def is_transient(self, error: peewee.DatabaseError) -> bool:
        """Return whether the same statement may succeed a moment later."""

    def is_data_error(self, error: Exception) -> bool:
        """Return whether the values were refused, so that the same statement would always fail."""
        return isinstance(error, peewee.DataError | peewee.IntegrityError | UnicodeError | OverflowError)

    @abstractmethod
    def describe(self, error: Exception) -> str:
        """Return the cause of an error in one line, without a password."""

    @abstractmethod
    def before_call(self, queued_at: float) -> None:
        """Prepare this thread for a call that was queued at `queued_at` (time.monotonic()).

        A connection that was lost is closed; the next query opens a new one.
        """

    def wipe_deleted(self) -> bool:
        """Remove what was deleted from the files, outside of a transaction; return False if a reader still needs it."""
        return True

    def verify_file(self) -> None:  # noqa: B027 - a server looks after its own files
        """Raise Lost if what this thread has committed is not in the file that the next start will open."""

    @abstractmethod
    def shorten_timeouts(self) -> None:
        """Wait only a few seconds for any answer from now on, in all threads, because this process stops."""

    @abstractmethod
    def close(self) -> object:
        """Close this thread's connection."""

    @abstractmethod
    def is_same(self, other: Engine) -> bool:
        """Return whether `other`, which is open, is the same database, perhaps under another name."""

    @abstractmethod
    def lift_timeouts(self) -> None:
        """Let this thread's queries take minutes, since a migration or a move touches millions of rows."""

    @abstractmethod
    def restore_timeouts(self) -> None:
        """Undo `lift_timeouts`, for connections that are opened from now on."""

    @abstractmethod
    def refuse_writing(self, table: str, condition: str) -> None:
        """Let the database refuse all changes of `table` from the end of this transaction on.

        Transactions that have begun before are waited for. `condition` is SQL in which {row} is the row to be
        written or removed. A refused statement raises ReadOnly.
        """

    @abstractmethod
    def allow_writing(self, table: str) -> None:
        """Undo `refuse_writing`."""

    @abstractmethod
    def empty_tables(self, tables: Iterable[str]) -> None:
        """Remove all rows. Tables come before those that they refer to. Called in a transaction."""

    @abstractmethod
    def bulk_insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert many rows as fast as possible, in a transaction of its own."""

    @abstractmethod
    def last_id(self, table: str) -> int:
        """Return the largest id that a row of `table` ever had."""

    @abstractmethod
    def set_last_id(self, table: str, last_id: int) -> None:
        """Give new rows of `table` larger ids than `last_id`."""

    @abstractmethod
    def doorbell(self, read: RunInThread) -> Doorbell:
        """Return a doorbell of this database. Called while the loop runs."""


class Doorbell(ABC):
    """Rings when any connection, of any process, may have committed something.

    It may ring too often. A ring that is lost costs a second, never a message.
    """

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()
        self.has_subscribers: Callable[[], bool] = lambda: False  # whether a client of this process waits for messages

    @abstractmethod
    async def watch(self) -> None:
        """Ring for every change until cancelled."""

    @abstractmethod
    def people_version(self) -> object:
        """Return a value that is another one after a ring for changed users, sessions, rooms or memberships."""

    @abstractmethod
    async def grown(self, mark: int | None) -> Growth:
        """Return how far the logs of the rooms are that may have grown since a mark (None: of all rooms).

        Raise Unavailable.
        """

    @abstractmethod
    async def look(self) -> object:
        """Return a value that is another one as soon as people have changed, before the ring. Raise Unavailable."""

    @abstractmethod
    def head_seen(self, room: str) -> int | None:
        """Return how far the log of `room` was at the last look; None if that look did not see it."""

    def ring(self) -> None:
        """Wake all listeners."""
        for rung in self._listeners:
            rung.set()

    async def rings(self) -> AsyncIterator[None]:
        """Yield once at the beginning and after each change; changes while the listener is busy are one ring."""
        rung = asyncio.Event()
        rung.set()
        self._listeners.add(rung)
        try:
            while True:
                await rung.wait()
                rung.clear()
                yield
        finally:
            self._listeners.discard(rung)

    @abstractmethod
    async def close(self) -> None:
        """Close the doorbell's own connection."""
