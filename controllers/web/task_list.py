"""The tasks of a room, as a member changes them: by page and API alike."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection
from typing import NamedTuple, Protocol

from controllers.web.rate_limit import Payer, RateLimiter
from models import ranks, tasks
from models.engines.base import RunInThread
from models.errors.messages import TooManyChanges
from models.errors.tasks import Conflict, UnknownNeighbour, UnknownTask
from models.logs.base import (
    TASK_CHANGED,
    TASK_DONE,
    TASK_MADE,
    TASK_MOVED,
    TASK_REMOVED,
    TASK_UNDONE,
    Draft,
    Entry,
    RoomLog,
)
from models.ranks import MAX_RANK_CHARS
from models.rooms import find_in_room
from models.rules import MAX_SEQ
from models.tasks import Task

TASKS_PER_POST = 50  # that are changed at once count as one message for the rate limit
NONCE_CHARS = 32


class Site(Protocol):
    """What a list of tasks needs of the site (controllers/site.py)."""

    log: RoomLog
    rate_limiter: RateLimiter

    @property
    def read(self) -> RunInThread:
        """Call a function in a thread of the people's database."""

    async def append(self, draft: Draft, /) -> Entry:
        """Append an entry. Raise Refusal."""


class Fields(NamedTuple):
    """What a task says; in a change, None is what stays. `to` is the name of somebody in the room; no one, if empty."""

    text: str | None = None
    to: str | None = None
    due: str | None = None


class TaskList:
    """The tasks of a room for one of its members. A change with a nonce that was used before is the change of then.

    Changes count for the member's rate limit, or for that of another `payer`.

    All raise Refusal.
    """

    def __init__(self, room: str, member_id: int, site: Site, payer: Payer | None = None) -> None:
        self._room = room
        self._member_id = member_id
        self._payer = member_id if payer is None else payer
        self._site = site

    async def all(self) -> list[Task]:
        """Return all tasks in their order."""
        return await tasks.load(self._site.log, self._room)

    async def get(self, number: int) -> Task:
        """Return one task."""
        found = await self._find(number)
        if found is None:
            raise UnknownTask()
        return found

    async def _find(self, number: int) -> Task | None:
        found = await tasks.load(self._site.log, self._room, [number]) if 0 < number <= MAX_SEQ else []
        return found[0] if found else None

    async def add(self, fields: Fields, nonce: str, source: int | None = None) -> Entry:
        """Make a task at the end of the list; `source` is the message that it comes from."""
        body = tasks.body_of_new(fields.text or "", await self._doer(fields.to or ""), fields.due or "")
        return await self._append(TASK_MADE, source, body, nonce)

    async def change(self, number: int, version: int, fields: Fields, nonce: str) -> Entry:
        """Change what a task says, if it is still of this version."""
        task = await self.get(number)
        text = task.text if fields.text is None else fields.text
        to = task.to if fields.to is None else await self._doer(fields.to)
        due = task.due if fields.due is None else fields.due
        return await self._append(TASK_CHANGED, number, tasks.body_of_change(text, to, due, task.to, version), nonce)

    async def move(self, number: int, before: int | None, nonce: str) -> Entry:
        """Move a task in front of another one, or (None) to the end."""
        return await self._move(number, _place([] if before is None else await self.all(), number, before), nonce)

    async def step(self, number: int, is_up: bool, nonce: str) -> None:
        """Move a task past its neighbour, if there is one."""
        every = await self.all()
        order = [task.id for task in every]
        if number not in order:
            raise UnknownTask()
        place = order.index(number)
        if is_up and place > 0:
            await self._move(number, _place(every, number, order[place - 1]), nonce)
        elif not is_up and place < len(order) - 1:
            await self._move(number, _place(every, number, next(iter(order[place + 2 :]), None)), nonce)

    async def _move(self, number: int, place: str, nonce: str) -> Entry:
        return await self._append(TASK_MOVED, number, tasks.body_of_move(place), nonce)

    async def set_done(self, number: int, is_done: bool, nonce: str, version: int | None = None) -> Entry:
        """Say that a task is done, or is not."""
        return await self._deed(TASK_DONE if is_done else TASK_UNDONE, number, nonce, version)

    async def remove(self, number: int, nonce: str, version: int | None = None) -> Entry:
        """Remove a task; nothing of its text is left."""
        return await self._deed(TASK_REMOVED, number, nonce, version)

    async def set_all_done(self, is_done: bool, nonce: str) -> None:
        """Say of all tasks that they are done, or are not."""
        kind = TASK_DONE if is_done else TASK_UNDONE
        await self._each(kind, [task for task in await self.all() if task.is_done != is_done], nonce)

    async def remove_done(self, nonce: str) -> None:
        """Remove all tasks that are done."""
        await self._each(TASK_REMOVED, [task for task in await self.all() if task.is_done], nonce)

    async def _each(self, kind: str, some: Collection[Task], nonce: str) -> None:
        """Do the same with many tasks, in one go; those that somebody else removes meanwhile are left out."""
        self._charge(-(-len(some) // TASKS_PER_POST))
        drafts = (
            self._draft(kind, task.id, tasks.body_of_deed(task.to, None), _nonce_of(nonce, task)) for task in some
        )
        appending = map(self._site.append, drafts)
        for outcome in await asyncio.gather(*appending, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, UnknownTask | Conflict):
                raise outcome

    async def _deed(self, kind: str, number: int, nonce: str, version: int | None) -> Entry:
        task = await self._find(number)  # None: perhaps removed by this deed, which is sent again
        return await self._append(kind, number, tasks.body_of_deed(task.to if task else "", version), nonce)

    async def _append(self, kind: str, target: int | None, body: str, nonce: str) -> Entry:
        self._charge()
        return await self._site.append(self._draft(kind, target, body, nonce))

    def _draft(self, kind: str, target: int | None, body: str, nonce: str) -> Draft:
        return Draft(self._room, self._member_id, body, nonce, kind, target)

    def _charge(self, posts: int = 1) -> None:
        self._site.rate_limiter.take(self._payer, posts)

    async def _doer(self, name: str) -> str:
        """Return the name of somebody in the room as they spell it; empty if it is empty."""
        return await self._site.read(find_in_room, self._room, name) if name else ""


def _place(every: Collection[Task], number: int, before: int | None) -> str:
    """Return the place of a task in front of another one, or (None) at the end.

    Raise UnknownNeighbour, TooManyChanges.
    """
    if before is None:
        return ranks.LAST
    others = [task for task in every if task.id != number]
    place = next((place for place, task in enumerate(others) if task.id == before), None)
    if place is None:
        raise UnknownNeighbour()
    if place == 0:
        return ranks.FIRST
    low = others[place - 1].state.rank
    # Two that were moved to the same place at the same moment have the same rank: it comes after these.
    high = next((task.state.rank for task in others[place:] if task.state.rank > low), None)
    rank = ranks.LAST if high is None else ranks.between(low, high)
    if len(rank) > MAX_RANK_CHARS:
        raise TooManyChanges()
    return rank


def _nonce_of(nonce: str, task: Task) -> str:
    """Return the nonce of a change that is one of many."""
    return hashlib.sha256(f"{nonce} {task.id}".encode()).hexdigest()[:NONCE_CHARS]
