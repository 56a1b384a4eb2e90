"""The log in the people's database, on SQLite or PostgreSQL. A batch of drafts is one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from itertools import chain

from models.database import batches, database, execute, placeholders
from models.engines.base import Doorbell, Growth, RunInThread
from models.errors.stores import Unavailable
from models.logs import sql_search, sql_tasks
from models.logs.base import DELETE, TASK_REMOVED, Draft, Entry, Head, RoomLog
from models.logs.group_commit import GroupCommit
from models.logs.rows import NAMED_COLUMNS, to_entry
from models.logs.sql_append import append
from models.search.wanted import Hits, Unindexed, Wanted
from models.tasks import TaskState

# {} is a list of values, {order} and {limit} of a page are constants.
READ = f'SELECT {NAMED_COLUMNS} FROM entry JOIN "user" ON id = author_id WHERE room_id = ? '  # noqa: S608 - of constants
AFTER = READ + "AND seq > ? ORDER BY seq LIMIT ?"
BEFORE = READ + "AND seq < ? ORDER BY seq DESC LIMIT ?"
LINES_AFTER = READ + "AND seq > ? AND is_drawn ORDER BY seq LIMIT ?"
LINES_BEFORE = READ + "AND seq < ? AND is_drawn ORDER BY seq DESC LIMIT ?"
ENTRIES = READ + "AND seq IN ({})"
# Not the texts of edits: only the last one is asked for, by its number.
CHANGES = READ.replace("body", "CASE kind WHEN 'edit' THEN '' ELSE body END") + (
    "AND target IN ({}) AND kind NOT IN ('post', 'task_made')"
)
COUNT_REPLIES = """
    SELECT target, COUNT(*) FROM entry WHERE room_id = ? AND target IN ({}) AND kind = 'post' AND body <> ''
    GROUP BY target
"""
# +seq: else SQLite goes through the whole room, which is in that order.
REPLIES = READ + "AND target = ? AND kind = 'post' AND body <> '' ORDER BY +seq LIMIT ?"
# column1 and column2 are the names that SQL gives to a list of values: here rooms with positions in them.
# DISTINCT: a log that was moved from MongoDB may have two deletions of one post, made at the same moment.
DELETED_BEYOND = """
    SELECT DISTINCT room_id, target FROM (VALUES {}) AS position
    JOIN entry ON room_id = column1 AND kind = 'delete' AND target > column2
"""
MENTIONS_BEYOND = """
    SELECT DISTINCT room_id, seq FROM (VALUES {}) AS position
    JOIN mention ON room_id = column1 AND seq > column2 AND user_id IN (?, 0)
"""
ANSWERS_BEYOND = """
    SELECT room_id, seq FROM (VALUES {}) AS position
    JOIN answer ON room_id = column1 AND seq > column2 AND user_id = ?
"""
NEWEST_AT = """
    SELECT slug, at FROM room JOIN entry ON room_id = slug AND seq = head WHERE slug IN ({})
