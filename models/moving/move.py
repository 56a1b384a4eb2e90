"""Moving a site: everything that one configuration keeps is copied to another one, and compared.

Meanwhile the site is read-only (models/read_only.py). A move that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import peewee
import psycopg

from models import read_only
from models.database import database, open_database, patiently
from models.errors import CannotMove, Lost, Unavailable
from models.models import (
    BaseModel,
    EntryRow,
    Failure,
    Invitation,
    Membership,
    PresenceRow,
    Process,
    Room,
    Session,
    Setting,
    User,
)
from models.moving.tables import RoomShelf, Shelf, SqlShelf

if TYPE_CHECKING:
    from models.moving.mongo_table import MongoShelf

# In this order each row comes after those that it names; settings are last since the others' triggers change one.
CONTENT: tuple[type[BaseModel], ...] = (User, Room, Invitation, Session, Failure, Membership, EntryRow, Setting)
STATE: tuple[type[BaseModel], ...] = (Process, PresenceRow)  # of running processes, which stay where they are
TABLES = tuple(model._meta.table_name for model in CONTENT)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site keeps everything: what the options `database` and `mongo` say."""

    database: str
    mongo: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """So many of `total` rows are done, `before` of them since an earlier try."""

    doing: str
    done: int
    total: int
    before: int = 0


@dataclass(frozen=True, slots=True)
class Same:
    """A table is the same on both sides; `checksum` is the SHA-256 of its rows."""

    table: str
    count: int
    checksum: str


def _mongo_shelf(url: str) -> MongoShelf:
    from models.moving.mongo_table import MongoShelf  # noqa: PLC0415 - who has no MongoDB starts without what it needs

    return MongoShelf(url)


class Side:
    """A place that is open."""

    def __init__(self, place: Place) -> None:
        open_database(place.database, half_moved_too=True)
        self.engine: Any = database.obj
        self.engine.take_time()
        self.log = _mongo_shelf(place.mongo) if place.mongo else None
        self.log_label = self.log.label if self.log else ""

    def close(self) -> None:
        """Hang up."""
        if self.log:
            self.log.close()
        self.engine.close()

    def shelf(self, model: type[BaseModel]) -> Shelf:
        """Return where the rows of `model` are."""
        if self.log and model is EntryRow:
            return self.log
        if self.log and model is Room:
            return RoomShelf(self.engine, model, self.log.head)
        return SqlShelf(self.engine, model)

    def count(self) -> int:
        """Return how many rows there are."""
        return sum(self.shelf(model).count() for model in CONTENT)

    def has_people(self) -> bool:
        """Tell whether the database has been used."""
        return any(SqlShelf(self.engine, model).newest() for model in (User, EntryRow))

    def mark(self) -> str:
        """Return which move has begun to fill this place, if that is not finished."""
        found = self.engine.execute_sql(FIND_MARK).fetchone()
        return found[0] if found else ""

    def begin(self, mark: str) -> None:
        """Empty this place, so that `mark` fills it."""
        if self.log:
            self.log.empty()
        with self.engine.writing():
            self.engine.empty(reversed(TABLES))
            self.engine.execute_sql(ADD_MARK.format(self.engine.param), (mark,))

    def finish(self) -> None:
        """Say that this place is complete."""
        self.engine.execute_sql(REMOVE_MARK)


SETTING = read_only.SETTING
FIND_MARK = f"SELECT value FROM {SETTING} WHERE name = '{read_only.HALF_MOVED}'"  # noqa: S608 - of constants
ADD_MARK = f"INSERT INTO {SETTING} (name, value) VALUES ('{read_only.HALF_MOVED}', {{}})"  # noqa: S608
REMOVE_MARK = f"DELETE FROM {SETTING} WHERE name = '{read_only.HALF_MOVED}'"  # noqa: S608


def move(here: Place, there: Place) -> Generator[Progress | Same, None, None]:
    """Copy everything from `here` to `there`, and compare; tell how it goes.

    The site is read-only from the first step on, and stays so when all has gone well. Raise CannotMove, CannotOpen.

    The old place says that it is left before the new one may be used, so that there are never two sites. A move that
    was killed in between goes on there.
    """
    with contextlib.ExitStack() as stack, _explained():
        target = stack.enter_context(contextlib.closing(Side(there)))
        source = stack.enter_context(contextlib.closing(Side(here)))  # second: the models are bound to it
        _check(source, target)
        if not read_only.moved_by():
            yield from _fill(source, target)
        target.finish()


