"""The log in the people's database, on SQLite or PostgreSQL. A batch of drafts is one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from itertools import chain

import peewee

from models.database import appending, as_tuples, database, execute, placeholders
from models.engines.base import Doorbell, RunInThread
from models.errors import NotMember, Unavailable, Unstorable
from models.logs.base import Draft, Entry, RoomLog
from models.logs.group_commit import GroupCommit
from models.models import EntryRow, Room, User
from models.rooms import author_names

# The SQL of an append; {} is a list of values.
LOCK_ROOMS = "SELECT slug, head FROM room WHERE slug IN ({}) ORDER BY slug"
FIND_ENTRIES = """
    SELECT room_id, seq, kind, target, author_id, username, body, at, nonce
    FROM entry JOIN "user" ON id = author_id
    WHERE (nonce, author_id) IN (VALUES {})
"""
ADD_ENTRIES = "INSERT INTO entry (room_id, seq, kind, target, author_id, body, at, nonce) VALUES {}"
SET_HEAD = "UPDATE room SET head = ? WHERE slug = ?"

RETRY_SECONDS = 0.5  # before a database that could not answer is asked again


class SqlLog(RoomLog):
    """RoomLog in the people's database."""

    def __init__(self, write: RunInThread, read: RunInThread, doorbell: Doorbell) -> None:
        self._write = write
        self._read = read
        self._doorbell = doorbell
        self._group_commit = GroupCommit(self._append_batch)

    async def append(self, draft: Draft) -> Entry:
        return await self._group_commit.append(draft)

    async def flush(self) -> None:
        await self._group_commit.flush()

    async def _append_batch(self, drafts: list[Draft], since: float) -> Sequence[Entry | Exception]:
        return await self._write(_append, drafts, since)

    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        return await self._read(_entries_after, room, seq, limit)

    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        return await self._read(_entries_before, room, seq, limit)

    async def head(self, room: str) -> int:
        return await self._read(_head, room)

    def version(self, room: str) -> object:
        return self._doorbell.head_seen(room)

    async def changes(self) -> AsyncIterator[tuple[str, int]]:
        seen: dict[str, int] = {}
        async for _ in self._doorbell.rings():
            heads = await self._fetch_heads()
            for room, head in heads.items():
                if head != seen.get(room):
                    yield room, head
            seen = heads

    async def _fetch_heads(self) -> dict[str, int]:
        """Return the heads of the rooms. Retry until the database answers: a change must not be lost."""
        while True:
            try:
                return await self._doorbell.heads()
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)


def _append(drafts: list[Draft], since: float) -> Sequence[Entry | NotMember]:
    """Store `drafts` in one transaction; return an entry or a refusal for each. `since` is as for GroupCommit.

    Raise Unstorable if one of them cannot be stored.
    """
    database.before_call(since)
    try:
        try:
            return _append_once(drafts)
        except peewee.IntegrityError:  # another process has just stored one of the nonces, in a room not locked here
            return _append_once(drafts)
    except Exception as error:
        if database.is_data_error(error):
            raise Unstorable() from error
        raise


def _append_once(drafts: list[Draft]) -> Sequence[Entry | NotMember]:
    with appending():
        heads = _lock_rooms({draft.room for draft in drafts})
        names = author_names({(draft.author_id, draft.room) for draft in drafts})
        entries = _find_entries({(draft.nonce, draft.author_id) for draft in drafts})
        known = set(entries)
        at = time.time()
        for draft in drafts:
            key, name = (draft.nonce, draft.author_id), names.get((draft.author_id, draft.room))
            if name is not None and key not in entries:
                seq = heads[draft.room] = heads[draft.room] + 1
                entries[key] = Entry(
                    draft.room, seq, draft.kind, draft.target, draft.author_id, name, draft.body, at, draft.nonce
                )
        _add_entries([entry for key, entry in entries.items() if key not in known])
    return [
        entries[draft.nonce, draft.author_id] if (draft.author_id, draft.room) in names else NotMember()
        for draft in drafts
    ]


def _lock_rooms(slugs: set[str]) -> dict[str, int]:
    """Lock rooms against appends of others until this transaction ends; return their heads."""
    sql = LOCK_ROOMS.format(",".join("?" * len(slugs)))
    return dict(execute(sql + " FOR NO KEY UPDATE" if database.for_update else sql, *slugs).fetchall())


def _find_entries(keys: set[tuple[str, int]]) -> dict[tuple[str, int], Entry]:
    """Return the entries that exist already with these nonces and authors."""
    found = execute(FIND_ENTRIES.format(placeholders(2, len(keys))), *chain.from_iterable(keys)).fetchall()
    return {(entry.nonce, entry.author_id): entry for entry in (Entry(*row) for row in found)}


def _add_entries(entries: list[Entry]) -> None:
    """Store entries, and their rooms' heads."""
    if not entries:
        return
    stored = [(e.room, e.seq, e.kind, e.target, e.author_id, e.body, e.at, e.nonce) for e in entries]
    execute(ADD_ENTRIES.format(placeholders(8, len(stored))), *chain.from_iterable(stored))
    for room, head in {entry.room: entry.seq for entry in entries}.items():
        execute(SET_HEAD, head, room)


def _entries() -> peewee.ModelSelect[EntryRow]:
    """Select the columns of an Entry, in its order."""
    return EntryRow.select(
        EntryRow.room,
        EntryRow.seq,
        EntryRow.kind,
        EntryRow.target,
        EntryRow.author,
        User.username,
        EntryRow.body,
        EntryRow.at,
        EntryRow.nonce,
    ).join(User)


def _as_entries(found: peewee.ModelSelect[EntryRow]) -> list[Entry]:
    return [Entry(*row) for row in as_tuples(found)]


def _entries_after(room: str, seq: int, limit: int) -> list[Entry]:
    found = _entries().where(EntryRow.room == room, EntryRow.seq > seq).order_by(EntryRow.seq).limit(limit)
    return _as_entries(found)


def _entries_before(room: str, seq: int | None, limit: int) -> list[Entry]:
    found = _entries().where(EntryRow.room == room).order_by(EntryRow.seq.desc()).limit(limit)
    if seq is not None:
        found = found.where(EntryRow.seq < seq)
    return _as_entries(found)


def _head(room: str) -> int:
    found = Room.select(Room.head).where(Room.slug == room).tuples().first()
    return found[0] if found else 0
