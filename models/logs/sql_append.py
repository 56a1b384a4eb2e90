"""Appending to the log in the people's database: a batch of drafts is one transaction."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import peewee

from models import mentions, rooms, rules
from models.database import appending, database, execute, placeholders
from models.errors.base import Refusal
from models.errors.stores import Unstorable
from models.logs import sql_search, sql_tasks
from models.logs.base import DELETE, EDIT, LINES, POST, REACT, TASK_CHANGES, Draft, Entry, Head
from models.logs.rows import COLUMN_COUNT, COLUMNS, NAMED_COLUMNS, to_entry, to_row
from models.logs.sql_tasks import TaskBatch
from models.rules import Author, Target

# {} is a list of values.
LOCK_ROOMS = "SELECT slug, head, posts, lines FROM room WHERE slug IN ({}) ORDER BY slug"
FIND_ENTRIES = f"""
    SELECT {NAMED_COLUMNS} FROM entry JOIN "user" ON id = author_id WHERE (nonce, author_id) IN (VALUES {{}})
"""  # noqa: S608 - of constants
FIND_TARGETS = "SELECT room_id, seq, kind, author_id, body = '', at FROM entry WHERE (room_id, seq) IN (VALUES {})"
# column1 and column2 are the names that SQL gives to a list of values: here rooms with targets in them.
COUNT_CHANGES = """
    SELECT room_id, target, author_id, COUNT(*) FROM (VALUES {}) AS place
    JOIN entry ON room_id = column1 AND target = column2 AND kind NOT IN ('post', 'task_made')
    GROUP BY room_id, target, author_id
"""
SET_MENTIONS = "UPDATE entry SET mentions = ? WHERE room_id = ? AND seq = ?"
FIND_EMOJI = """
    SELECT DISTINCT room_id, target, body FROM (VALUES {}) AS place
    JOIN entry ON room_id = column1 AND target = column2 AND kind = 'react'
"""
ADD_ENTRIES = f"INSERT INTO entry ({COLUMNS}) VALUES {{}}"  # noqa: S608
# With what the search index has (sql_search.py): if it did not reach the head before, all before is missing there.
SET_HEAD = """
    UPDATE room SET head = ?, posts = ?, lines = ?, searched = ?,
    search_from = CASE WHEN searched = head THEN search_from ELSE head + 1 END WHERE slug = ?
"""

ERASE = "UPDATE entry SET body = '', mentions = '' WHERE room_id = ? AND target = ? AND kind = 'edit'"
ERASE_POST = "UPDATE entry SET body = '', mentions = '' WHERE room_id = ? AND seq = ?"
# A deleted post that nobody answers, or no longer, leaves no line.
STOP_DRAWING = """
    UPDATE entry SET is_drawn = FALSE WHERE room_id = ? AND seq = ? AND body = '' AND NOT EXISTS (
        SELECT 1 FROM entry AS reply
        WHERE reply.room_id = ? AND reply.target = ? AND reply.kind = 'post' AND reply.body <> ''
    )
"""
REMOVE_MENTIONS = "DELETE FROM mention WHERE room_id = ? AND seq = ?"
ADD_MENTIONS = "INSERT INTO mention (user_id, room_id, seq) VALUES {}"
ADD_ANSWERS = "INSERT INTO answer (room_id, seq, user_id) VALUES {}"
REMOVE_ANSWER = "DELETE FROM answer WHERE room_id = ? AND seq = ?"

Place = tuple[str, int]  # a room and a seq
Key = tuple[str, int]  # a nonce and its author


def append(drafts: list[Draft], since: float) -> Sequence[Entry | Refusal]:
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


def _append_once(drafts: list[Draft]) -> Sequence[Entry | Refusal]:
    with appending():
        batch = _Batch.read(drafts)
        outcomes = [batch.take(draft) for draft in drafts]
        batch.store()
    return outcomes


@dataclass(slots=True)
class _Batch:
    """What the drafts of one transaction meet, and the entries that they become."""

    heads: dict[str, Head]
    authors: dict[tuple[int, str], Author]
    known: dict[Key, Entry]
    targets: dict[Place, Target]
    named: dict[Draft, dict[int, str]]
    tasks: TaskBatch
    at: float
    fresh: list[tuple[Draft, Entry]]

    @classmethod
    def read(cls, drafts: list[Draft]) -> _Batch:
        """Lock the drafts' rooms, and read what is there."""
        heads = _lock_rooms({draft.room for draft in drafts})
        return cls(
            heads,
            rooms.authors({(draft.author_id, draft.room) for draft in drafts}),
            _find_entries({(draft.nonce, draft.author_id) for draft in drafts}),
            _find_targets(drafts),
            {draft: rooms.find_named(draft.room, draft.body) for draft in drafts if mentions.may_be_in(draft)},
            TaskBatch(drafts),
            time.time(),
            [],
        )

    def take(self, draft: Draft) -> Entry | Refusal:
        """Return the entry that `draft` becomes, or has become before, or why it does not become one."""
        key = draft.nonce, draft.author_id
        author = self.authors.get((draft.author_id, draft.room))
        if key in self.known and author:
            return self.known[key]
        target = None if draft.target is None else self.targets.get((draft.room, draft.target))
        try:
            author = rules.check(draft, author, target, self.tasks.counts.get(draft.room, 0))
        except Refusal as refusal:
            return refusal
        entry = self.known[key] = self._number(draft, author)
        self.fresh.append((draft, entry))
        if target is not None:
            target.apply(draft)
        self.tasks.take(entry, target)
        return entry

    def _number(self, draft: Draft, author: Author) -> Entry:
        head = self.heads[draft.room] = self.heads[draft.room].next(draft.kind)
        return Entry(
            draft.room,
            head.seq,
            draft.kind,
            draft.target,
            draft.author_id,
            author.name,
            draft.body,
            self.at,
            draft.nonce,
            head.posts,
            head.lines,
            draft.kind in LINES,
            tuple(self._named_in(draft).values()),
            author.is_bot,
        )

    def _named_in(self, draft: Draft) -> dict[int, str]:
        """Return whom a draft mentions: their names by their ids."""
        return self.named.get(draft, {}) if self.named else {}  # a draft's hash takes as long as all else here

    def store(self) -> None:
        """Store the new entries, what follows from them, and their rooms' heads."""
        if not self.fresh:
            return
        rows = [to_row(entry) for _, entry in self.fresh]
        execute(ADD_ENTRIES.format(placeholders(COLUMN_COUNT, len(rows))), *chain.from_iterable(rows))
        for draft, entry in self.fresh:
            if entry.kind == DELETE:
                _erase(entry)
            elif entry.kind == EDIT or entry.mentions:
                _set_mentions(entry, self._named_in(draft))
        self._store_answers()
        self.tasks.store()
        sql_search.keep([entry for _, entry in self.fresh], self.targets)
        for room in {entry.room for _, entry in self.fresh}:
            execute(SET_HEAD, *self.heads[room], self.heads[room].seq, room)

    def _store_answers(self) -> None:
        """Store whose messages the new posts answer; nobody is told of an answer to themselves."""
        rows = [
            (entry.room, entry.seq, answered_id)
            for _, entry in self.fresh
            if entry.kind == POST
            and entry.target is not None
            and (answered_id := self.targets[entry.room, entry.target].author_id) != entry.author_id
        ]
        if rows:
            execute(ADD_ANSWERS.format(placeholders(3, len(rows))), *chain.from_iterable(rows))


