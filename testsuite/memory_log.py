"""A log in memory with the rules of the real ones: for tests that need a thousand of them."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Collection
from typing import Any, cast

from controllers.web.rate_limit import RateLimiter
from controllers.web.task_list import TaskList
from models import rules, tasks
from models.errors.tasks import Conflict
from models.logs.base import TASK_CHANGED, TASK_MADE, TASK_REMOVED, Draft, Entry, RoomLog
from models.rules import Author, Target
from models.tasks import TaskState

ROOM = "lobby"


class MemoryLog:
    """One room. With `keeps_overtaken` it keeps what was made of an older version, as the log on MongoDB does."""

    def __init__(self, keeps_overtaken: bool = False) -> None:
        self.keeps_overtaken = keeps_overtaken
        self.all: list[Entry] = []
        self.states: dict[tuple[str, int], TaskState] = {}

    @property
    def head(self) -> int:
        """The number of the newest entry."""
        return len(self.all)

    async def append(self, draft: Draft) -> Entry:
        """Append an entry after all that others are about to append was looked at. Raise Refusal."""
        await asyncio.sleep(0)
        known = next((entry for entry in self.all if entry.nonce == draft.nonce), None)
        if known is not None:
            return known
        kind = self.all[(draft.target or 1) - 1].kind if self.all else ""
        target = Target(kind, 1, is_deleted=False, at=0, task=self.states.get((ROOM, draft.target or 0)))
        try:
            rules.check(draft, Author("ana", False, False), target if draft.target else None, len(self.states))
        except Conflict:
            if self.keeps_overtaken:
                self._add(draft)
            raise
        return self._add(draft)

    def _add(self, draft: Draft) -> Entry:
        seq, counts = self.head + 1, (0, 0)
        given = draft.kind, draft.target, 1, "ana", draft.body, float(seq), draft.nonce
        entry = Entry(ROOM, seq, *given, *counts, is_drawn=False)
        self.all.append(entry)
        tasks.fold(self.states, [entry])
        if entry.kind == TASK_REMOVED and (ROOM, entry.target) not in self.states:
            self.all = [_without_text(one, entry.target or 0) for one in self.all]
        return entry

    async def after(self, seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after `seq`, oldest first."""
        return self.all[seq : seq + limit]

    async def task_states(self, room: str, ids: Collection[int] | None = None) -> list[TaskState]:
        """Return the tasks with these ids, or all."""
        return [state for state in self.states.values() if ids is None or state.id in ids]

    async def entries(self, room: str, seqs: Collection[int]) -> list[Entry]:
        """Return the entries with these numbers."""
        return [entry for entry in self.all if entry.seq in seqs]


def _without_text(entry: Entry, removed: int) -> Entry:
    is_made = entry.kind == TASK_MADE and entry.seq == removed
    is_change = entry.kind == TASK_CHANGED and entry.target == removed
    return dataclasses.replace(entry, body="") if is_made or is_change else entry


class MemorySite:
    """What a list of tasks needs of a site, where everybody is in the room."""

    def __init__(self, log: MemoryLog) -> None:
        self.log = cast(RoomLog, log)
        self.rate_limiter = RateLimiter(0)

    async def append(self, draft: Draft) -> Entry:
        return await self.log.append(draft)

    async def read(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Find somebody of this name."""
        return args[1]


def task_list(log: MemoryLog) -> TaskList:
    """Return the tasks of the room, as a member changes them."""
    return TaskList(ROOM, 1, MemorySite(log))
