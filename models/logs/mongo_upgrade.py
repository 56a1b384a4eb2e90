"""Bringing documents up to date: those of schema 1, all of them posts that nothing changed, to schema 2, in which they
are counted; answers of any version before, so that they say whom they answer; and marks, so that they are found."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from models.logs.base import DELETE, EDIT
from models.logs.mongo_documents import Query, all_of

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries, EntryDocument, Heads

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 1000  # updated at once
REPORT_ENTRIES = 100_000  # after which a line says how far it is
LAST_HEADS_SECONDS = 1.0  # in which processes of the version before have stored the heads of what they have appended
NOBODY = 0  # in the place of a member's id: whom an answer to a purged message answers

IS_UNCOUNTED: Query = {"lines": {"$exists": False}}
COUNT: list[Query] = [{"$set": {**dict.fromkeys(("posts", "lines", "line"), "$seq"), "settled": 0}}]
MARK: list[Query] = [{"$set": {"mark": "$seq"}}]
COUNT_HEAD: list[Query] = [{"$set": dict.fromkeys(("posts", "lines"), "$head")}]


async def count(entries: Entries, heads: Heads) -> None:
    """Give documents the fields of schema 2, as far as they lack them. Raise PyMongoError.

    Called again after an interruption it goes on; several processes may call it at once, and appends go on meanwhile.
    """
    total = await entries.estimated_document_count()
    logger.warning("bringing the log on MongoDB up to date: %d entries", total)
    done = 0
    async for room, seqs in _batches(entries):
        found = await all_of(entries.find({"room": room, "seq": seqs}, {"lines": 1}))
        if uncounted := [entry["_id"] for entry in found if "lines" not in entry]:
            await entries.update_many({"_id": {"$in": uncounted}, **IS_UNCOUNTED}, COUNT)
        done += BATCH_ENTRIES
        if done % REPORT_ENTRIES == 0:
            logger.warning("bringing the log on MongoDB up to date: %d of %d entries", done, total)
    await asyncio.sleep(LAST_HEADS_SECONDS)
    await heads.update_many(IS_UNCOUNTED, COUNT_HEAD)


async def complete_answers(entries: Entries) -> None:
    """Let answers say whom they answer, as far as they do not. Raise PyMongoError.

    It may be interrupted, and called by several processes at once, as `count`; only answers are read.
    """
    async for room, seqs in _batches(entries):
        found = await all_of(entries.find({"room": room, "reply_to": seqs}, {"reply_to": 1, "answers": 1}))
        if incomplete := [answer for answer in found if "answers" not in answer]:
            await _complete(entries, room, incomplete)


async def mark(entries: Entries) -> None:
    """Let the entries that are marks say so, as far as they do not. Raise PyMongoError.

    It may be interrupted, and called by several processes at once, as `count`.
    """
    async for room, seqs in _batches(entries):
        found = await all_of(entries.find({"room": room, "seq": seqs}, {"kind": 1, "mentions": 1, "mark": 1}))
        marks = [one for one in found if one["kind"] in (EDIT, DELETE) or one.get("mentions")]
        if unmarked := [one["_id"] for one in marks if "mark" not in one]:
            await entries.update_many({"_id": {"$in": unmarked}}, MARK)


async def _complete(entries: Entries, room: str, answers: list[EntryDocument]) -> None:
    """Let these answers say whom they answer, unless they were deleted meanwhile."""
    targets = list({answer["reply_to"] for answer in answers})
    found = await all_of(entries.find({"room": room, "seq": {"$in": targets}}, {"seq": 1, "author_id": 1}))
    authors = {post["seq"]: post["author_id"] for post in found}
    by_author: dict[int, list[object]] = {}
    for answer in answers:
        by_author.setdefault(authors.get(answer["reply_to"], NOBODY), []).append(answer["_id"])
    for author_id, ids in by_author.items():
        are_there: Query = {"_id": {"$in": ids}, "reply_to": {"$exists": True}}
        await entries.update_many(are_there, {"$set": {"answers": author_id}})


async def _batches(entries: Entries) -> AsyncIterator[tuple[str, Query]]:
    """Yield the rooms, each with all ranges of its numbers, of BATCH_ENTRIES."""
    for room in await entries.distinct("room"):
        (newest,) = await all_of(entries.find({"room": room}, {"seq": 1}).sort("seq", -1).limit(1))
        for first in range(0, newest["seq"], BATCH_ENTRIES):
            yield room, {"$gt": first, "$lte": first + BATCH_ENTRIES}
