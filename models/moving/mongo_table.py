"""The log on a MongoDB as a move sees it: one shelf with the entries of all rooms, and a door that can be shut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pymongo.uri_parser import parse_uri

from models import rooms
from models.engines.base import Row
from models.logs.base import Entry
from models.logs.mongo import DATABASE, NOTHING, MongoLog
from models.logs.mongo_errors import answering
from models.moving.tables import BATCH


class MongoShelf:
    """The entries of all rooms, as rows of the table that keeps them elsewhere.

    Used while the models are bound to a database that has these rooms.
    """

    def __init__(self, url: str) -> None:
        self._loop = asyncio.Runner()
        self._log = MovedLog(url, _call)
        try:
            self._loop.run(self._log.open())
        except BaseException:
            self._loop.close()
            raise
        parsed = parse_uri(url)
        hosts = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
        self.label = f"mongodb://{hosts}/{parsed['database'] or DATABASE}"

    def close(self) -> None:
        """Hang up."""
        with self._loop:
            self._loop.run(self._log.close())

    def count(self) -> int:
        return self._loop.run(self._log.count())

    def newest(self) -> Row | None:
        """Return a key one batch before the last one: of a batch that was cut off, any part may be there."""
        key, left = None, BATCH
        for room in reversed(_slugs()):
            if left and (last := self._loop.run(self._log.before(room, None, left))):
                key, left = (room, last[-1].seq - 1), left - len(last)
        return key

    def after(self, key: Row | None) -> list[Row]:
        if key is None:
            for room in _slugs():
                self.head(room)  # where it is known, the log is read faster
        begun, seq = key or ("", 0)
        for room in _slugs():
            if room >= begun and (found := self._loop.run(self._log.after(room, seq if room == begun else 0, BATCH))):
                return [(e.room, e.seq, e.kind, e.target, e.author_id, e.body, e.at, e.nonce) for e in found]
        return []

    def key(self, row: Row) -> Row:
        return row[:2]

    def add(self, rows: Sequence[Row]) -> None:
        entries = [
            Entry(room, seq, kind, target, author_id, "", body, at, nonce)
            for room, seq, kind, target, author_id, body, at, nonce in rows
        ]
        self._loop.run(self._log.restore(entries, {}))

    def head(self, room: str) -> int:
        """Return the seq of the newest entry that the room ever had."""
        return self._loop.run(self._log.head(room))

    def note(self, heads: dict[str, int]) -> None:
        """Write down how far the rooms have grown."""
        self._loop.run(self._log.restore([], heads))

    def empty(self) -> None:
        """Remove all entries."""
        self._loop.run(self._log.empty())

    def refuse_writing(self) -> None:
        """Let the server itself refuse entries, whoever appends; who has begun before is waited for."""
        self._loop.run(self._log.accept(NOTHING))

    def allow_writing(self) -> None:
        """Take back what `refuse_writing` did."""
        self._loop.run(self._log.accept({}))


class MovedLog(MongoLog):
    """The log, and what is done to it as a whole."""

    async def count(self) -> int:
        """Return how many entries there are."""
        with answering(self._refusals):
            return await self._entries.estimated_document_count()

    async def empty(self) -> None:
        """Remove all entries, and what is known of the rooms' heads."""
        with answering(self._refusals):
            await self._entries.drop()
            await self._floors.drop()
        self._heads.clear()
        await self._prepare("cannot move")

    async def accept(self, documents: dict[str, Any]) -> None:
        """Let the server accept only entries that match, from now on."""
        with answering(self._refusals):
            await self._client[self._entries.database.name].command("collMod", self._entries.name, validator=documents)


async def _call(verb: Callable[..., Any], *values: Any) -> Any:
    """Run a verb on the people's database here: nobody waits for this loop."""
    return verb(*values)


def _slugs() -> list[str]:
    """Return the rooms in the order in which tables have them."""
    return sorted(rooms.slugs())
