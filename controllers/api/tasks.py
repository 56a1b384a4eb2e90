"""The tasks of a room, and those that are given to the member."""

from __future__ import annotations

import hashlib
import secrets
from typing import Annotated, Any

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, Fields, InAddress, InRoom, Nonce, PathSeq, Seq
from controllers.api.message_json import EXACTLY
from controllers.api.messages import ChangeQuery
from controllers.api.operation import Answer, operation
from controllers.web import task_list
from controllers.web.json_answers import encoded, etag_of
from controllers.web.task_list import TaskList
from models import tasks
from models.errors.base import WrongFields
from models.errors.messages import TooManyChanges, UnknownTarget
from models.errors.requests import MissingField
from models.errors.rooms import Archived, UnknownRoom
from models.errors.stores import Unstorable
from models.errors.tasks import (
    BadDay,
    Conflict,
    NotInRoom,
    TaskEmpty,
    TaskTooLong,
    TooManyTasks,
    UnknownNeighbour,
    UnknownTask,
)
from models.logs.base import MAX_NONCE_CHARS
from models.names import MAX_NAME_CHARS
from models.rooms import RoomInfo, rooms_of
from models.tasks import DAY_CHARS, MAX_TASK_CHARS, Task

MAX_MY_TASKS = 500  # in one answer
DEFAULT_MY_TASKS = 100

TaskText = Annotated[str, StringConstraints(min_length=1, max_length=MAX_TASK_CHARS, pattern=NO_NUL)]
Doer = Annotated[str, StringConstraints(max_length=MAX_NAME_CHARS, pattern=NO_NUL)]  # empty: nobody
Day = Annotated[str, StringConstraints(max_length=DAY_CHARS, pattern=r"^(\d{4}-\d{2}-\d{2})?$")]  # empty: none
CHANGING = (UnknownRoom, UnknownTask, Archived, TooManyChanges, Unstorable)
SAYING = (TaskEmpty, TaskTooLong, BadDay, NotInRoom)


class OfTask(InRoom):
    """A path of one task."""

    id: PathSeq


class MyTasksQuery(Fields):
    """How many of the member's open tasks."""

    limit: Annotated[int, Field(ge=1, le=MAX_MY_TASKS), InAddress] = DEFAULT_MY_TASKS


class NewTask(Fields):
    """A task to be added at the end: `to` whom it is given, `due` by which day, `source` the message it comes from."""

    text: TaskText
    to: Doer | None = None
    due: Day | None = None
    source: Seq | None = None
    nonce: Nonce | None = None


class TaskChange(Fields):
    """What is to be another one. `version` names what the change was made of: it must be there with text, to and due.

    `before` is the task in front of which this one is moved, null for the end of the list.
    """

    version: Seq | None = None
    text: TaskText | None = None
    to: Doer | None = None
    due: Day | None = None
    done: bool | None = None
    before: Seq | None = None
    nonce: Nonce | None = None


class AllDone(Fields):
    """Whether all tasks are done."""

    done: bool
    nonce: Nonce | None = None


@with_config(EXACTLY)
class TaskJson(TypedDict):
    """A task. A list is in the order of `rank` and `id`; `changed` is the number of the newest entry about it."""

    id: int
    text: str
    done: bool
    to: str | None
    due: str | None
    rank: str
    version: int
    source: int | None
    author: str
    at: float
    changed: int


@with_config(EXACTLY)
class MyTaskJson(TaskJson):
    """A task that is given to the member, with the address and the name of its room."""

    room: str
    room_name: str


@with_config(EXACTLY)
class TaskListJson(TypedDict):
    """All tasks of a room in their order, as of the entry `seq`: what changes them comes after it in the log."""

    tasks: list[TaskJson]
    seq: int


@with_config(EXACTLY)
class MyTaskList(TypedDict):
    """Open tasks that are given to the member, and whether there are more."""

    tasks: list[MyTaskJson]
    more: bool


@operation("GET", "tasks")
async def list_my_tasks(call: Call, query: MyTasksQuery) -> Answer[MyTaskList]:
    """List the member's open tasks over all rooms."""
    rooms = {room.slug: room for room in await call.site.query_cache.get(rooms_of, call.member.id)}
    found = await tasks.load_given_to(call.site.log, call.member.username, rooms.keys(), query.limit + 1)
    mine = [_mine(task, rooms[slug]) for slug, some in found.items() for task in some]
    content = encoded({"tasks": mine[: query.limit], "more": len(mine) > query.limit})
    return Answer(content, etag=etag_of(content))


@operation("GET", "rooms/{room}/tasks", refusals=(UnknownRoom,))
async def list_tasks(call: Call, path: InRoom) -> Answer[TaskListJson]:
    """List all tasks of a room, those that are done too."""
    return await _list(call, await call.room(path.room))


