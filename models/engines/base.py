"""What an engine of the people's database is, and its doorbell."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, ParamSpec, Protocol, TypeVar

import peewee

P = ParamSpec("P")
T = TypeVar("T")
Row = tuple[Any, ...]

READ_ONLY = "prosa is read-only"  # by these words a database refuses while it is moved
HEADS = "SELECT slug, head FROM room"
PEOPLE_VERSION = "SELECT value FROM setting WHERE name = 'people_version'"


class Run(Protocol):
    """How a verb that talks to the database is awaited."""

    async def __call__(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `verb` returns, called in a thread of the database's. Raise what it raises, or Unavailable."""


class Engine(ABC):
    """A peewee database, and what the site asks of one besides."""

    label: str  # names it in sentences, without a password
    now: str  # SQL of the time by the database's own clock, in seconds since 1970: machines differ
    readers: int  # threads that read from it at the same time

    @abstractmethod
    def spell(self, ddl: str) -> str:
        """Return a migration's DDL, which is written for SQLite, in this engine's words."""

    @abstractmethod
    def check(self) -> None:
        """Raise CannotOpen where the site could not keep what it promises, whatever it says when it is asked."""

    @abstractmethod
    def settle(self) -> None:
        """Do what is to be done after migrations, outside a transaction."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[None]:
        """Begin a transaction, as the only one of all processes who changes anything about people."""

    @abstractmethod
    def appending(self) -> AbstractContextManager[None]:
        """Begin a transaction of somebody who locks the rows of rooms, and then appends to their logs."""

    @abstractmethod
    def is_momentary(self, error: peewee.DatabaseError) -> bool:
        """Tell whether what was refused may work in a moment."""

    def is_of_the_data(self, error: Exception) -> bool:
        """Tell whether what was refused will be refused whenever it comes again."""
        return isinstance(error, peewee.DataError | peewee.IntegrityError | UnicodeError | OverflowError)

    @abstractmethod
    def why(self, error: peewee.DatabaseError) -> str:
        """Return in one line, without a password, why something failed."""

    @abstractmethod
    def ready(self, since: float) -> None:
        """Ready this thread for what somebody has waited for since then (time.monotonic()).

        A connection that was lost is let go; the next question makes a new one.
        """

    def verify(self) -> None:  # noqa: B027 - a server keeps its own files
        """Raise Lost if what this thread has committed is not where the next start looks for it."""

    @abstractmethod
    def hurry(self) -> None:
        """Wait only a few seconds for anything from now on, in whichever thread: this process stops."""

    @abstractmethod
    def close(self) -> object:
        """Close this thread's connection."""

    @abstractmethod
    def is_same(self, other: Engine) -> bool:
        """Tell whether this is the same database as an `other` one that is open, by whatever name it is called."""

    @abstractmethod
    def take_time(self) -> None:
        """Let this thread's questions take minutes: a move counts and compares millions of rows."""

    @abstractmethod
    def refuse_writing(self, table: str, condition: str) -> None:
        """Let the database itself refuse changes of `table`, whoever wants them, from this transaction's end on.

        Who has begun before is waited for. `condition` is SQL, in which {row} is the row that is to be written or
        removed. What is refused raises ReadOnly.
        """

    @abstractmethod
    def allow_writing(self, table: str) -> None:
        """Take back what `refuse_writing` did."""

    @abstractmethod
    def empty(self, tables: Iterable[str]) -> None:
        """Remove all rows, of tables whose rows name others before those. Called in a transaction."""

    @abstractmethod
    def load(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Add many rows as fast as can be, in a transaction of its own."""

    @abstractmethod
    def last_id(self, table: str) -> int:
        """Return the largest id that a row of `table` ever had."""

    @abstractmethod
    def number_on(self, table: str, last_id: int) -> None:
        """Give new rows of `table` larger ids than `last_id`."""

    @abstractmethod
    def doorbell(self, read: Run) -> Doorbell:
        """Return a doorbell of this database. Called while the loop runs."""


class Doorbell(ABC):
    """Rings when some connection, of whichever process, may have committed something.

    It may ring too often. A ring that is lost costs a second, never a message.
    """

    def __init__(self) -> None:
        self._listeners: set[asyncio.Event] = set()
        self.is_busy: Callable[[], bool] = lambda: False  # whether anybody listens for messages

    @abstractmethod
    async def watch(self) -> None:
        """Ring for every change until cancelled."""

    @abstractmethod
    def people_version(self) -> object:
        """Return what differs, as soon as it has rung, once people, sessions, rooms or memberships have changed."""

    @abstractmethod
    async def heads(self) -> dict[str, int]:
        """Return the rooms with the seqs of their newest entries. Raise Unavailable."""

    def people_version_now(self) -> object:
        """Return what differs as soon as people have changed anywhere, rung or not; asked without waiting.

        An engine that cannot tell says so by an answer that equals no other.
        """
        return object()

    def head_seen(self, room: str) -> object:
        """Return what differs once `room` has grown anywhere, as of the last `people_version_now`.

        An engine that cannot tell says so by an answer that equals no other.
        """
        return object()

    def ring(self) -> None:
        """Wake everybody who listens."""
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
