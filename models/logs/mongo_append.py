"""Appending to the log on MongoDB: a batch of drafts is inserted under the next numbers, or tried again."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterable, Sequence

import pymongo
from pymongo.errors import BulkWriteError, PyMongoError

from models import mentions, read_only, rooms, rules
from models.engines.base import RunInThread
from models.errors.base import Refusal
from models.errors.messages import Deleted
from models.errors.stores import ReadOnly, Unavailable, Unstorable
from models.errors.tasks import Conflict, UnknownTask
from models.logs.base import DELETE, EDIT, LINES, TASK_CHANGES, TASK_MADE, Draft, Entry, Head
from models.logs.mongo_database import MongoDatabase
from models.logs.mongo_documents import all_of, to_documents, to_entry
from models.logs.mongo_errors import (
    ANSWER_TIMEOUT_SECONDS,
    DATA_ERRORS,
    DUPLICATE_KEY,
    REFUSED,
    VALIDATION_FAILED,
    describe,
    raising_unavailable,
    raising_unstorable,
)
from models.logs.mongo_heads import MongoHeads
from models.logs.mongo_targets import MongoTargets
from models.refusals import RefusalLogger
from models.rooms import Writer
from models.rules import Author

logger = logging.getLogger(__name__)

Key = tuple[int, str]  # author and nonce, which are the same only for the same draft
Writers = dict[int, Writer]  # by their ids
Named = dict[Key, dict[int, str]]  # the names of those whom a draft mentions, by their ids
Answered = dict[Key, int]  # who wrote what a draft answers

MIN_TRY_SECONDS = 0.5  # for which a batch is tried although it has waited for ANSWER_TIMEOUT_SECONDS already
RETRY_RANGE_SECONDS = (0.001, 0.01)  # until an append is tried again: short, since another process was just quicker


class MongoAppender:
    """Stores drafts on a MongoDB; `read` calls a function in a thread of the people's database."""

    def __init__(
        self,
        database: MongoDatabase,
        heads: MongoHeads,
        targets: MongoTargets,
        read: RunInThread,
        refusal_logger: RefusalLogger,
    ) -> None:
        self._database = database
        self._entries = database.entries
        self._heads = heads
        self._targets = targets
        self._read = read
        self._refusal_logger = refusal_logger

    async def append(self, drafts: list[Draft], since: float) -> Sequence[Entry | Exception]:
        """Store `drafts`; return an entry or a refusal for each. `since` is as for GroupCommit.

        Drafts with the same nonce of the same author are one entry. Raise Unstorable if one of them cannot be stored;
        some of the others may be stored then.
        """
        authors = await self._read(rooms.authors, {(draft.author_id, draft.room) for draft in drafts})
        writers = {author_id: Writer(author.name, author.is_bot) for (author_id, _), author in authors.items()}
        with raising_unstorable():
            until = max(since + ANSWER_TIMEOUT_SECONDS, time.monotonic() + MIN_TRY_SECONDS)
            pending, refused, answered = await self._check(drafts, authors)
            named = {
                key: await self._read(rooms.find_named, draft.room, draft.body)
                for key, draft in pending.items()
                if mentions.may_be_in(draft)
            }
            stored = await self._store(pending, writers, named, answered, until)
            if refused:  # perhaps what they ask for has been done already, by themselves
                stored.update({(e.author_id, e.nonce): e for e in await self._find_now(refused, writers)})
            if pending:  # some could not be stored
                refused = {}  # perhaps because of what was to be stored before it, and is not: to be asked again
        outcomes = []
        for draft in drafts:
            key = draft.author_id, draft.nonce
            entry = stored.get(key)
            outcomes.append(await self._settle(entry) if entry else refused.get(key, Unavailable()))
        return outcomes

    async def _check(
        self, drafts: list[Draft], authors: dict[tuple[int, str], Author]
    ) -> tuple[dict[Key, Draft], dict[Key, Refusal], Answered]:
        """Return which drafts may be stored and which may not, and whom they answer. Raise Unavailable."""
        pending: dict[Key, Draft] = {}
        refused: dict[Key, Refusal] = {}
        answered: Answered = {}
        with raising_unavailable(self._refusal_logger):
            targets = await self._targets.find(drafts)
            making = {draft.room for draft in drafts if draft.kind == TASK_MADE}
            task_counts = {room: await self._targets.tasks.count(room) for room in making}
        for draft in drafts:
            key = draft.author_id, draft.nonce
            if key in pending:
                continue
            target = None if draft.target is None else targets.get((draft.room, draft.target))
            try:
                rules.check(draft, authors.get((draft.author_id, draft.room)), target, task_counts.get(draft.room, 0))
            except Refusal as refusal:
                refused.setdefault(key, refusal)
            else:
                pending[key] = draft
                task_counts[draft.room] = task_counts.get(draft.room, 0) + (draft.kind == TASK_MADE)
                if target is not None:
                    target.apply(draft)
                    answered[key] = target.author_id
        return pending, refused, answered

    async def _settle(self, entry: Entry) -> Entry | Refusal:
        """Let a change take effect; return it, or a refusal if another one was quicker."""
        if entry.kind in TASK_CHANGES:
            return await self._settle_task(entry)
        if entry.kind not in (EDIT, DELETE):
            return entry
        assert entry.target is not None
        try:
            with raising_unavailable(self._refusal_logger):
                deleted = await self._targets.settle(entry.room, entry.target)
        except Unavailable as unavailable:
            return unavailable
        return Deleted() if deleted is not None and deleted < entry.seq else entry

    async def _settle_task(self, entry: Entry) -> Entry | Refusal:
        assert entry.target is not None
        try:
            with raising_unavailable(self._refusal_logger):
                await self._targets.tasks.settle(entry.room, entry.target)
                is_void = await self._targets.tasks.is_void(entry.room, entry.seq)
                left = await self._targets.tasks.of_room(entry.room, [entry.target]) if is_void else []
        except Unavailable as unavailable:
            return unavailable
        if not is_void:
            return entry
        return Conflict() if left else UnknownTask()

    async def _find_now(self, keys: Iterable[Key], writers: Writers) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            return await self._find(keys, writers)

    async def _store(
        self, pending: dict[Key, Draft], writers: Writers, named: Named, answered: Answered, until: float
    ) -> dict[Key, Entry]:
        """Store what is pending until it is stored or refused, or the time `until` is over; return what is stored."""
        stored: dict[Key, Entry] = {}
        is_unknown = False  # whether drafts were sent and no answer came
        while pending:
            try:
                with pymongo.timeout(max(until - time.monotonic(), 0.01)):
                    found = await self._find(pending, writers) if is_unknown else []
                    is_unknown = False
                    found = found or await self._insert(pending, writers, named, answered)
            except _BatchRefused as refusal:
                found, until = refusal.stored, 0.0
            except PyMongoError as error:
                found, is_unknown = [], True
                if time.monotonic() > until:
                    self._refusal_logger.report(REFUSED, describe(error))
            for entry in found:
                key = entry.author_id, entry.nonce
                stored[key] = entry
                pending.pop(key, None)
            if not pending or time.monotonic() > until:
                break
            if not found:
                await asyncio.sleep(random.uniform(*RETRY_RANGE_SECONDS))  # noqa: S311
        return stored

    async def _insert(
        self, pending: dict[Key, Draft], writers: Writers, named: Named, answered: Answered
    ) -> list[Entry]:
        """Try once to store what is pending; return what is stored now.

        Raise Unstorable, ReadOnly, _BatchRefused; PyMongoError if it is unknown what is stored.
        """
        heads = await self._heads.approximate({draft.room for draft in pending.values()})
        entries = _numbered(pending.values(), writers, named, heads)
        try:
            await self._entries.insert_many(to_documents(entries, answered))
        except BulkWriteError as error:
            details = error.details or {}
            if details.get("writeConcernErrors") or not details.get("writeErrors"):
                raise
            refused = details["writeErrors"][0]
            entries = entries[: refused["index"]]
            if refused["code"] == VALIDATION_FAILED and await self._read(read_only.is_on):
                raise ReadOnly() from error
            if await self._is_for_good(refused["code"]):
                raise Unstorable() from error
            if refused["code"] != DUPLICATE_KEY:
                self._refusal_logger.report(REFUSED, describe(error))
                raise _BatchRefused(entries) from error
            if "nonce" in refused["keyPattern"]:
                entries += await self._find(list(pending)[refused["index"] :], writers)
            else:  # another process has used the number
                await self._heads.exact(list(pending.values())[refused["index"]].room)
        self._heads.save_soon(entries)
        return entries

    async def _is_for_good(self, code: int) -> bool:
        """Return whether what the server refused with this code can never be stored. Raise PyMongoError."""
        if code == VALIDATION_FAILED:
            return await self._database.refuses_some()
        return code in DATA_ERRORS

    async def _find(self, keys: Iterable[Key], writers: Writers) -> list[Entry]:
        """Return the entries with these authors and nonces. Raise PyMongoError."""
        nonces: dict[int, list[str]] = {}
        for author_id, nonce in keys:
            nonces.setdefault(author_id, []).append(nonce)
        found = await asyncio.gather(
            *(
                all_of(self._entries.find({"author_id": author_id, "nonce": {"$in": some}}))
                for author_id, some in nonces.items()
            )
        )
        return [to_entry(document, writers) for documents in found for document in documents]


class _BatchRefused(Exception):
    """The server has stored only the entries `stored` of a batch, and cannot store the next one now."""

    def __init__(self, stored: list[Entry]) -> None:
        super().__init__()
        self.stored = stored


def _numbered(drafts: Iterable[Draft], writers: Writers, named: Named, heads: dict[str, Head]) -> list[Entry]:
    """Return the entries that the drafts become unless other processes use their numbers; `heads` grow with them."""
    at = time.time()
    entries = []
    for draft in drafts:
        head = heads[draft.room] = heads[draft.room].next(draft.kind)
        entries.append(
            Entry(
                room=draft.room,
                seq=head.seq,
                kind=draft.kind,
                target=draft.target,
                author_id=draft.author_id,
                author=writers[draft.author_id].username,
                body=draft.body,
                at=at,
                nonce=draft.nonce,
                posts=head.posts,
                lines=head.lines,
                is_drawn=draft.kind in LINES,
                mentions=tuple(named.get((draft.author_id, draft.nonce), {}).values()),
                is_by_bot=writers[draft.author_id].is_bot,
            )
        )
    return entries