def _erase(entry: Entry) -> None:
    """Remove the text of a post that was deleted, and of its edits, and the lines that nobody needs any more."""
    assert entry.target is not None
    execute(ERASE, entry.room, entry.target)
    execute(ERASE_POST, entry.room, entry.target)
    execute(REMOVE_MENTIONS, entry.room, entry.target)
    execute(REMOVE_ANSWER, entry.room, entry.target)
    (answered,) = execute("SELECT target FROM entry WHERE room_id = ? AND seq = ?", entry.room, entry.target).fetchone()
    for seq in (entry.target, answered):
        if seq is not None:
            execute(STOP_DRAWING, entry.room, seq, entry.room, seq)


def _set_mentions(entry: Entry, named: Collection[int]) -> None:
    """Store whom a post names, or names since it was edited."""
    seq = entry.seq
    if entry.kind == EDIT:
        assert entry.target is not None
        seq = entry.target
        execute(SET_MENTIONS, "\n".join(entry.mentions), entry.room, seq)
        execute(REMOVE_MENTIONS, entry.room, seq)
    if named:
        rows = [(member_id, entry.room, seq) for member_id in named]
        execute(ADD_MENTIONS.format(placeholders(3, len(rows))), *chain.from_iterable(rows))


def _lock_rooms(slugs: set[str]) -> dict[str, Head]:
    """Lock rooms against appends of others until this transaction ends; return their heads."""
    sql = LOCK_ROOMS.format(",".join("?" * len(slugs)))
    found = execute(sql + " FOR NO KEY UPDATE" if database.for_update else sql, *slugs).fetchall()
    return {slug: Head(*counts) for slug, *counts in found}


def _find_entries(keys: set[Key]) -> dict[Key, Entry]:
    """Return the entries that exist already with these nonces and authors."""
    found = execute(FIND_ENTRIES.format(placeholders(2, len(keys))), *chain.from_iterable(keys)).fetchall()
    return {(entry.nonce, entry.author_id): entry for entry in map(to_entry, found)}


def _find_targets(drafts: Collection[Draft]) -> dict[Place, Target]:
    """Return what the drafts answer or change."""
    places = {(draft.room, draft.target) for draft in drafts if rules.may_be_target(draft)}
    if not places:
        return {}
    values, rows = placeholders(2, len(places)), list(chain.from_iterable(places))
    targets = {
        (room, seq): Target(kind, author_id, bool(is_deleted), at)
        for room, seq, kind, author_id, is_deleted, at in execute(FIND_TARGETS.format(values), *rows).fetchall()
    }
    _count_changes(targets, [draft for draft in drafts if draft.kind not in TASK_CHANGES])
    tasks = {(draft.room, draft.target) for draft in drafts if draft.kind in TASK_CHANGES}
    sql_tasks.add_to(targets, targets.keys() & tasks)
    return targets


def _count_changes(targets: Mapping[Place, Target], drafts: Collection[Draft]) -> None:
    """Add to the posts that drafts answer or change how often each was changed."""
    places = targets.keys() & {(draft.room, draft.target) for draft in drafts}
    if not places:
        return
    values, rows = placeholders(2, len(places)), list(chain.from_iterable(places))
    for room, seq, author_id, count in execute(COUNT_CHANGES.format(values), *rows).fetchall():
        target = targets[room, seq]
        target.changes += count
        target.changes_by[author_id] = count
    if any(draft.kind == REACT for draft in drafts):
        for room, seq, emoji in execute(FIND_EMOJI.format(values), *rows).fetchall():
            targets[room, seq].emoji.add(emoji)
