"""The tasks of a log on MongoDB: each is kept with the entry that made it, and follows the entries that change it.

A change is stored first and takes effect then, in the order of the log. One that was overtaken by another change of the
same version has no effect, and is marked as void.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from models import tasks
from models.logs.base import TASK_CHANGED, TASK_REMOVED
from models.logs.mongo_documents import EntryDocument, Query, all_of, task_fields, to_entry, to_task_state
from models.tasks import TaskState

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries


class MongoTasks:
    """The entries that make and change tasks."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries

    async def of_room(self, room: str, ids: Collection[int] | None = None) -> list[TaskState]:
        """Return the tasks of a room with these ids, or all. Raise PyMongoError."""
        wanted: Query = {"$gt": 0} if ids is None else {"$in": list(ids)}
        return [to_task_state(made) for made in await self._all({"room": room, "task_id": wanted})]

    async def given_to(self, username: str, rooms: Collection[str], limit: int) -> list[TaskState]:
        """Return at most `limit` open tasks that are given to a member in these rooms. Raise PyMongoError."""
        found = self._entries.find({"doer": username, "room": {"$in": list(rooms)}}).limit(limit)
        return [to_task_state(made) for made in await all_of(found)]

    async def count_given_to(self, username: str, rooms: Collection[str]) -> int:
        """Return how many open tasks are given to a member in these rooms. Raise PyMongoError."""
        count: int = await self._entries.count_documents({"doer": username, "room": {"$in": list(rooms)}})
        return count

    async def count(self, room: str) -> int:
        """Return how many tasks a room has. Raise PyMongoError."""
        count: int = await self._entries.count_documents({"room": room, "task_id": {"$gt": 0}})
        return count

    async def settle(self, room: str, number: int) -> None:
        """Let the changes of a task take effect that have not yet. Raise PyMongoError."""
        is_settled = False
        while not is_settled:
            made = next(iter(await self._all({"room": room, "seq": number})), None)
            if made is None:  # it was purged
                return
            settled: Query = {"$gt": made["task_seq"]}
            changes = sorted(await self._all({"room": room, "task_change_of": number, "seq": settled}), key=_seq)
            is_settled = not changes or await self._apply(made, changes)
            if is_settled and (not made["body"] or any(one["kind"] == TASK_REMOVED for one in changes)):
                await self._erase(room, number)
        pending: Query = {"_id": {"$in": [one["_id"] for one in changes]}}
        await self._entries.update_many(pending, {"$unset": {"is_pending": ""}})

    async def is_void(self, room: str, seq: int) -> bool:
        """Return whether a change that was settled had no effect. Raise PyMongoError."""
        return any(one.get("is_void") for one in await self._all({"room": room, "seq": seq}))

    async def _apply(self, made: EntryDocument, changes: list[EntryDocument]) -> bool:
        """Change a task as these changes do; return False if another process was quicker. Raise PyMongoError."""
        state = to_task_state(made) if "task" in made else None
        void = []
        for change in changes:
            after = tasks.apply(state, to_entry(change, {})) if state and change["body"] else state
            if after is state:
                void.append(change["_id"])
            state = after
        await self._entries.update_many({"_id": {"$in": void}}, {"$set": {"is_void": True}})
        settled = {"task_seq": changes[-1]["seq"]}
        if state is None:
            change_of: Query = {"$set": {**settled, "body": ""}, "$unset": {"task": "", "task_id": "", "doer": ""}}
        else:
            fields = task_fields(state)
            change_of = {"$set": {**settled, **fields}}
            if "doer" not in fields:
                change_of["$unset"] = {"doer": ""}
        same: Query = {"_id": made["_id"], "task_seq": made["task_seq"]}
        return bool((await self._entries.update_one(same, change_of)).matched_count)

    async def _erase(self, room: str, number: int) -> None:
        """Remove what was told of a task that was removed."""
        changes = await self._all({"room": room, "task_change_of": number, "seq": {"$gt": 0}})
        texts: Query = {"_id": {"$in": [one["_id"] for one in changes if one["kind"] == TASK_CHANGED]}}
        await self._entries.update_many(texts, {"$set": {"body": ""}})

    async def _all(self, query: Query) -> list[EntryDocument]:
        return await all_of(self._entries.find(query))


def _seq(document: EntryDocument) -> int:
    return document["seq"]