async def _list(call: Call, room: RoomInfo) -> Answer[TaskListJson]:
    """Return the tasks of a room, from the cache while nothing was appended."""
    head = await call.site.hub.head(room.slug)
    key = ("tasks", room.slug, head)
    found = call.site.answer_cache.get(key)
    if found is None:
        every = await tasks.load(call.site.log, room.slug)
        found = call.site.answer_cache.keep(key, encoded({"tasks": [one.as_json() for one in every], "seq": head}))
    content, etag = found
    return Answer(content, etag=etag)


@operation(
    "POST",
    "rooms/{room}/tasks",
    statuses=(201, 200),
    refusals=(UnknownRoom, UnknownTarget, UnknownTask, Archived, TooManyTasks, Unstorable, *SAYING),
)
async def add_task(call: Call, path: InRoom, body: NewTask) -> Answer[TaskJson]:
    """Add a task. The same nonce once more answers 200 and the task of the first time."""
    room = await call.room(path.room)
    head = await call.site.hub.head(room.slug)
    fields = task_list.Fields(body.text, body.to or "", body.due or "")
    entry = await _list_of(call, room).add(fields, _nonce(body), body.source)
    return await _now(call, room, entry.seq, 201 if entry.seq > head else 200)


@operation("PATCH", "rooms/{room}/tasks/{id}", refusals=(*CHANGING, Conflict, UnknownNeighbour, *SAYING))
async def change_task(call: Call, path: OfTask, body: TaskChange) -> Answer[TaskJson]:
    """Change a task: what it says, whether it is done, or its place.

    Where somebody else has changed what it says since `version`, nothing is changed, and the answer is 409 with the
    task as it is now, `task`, and what was sent, `yours`.
    """
    room = await call.room(path.room)
    try:
        await _change(call, room, path.id, body)
    except Conflict as conflict:
        now = await _list_of(call, room).get(path.id)
        conflict.more = {"task": now.as_json(), "yours": body.model_dump(exclude_unset=True)}
        raise
    return await _now(call, room, path.id)


async def _change(call: Call, room: RoomInfo, number: int, body: TaskChange) -> None:
    """Append an entry for each thing that changes."""
    given = body.model_fields_set
    every, nonce = _list_of(call, room), _nonce(body)
    deeds = given & {"done", "before"} | ({"says"} if given & {"text", "to", "due"} else set())
    nonces = {deed: nonce if len(deeds) == 1 else _part(nonce, deed) for deed in deeds}
    if "says" in deeds:
        if body.version is None:
            raise WrongFields([MissingField("version")])
        said = (getattr(body, name) or "" if name in given else None for name in ("text", "to", "due"))
        await every.change(number, body.version, task_list.Fields(*said), nonces["says"])
    if body.done is not None:
        version = None if "says" in deeds else body.version
        await every.set_done(number, body.done, nonces["done"], version)
    if "before" in deeds:
        await every.move(number, body.before, nonces["before"])


@operation("DELETE", "rooms/{room}/tasks/{id}", refusals=CHANGING)
async def remove_task(call: Call, path: OfTask, query: ChangeQuery) -> None:
    """Remove a task; nothing of its text is left."""
    await _list_of(call, await call.room(path.room)).remove(path.id, _nonce(query))


@operation("PUT", "rooms/{room}/tasks/done", refusals=CHANGING)
async def do_all_tasks(call: Call, path: InRoom, body: AllDone) -> Answer[TaskListJson]:
    """Say of all tasks that they are done, or are not."""
    room = await call.room(path.room)
    await _list_of(call, room).set_all_done(body.done, _nonce(body))
    return await _list(call, room)


@operation("DELETE", "rooms/{room}/tasks/done", refusals=CHANGING)
async def remove_done_tasks(call: Call, path: InRoom, query: ChangeQuery) -> None:
    """Remove all tasks that are done."""
    await _list_of(call, await call.room(path.room)).remove_done(_nonce(query))


def _list_of(call: Call, room: RoomInfo) -> TaskList:
    return call.site.task_list(room.slug, call.member.id, call.payer)


def _nonce(given: NewTask | TaskChange | AllDone | ChangeQuery) -> str:
    return given.nonce or secrets.token_hex(16)


def _part(nonce: str, deed: str) -> str:
    """Return the nonce of one of several changes that are asked for together."""
    return hashlib.sha256(f"{nonce} {deed}".encode()).hexdigest()[:MAX_NONCE_CHARS]


async def _now(call: Call, room: RoomInfo, number: int, status: int = 200) -> Answer[TaskJson]:
    """Return a task as it is now. Raise UnknownTask."""
    task: Any = (await _list_of(call, room).get(number)).as_json()
    return Answer(task, status)


def _mine(task: Task, room: RoomInfo) -> dict[str, object]:
    return {**task.as_json(), "room": room.address, "room_name": room.name}
