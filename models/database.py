"""The people's database: opening it, whichever engine keeps it, and its transactions and queries."""

from __future__ import annotations

import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import cysqlite
import peewee
import psycopg
from playhouse.migrations import Runner

from models.engines.base import Engine
from models.engines.postgresql import Postgresql
from models.engines.sqlite import Sqlite
from models.errors.stores import CannotOpen, ReadOnly

logging.getLogger("peewee.migrations").setLevel(logging.WARNING)  # the migrations of a first start are no news

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_ERRORS = (peewee.PeeweeException, cysqlite.Error, psycopg.Error)

OPEN_TIMEOUT_SECONDS = 30.0  # eight processes that start at once take turns
RETRY_SECONDS = (0.0005, 0.002)  # shortest and longest pause between two tries
MAX_QUERY_IDS = 500  # in one query
MIGRATIONS = Path(__file__).parent / "migrations"
URL_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):/", re.IGNORECASE)

PeopleDatabase = Sqlite | Postgresql  # each is an Engine and a peewee.Database
ENGINES: dict[str, type[PeopleDatabase]] = {"sqlite": Sqlite, "postgresql": Postgresql, "postgres": Postgresql}

if TYPE_CHECKING:

    class EngineProxy(peewee.DatabaseProxy, Engine):
        """A proxy of the database that is open, which peewee's types do not know to be an Engine."""

        obj: PeopleDatabase


database = cast("EngineProxy", peewee.DatabaseProxy())


def open_database(url: str, half_moved_too: bool = False) -> None:
    """Bind the models to the database that `url` names, and run the migrations that it lacks.

    Safe when several processes do it at once on an empty database. Raise CannotOpen, also if a move has copied only a
    part of it, unless `half_moved_too`.
    """
    match = URL_SCHEME.match(url)
    scheme = match[1].lower() if match else "sqlite"
    if scheme not in ENGINES:
        raise CannotOpen(
            f"cannot use a database of the kind {scheme!r}: give a path, sqlite:///path, "
            "or postgresql://user:password@host/name"
        )
    engine = ENGINES[scheme](url)
    database.initialize(engine)
    try:
        with_retries(engine.check_usable)
        with_retries(migrate)
        with_retries(engine.after_migrations)
        is_half_moved = with_retries(has_setting, "move_from")
    except ReadOnly as error:
        raise CannotOpen(
            f"cannot open the database {engine.label}: it is of an earlier version, and read-only since it was moved "
            "or a move of it was not finished; go on with that version of the program, or cancel the move with it"
        ) from error
    except peewee.DatabaseError as error:
        raise CannotOpen(f"cannot open the database {engine.label}: {engine.describe(error)}") from error
    if is_half_moved and not half_moved_too:
        raise CannotOpen(f"cannot use the database {engine.label}: a move to it was not finished; run it again")


def with_retries(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return the result of `function`, called in this thread with a connection of its own.

    While other processes hold locks it is tried again, for OPEN_TIMEOUT_SECONDS. Raise what it raises.
    """
    deadline = time.monotonic() + OPEN_TIMEOUT_SECONDS
    while True:
        try:
            with database.connection_context():
                result = function(*args, **kwargs)
                database.verify_file()
                return result
        except peewee.DatabaseError as error:
            if not database.is_transient(error) or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(*RETRY_SECONDS))  # noqa: S311


def has_setting(name: str) -> bool:
    """Return whether there is a setting of this name."""
    return execute("SELECT 1 FROM setting WHERE name = ?", name).fetchone() is not None


def migrate() -> list[str]:
    """Run the migrations that are missing, in one transaction, and return their names. Raise CannotOpen."""
    database.lift_timeouts()  # of this connection, which is not used for anything else
    try:
        with writing():
            return _run_migrations()
    finally:
        database.restore_timeouts()


def _run_migrations() -> list[str]:
    runner = Runner(database.obj, str(MIGRATIONS))
    newer = [migration.name for migration in runner.status() if migration.path is None]
    if newer:
        raise CannotOpen(
            f"cannot open the database {database.label}: a newer version of the program has made it ({newer[-1]})"
        )
    names: list[str] = runner.up()
    return names


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Begin a transaction that changes people, or go on with the current one. One runs at a time, of all processes."""
    with database.atomic() if database.in_transaction() else database.writing():
        yield


@contextlib.contextmanager
def appending() -> Iterator[None]:
    """Begin a transaction that appends to rooms. Some engines append to several rooms at the same time."""
    with database.appending():
        yield


@contextlib.contextmanager
def reporting() -> Iterator[None]:
    """Begin a transaction on what one process has of its own. Some engines let several processes do so at once."""
    with database.locking_rows():
        yield


def as_tuples(query: Any) -> Iterator[Any]:
    """Return the rows that a peewee query finds, as plain tuples."""
    found: Iterator[Any] = iter(query.tuples())
    return found


def execute(sql: str, *values: object) -> Any:
    """Run SQL with a `?` for each value and return its cursor.

    For frequent queries: peewee takes ten times as long to build one as the database takes to run it.
    """
    return database.execute_sql(sql.replace("?", database.param), values)


def placeholders(columns: int, rows: int) -> str:
    """Return the SQL of a list of rows, with a `?` for each value."""
    row = f"({','.join('?' * columns)})"
    return ",".join([row] * rows)


def batches(ids: Collection[T], size: int = MAX_QUERY_IDS) -> list[list[T]]:
    """Return `ids` in lists of at most `size`."""
    every = list(ids)
    return [every[start : start + size] for start in range(0, len(every), size)]
