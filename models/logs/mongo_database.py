"""The database that the log has on a MongoDB: its connections, collections and indexes.

The only importer of Motor, which is past its end of life: critical fixes until May 2027. Its successor is PyMongo's own
AsyncMongoClient. To change over, import that instead, and await its `close`, and its `watch` in mongo_changes.py; the
rest is the same for both.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pymongo
from motor.motor_tornado import MotorClient
from pymongo.errors import DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from models.errors.stores import CannotOpen
from models.logs import mongo_upgrade
from models.logs.base import DELETE, EDIT, POST
from models.logs.mongo_documents import SCHEMA_VERSION, Query
from models.logs.mongo_errors import ANSWER_TIMEOUT_SECONDS, BAD_URL, describe_opening

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries, Heads, Settings

MATCHES_NOTHING: Query = {"_id": {"$exists": False}}  # the validator of a log that is being moved
# A process of a version before may run on for a while: what it would store is refused if it is not counted, or a post
# or a mark that nobody would find.
HAS_WORDS: Query = {"$or": [{"kind": {"$ne": POST}}, {"words": {"$exists": True}}]}
NO_MARK: Query = {"kind": {"$nin": [EDIT, DELETE]}, "mentions": {"$exists": False}}
CHANGED_POSTS: list[Query] = [{"kind": POST, "settled": {"$gt": 0}}, {"kind": POST, "body": ""}]  # may name others now
HAS_MARK: Query = {"$or": [{"mark": {"$exists": True}}, NO_MARK, *CHANGED_POSTS]}
IS_WHOLE: Query = {"lines": {"$exists": True}, "$and": [HAS_WORDS, HAS_MARK]}
DEFAULT_NAME = "prosa"  # of the database, if the URL has none
UNIQUE_INDEXES: tuple[tuple[str, ...], ...] = (("room", "seq"), ("author_id", "nonce"))
INDEXES: tuple[tuple[str, ...], ...] = (
    ("room", "line"),
    ("room", "change_of"),
    ("room", "reply_to"),
    ("room", "deleted"),
    ("room", "mark"),
    ("mentions", "room", "seq"),
    ("answers", "room", "seq"),
    ("room", "task_id"),
    ("room", "task_change_of", "seq"),
    ("doer", "room"),
    ("room", "words", "place"),
)
COUNTED_VERSION = 2  # of the schema, from which on entries are counted
UPGRADE_TIMEOUT_SECONDS = 3600.0  # for a log of any length
SOCKET_TIMEOUT_MS = 3_000  # a connection without an answer is given up; a process that stops waits for it


class MongoDatabase:
    """A database at `url`.

    What it acknowledges is in the journals of the majority of the replica set, and only that is read: it outlives the
    loss of any minority of the servers.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    async def open(self) -> None:
        """Connect, and make the indexes that are missing. Raise CannotOpen, without the URL's password."""
        try:
            parsed = parse_uri(self._url, connect_timeout=ANSWER_TIMEOUT_SECONDS)
            self._client: MotorClient[Any] = MotorClient(  # Any: of each collection another document
                self._url,
                serverSelectionTimeoutMS=int(ANSWER_TIMEOUT_SECONDS * 1000),
                connectTimeoutMS=int(ANSWER_TIMEOUT_SECONDS * 1000),
                socketTimeoutMS=SOCKET_TIMEOUT_MS,
                appname="prosa",
            )
        except (PyMongoError, ValueError):
            raise CannotOpen(BAD_URL) from None  # PyMongo's own words may hold a part of the password
        hosts = ", ".join(f"{host}:{port}" for host, port in parsed["nodelist"])
        name = parsed["database"] or DEFAULT_NAME
        self._bind(name)
        try:
            await self.prepare(f"cannot open the database {name!r} of the MongoDB at {hosts}")
        except BaseException:
            self._client.close()
            raise

    def _bind(self, name: str) -> None:
        self._database = self._client.get_database(
            name,
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", j=True),
            read_preference=pymongo.ReadPreference.PRIMARY,
        )
        self.entries: Entries = self._database["entries"]
        self.heads: Heads = self._database["heads"]
        self.settings: Settings = self._database["settings"]

    async def prepare(self, cannot: str) -> None:
        """Make the indexes that are missing, and bring documents of an earlier version up to date.

        Raise CannotOpen with a sentence that begins with `cannot`.
        """
        try:
            with pymongo.timeout(ANSWER_TIMEOUT_SECONDS):
                version = await self._schema_version()
            if version < SCHEMA_VERSION:
                await self._upgrade(version)
            elif version == SCHEMA_VERSION:
                with pymongo.timeout(ANSWER_TIMEOUT_SECONDS):
                    await self._make_indexes()
        except PyMongoError as error:
            raise CannotOpen(f"{cannot}: {describe_opening(error)}") from None
        if version > SCHEMA_VERSION:
            raise CannotOpen(f"{cannot}: it is of a newer version ({version}; this program knows {SCHEMA_VERSION})")

    async def _upgrade(self, version: int) -> None:
        with pymongo.timeout(UPGRADE_TIMEOUT_SECONDS):
            await self.accept_only(IS_WHOLE)
            if version < COUNTED_VERSION:
                await mongo_upgrade.count(self.entries, self.heads)
            await self._make_indexes()
            await mongo_upgrade.complete_answers(self.entries)
            await mongo_upgrade.mark(self.entries)
            await self.settings.update_one({"_id": "schema"}, {"$set": {"version": SCHEMA_VERSION}})

    async def _make_indexes(self) -> None:
        for fields in UNIQUE_INDEXES:
            await self.entries.create_index([(field, 1) for field in fields], unique=True)
        for fields in INDEXES:
            await self.entries.create_index([(field, 1) for field in fields])
        await self.entries.create_index("is_pending", sparse=True)
        await self.heads.create_index("saved_at")

    async def _schema_version(self) -> int:
        """Return the version of the documents; in a new database it is ours, and is stored."""
        with contextlib.suppress(DuplicateKeyError):  # several processes may start at once
            ours = {"$setOnInsert": {"version": SCHEMA_VERSION}}
            await self.settings.update_one({"_id": "schema"}, ours, upsert=True)
        found = await self.settings.find_one({"_id": "schema"})
        return int(found["version"]) if found else SCHEMA_VERSION

    async def check(self) -> None:
        """Return if documents can be read and written now. Raise PyMongoError."""
        await self.settings.find_one({"_id": "schema"})
        await self.settings.update_one({"_id": "check"}, {"$set": {"at": time.time()}}, upsert=True)

    async def accept_only(self, query: Query) -> None:
        """Make the server refuse entries that do not match `query`, but no change of those. Raise PyMongoError."""
        await self._database.command("collMod", self.entries.name, validator=query, validationLevel="moderate")

    async def refuses_some(self) -> bool:
        """Return whether the server refuses some entries, not all, as while the log is moved. Raise PyMongoError."""
        return (await self.entries.options()).get("validator", {}) not in ({}, IS_WHOLE, MATCHES_NOTHING)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
