"""The log on MongoDB. People and rooms stay in the SQL database."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import BulkWriteError, PyMongoError

from models import read_only, rooms
from models.engines.base import RunInThread
from models.errors import NotMember, ReadOnly, Unavailable, Unstorable
from models.logs.base import Draft, Entry, RoomLog
from models.logs.group_commit import GroupCommit
from models.logs.mongo_changes import MongoChanges
from models.logs.mongo_database import MongoDatabase
from models.logs.mongo_documents import EntryDocument, to_document, to_entry
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
from models.refusals import RefusalLogger

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries

logger = logging.getLogger(__name__)

Key = tuple[int, str]  # author and nonce, which are the same only for the same draft

MIN_TRY_SECONDS = 0.5  # for which a batch is tried although it has waited for ANSWER_TIMEOUT_SECONDS already
RETRY_RANGE_SECONDS = (0.001, 0.01)  # until an append is tried again: short, since another process was just quicker


class MongoLog(RoomLog):
    """RoomLog on the MongoDB at `url`; `read` calls a function in a thread of the people's database."""

    def __init__(self, url: str, read: RunInThread) -> None:
        self._database = MongoDatabase(url)
        self._read = read
        self._group_commit = GroupCommit(self._append_batch)
        self._refusal_logger = RefusalLogger(logger)

    async def open(self) -> None:
        await self._database.open()
        self._entries: Entries = self._database.entries
        self._heads = MongoHeads(self._database.heads, self._entries, self._read)
        self._changes = MongoChanges(self._entries, self._heads)

    async def check(self) -> None:
        with raising_unavailable(self._refusal_logger):
            await self._database.check()

    async def close(self) -> None:
        await self._changes.close()
        await self._heads.close()
        self._database.close()

    # --- appending

    async def append(self, draft: Draft) -> Entry:
        """Return the entry once the majority of the servers has it in its journal.

        Raise NotMember, Unstorable, Unavailable. After Unavailable the entry may be stored all the same, if the
        connection was lost before the answer came: a draft with the same nonce returns it.
        """
        return await self._group_commit.append(draft)

    async def flush(self) -> None:
        await self._group_commit.flush()

    async def _append_batch(self, drafts: list[Draft], since: float) -> Sequence[Entry | Exception]:
        """Store `drafts`; return an entry or a refusal for each. `since` is as for GroupCommit.

        Drafts with the same nonce of the same author are one entry. Raise Unstorable if one of them cannot be stored;
        some of the others may be stored then.
        """
        names = await self._read(rooms.author_names, {(draft.author_id, draft.room) for draft in drafts})
        pending: dict[Key, Draft] = {}
        for draft in drafts:
            if (draft.author_id, draft.room) in names:
                pending.setdefault((draft.author_id, draft.nonce), draft)
        by_id = {author_id: name for (author_id, _), name in names.items()}
        with raising_unstorable():
            until = max(since + ANSWER_TIMEOUT_SECONDS, time.monotonic() + MIN_TRY_SECONDS)
            stored = await self._store(pending, by_id, until)
        outcomes: list[Entry | Exception] = []
        for draft in drafts:
            if (draft.author_id, draft.room) in names:
                outcomes.append(stored.get((draft.author_id, draft.nonce)) or Unavailable())
            else:
                outcomes.append(NotMember())
        return outcomes

    async def _store(self, pending: dict[Key, Draft], names: dict[int, str], until: float) -> dict[Key, Entry]:
        """Store what is pending until it is stored or refused, or the time `until` is over; return what is stored."""
        stored: dict[Key, Entry] = {}
        is_unknown = False  # whether drafts were sent and no answer came
        while pending:
            try:
                with pymongo.timeout(max(until - time.monotonic(), 0.01)):
                    found = await self._find(pending, names) if is_unknown else []
                    is_unknown = False
                    found = found or await self._insert(pending, names)
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

    async def _insert(self, pending: dict[Key, Draft], names: dict[int, str]) -> list[Entry]:
        """Try once to store what is pending; return what is stored now.

        Raise Unstorable, ReadOnly, _BatchRefused; PyMongoError if it is unknown what is stored.
        """
        heads = await self._heads.approximate({draft.room for draft in pending.values()})
        entries = _numbered(pending.values(), names, heads)
        try:
            await self._entries.insert_many([to_document(entry) for entry in entries])
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
                entries += await self._find(list(pending)[refused["index"] :], names)
            else:  # another process has used the number
                await self._heads.exact(list(pending.values())[refused["index"]].room)
        self._heads.save_soon(entries)
        return entries

    async def _is_for_good(self, code: int) -> bool:
        """Return whether what the server refused with this code can never be stored. Raise PyMongoError."""
        if code == VALIDATION_FAILED:
            return await self._database.refuses_some()
        return code in DATA_ERRORS

    async def _find(self, keys: Iterable[Key], names: dict[int, str]) -> list[Entry]:
        """Return the entries with these authors and nonces. Raise PyMongoError."""
        nonces: dict[int, list[str]] = {}
        for author_id, nonce in keys:
            nonces.setdefault(author_id, []).append(nonce)
        found = await asyncio.gather(
            *(
                self._entries.find({"author_id": author_id, "nonce": {"$in": some}}).to_list(len(some))
                for author_id, some in nonces.items()
            )
        )
        return [to_entry(document, names) for documents in found for document in documents]

    # --- reading

    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            documents: list[EntryDocument] = []
            if seq + limit < self._heads.known(room):
                # A range no longer than the page: not every server stops reading at the limit.
                documents = await self._range(room, {"$gt": seq, "$lte": seq + limit}, 1, limit)
            if len(documents) < limit:  # near the head, or some were purged
                documents = await self._range(room, {"$gt": seq}, 1, limit)
            return await self._as_entries(documents)

    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            if seq is None and not self._heads.known(room):
                await self._heads.exact(room)
            below = {} if seq is None else {"$lt": seq}
            lowest = (self._heads.known(room) + 1 if seq is None else seq) - limit
            documents = await self._range(room, {"$gte": lowest, **below}, -1, limit)
            if len(documents) < limit and lowest > 1:  # some were purged
                documents = await self._range(room, {"$gte": 1, **below}, -1, limit)
            return await self._as_entries(documents)

    async def _range(self, room: str, seqs: dict[str, int], order: int, limit: int) -> list[EntryDocument]:
        found = self._entries.find({"room": room, "seq": seqs}).sort("seq", order).limit(limit).batch_size(limit)
        documents: list[EntryDocument] = await found.to_list(limit)
        return documents

    async def _as_entries(self, documents: list[EntryDocument]) -> list[Entry]:
        names = await self._read(rooms.usernames, {document["author_id"] for document in documents})
        return [to_entry(document, names) for document in documents]

    async def head(self, room: str) -> int:
        with raising_unavailable(self._refusal_logger):
            return await self._heads.exact(room)

    async def restore(self, entries: Sequence[Entry], heads: dict[str, int]) -> None:
        """Store entries and heads of another log as they are; what is here already is kept. Raise Unavailable."""
        with raising_unavailable(self._refusal_logger):
            try:
                if entries:
                    await self._entries.insert_many([to_document(entry) for entry in entries], ordered=False)
            except BulkWriteError as error:
                details = error.details or {}
                codes = {refused["code"] for refused in details["writeErrors"]}
                if codes != {DUPLICATE_KEY} or details["writeConcernErrors"]:
                    raise
            if heads:
                await self._heads.save(heads)

    # --- the doorbell

    def changes(self) -> AsyncIterator[tuple[str, int]]:
        return self._changes.changes()


class _BatchRefused(Exception):
    """The server has stored only the entries `stored` of a batch, and cannot store the next one now."""

    def __init__(self, stored: list[Entry]) -> None:
        super().__init__()
        self.stored = stored


def _numbered(drafts: Iterable[Draft], names: dict[int, str], heads: dict[str, int]) -> list[Entry]:
    """Return the entries that the drafts become unless other processes use their numbers; `heads` grow with them."""
    at = time.time()
    entries = []
    for draft in drafts:
        seq = heads[draft.room] = heads[draft.room] + 1
        author_id, name = draft.author_id, names[draft.author_id]
        entries.append(Entry(draft.room, seq, draft.kind, draft.target, author_id, name, draft.body, at, draft.nonce))
    return entries
