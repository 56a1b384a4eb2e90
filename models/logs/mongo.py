"""The log on MongoDB, through Motor: the only importer of motor. People and rooms stay in the SQL database.

Motor is past its end of life: critical fixes until May 2027. Its successor is PyMongo's own AsyncMongoClient. To change
over, import that instead, and await its `watch` and `close`; the rest of this file is the same for both.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

import pymongo
from motor.motor_tornado import MotorClient
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from models import read_only, rooms
from models.errors import CannotOpen, NotMember, ReadOnly, Unavailable, Unstorable
from models.logs.base import Draft, Entry, RoomLog
from models.logs.group_commit import GroupCommit
from models.logs.mongo_changes import MongoChanges
from models.logs.mongo_errors import (
    ANSWER_TIMEOUT_SECONDS,
    BAD_URL,
    DATA_ERRORS,
    DUPLICATE_KEY,
    REFUSED,
    VALIDATION_FAILED,
    describe,
    describe_opening,
    raising_unavailable,
    raising_unstorable,
)
from models.refusals import RefusalLogger

logger = logging.getLogger(__name__)

Document = dict[str, Any]
Key = tuple[int, str]  # author and nonce: what makes a draft the same one
Read = Callable[..., Awaitable[Any]]  # a verb on the people's database, in its thread

SCHEMA_VERSION = 1  # of what the documents look like
MATCHES_NOTHING: Document = {"_id": {"$exists": False}}  # the validator of a log that is being moved
DEFAULT_DATABASE = "prosa"  # where the URL names none
MIN_TRY_SECONDS = 0.5  # for which a batch is tried although it has waited for ANSWER_TIMEOUT_SECONDS already
RETRY_RANGE_SECONDS = (0.001, 0.01)  # until an append is tried again: short, since another process was just quicker
SAVE_INTERVAL_SECONDS = 0.1  # between two writes of the heads
SOCKET_TIMEOUT_MS = 3_000  # a connection without an answer is given up; a process that stops waits for it


class MongoLog(RoomLog):
    """RoomLog on a MongoDB. `read` runs a verb on the people's database in its thread.

    What is acknowledged was written to the journals of the majority of the replica set, and only what was is read: it
    outlives the loss of any minority of its servers.

    `heads` holds for each room a number that its head never falls below. It follows the appends, so that nobody has to
    look far for the head. Who purges entries raises it to the head first, and lets ANSWER_TIMEOUT_SECONDS pass before
    the first entry goes: what is being appended may have read the older number.
    """

    def __init__(self, url: str, read: Read) -> None:
        self._url = url
        self._read = read
        self._group_commit = GroupCommit(self._append_batch)
        self._refusal_logger = RefusalLogger(logger)
        self._heads: dict[str, int] = {}  # as far as this process knows; none ever falls
        self._grown: dict[str, int] = {}  # what `heads` is to be told
        self._noting: asyncio.Task[None] | None = None

    # --- opening

    async def open(self) -> None:
        """Connect, and make the indexes that are missing. Raise CannotOpen, without the URL's password."""
        try:
            parsed = parse_uri(self._url, connect_timeout=ANSWER_TIMEOUT_SECONDS)
            self._client: MotorClient[Document] = MotorClient(
                self._url,
                serverSelectionTimeoutMS=int(ANSWER_TIMEOUT_SECONDS * 1000),
                connectTimeoutMS=int(ANSWER_TIMEOUT_SECONDS * 1000),
                socketTimeoutMS=SOCKET_TIMEOUT_MS,
                appname="prosa",
            )
        except (PyMongoError, ValueError):
            raise CannotOpen(BAD_URL) from None  # PyMongo's own words may hold a part of the password
        hosts = ", ".join(f"{host}:{port}" for host, port in parsed["nodelist"])
        name = parsed["database"] or DEFAULT_DATABASE
        self._bind(name)
        try:
            await self._prepare(f"cannot open the database {name!r} of the MongoDB at {hosts}")
        except BaseException:
            self._client.close()
            raise

    def _bind(self, name: str) -> None:
        """Name the collections; what is read and written there is what the majority has, asked of the primary."""
        database = self._client.get_database(
            name,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", j=True),
            read_preference=pymongo.ReadPreference.PRIMARY,
        )
        self._entries = database["entries"]
        self._floors = database["heads"]
        self._settings = database["settings"]
        self._changes = MongoChanges(self._watch, self._know, self._noted_heads, self._all_heads)

    async def _prepare(self, cannot: str) -> None:
        try:
            with pymongo.timeout(ANSWER_TIMEOUT_SECONDS):
                version = await self._schema_version()
                if version <= SCHEMA_VERSION:
                    await self._entries.create_index([("room", 1), ("seq", 1)], unique=True)
                    await self._entries.create_index([("author_id", 1), ("nonce", 1)], unique=True)
        except PyMongoError as error:
            raise CannotOpen(f"{cannot}: {describe_opening(error)}") from None
        if version > SCHEMA_VERSION:
            raise CannotOpen(f"{cannot}: it is of a newer version ({version}; this program knows {SCHEMA_VERSION})")

    async def _schema_version(self) -> int:
        """Return the version of the documents, and write down ours where there are none."""
        with contextlib.suppress(DuplicateKeyError):  # several processes may start at once
            ours = {"$setOnInsert": {"version": SCHEMA_VERSION}}
            await self._settings.update_one({"_id": "schema"}, ours, upsert=True)
        found = await self._settings.find_one({"_id": "schema"})
        return int(found["version"]) if found else SCHEMA_VERSION

    async def check(self) -> None:
        """Return if entries can be read and written now. Raise Unavailable."""
        with raising_unavailable(self._refusal_logger):
            await self._settings.find_one({"_id": "schema"})
            await self._settings.update_one({"_id": "check"}, {"$set": {"at": time.time()}}, upsert=True)

    async def close(self) -> None:
        """Stop listening, close the connections; heads that are not noted yet are found above those that are."""
        await self._changes.close()
        if self._noting is not None:
            self._noting.cancel()
            await asyncio.gather(self._noting, return_exceptions=True)
        self._client.close()

    # --- appending

    async def append(self, draft: Draft) -> Entry:
        """Return the entry once the majority of the servers has it in its journal. Raise NotMember, Unavailable.

        Unavailable says that nothing is known to be stored. Where the server was lost in the middle and did not come
        back in time, the entry may turn up: who sends the same nonce again gets it.
        """
        return await self._group_commit.append(draft)

    async def flush(self) -> None:
        await self._group_commit.flush()

    async def _append_batch(self, drafts: list[Draft], since: float) -> Sequence[Entry | Exception]:
        """Store `drafts`; return an entry or a refusal for each. Those with the same nonce are one.

        Raise Unstorable if one of them cannot be stored; some of the others may be stored then.
        """
        names = await self._read(rooms.authors, {(draft.author_id, draft.room) for draft in drafts})
        pending: dict[Key, Draft] = {}
        for draft in drafts:
            if (draft.author_id, draft.room) in names:
                pending.setdefault(_key(draft), draft)
        by_id = {author_id: name for (author_id, _), name in names.items()}
        with raising_unstorable():
            until = max(since + ANSWER_TIMEOUT_SECONDS, time.monotonic() + MIN_TRY_SECONDS)
            stored = await self._store(pending, by_id, until)
        outcomes: list[Entry | Exception] = []
        for draft in drafts:
            if (draft.author_id, draft.room) in names:
                outcomes.append(stored.get(_key(draft)) or Unavailable())
            else:
                outcomes.append(NotMember())
        return outcomes

    async def _store(self, pending: dict[Key, Draft], names: dict[int, str], until: float) -> dict[Key, Entry]:
        """Store what is pending until it is stored, or refused, or the time is over; return what is stored."""
        stored: dict[Key, Entry] = {}
        is_unknown = False  # whether something was sent, and no answer came
        while pending:
            try:
                with pymongo.timeout(max(until - time.monotonic(), 0.01)):
                    found = await self._find(pending, names) if is_unknown else []
                    is_unknown = False
                    found = found or await self._insert(pending, names)
            except _Refused as refusal:
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
        """Try once to store what is pending; return what is stored now. Raise PyMongoError if that is unknown."""
        heads = await self._noted_heads({draft.room for draft in pending.values()})
        entries = _numbered(pending.values(), names, heads)
        try:
            await self._entries.insert_many([_document(entry) for entry in entries])
        except BulkWriteError as error:
            details = error.details or {}
            if details.get("writeConcernErrors") or not details.get("writeErrors"):
                raise
            refused = details["writeErrors"][0]
            entries = entries[: refused["index"]]
            if refused["code"] == VALIDATION_FAILED and await self._read(read_only.is_on):
                raise ReadOnly() from error
            if refused["code"] in DATA_ERRORS and not await self._is_closed():
                raise Unstorable() from error
            if refused["code"] != DUPLICATE_KEY:
                self._refusal_logger.report(REFUSED, describe(error))
                raise _Refused(entries) from error
            if "nonce" in refused["keyPattern"]:
                entries += await self._find(list(pending)[refused["index"] :], names)
            else:  # somebody else was quicker
                await self._newest(list(pending.values())[refused["index"]].room)
        self._note(entries)
        return entries

    async def _is_closed(self) -> bool:
        """Tell whether the log takes nothing at all, since a move has shut it."""
        return (await self._entries.options()).get("validator") == MATCHES_NOTHING

    async def _find(self, keys: Iterable[Key], names: dict[int, str]) -> list[Entry]:
        """Return the entries that have these nonces of these authors."""
        nonces: dict[int, list[str]] = {}
        for author_id, nonce in keys:
            nonces.setdefault(author_id, []).append(nonce)
        found = await asyncio.gather(
            *(
                self._entries.find({"author_id": author_id, "nonce": {"$in": some}}).to_list(len(some))
                for author_id, some in nonces.items()
            )
        )
        return [_entry(document, names) for documents in found for document in documents]

    # --- reading

    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            documents = []
            if seq + limit < self._heads.get(room, 0):
                # A range no longer than the page: not every server stops reading at the limit.
                documents = await self._range(room, {"$gt": seq, "$lte": seq + limit}, 1, limit)
            if len(documents) < limit:  # near the head, or some were purged
                documents = await self._range(room, {"$gt": seq}, 1, limit)
            return await self._as_entries(documents)

    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            if seq is None and room not in self._heads:
                await self._newest(room)
            below = {} if seq is None else {"$lt": seq}
            lowest = (self._heads.get(room, 0) + 1 if seq is None else seq) - limit
            documents = await self._range(room, {"$gte": lowest, **below}, -1, limit)
            if len(documents) < limit and lowest > 1:  # some were purged
                documents = await self._range(room, {"$gte": 1, **below}, -1, limit)
            return await self._as_entries(documents)

    async def _range(self, room: str, seqs: Document, order: int, limit: int) -> list[Document]:
        found = self._entries.find({"room": room, "seq": seqs}).sort("seq", order).limit(limit).batch_size(limit)
        documents: list[Document] = await found.to_list(limit)
        return documents

    async def _as_entries(self, documents: list[Document]) -> list[Entry]:
        names = await self._read(rooms.names, {document["author_id"] for document in documents})
        return [_entry(document, names) for document in documents]

    # --- heads

    async def head(self, room: str) -> int:
        with raising_unavailable(self._refusal_logger):
            return await self._newest(room)

    async def _newest(self, room: str) -> int:
        """Return the head: what is noted of it, or the newest entry above that."""
        return await self._newest_above(room, (await self._noted_heads({room}))[room])

    async def _newest_above(self, room: str, head: int) -> int:
        found = self._entries.find({"room": room, "seq": {"$gt": head}}, {"seq": 1}).sort("seq", -1).limit(1)
        newest = await found.to_list(1)
        return self._know(room, newest[0]["seq"]) if newest else head

    def _know(self, room: str, head: int) -> int:
        """Remember how far `room` has grown; return the largest head that is known."""
        self._heads[room] = head = max(head, self._heads.get(room, 0))
        return head

    async def _noted_heads(self, some: Collection[str] | None = None) -> dict[str, int]:
        """Return the largest heads that are noted or known, of some rooms or of all that ever had an entry."""
        wanted = {} if some is None else {"_id": {"$in": list(some)}}
        noted = await self._floors.find(wanted).to_list(None)
        heads = {document["_id"]: self._know(document["_id"], document["head"]) for document in noted}
        return heads if some is None else {room: heads.get(room, self._heads.get(room, 0)) for room in some}

    async def _all_heads(self) -> dict[str, int]:
        """Return the heads of all rooms. Raise PyMongoError, Unavailable."""
        slugs: list[str] = await self._read(rooms.slugs)
        noted = await self._noted_heads(slugs)
        return {room: await self._newest_above(room, head) for room, head in noted.items()}

    def _note(self, entries: Iterable[Entry]) -> None:
        """Let `heads` follow, in the background and not more often than it is of use."""
        for entry in entries:
            self._grown[entry.room] = self._know(entry.room, entry.seq)
        if self._grown and self._noting is None:
            self._noting = asyncio.create_task(self._note_all())

    async def _note_all(self) -> None:
        while self._grown:
            grown, self._grown = self._grown, {}
            try:
                with pymongo.timeout(ANSWER_TIMEOUT_SECONDS):
                    await self._raise_floors(grown)
            except PyMongoError:  # appends say so; the numbers are right without it
                self._grown = {**grown, **self._grown}
            await asyncio.sleep(SAVE_INTERVAL_SECONDS)
        self._noting = None

    async def _raise_floors(self, heads: dict[str, int]) -> None:
        await self._floors.bulk_write(
            [pymongo.UpdateOne({"_id": room}, {"$max": {"head": head}}, upsert=True) for room, head in heads.items()]
        )

    async def restore(self, entries: Sequence[Entry], heads: dict[str, int]) -> None:
        """Store entries of another log as they are, and how far its rooms had grown; what is here already stays.

        Raise Unavailable.
        """
        with raising_unavailable(self._refusal_logger):
            try:
                if entries:
                    await self._entries.insert_many([_document(entry) for entry in entries], ordered=False)
            except BulkWriteError as error:
                details = error.details or {}
                codes = {refused["code"] for refused in details["writeErrors"]}
                if codes != {DUPLICATE_KEY} or details["writeConcernErrors"]:
                    raise
            if heads:
                await self._raise_floors(heads)

    # --- the doorbell

    def changes(self) -> AsyncIterator[tuple[str, int]]:
        return self._changes.changes()

    def _watch(self, token: Any, **options: Any) -> Any:
        """Return a stream of new entries, after the one of which `token` was."""
        pipeline: list[Document] = [
            {"$match": {"operationType": "insert"}},
            {"$project": {"fullDocument.room": 1, "fullDocument.seq": 1}},
        ]
        return self._entries.watch(pipeline, resume_after=token, **options)


