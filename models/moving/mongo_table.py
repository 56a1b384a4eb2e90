"""The log on MongoDB as a move reads and fills it: one table with the entries of all rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ParamSpec, TypeVar

from pymongo.uri_parser import parse_uri

from models import rooms
from models.engines.base import Row
from models.logs import mongo_upgrade
from models.logs.base import Entry, Head
from models.logs.mongo import MongoLog
from models.logs.mongo_database import DEFAULT_NAME, MATCHES_NOTHING
from models.logs.mongo_documents import Query
from models.logs.mongo_errors import is_moving, raising_unavailable
from models.logs.rows import to_row, to_unnamed_entry
from models.moving.tables import BATCH_ROWS

P = ParamSpec("P")
T = TypeVar("T")


class MongoTableCopy:
    """The entries of all rooms, as rows of the SQL table `entry`.

    Used while the models are bound to a database that has these rooms. Raise CannotOpen.
    """

    def __init__(self, url: str) -> None:
        self._loop = asyncio.Runner()
        self._log = MovableLog(url, _call)
        try:
            self._loop.run(self._log.open())
        except BaseException:
            self._loop.close()
            raise
        parsed = parse_uri(url)
        hosts = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
        self.label = f"mongodb://{hosts}/{parsed['database'] or DEFAULT_NAME}"

    def close(self) -> None:
        """Close the connections."""
        with self._loop:
            self._loop.run(self._log.close())

    def count(self) -> int:
        return self._loop.run(self._log.count())

    def resume_key(self) -> Row | None:
        """Return a key one batch before the last one: any part of a batch that was interrupted may be stored."""
        key, left = None, BATCH_ROWS
        for room in reversed(_slugs()):
            if left and (last := self._loop.run(self._log.before(room, None, left))):
                key, left = (room, last[-1].seq - 1), left - len(last)
        return key

    def after(self, key: Row | None) -> list[Row]:
        if key is None:
            for room in _slugs():
                self.head(room)  # the log reads faster where it knows the head
        begun, seq = key or ("", 0)
        for room in _slugs():
            if room >= begun and (
                found := self._loop.run(self._log.after(room, seq if room == begun else 0, BATCH_ROWS))
            ):
                return [_to_json(entry) for entry in found]
        return []

    def key(self, row: Row) -> Row:
        return row[:2]

    def add(self, rows: Sequence[Row]) -> None:
        entries = [to_unnamed_entry(row) for row in rows]
        self._loop.run(self._log.restore(entries, {}))

    def head(self, room: str) -> Head:
        """Return how far the log of a room is."""
        return self._loop.run(self._log.head(room))

    def save_heads(self, heads: dict[str, Head]) -> None:
        """Store the heads of the rooms."""
        self._loop.run(self._log.restore([], heads))

    def settle(self) -> None:
        """Let all entries take effect that have not yet, such as those that change tasks."""
        self._loop.run(self._log.settle())

    def complete_answers(self) -> None:
        """Let all answers say whom they answer."""
        self._loop.run(self._log.complete_answers())

    def empty(self) -> None:
        """Remove all entries."""
        self._loop.run(self._log.empty())

    def refuse_writing(self) -> None:
        """Make the server itself refuse new entries; return when those that were appended have taken effect."""
        self._loop.run(self._log.accept_only(MATCHES_NOTHING))
        self.settle()

    def allow_writing(self) -> None:
        """Undo `refuse_writing`."""
        self._loop.run(self._log.accept_only({}))


class MovableLog(MongoLog):
    """A MongoLog with the operations that a move needs on the whole log, and with the time for them."""

    async def open(self) -> None:
        await super().open()
        is_moving.set(True)  # in the context of this log's own loop, from now on

    async def count(self) -> int:
        """Return how many entries there are."""
        with raising_unavailable(self._refusal_logger):
            count: int = await self._entries.estimated_document_count()
            return count

    async def empty(self) -> None:
        """Remove all entries and heads."""
        with raising_unavailable(self._refusal_logger):
            await self._entries.drop()
            await self._heads.clear()
        await self._database.prepare("cannot move")

    async def complete_answers(self) -> None:
        """Let answers say whom they answer that were restored of another log."""
        with raising_unavailable(self._refusal_logger):
            await mongo_upgrade.complete_answers(self._entries)

    async def accept_only(self, query: Query) -> None:
        """Make the server accept only entries that match `query`."""
        with raising_unavailable(self._refusal_logger):
            await self._database.accept_only(query)

    async def settle(self) -> None:
        """Let entries take effect whose processes have ended before that: a deleted text is not moved."""
        has_some = True
        while has_some:
            with raising_unavailable(self._refusal_logger):
                has_some = await self._targets.settle_pending()


def _to_json(entry: Entry) -> Row:
    """Return the row of an entry with 0 and 1 for booleans, as other tables are copied."""
    return tuple(int(value) if isinstance(value, bool) else value for value in to_row(entry))


async def _call(function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of the people's database in this thread: nothing else runs in this loop."""
    return function(*args, **kwargs)


def _slugs() -> list[str]:
    """Return the slugs of all rooms in the order of the table's keys."""
    return sorted(rooms.all_slugs())
