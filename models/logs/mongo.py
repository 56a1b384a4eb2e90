"""The log on MongoDB. People and rooms stay in the SQL database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from pymongo.errors import BulkWriteError

from models import rooms
from models.database import batches
from models.engines.base import RunInThread
from models.logs.base import CHANGES, EDIT, Draft, Entry, Head, RoomLog
from models.logs.group_commit import GroupCommit
from models.logs.mongo_append import MongoAppender
from models.logs.mongo_changes import MongoChanges
from models.logs.mongo_database import MongoDatabase
from models.logs.mongo_documents import EntryDocument, Query, all_of, to_document, to_entry
from models.logs.mongo_errors import DUPLICATE_KEY, raising_unavailable
from models.logs.mongo_heads import MongoHeads
from models.logs.mongo_search import MongoSearch
from models.logs.mongo_targets import MongoTargets
from models.logs.together import Together
from models.mentions import EVERYBODY
from models.refusals import RefusalLogger
from models.search.wanted import Hits, Unindexed, Wanted
from models.tasks import TaskState

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries

logger = logging.getLogger(__name__)

MAX_QUERIES_AT_ONCE = 20  # of one member who is in many rooms: there is no query for all of them that uses an index


class MongoLog(RoomLog):
    """RoomLog on the MongoDB at `url`; `read` calls a function in a thread of the people's database."""

    def __init__(self, url: str, read: RunInThread) -> None:
        self._database = MongoDatabase(url)
        self._read = read
        self._group_commit = GroupCommit(self._append_batch)
        self._refusal_logger = RefusalLogger(logger)
        self._settling = Together(self._settle_for_all)
        self._looking = Together(self._look_for_all)

    async def open(self) -> None:
        await self._database.open()
        self._entries: Entries = self._database.entries
        self._heads = MongoHeads(self._database.heads, self._entries, self._read)
        self._targets = MongoTargets(self._entries)
        self._search = MongoSearch(self._database)
        self._appender = MongoAppender(self._database, self._heads, self._targets, self._read, self._refusal_logger)
        self._changes = MongoChanges(self._entries, self._heads, self._targets)

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
        return await self._appender.append(drafts, since)

    # --- reading

    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            documents: list[EntryDocument] = []
            if seq + limit < self._heads.known(room).seq:
                # A range no longer than the page: not every server stops reading at the limit.
                documents = await self._range(room, "seq", {"$gt": seq, "$lte": seq + limit}, 1, limit)
            if len(documents) < limit:  # near the head, or some were purged
                documents = await self._range(room, "seq", {"$gt": seq}, 1, limit)
            for pending in documents:
                if pending.get("is_pending"):
                    await self._targets.settle_target(pending)  # or what they change would be shown without them
            return await self._as_entries(documents)

    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            below = {} if seq is None else {"$lt": seq}
            lowest = ((await self._known_head(room)).seq + 1 if seq is None else seq) - limit
            documents = await self._range(room, "seq", {"$gte": lowest, **below}, -1, limit)
            if len(documents) < limit and lowest > 1:  # some were purged
                documents = await self._range(room, "seq", {"$gte": 1, **below}, -1, limit)
            return await self._as_entries(documents)

    async def lines_after(self, room: str, seq: int, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            documents: list[EntryDocument] = []
            low, size, last = await self._lines_up_to(room, seq), limit, (await self._heads.exact(room)).lines
            while len(documents) < limit and low < last:
                lines = {"$gt": low, "$lte": low + size}
                documents += await self._range(room, "line", lines, 1, limit - len(documents))
                low, size = low + size, 2 * size  # where much was deleted
            return await self._as_entries(documents)

    async def lines_before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            documents: list[EntryDocument] = []
            if seq is None:
                high, below = (await self._known_head(room)).lines, {}
            else:
                high = await self._lines_up_to(room, seq - 1)
                below = {"$lte": high}
            size = limit
            while len(documents) < limit and (high > 0 or not below):
                lines = {"$gt": high - size, **below}
                documents += await self._range(room, "line", lines, -1, limit - len(documents))
                high, size = high - size, 2 * size
                below = {"$lte": high}
            return await self._as_entries(documents)

    async def _known_head(self, room: str) -> Head:
        """Return a head that may be smaller than the head, but is 0 only if the room never had an entry."""
        return self._heads.known(room) if self._heads.known(room).seq else await self._heads.exact(room)

    async def _lines_up_to(self, room: str, seq: int) -> int:
        """Return how many lines there are up to `seq`."""
        found = await self._range(room, "seq", {"$gte": seq, "$lte": seq}, 1, 1)
        found = found or await self._range(room, "seq", {"$gte": 1, "$lte": seq}, -1, 1)  # it was purged
        return found[0]["lines"] if found else 0

    async def _range(
        self, room: str, field: str, values: dict[str, int], order: int, limit: int
    ) -> list[EntryDocument]:
        found = self._entries.find({"room": room, field: values}).sort(field, order).limit(limit).batch_size(limit)
        return await all_of(found)

    async def entries(self, room: str, seqs: Collection[int]) -> list[Entry]:
        return await self._find({"room": room, "seq": {"$in": list(seqs)}}) if seqs else []

    async def changes_of(self, room: str, seqs: Collection[int]) -> list[Entry]:
        found = await self._find({"room": room, "change_of": {"$in": list(seqs)}}) if seqs else []
        return sorted((replace(one, body="") if one.kind == EDIT else one for one in found), key=_seq)

    async def replies(self, room: str, seq: int, limit: int) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            found = self._entries.find({"room": room, "reply_to": seq}).sort("seq", 1).limit(limit)
            return await self._as_entries(await all_of(found))

    async def count_replies(self, room: str, seqs: Collection[int]) -> dict[int, int]:
        if not seqs:
            return {}
        with raising_unavailable(self._refusal_logger):
            counting: list[Query] = [
                {"$match": {"room": room, "reply_to": {"$in": list(seqs)}}},
                {"$group": {"_id": "$reply_to", "count": {"$sum": 1}}},
            ]
            return {one["_id"]: one["count"] for one in await all_of(self._entries.aggregate(counting))}

    async def marked(self, rooms: Collection[str]) -> dict[str, int]:
        found = await self._all([{"room": room, "mark": {"$gt": 0}} for room in rooms], newest="mark")
        return {room: max((one["mark"] for one in some), default=0) for room, some in zip(rooms, found, strict=True)}

    async def deleted_beyond(self, positions: Mapping[str, int]) -> dict[str, list[int]]:
        queries: list[Query] = [{"room": room, "deleted": {"$gt": seq}} for room, seq in positions.items()]
        found = zip(positions, await self._all(queries), strict=True)
        # Of two deletions at the same moment both are in the log, and only the first one had something to delete.
        return {room: list({one["deleted"] for one in some}) for room, some in found if some}

    async def mentions_beyond(self, member_id: int, positions: Mapping[str, int]) -> dict[str, list[int]]:
        names = [*(await self._read(rooms.usernames, [member_id])).values(), EVERYBODY]
        asked = [(name, room, seq) for room, seq in positions.items() for name in names]
        queries: list[Query] = [{"mentions": name, "room": room, "seq": {"$gt": seq}} for name, room, seq in asked]
        await self._settle_pending()
        seqs: dict[str, set[int]] = {}
        for (_, room, _), found in zip(asked, await self._all(queries), strict=True):
            seqs.setdefault(room, set()).update(one["seq"] for one in found)
        return {room: list(some) for room, some in seqs.items() if some}

    async def answers_beyond(self, member_id: int, positions: Mapping[str, int]) -> dict[str, list[int]]:
        queries: list[Query] = [
            {"answers": member_id, "room": room, "seq": {"$gt": seq}} for room, seq in positions.items()
        ]
        await self._settle_pending()
        # One that a process of the version before has deleted still says whom it answered.
        seqs = {
            room: [one["seq"] for one in some if one["author_id"] != member_id and "reply_to" in one]
            for room, some in zip(positions, await self._all(queries), strict=True)
        }
        return {room: some for room, some in seqs.items() if some}

    async def task_states(self, room: str, ids: Collection[int] | None = None) -> list[TaskState]:
        await self._settle_pending()
        with raising_unavailable(self._refusal_logger):
            return await self._targets.tasks.of_room(room, ids)

    async def tasks_given_to(self, username: str, rooms: Collection[str], limit: int) -> list[TaskState]:
        await self._settle_pending()
        with raising_unavailable(self._refusal_logger):
            return await self._targets.tasks.given_to(username, rooms, limit)

    async def count_tasks_given_to(self, username: str, rooms: Collection[str]) -> int:
        await self._settle_pending()
        with raising_unavailable(self._refusal_logger):
            return await self._targets.tasks.count_given_to(username, rooms)

    async def _settle_pending(self) -> None:
        """Let what is in the log take effect: an edit is there a moment before its post mentions whom it names."""
        await self._settling.ask(None)

    async def _settle_for_all(self, askers: list[None]) -> list[None]:
        with raising_unavailable(self._refusal_logger):
            while await self._targets.settle_pending():
                pass
        return askers

    async def newest_at(self, rooms: Collection[str]) -> dict[str, float]:
        with raising_unavailable(self._refusal_logger):
            times = await self._heads.newest_at(rooms)
        others = [room for room in rooms if room not in times]
        found = await self._all([{"room": room, "seq": {"$gte": self._heads.known(room).seq}} for room in others])
        for room, some in zip(others, found, strict=True):
            if some:
                times[room] = max(some, key=itemgetter("seq"))["at"]
        return times

    async def _all(self, queries: Sequence[Query], newest: str = "") -> list[list[EntryDocument]]:
        """Return what each query finds, or what has the largest value of the field `newest`.

        A few are asked at a time, so that those of others are not kept waiting.
        """
        found: list[list[EntryDocument]] = []
        for some in batches(queries, MAX_QUERIES_AT_ONCE):
            with raising_unavailable(self._refusal_logger):
                found += await asyncio.gather(*(self._ask(query, newest) for query in some))
        return found

    async def _ask(self, query: Query, newest: str) -> list[EntryDocument]:
        found = self._entries.find(query)
        return await all_of(found.sort(newest, -1).limit(1) if newest else found)

    async def _find(self, query: Query) -> list[Entry]:
        with raising_unavailable(self._refusal_logger):
            return await self._as_entries(await all_of(self._entries.find(query)))

    async def _as_entries(self, documents: list[EntryDocument]) -> list[Entry]:
        writers = await self._read(rooms.writers, {document["author_id"] for document in documents})
        return [to_entry(document, writers) for document in documents]

    async def search(self, wanted: Wanted, limit: int) -> Hits:
        await self._settle_pending()
        with raising_unavailable(self._refusal_logger):
            return Hits(await self._search.find(wanted, limit))

    async def fill_search_index(self, process: str) -> bool:
        with raising_unavailable(self._refusal_logger):
            return await self._search.fill(process)

    async def count_unindexed(self) -> Unindexed:
        with raising_unavailable(self._refusal_logger):
            return await self._search.count_unindexed()

    async def head(self, room: str) -> Head:
        with raising_unavailable(self._refusal_logger):
            return await self._heads.exact(room)

    async def look(self, room: str) -> int | None:
        return await self._looking.ask(room)

    async def _look_for_all(self, asked: list[str]) -> list[int]:
        with raising_unavailable(self._refusal_logger):
            await asyncio.gather(*map(self._heads.learn_newest, set(asked)))
        return [self._heads.known(room).seq for room in asked]

    async def heads(self) -> dict[str, Head]:
        with raising_unavailable(self._refusal_logger):
            return await self._heads.approximate()

    async def restore(self, entries: Sequence[Entry], heads: dict[str, Head]) -> None:
        """Store entries and heads of another log as they are; what is here already is kept. Raise Unavailable."""
        documents = [to_document(entry) for entry in entries]
        for document in documents:
            if document["kind"] in CHANGES:
                document.pop("is_pending", None)  # it took effect in the other log
        with raising_unavailable(self._refusal_logger):
            try:
                if documents:
                    await self._entries.insert_many(documents, ordered=False)
            except BulkWriteError as error:
                details = error.details or {}
                codes = {refused["code"] for refused in details["writeErrors"]}
                if codes != {DUPLICATE_KEY} or details["writeConcernErrors"]:
                    raise
            if heads:
                await self._heads.restore(heads)

    # --- the doorbell

    def changes(self) -> AsyncIterator[tuple[str, Head]]:
        return self._changes.changes()


def _seq(entry: Entry) -> int:
    return entry.seq
