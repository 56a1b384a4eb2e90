"""Moving a site: copy everything from one database (and MongoDB) to another, and compare the two.

Meanwhile the site is read-only (models/read_only.py). A move that was killed continues where it stopped.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import peewee
import psycopg

from models import read_only, tasks
from models.database import database, open_database, with_retries
from models.engines.base import Row
from models.errors.stores import CannotMove, Lost, Unavailable
from models.logs import sql_tasks
from models.logs.base import TASKS, Head
from models.logs.rows import COLUMNS, to_names, to_unnamed_entry
from models.mentions import EVERYBODY, EVERYBODY_ID
from models.models import BaseModel, EntryRow, Room, User
from models.moving.tables import BATCH_ROWS, CONTENT, TABLES, RoomTableCopy, SqlTableCopy, TableCopy, head_of

if TYPE_CHECKING:
    from models.moving.mongo_table import MongoTableCopy
    from models.tasks import TaskState


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site stores everything: its options `database` and `mongo`."""

    database: str
    mongo: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` rows are copied or compared, `before` of them by an earlier try."""

    doing: str
    done: int
    total: int
    before: int = 0


@dataclass(frozen=True, slots=True)
class TableMatches:
    """A table has the same `count` rows in both stores; `checksum` is the SHA-256 of the rows, in hexadecimal."""

    table: str
    count: int
    checksum: str


def _open_mongo_table(url: str) -> MongoTableCopy:
    from models.moving.mongo_table import MongoTableCopy  # noqa: PLC0415 - its drivers are loaded only where a log is there

    return MongoTableCopy(url)


class Store:
    """The open databases of a place: one side of a move. Raise CannotOpen."""

    def __init__(self, place: Place) -> None:
        open_database(place.database, half_moved_too=True)
        self.engine = database.obj
        self.engine.lift_timeouts()
        self.log = _open_mongo_table(place.mongo) if place.mongo else None
        self.log_label = self.log.label if self.log else ""

    def close(self) -> None:
        """Close the connections."""
        if self.log:
            self.log.close()
        self.engine.close()

    def table(self, model: type[BaseModel]) -> TableCopy:
        """Return the table of `model`."""
        if self.log and model is EntryRow:
            return self.log
        if self.log and model is Room:
            return RoomTableCopy(self.engine, model, self.log.head)
        return SqlTableCopy(self.engine, model)

    def count(self) -> int:
        """Return the number of rows in all tables."""
        return sum(self.table(model).count() for model in CONTENT)

    def has_people(self) -> bool:
        """Return whether there are users or entries."""
        return any(SqlTableCopy(self.engine, model).resume_key() for model in (User, EntryRow))

    def filled_by(self) -> str:
        """Return the mark of the move that has begun to fill this store and is not complete, or an empty string."""
        found = self.engine.execute_sql(FIND_MARK).fetchone()
        return found[0] if found else ""

    def prepare(self, mark: str) -> None:
        """Remove all rows, and store the mark of the move that is going to fill this store."""
        if self.log:
            self.log.empty()
        with self.engine.writing():
            self.engine.empty_tables(reversed(TABLES))
            self.engine.execute_sql(ADD_MARK.format(self.engine.param), (mark,))

    def index_mentions(self) -> None:
        """Store whom the messages mention, where that is a table of its own."""
        if self.log:
            return
        ids = dict(self.engine.execute_sql('SELECT username, id FROM "user"').fetchall()) | {EVERYBODY: EVERYBODY_ID}
        with self.engine.writing():
            self.engine.empty_tables(["mention"])
        place: Row = "", 0
        while found := self.engine.execute_sql(FIND_MENTIONS.replace("?", self.engine.param), place).fetchall():
            rows = [(ids[name], room, seq) for room, seq, names in found for name in to_names(names) if name in ids]
            self.engine.bulk_insert("mention", ("user_id", "room_id", "seq"), rows)
            place = found[-1][:2]

    def index_answers(self) -> None:
        """Store whose messages are answered."""
        if self.log:
            self.log.complete_answers()
            return
        with self.engine.writing():
            self.engine.empty_tables(["answer"])
            self.engine.execute_sql(ADD_ANSWERS)

    def index_tasks(self) -> None:
        """Store what the tasks are, where that is a table of its own; a log on MongoDB finds it itself."""
        if self.log:
            self.log.settle()
            return
        states: dict[tuple[str, int], TaskState] = {}
        place: Row = "", 0
        while found := self.engine.execute_sql(FIND_TASKS.replace("?", self.engine.param), place).fetchall():
            tasks.fold(states, map(to_unnamed_entry, found))
            place = found[-1][:2]
        with self.engine.writing():
            self.engine.empty_tables(["task"])
        self.engine.bulk_insert(
            "task", sql_tasks.COLUMNS.split(", "), [sql_tasks.to_row(one) for one in states.values()]
        )

    def complete(self) -> None:
        """Remove the mark: the store may be used."""
        self.engine.execute_sql(REMOVE_MARK)


SETTING_TABLE = read_only.SETTING_TABLE
FIND_MENTIONS = f"""
    SELECT room_id, seq, mentions FROM entry WHERE kind = 'post' AND mentions <> '' AND (room_id, seq) > (?, ?)
    ORDER BY room_id, seq LIMIT {BATCH_ROWS}
"""  # noqa: S608 - of constants
ADD_ANSWERS = """
    INSERT INTO answer (room_id, seq, user_id)
    SELECT reply.room_id, reply.seq, answered.author_id
    FROM entry AS reply JOIN entry AS answered ON answered.room_id = reply.room_id AND answered.seq = reply.target
    WHERE reply.kind = 'post' AND reply.body <> '' AND reply.author_id <> answered.author_id
"""
FIND_TASKS = f"""
    SELECT {COLUMNS} FROM entry WHERE kind IN {TASKS} AND (room_id, seq) > (?, ?)
    ORDER BY room_id, seq LIMIT {BATCH_ROWS}
"""  # noqa: S608
FIND_MARK = f"SELECT value FROM {SETTING_TABLE} WHERE name = '{read_only.MOVE_FROM_SETTING}'"  # noqa: S608 - of constants
ADD_MARK = f"INSERT INTO {SETTING_TABLE} (name, value) VALUES ('{read_only.MOVE_FROM_SETTING}', {{}})"  # noqa: S608
REMOVE_MARK = f"DELETE FROM {SETTING_TABLE} WHERE name = '{read_only.MOVE_FROM_SETTING}'"  # noqa: S608


def move(here: Place, there: Place) -> Generator[Progress | TableMatches, None, None]:
    """Copy everything from `here` to `there`, and compare; yield the progress. Raise CannotMove, CannotOpen.

    The site is read-only from the first step on, and stays so after a complete move. The old database is marked as
    moved before the new one may be used, so that there are never two sites; a move that was killed in between
    continues there.
    """
    with contextlib.ExitStack() as stack, _raising_cannot_move():
        target = stack.enter_context(contextlib.closing(Store(there)))
        source = stack.enter_context(contextlib.closing(Store(here)))  # second, so that the models are bound to it
        _check(source, target)
        if not read_only.moved_by():
            yield from _fill(source, target)
        target.complete()


def _fill(source: Store, target: Store) -> Iterator[Progress | TableMatches]:
    """Copy, compare, and mark the old site as moved. If that fails, the old site can be written to again."""
    name = with_retries(read_only.turn_on, TABLES)
    try:
        if source.log:
            source.log.refuse_writing()
        mark = _mark(name, target)
        if target.filled_by() != mark:
            target.prepare(mark)
        yield from _copy(source, target)
        yield from _compare(source, target)
        source.engine.verify_file()
        target.engine.verify_file()
        read_only.mark_moved(name)
    except BaseException:
        _allow_writing(source)
        raise


def _mark(name: str, target: Store) -> str:
    """Return the mark of the move `name` in the store that it fills."""
    return f"{name} {target.log_label}"


def is_read_only(here: Place) -> bool:
    """Return whether a site is read-only, after a move that was killed or is complete. Raise CannotOpen, CannotMove."""
    with _raising_cannot_move(), contextlib.closing(Store(here)):
        return with_retries(read_only.is_on)


def cancel(here: Place) -> None:
    """Make a site writable again whose move was killed and is given up. Raise CannotOpen, CannotMove."""
    with _raising_cannot_move(), contextlib.closing(Store(here)) as store:
        _allow_writing(store)


def _allow_writing(store: Store) -> None:
    with_retries(read_only.turn_off, TABLES)
    if store.log:
        store.log.allow_writing()


@contextlib.contextmanager
def _raising_cannot_move() -> Iterator[None]:
    """Turn errors of the databases into CannotMove, with the reason in one line."""
    try:
        yield
    except Lost as lost:
        raise CannotMove(f"cannot move: {lost}") from None
    except Unavailable:
        raise CannotMove("cannot move: the MongoDB does not answer as it should") from None
    except (peewee.DatabaseError, psycopg.Error) as error:
        raise CannotMove(f"cannot move: {database.describe(error)}") from error


def _check(source: Store, target: Store) -> None:
    """Raise CannotMove if `target` cannot be what `source` is moved to."""
    if source.engine.is_same(target.engine):
        raise CannotMove("cannot move: this is the database that the site is in")
    if target.log and target.log_label == source.log_label:
        raise CannotMove("cannot move: the log is in this MongoDB already; name another database of it")
    mark = target.filled_by()
    if not mark and target.has_people():
        raise CannotMove(f"cannot move: there are people or entries already in the database {target.engine.label}")
    if target.log and target.log.count() and mark.partition(" ")[2] != target.log_label:
        raise CannotMove(f"cannot move: there are entries already in {target.log_label}")
    name = read_only.moved_by()
    if name and mark != _mark(name, target):
        raise CannotMove("cannot move: this site was moved already; python app.py move --cancel makes it a site again")


def _copy(source: Store, target: Store) -> Iterator[Progress]:
    total, before = source.count(), target.count()
    done = before
    yield Progress("copying", done, total, before)
    for model in CONTENT:
        full, empty = source.table(model), target.table(model)
        key = empty.resume_key()
        while rows := full.after(key):
            empty.add(rows)
            key = full.key(rows[-1])
            done = min(done + len(rows), total)
            yield Progress("copying", done, total, before)
    for model in CONTENT:
        if "id" in model._meta.fields and (last_id := source.engine.last_id(model._meta.table_name)):
            target.engine.set_last_id(model._meta.table_name, last_id)
    if target.log:
        target.log.save_heads(_heads(source))
    target.index_mentions()
    target.index_answers()
    target.index_tasks()


def _heads(store: Store) -> dict[str, Head]:
    """Return the heads of all rooms."""
    heads: dict[str, Head] = {}
    table, key = store.table(Room), None
    while rows := table.after(key):
        heads.update({row[0]: head_of(row) for row in rows})
        key = table.key(rows[-1])
    return heads


def _compare(source: Store, target: Store) -> Iterator[Progress | TableMatches]:
    """Read and compare all rows of both stores. Raise CannotMove at the first table that differs."""
    done, total = 0, source.count() + target.count()
    for model in CONTENT:
        sums = []
        for store in (source, target):
            table, key, count, checksum = store.table(model), None, 0, hashlib.sha256()
            while rows := table.after(key):
                checksum.update("".join(map(_line, rows)).encode())
                key, count, done = table.key(rows[-1]), count + len(rows), done + len(rows)
                yield Progress("comparing", min(done, total), total)
            sums.append((count, checksum.hexdigest()))
        if sums[0] != sums[1]:
            raise CannotMove(_difference(model._meta.table_name, *sums))
        yield TableMatches(model._meta.table_name, *sums[0])


def _line(row: Row) -> str:
    """Return a row as a line of JSON, with U+FFFD for U+0000, as PostgreSQL stores it."""
    return _encode(row).replace("\\u0000", "\\ufffd") + "\n"


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _difference(table: str, here: tuple[int, str], there: tuple[int, str]) -> str:
    return (
        f"the table {table} is not the same on both sides: {here[0]} rows with the checksum {here[1][:12]} here, "
        f"{there[0]} with {there[1][:12]} there"
    )
