"""The tables of a site, and how a move reads and fills one: rows in the order of their keys, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from peewee import BooleanField, CompositeKey, DateTimeField, Model

from models.database import PeopleDatabase
from models.engines.base import Row
from models.logs.base import Head
from models.models import (
    Address,
    AnswerRow,
    BaseModel,
    EntryRow,
    Failure,
    Hook,
    Invitation,
    Membership,
    Mention,
    PresenceChange,
    PresenceRow,
    Process,
    Room,
    Session,
    Setting,
    TaskRow,
    Token,
    User,
)
from models.read_only import IS_CONTENT

# In this order each row comes after the rows that it refers to; settings are last, since triggers of the other tables
# change one of them.
CONTENT: tuple[type[BaseModel], ...] = (
    User,
    Room,
    Address,
    Invitation,
    Session,
    Token,
    Failure,
    Membership,
    Hook,
    EntryRow,
    Setting,
)
STATE: tuple[type[BaseModel], ...] = (Process, PresenceRow, PresenceChange)  # of running processes: it is not moved
# What tells processes of changes, by table; it begins anew.
STATE_COLUMNS = {
    "room": {"changed_version", "left_version", "searched", "search_from", "grown"},
    "membership": {"changed_version"},
    "hook": {"claimed_by", "claimed_until"},  # the process that sends
}
INDEXES: tuple[type[BaseModel], ...] = (Mention, AnswerRow, TaskRow)  # made anew from the entries
TABLES = tuple(model._meta.table_name for model in CONTENT)

BATCH_ROWS = 2000  # large enough to be fast, and 2,000 of the longest messages are 64 MB at most


class TableCopy(Protocol):
    """One table in one store. Its values are JSON values, the same on each engine."""

    def count(self) -> int:
        """Return how many rows there are."""

    def resume_key(self) -> Row | None:
        """Return a key up to which no row is missing, after which a move continues; None if there are no rows."""

    def after(self, key: Row | None) -> list[Row]:
        """Return the next rows after `key` (None: the first ones), at most BATCH_ROWS; an empty list at the end."""

    def key(self, row: Row) -> Row:
        """Return the key of a row."""

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows. A crash may leave some of them added; rows that are there already are kept."""


class SqlTableCopy:
    """A table in an SQL database."""

    def __init__(self, engine: PeopleDatabase, model: type[Model]) -> None:
        meta: Any = model._meta  # untyped in peewee
        self._engine = engine
        self._table = meta.table_name
        self._columns = [field.column_name for field in meta.sorted_fields]
        self._converters: dict[int, type[int] | type[str]] = {
            place: int if isinstance(field, BooleanField) else str
            for place, field in enumerate(meta.sorted_fields)
            if isinstance(field, BooleanField | DateTimeField)
        }
        primary = meta.primary_key
        keys = primary.field_names if isinstance(primary, CompositeKey) else [primary.name]
        self._key = [self._columns.index(meta.fields[name].column_name) for name in keys]
        self._order = ", ".join(self._columns[place] for place in self._key)
        self._condition = IS_CONTENT if model is Setting else "TRUE"

    def count(self) -> int:
        found: int = self._ask("SELECT count(*) FROM {table} WHERE {condition}")[0][0]
        return found

    def resume_key(self) -> Row | None:
        backwards = self._order.replace(",", " DESC,") + " DESC"
        sql = f"SELECT {self._order} FROM {{table}} WHERE {{condition}} ORDER BY {backwards} LIMIT 1"  # noqa: S608
        found = self._ask(sql)
        return tuple(found[0]) if found else None

    def after(self, key: Row | None) -> list[Row]:
        marks = ", ".join([self._engine.param] * len(self._key))
        beyond = f"AND ({self._order}) > ({marks})" if key else ""
        sql = (
            f"SELECT {{columns}} FROM {{table}} WHERE {{condition}} {beyond} ORDER BY {self._order} LIMIT {BATCH_ROWS}"  # noqa: S608
        )
        found = self._ask(sql, key or ())
        return [self._to_json(row) for row in found] if self._converters else [tuple(row) for row in found]

    def _ask(self, sql: str, values: Row = ()) -> list[Row]:
        columns, table = ", ".join(self._columns), f'"{self._table}"'
        sql = sql.format(columns=columns, table=table, condition=self._condition)
        rows: list[Row] = self._engine.execute_sql(sql, values).fetchall()
        return rows

    def _to_json(self, row: Row) -> Row:
        """Return the row with booleans as 0 and 1, and dates as the text that SQLite stores."""
        return tuple(
            self._converters[place](value) if place in self._converters and value is not None else value
            for place, value in enumerate(row)
        )

    def key(self, row: Row) -> Row:
        return tuple(row[place] for place in self._key)

    def add(self, rows: Sequence[Row]) -> None:
        self._engine.bulk_insert(self._table, self._columns, rows)


class RoomTableCopy(SqlTableCopy):
    """The rooms of a site whose log is on MongoDB, with their heads from there."""

    def __init__(self, engine: PeopleDatabase, model: type[Model], head: Callable[[str], Head]) -> None:
        super().__init__(engine, model)
        self._head = head

    def after(self, key: Row | None) -> list[Row]:
        rows = super().after(key)
        return [(*row[:HEAD_PLACE], *max(head_of(row), self._head(row[0])), *row[HEAD_PLACE + 3 :]) for row in rows]


HEAD_PLACE = [field.column_name for field in Room._meta.sorted_fields].index("head")  # followed by posts and lines


def head_of(row: Row) -> Head:
    """Return the head in a row of the table of rooms."""
    return Head(*row[HEAD_PLACE : HEAD_PLACE + 3])