"""
HEAD = "SELECT head, posts, lines FROM room WHERE slug = ?"

NEWEST = 2**62  # a seq above all others
WIPE_SECONDS = 1.0  # after a deletion, and before the next try: it is not worth more than one checkpoint a second
RETRY_SECONDS = 0.5  # before a database that could not answer is asked again


class SqlLog(RoomLog):
    """RoomLog in the people's database."""

    def __init__(self, write: RunInThread, read: RunInThread, doorbell: Doorbell) -> None:
        self._write = write
        self._read = read
        self._doorbell = doorbell
        self._group_commit = GroupCommit(self._append_batch)
        self._is_wipe_wanted = False
        self._wiping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        await self._wipe()  # a process that was killed may have left something
        if self._is_wipe_wanted:
            self._wipe_soon()

    async def close(self) -> None:
        if self._wiping is not None:
            self._wiping.cancel()
            await asyncio.gather(self._wiping, return_exceptions=True)
        if self._is_wipe_wanted:
            await self._wipe()

    async def append(self, draft: Draft) -> Entry:
        return await self._group_commit.append(draft)

    async def flush(self) -> None:
        await self._group_commit.flush()

    async def _append_batch(self, drafts: list[Draft], since: float) -> Sequence[Entry | Exception]:
        outcomes = await self._write(append, drafts, since)
        if any(isinstance(one, Entry) and one.kind in (DELETE, TASK_REMOVED) for one in outcomes):
            self._wipe_soon()
        return outcomes

    def _wipe_soon(self) -> None:
        """Let the text of what was deleted be gone from the files of the database, too, in WIPE_SECONDS."""
        self._is_wipe_wanted = True
        if self._wiping is None:
            self._wiping = asyncio.create_task(self._wipe_until_done())

    async def _wipe_until_done(self) -> None:
        while self._is_wipe_wanted:
            await asyncio.sleep(WIPE_SECONDS)
            await self._wipe()
        self._wiping = None

    async def _wipe(self) -> None:
        self._is_wipe_wanted = is_done = False
        with contextlib.suppress(Unavailable):
            is_done = await self._write(database.wipe_deleted)
        if not is_done:
            self._is_wipe_wanted = True

    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        return await self._read(_entries, AFTER, room, seq, limit)

    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        return await self._read(_entries, BEFORE, room, NEWEST if seq is None else seq, limit)

    async def lines_after(self, room: str, seq: int, limit: int) -> list[Entry]:
        return await self._read(_entries, LINES_AFTER, room, seq, limit)

    async def lines_before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        return await self._read(_entries, LINES_BEFORE, room, NEWEST if seq is None else seq, limit)

    async def entries(self, room: str, seqs: Collection[int]) -> list[Entry]:
        return await self._read(_entries, _of(ENTRIES, seqs), room, *seqs) if seqs else []

    async def changes_of(self, room: str, seqs: Collection[int]) -> list[Entry]:
        found = await self._read(_entries, _of(CHANGES, seqs), room, *seqs) if seqs else []
        return sorted(found, key=_seq)  # SQLite would read the whole room to find them in order

    async def replies(self, room: str, seq: int, limit: int) -> list[Entry]:
        return await self._read(_entries, REPLIES, room, seq, limit)

    async def count_replies(self, room: str, seqs: Collection[int]) -> dict[int, int]:
        return await self._read(_pairs, _of(COUNT_REPLIES, seqs), room, *seqs) if seqs else {}

    async def deleted_beyond(self, positions: Mapping[str, int]) -> dict[str, list[int]]:
        return await self._read(_beyond, DELETED_BEYOND, positions)

    async def mentions_beyond(self, member_id: int, positions: Mapping[str, int]) -> dict[str, list[int]]:
        return await self._read(_beyond, MENTIONS_BEYOND, positions, member_id)

    async def answers_beyond(self, member_id: int, positions: Mapping[str, int]) -> dict[str, list[int]]:
        return await self._read(_beyond, ANSWERS_BEYOND, positions, member_id)

    async def task_states(self, room: str, ids: Collection[int] | None = None) -> list[TaskState]:
        return await self._read(sql_tasks.of_room, room, ids)

    async def tasks_given_to(self, username: str, rooms: Collection[str], limit: int) -> list[TaskState]:
        return await self._read(sql_tasks.given_to, username, rooms, limit)

    async def count_tasks_given_to(self, username: str, rooms: Collection[str]) -> int:
        return await self._read(sql_tasks.count_given_to, username, rooms)

    async def search(self, wanted: Wanted, limit: int) -> Hits:
        return await self._read(sql_search.find, wanted, limit)

    async def fill_search_index(self, process: str) -> bool:
        return await self._write(sql_search.fill, process)

    async def count_unindexed(self) -> Unindexed:
        return await self._read(sql_search.count_unindexed)

    async def head(self, room: str) -> Head:
        return await self._read(_head, room)

    async def heads(self) -> dict[str, Head]:
        return (await self._doorbell.grown(None)).heads

    async def newest_at(self, rooms: Collection[str]) -> dict[str, float]:
        return await self._read(_newest_at, rooms)

    async def look(self, room: str) -> int | None:
        return self._doorbell.head_seen(room)

    async def changes(self) -> AsyncIterator[tuple[str, Head]]:
        mark = None
        async for _ in self._doorbell.rings():
            mark, heads = await self._fetch_growth(mark)
            for room, head in heads.items():
                yield room, head

    async def _fetch_growth(self, mark: int | None) -> Growth:
        """Return the heads of the rooms that have grown. Retry until the database answers: nothing must be lost."""
        while True:
            try:
                return await self._doorbell.grown(mark)
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)


def _seq(entry: Entry) -> int:
    return entry.seq


def _of(sql: str, values: Collection[object]) -> str:
    return sql.format(",".join("?" * len(values)))


def _entries(sql: str, *values: object) -> list[Entry]:
    return [to_entry(row) for row in execute(sql, *values).fetchall()]


def _pairs(sql: str, *values: object) -> dict[int, int]:
    return dict(execute(sql, *values).fetchall())


def _beyond(sql: str, positions: Mapping[str, int], *values: object) -> dict[str, list[int]]:
    """Return the seqs that `sql` finds beyond positions in rooms, by room."""
    seqs: dict[str, list[int]] = {}
    if positions:
        rows = chain.from_iterable(positions.items())
        for room, seq in execute(sql.format(placeholders(2, len(positions))), *rows, *values).fetchall():
            seqs.setdefault(room, []).append(seq)
    return seqs


def _newest_at(rooms: Collection[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for slugs in batches(rooms):
        found.update(execute(_of(NEWEST_AT, slugs), *slugs).fetchall())
    return found


def _head(room: str) -> Head:
    found = execute(HEAD, room).fetchone()
    return Head(*found) if found else Head()
