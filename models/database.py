"""The people's database: opening it, whichever engine keeps it, and writing and reading in it."""

from __future__ import annotations

import contextlib
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import cysqlite
import peewee
import psycopg
from playhouse.migrations import Runner

from models.engines.postgresql import Postgresql
from models.engines.sqlite import Sqlite
from models.errors import CannotOpen

logging.getLogger("peewee.migrations").setLevel(logging.WARNING)  # a first start is no news

P = ParamSpec("P")
T = TypeVar("T")

DATABASE_ERRORS = (peewee.PeeweeException, cysqlite.Error, psycopg.Error)

OPEN_TIMEOUT = 30.0  # seconds; eight processes that start at once take turns
PAUSE = (0.0005, 0.002)  # seconds between two tries
MIGRATIONS = Path(__file__).parent / "migrations"
SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):/", re.IGNORECASE)
ENGINES = {"sqlite": Sqlite, "postgresql": Postgresql, "postgres": Postgresql}

database = peewee.DatabaseProxy()


def open_database(url: str, half_moved_too: bool = False) -> None:
    """Bind the models to the database that `url` names and bring its schema up to date.

    Safe when several processes do it at once on an empty database. Raise CannotOpen, also where a move has filled only
    a part of it, unless that is wanted.
    """
    named = SCHEME.match(url)
    scheme = named[1].lower() if named else "sqlite"
    if scheme not in ENGINES:
        raise CannotOpen(
            f"cannot use a database of the kind {scheme!r}: give a path, sqlite:///path, "
            "or postgresql://user:password@host/name"
        )
    engine: Any = ENGINES[scheme](url)  # peewee's own types do not know what an Engine adds
    database.initialize(engine)
    try:
        patiently(engine.check)
        patiently(migrate)
        patiently(engine.settle)
        is_half_moved = patiently(is_set, "move_from")
    except peewee.DatabaseError as error:
        raise CannotOpen(f"cannot open the database {engine.label}: {engine.why(error)}") from error
    if is_half_moved and not half_moved_too:
        raise CannotOpen(f"cannot use the database {engine.label}: a move to it was not finished; run it again")


def patiently(verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what `verb` returns, called in this thread; wait for other processes as long as a start may take."""
    deadline = time.monotonic() + OPEN_TIMEOUT
    while True:
        try:
            with database.connection_context():
                done = verb(*args, **kwargs)
                database.verify()
                return done
        except peewee.DatabaseError as error:
            if not database.is_momentary(error) or time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(*PAUSE))  # noqa: S311


def is_set(name: str) -> bool:
    """Tell whether the site keeps a setting of this name about itself."""
    return execute("SELECT 1 FROM setting WHERE name = ?", name).fetchone() is not None


def migrate() -> list[str]:
    """Apply the migrations that are missing, as one transaction; return their names. Raise CannotOpen."""
    with writing():
        runner = Runner(database.obj, str(MIGRATIONS))
        later = [migration.name for migration in runner.status() if migration.path is None]
        if later:
            raise CannotOpen(
                f"cannot open the database {database.label}: a newer version of the program has made it ({later[-1]})"
            )
        names: list[str] = runner.up()
        return names


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Be the only one, of all processes, who changes anything about people: one transaction."""
    with database.atomic() if database.in_transaction() else database.writing():
        yield


@contextlib.contextmanager
def appending() -> Iterator[None]:
    """Append to rooms in one transaction: on some engines beside those who append to other rooms."""
    with database.appending():
        yield


def rows(query: Any) -> Iterator[Any]:
    """Return what `query` finds as plain tuples."""
    found: Iterator[Any] = iter(query.tuples())
    return found


def execute(sql: str, *values: object) -> Any:
    """Run plain SQL with a `?` for each value and return its cursor.

    For what is asked so often that to build the query anew would take ten times as long as to run it.
    """
    return database.execute_sql(sql.replace("?", database.param), values)


def values(columns: int, rows: int) -> str:
    """Return the SQL of a list of so many rows, with a `?` for each value."""
    row = f"({','.join('?' * columns)})"
    return ",".join([row] * rows)