class _Refused(Exception):
    """The server took only `stored` of a batch, and says that it will not take the next one."""

    def __init__(self, stored: list[Entry]) -> None:
        super().__init__()
        self.stored = stored


def _key(draft: Draft) -> Key:
    return draft.author_id, draft.nonce


def _numbered(drafts: Iterable[Draft], names: dict[int, str], heads: dict[str, int]) -> list[Entry]:
    """Return the entries that the drafts become if nobody else is quicker; `heads` grow with them."""
    at = time.time()
    entries = []
    for draft in drafts:
        seq = heads[draft.room] = heads[draft.room] + 1
        author_id, name = draft.author_id, names[draft.author_id]
        entries.append(Entry(draft.room, seq, draft.kind, draft.target, author_id, name, draft.body, at, draft.nonce))
    return entries


def _document(entry: Entry) -> Document:
    return {
        "room": entry.room,
        "seq": entry.seq,
        "kind": entry.kind,
        "target": entry.target,
        "author_id": entry.author_id,
        "body": entry.body,
        "at": entry.at,
        "nonce": entry.nonce,
    }


def _entry(document: Document, names: dict[int, str]) -> Entry:
    return Entry(
        document["room"],
        document["seq"],
        document["kind"],
        document["target"],
        document["author_id"],
        names.get(document["author_id"], ""),
        document["body"],
        document["at"],
        document["nonce"],
    )