def _fill(source: Side, target: Side) -> Iterator[Progress | Same]:
    """Copy and compare, and leave the old place; where that fails, it can be written to again."""
    name = patiently(read_only.begin, TABLES)
    try:
        if source.log:
            source.log.refuse_writing()
        mark = _mark(name, target)
        if target.mark() != mark:
            target.begin(mark)
        yield from _copy(source, target)
        yield from _compare(source, target)
        source.engine.verify()
        target.engine.verify()
        read_only.complete(name)
    except BaseException:
        _open_again(source)
        raise


def _mark(name: str, target: Side) -> str:
    """Return by which mark a place is known that this move fills."""
    return f"{name} {target.log_label}"


def is_read_only(here: Place) -> bool:
    """Tell whether a site is read-only, since a move was killed or is complete. Raise CannotOpen, CannotMove."""
    with _explained(), contextlib.closing(Side(here)):
        return patiently(read_only.is_on)


def cancel(here: Place) -> None:
    """Let a site be written to again whose move was killed and shall not go on. Raise CannotOpen."""
    with _explained(), contextlib.closing(Side(here)) as side:
        _open_again(side)


def _open_again(side: Side) -> None:
    patiently(read_only.end, TABLES)
    if side.log:
        side.log.allow_writing()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Say in one line why a database gave up in the middle."""
    try:
        yield
    except Lost as lost:
        raise CannotMove(f"cannot move: {lost}") from None
    except Unavailable:
        raise CannotMove("cannot move: the MongoDB does not answer as it should") from None
    except (peewee.DatabaseError, psycopg.Error) as error:
        raise CannotMove(f"cannot move: {database.why(error)}") from error


def _check(source: Side, target: Side) -> None:
    """Raise CannotMove if `target` cannot be what `source` is moved to."""
    if source.engine.is_same(target.engine):
        raise CannotMove("cannot move: this is the database that the site is in")
    if target.log and target.log_label == source.log_label:
        raise CannotMove("cannot move: the log is in this MongoDB already; name another database of it")
    mark = target.mark()
    if not mark and target.has_people():
        raise CannotMove(f"cannot move: there are people or entries already in the database {target.engine.label}")
    if target.log and target.log.count() and mark.partition(" ")[2] != target.log_label:
        raise CannotMove(f"cannot move: there are entries already in {target.log_label}")
    name = read_only.moved_by()
    if name and mark != _mark(name, target):
        raise CannotMove("cannot move: this site was moved already; python app.py move --cancel makes it a site again")


def _copy(source: Side, target: Side) -> Iterator[Progress]:
    total, before = source.count(), target.count()
    done = before
    yield Progress("copying", done, total, before)
    for model in CONTENT:
        full, empty = source.shelf(model), target.shelf(model)
        key = empty.newest()
        while rows := full.after(key):
            empty.add(rows)
            key = full.key(rows[-1])
            done = min(done + len(rows), total)
            yield Progress("copying", done, total, before)
    for model in CONTENT:
        if "id" in model._meta.fields and (last_id := source.engine.last_id(model._meta.table_name)):
            target.engine.number_on(model._meta.table_name, last_id)
    if target.log:
        target.log.note(_heads(source))


def _heads(side: Side) -> dict[str, int]:
    """Return how far the rooms have grown."""
    heads, shelf, key = {}, side.shelf(Room), None
    while rows := shelf.after(key):
        heads.update({row[0]: row[-1] for row in rows})
        key = shelf.key(rows[-1])
    return heads


def _compare(source: Side, target: Side) -> Iterator[Progress | Same]:
    """Read everything on both sides. Raise CannotMove at the first table that differs."""
    done, total = 0, source.count() + target.count()
    for model in CONTENT:
        sums = []
        for side in (source, target):
            shelf, key, count, checksum = side.shelf(model), None, 0, hashlib.sha256()
            while rows := shelf.after(key):
                checksum.update("".join(map(_line, rows)).encode())
                key, count, done = shelf.key(rows[-1]), count + len(rows), done + len(rows)
                yield Progress("comparing", min(done, total), total)
            sums.append((count, checksum.hexdigest()))
        if sums[0] != sums[1]:
            raise CannotMove(_difference(model._meta.table_name, *sums))
        yield Same(model._meta.table_name, *sums[0])


def _line(row: Any) -> str:
    """Return a row as a line of JSON. Where an engine cannot keep the character 0, it has a mark instead."""
    return _encode(row).replace("\\u0000", "\\ufffd") + "\n"


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _difference(table: str, here: tuple[int, str], there: tuple[int, str]) -> str:
    return (
        f"the table {table} is not the same on both sides: {here[0]} rows with the checksum {here[1][:12]} here, "
        f"{there[0]} with {there[1][:12]} there"
    )
