"""The search index of a log on MongoDB: the words of a post stand in its own document, in the order of an index."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pymongo
from pymongo.errors import DuplicateKeyError

from models.logs.base import EDIT, POST
from models.logs.mongo_documents import ANY_WORD, EntryDocument, Query, all_of, search_fields
from models.search.query import Phrase
from models.search.wanted import Hit, Unindexed, Wanted

if TYPE_CHECKING:
    from models.logs.mongo_database import MongoDatabase
    from models.logs.mongo_documents import HeadDocument

FILLED_ENTRIES = 50  # of a room, looked through at once: not every server brings these to its disk together
CLAIM_SECONDS = 10.0  # for which only one process looks through older entries
IS_UNSEARCHED: Query = {"search_from": {"$not": {"$lte": 1}}}


class MongoSearch:
    """Finds posts by their words. All methods raise PyMongoError."""

    def __init__(self, database: MongoDatabase) -> None:
        self._entries = database.entries
        self._heads = database.heads
        self._settings = database.settings

    async def find(self, wanted: Wanted, limit: int) -> list[Hit]:
        """Return the newest posts with the words that are wanted, newest first; not all of them have the phrases."""
        query: Query = {
            "room": {"$in": list(wanted.rooms)},
            "place": {"$gte": wanted.since, "$lt": wanted.before},
            "$and": [{"words": one} for one in _conditions(wanted)],
        }
        if wanted.authors is not None:
            query["author_id"] = {"$in": list(wanted.authors)}
        if wanted.authors_without:
            query["$and"].append({"author_id": {"$nin": list(wanted.authors_without)}})
        found = self._entries.find(query, {"room": 1, "seq": 1, "place": 1}).sort("place", -1).limit(limit)
        return [Hit(one["place"], one["room"], one["seq"]) for one in await all_of(found)]

    async def count_unindexed(self) -> Unindexed:
        """Return how many entries are still to be looked through."""
        heads = await all_of(self._heads.find(IS_UNSEARCHED))
        if not heads:
            return Unindexed(0, 0)
        return Unindexed(sum(map(_end, heads)), await self._entries.estimated_document_count())

    async def fill(self, process: str) -> bool:
        """Give the words to some posts that were stored without them; return whether there may be more."""
        found = await all_of(self._heads.find(IS_UNSEARCHED).sort("_id", 1).limit(1))
        if found and await self._claim(process):
            await self._fill(found[0]["_id"], _end(found[0]))
        return bool(found)

    async def _claim(self, process: str) -> bool:
        """Let this process fill the index for a while; return False if another one does so."""
        now = time.time()
        is_free: Query = {
            "_id": "filler",
            "$or": [{"process": process}, {"until": {"$lte": now}}, {"until": {"$gt": now + 2 * CLAIM_SECONDS}}],
        }
        claim: Query = {"$set": {"process": process, "until": now + CLAIM_SECONDS}}
        try:
            await self._settings.update_one(is_free, claim, upsert=True)
        except DuplicateKeyError:
            return False
        return True

    async def _fill(self, room: str, end: int) -> None:
        first = max(end - FILLED_ENTRIES, 0) + 1
        posts = await self._all({"room": room, "seq": {"$gte": first, "$lte": end}})
        posts = [post for post in posts if post["kind"] == POST]
        changes = await self._all({"room": room, "change_of": {"$in": [post["seq"] for post in posts]}})
        edits = {one["change_of"]: one for one in sorted(changes, key=_seq) if one["kind"] == EDIT}
        updates = []
        for post in posts:
            text = edits.get(post["seq"], post)
            fields = search_fields(room, post["seq"], post["at"], post["body"] and text["body"])
            is_same: Query = {"_id": post["_id"], "body": post["body"], "settled": post.get("settled", 0)}
            updates.append(pymongo.UpdateOne(is_same, {"$set": fields}))
        if updates:
            await self._entries.bulk_write(updates)
        await self._heads.update_one({"_id": room}, {"$set": {"search_from": first}})

    async def _all(self, query: Query) -> list[EntryDocument]:
        return await all_of(self._entries.find(query))


def _conditions(wanted: Wanted) -> Iterator[object]:
    """Yield the conditions for words. Phrases that are not wanted may be there: only the text tells their order."""
    yield ANY_WORD
    for phrase in wanted.phrases:
        yield from phrase.words[:-1]
        yield _beginning(phrase) if phrase.is_beginning else phrase.words[-1]
    for phrase in wanted.without:
        if len(phrase.words) == 1:
            yield {"$not": _beginning(phrase)} if phrase.is_beginning else {"$ne": phrase.words[0]}


def _beginning(phrase: Phrase) -> Query:
    return {"$regex": f"^{re.escape(phrase.words[-1])}"}


def _end(head: HeadDocument) -> int:
    """Return the seq up to which the entries of a room are still to be looked through."""
    return head.get("search_from", head["head"] + 1) - 1


def _seq(document: EntryDocument) -> int:
    return document["seq"]
