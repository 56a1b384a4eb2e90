"""Bringing documents of schema 1, all of them posts that nothing changed, to schema 2, in which they are counted."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from models.logs.mongo_documents import Query

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries, Heads

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 1000  # updated at once
REPORT_ENTRIES = 100_000  # after which a line says how far it is
LAST_HEADS_SECONDS = 1.0  # in which processes of the version before have stored the heads of what they have appended

IS_UNCOUNTED: Query = {"lines": {"$exists": False}}
COUNT: list[Query] = [{"$set": {**dict.fromkeys(("posts", "lines", "line"), "$seq"), "settled": 0}}]
COUNT_HEAD: list[Query] = [{"$set": dict.fromkeys(("posts", "lines"), "$head")}]


async def count(entries: Entries, heads: Heads) -> None:
    """Give documents the fields of schema 2, as far as they lack them. Raise PyMongoError.

    Called again after an interruption it goes on; several processes may call it at once, and appends go on meanwhile.
    """
    total = await entries.estimated_document_count()
    logger.warning("bringing the log on MongoDB up to date: %d entries", total)
    done = 0
    for room in await entries.distinct("room"):
        (newest,) = await entries.find({"room": room}, {"seq": 1}).sort("seq", -1).limit(1).to_list(1)
        for first in range(0, newest["seq"], BATCH_ENTRIES):
            batch: Query = {"room": room, "seq": {"$gt": first, "$lte": first + BATCH_ENTRIES}}
            found = await entries.find(batch, {"lines": 1}).to_list(BATCH_ENTRIES)
            if uncounted := [entry["_id"] for entry in found if "lines" not in entry]:
                await entries.update_many({"_id": {"$in": uncounted}, **IS_UNCOUNTED}, COUNT)
            done += BATCH_ENTRIES
            if done % REPORT_ENTRIES == 0:
                logger.warning("bringing the log on MongoDB up to date: %d of %d entries", done, total)
    await asyncio.sleep(LAST_HEADS_SECONDS)
    await heads.update_many(IS_UNCOUNTED, COUNT_HEAD)
