"""What drafts on MongoDB answer and change, and what follows from a change once it is stored.

There are no transactions over several documents: an edit or a deletion is stored first, and is settled then, which may
be repeated. One that was not settled, because its process died, is found by `is_pending` and settled by another.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from models import rules
from models.logs.base import DELETE, EDIT, REACT, TASK_CHANGES, Draft
from models.logs.mongo_documents import EntryDocument, Query, all_of, search_fields, to_task_state
from models.logs.mongo_tasks import MongoTasks
from models.rules import Target

if TYPE_CHECKING:
    from models.logs.mongo_documents import Entries

MAX_SETTLED = 100  # pending changes, each time

Place = tuple[str, int]  # a room and a seq


class MongoTargets:
    """The posts that entries name as their targets."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self.tasks = MongoTasks(entries)

    async def find(self, drafts: Collection[Draft]) -> dict[Place, Target]:
        """Return what the drafts answer or change. Raise PyMongoError."""
        seqs: dict[str, set[int]] = {}
        for draft in drafts:
            if draft.target is not None and rules.may_be_target(draft):
                seqs.setdefault(draft.room, set()).add(draft.target)
        of_tasks = {(draft.room, draft.target) for draft in drafts if draft.kind in TASK_CHANGES}
        targets: dict[Place, Target] = {}
        for room, some in seqs.items():
            for named in await self._all({"room": room, "seq": {"$in": list(some)}}):
                task = to_task_state(named) if "task" in named else None
                targets[room, named["seq"]] = Target(
                    named["kind"], named["author_id"], not named["body"], named["at"], task=task
                )
            posts = [seq for seq in some if (room, seq) not in of_tasks]
            for change in await self._all({"room": room, "change_of": {"$in": posts}}) if posts else ():
                if target := targets.get((room, change["change_of"])):  # else it was purged
                    _count(target, change)
        return targets

    async def settle_target(self, change: EntryDocument) -> None:
        """Let a change take effect on the post or the task that it names. Raise PyMongoError."""
        if "task_change_of" in change:
            await self.tasks.settle(change["room"], change["task_change_of"])
        else:
            await self.settle(change["room"], change["change_of"])

    async def settle(self, room: str, seq: int) -> int | None:
        """Make a post what its edits and deletions say; return the seq of its deletion. Raise PyMongoError.

        Of two that settle the same post at the same moment the one that has read more wins.
        """
        posts = await self._all({"room": room, "seq": seq})
        changes = sorted(await self._all({"room": room, "change_of": seq}), key=_seq)
        deleted = next((one["seq"] for one in changes if one["kind"] == DELETE), None)
        edits = [one for one in changes if one["kind"] == EDIT]
        for post in posts:  # none if it was purged
            if deleted is not None:
                await self._erase(post, edits)
            elif edits:
                await self._set_mentions(post, edits[-1])
        pending = [one["_id"] for one in changes if one.get("is_pending")]
        await self._entries.update_many({"_id": {"$in": pending}}, {"$unset": {"is_pending": ""}})
        return deleted

    async def settle_pending(self) -> bool:
        """Settle some of what processes have left unsettled; return False if there is nothing. Raise PyMongoError."""
        pending = await all_of(self._entries.find({"is_pending": True}).limit(MAX_SETTLED))
        for document in pending:
            await self.settle_target(document)
        # A process that died may have let some take effect without saying so, or what they change was purged.
        settled: Query = {"_id": {"$in": [document["_id"] for document in pending]}}
        await self._entries.update_many(settled, {"$unset": {"is_pending": ""}})
        return bool(pending)

    async def _set_mentions(self, post: EntryDocument, newest: EntryDocument) -> None:
        """Let a post mention whom its newest edit does, and be found by its words."""
        found = search_fields(post["room"], post["seq"], post["at"], newest["body"])
        named = {"mentions": newest.get("edit_mentions", []), "settled": newest["seq"], **found}
        await self._entries.update_one({"_id": post["_id"], "settled": {"$lt": newest["seq"]}}, {"$set": named})

    async def _erase(self, post: EntryDocument, edits: list[EntryDocument]) -> None:
        """Remove the text of a deleted post and of its edits, and the lines that nobody needs any more."""
        ids = [edit["_id"] for edit in edits]
        await self._entries.update_many({"_id": {"$in": ids}}, {"$set": {"body": "", "edit_mentions": []}})
        erased: Query = {
            "$set": {"body": "", "mentions": [], "words": []},
            "$unset": {"reply_to": "", "answers": ""},
        }
        await self._entries.update_one({"_id": post["_id"]}, erased)
        await self._stop_drawing(post["room"], post["seq"], post["_id"])
        if post["target"] is not None:
            for answered in await self._all({"room": post["room"], "seq": post["target"]}):
                if not answered["body"]:
                    await self._stop_drawing(post["room"], answered["seq"], answered["_id"])

    async def _stop_drawing(self, room: str, seq: int, document_id: object) -> None:
        """A deleted post that nobody answers, or no longer, leaves no line."""
        if not await all_of(self._entries.find({"room": room, "reply_to": seq}).limit(1)):
            await self._entries.update_one({"_id": document_id}, {"$unset": {"line": ""}})

    async def _all(self, query: Query) -> list[EntryDocument]:
        return await all_of(self._entries.find(query))


def _count(target: Target, change: EntryDocument) -> None:
    target.changes += 1
    target.changes_by[change["author_id"]] = target.changes_by.get(change["author_id"], 0) + 1
    target.is_deleted |= change["kind"] == DELETE
    if change["kind"] == REACT:
        target.emoji.add(change["body"])


def _seq(document: EntryDocument) -> int:
    return document["seq"]
