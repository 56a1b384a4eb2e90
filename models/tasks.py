"""A task is the fold of the entry that made it and of those that name it: for page, chat and API alike."""

from __future__ import annotations

import datetime
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from models import ranks
from models.errors.tasks import BadDay, TaskEmpty, TaskTooLong
from models.logs.base import (
    TASK_CHANGED,
    TASK_CHANGES,
    TASK_DONE,
    TASK_MADE,
    TASK_MOVED,
    TASK_REMOVED,
    TASKS,
    Entry,
    RoomLog,
)
from models.visible import is_visible

MAX_TASK_CHARS = 500
DAY_CHARS = len("2026-01-31")

Place = tuple[str, int]  # a room and an id


@dataclass(frozen=True, slots=True)
class TaskState:
    """What the log tells of a task without its text, as it is kept beside the log.

    `id` is the seq of the entry that made it. `version` is the seq of the newest entry with its text, `changed_seq` of
    the newest one that changes anything. `to` is the name of the member it is given to, or empty.
    """

    room: str
    id: int
    version: int
    is_done: bool
    rank: str
    to: str
    changed_seq: int


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is now: `state` with its text, the `due` day ("2026-01-31", or empty), and who made it and when.

    `source` is the seq of the message that it was made from.
    """

    state: TaskState
    text: str
    due: str
    source: int | None
    author: str
    at: float

    @property
    def id(self) -> int:
        """Its number in the room."""
        return self.state.id

    @property
    def to(self) -> str:
        """The name of the member it is given to, or empty."""
        return self.state.to

    @property
    def is_done(self) -> bool:
        """Whether it is done."""
        return self.state.is_done

    @property
    def version(self) -> int:
        """What a change has to name: another number after each change of its text, its day or who it is given to."""
        return self.state.version

    def as_json(self) -> dict[str, object]:
        """Return it as the chat and the API tell it."""
        state = self.state
        return {
            "id": state.id,
            "text": self.text,
            "done": state.is_done,
            "to": state.to or None,
            "due": self.due or None,
            "rank": state.rank,
            "version": state.version,
            "source": self.source,
            "author": self.author,
            "at": self.at,
            "changed": state.changed_seq,
        }


# --- the fold


def begin(made: Entry) -> TaskState:
    """Return the state of a task that nothing has changed yet."""
    return TaskState(made.room, made.seq, made.seq, False, ranks.last(made.seq), json.loads(made.body)["to"], made.seq)


def is_outdated(state: TaskState, body: str) -> bool:
    """Return whether a change with this body was made of an older version of the task."""
    version = json.loads(body).get("version")
    return version is not None and version != state.version


def apply(state: TaskState, change: Entry) -> TaskState | None:
    """Return a task's state after one more change, None if that removes it.

    A change that was made of an older version changes nothing.
    """
    if is_outdated(state, change.body):
        return state
    if change.kind == TASK_REMOVED:
        return None
    body, state = json.loads(change.body), replace(state, changed_seq=change.seq)
    if change.kind == TASK_CHANGED:
        return replace(state, version=change.seq, to=body["to"])
    if change.kind == TASK_MOVED:
        return replace(state, rank=ranks.of_move(body["place"], change.seq))
    return replace(state, is_done=change.kind == TASK_DONE)


def fold(states: dict[Place, TaskState], entries: Iterable[Entry]) -> None:
    """Change tasks, by their rooms and ids, as these entries do, oldest first.

    An entry without a body has no effect: its task was removed.
    """
    for entry in entries:
        if entry.kind == TASK_MADE and entry.body:
            states[entry.room, entry.seq] = begin(entry)
        elif entry.kind in TASK_CHANGES and entry.body and (entry.room, entry.target) in states:
            place = entry.room, entry.target or 0
            state = apply(states[place], entry)
            if state is None:
                del states[place]
            else:
                states[place] = state


# --- reading


async def load(log: RoomLog, room: str, ids: Collection[int] | None = None) -> list[Task]:
    """Return the tasks of a room with these ids, or all of them, in their order. Raise Unavailable."""
    states = await log.task_states(room, ids)
    found = await _with_texts(log, room, states)
    return sorted(found, key=lambda task: (task.state.rank, task.id))


async def load_changed(log: RoomLog, room: str, entries: Collection[Entry]) -> dict[int, Task]:
    """Return the tasks of a room that these entries make or change, by id. Raise Unavailable."""
    ids = {entry.seq if entry.kind == TASK_MADE else entry.target or 0 for entry in entries if entry.kind in TASKS}
    return {task.id: task for task in await load(log, room, ids)} if ids else {}


async def load_given_to(log: RoomLog, username: str, rooms: Collection[str], limit: int) -> dict[str, list[Task]]:
    """Return at most `limit` open tasks that are given to a member in these rooms, by room. Raise Unavailable."""
    states: dict[str, list[TaskState]] = {}
    for state in await log.tasks_given_to(username, rooms, limit):
        states.setdefault(state.room, []).append(state)
    return {
        room: sorted(await _with_texts(log, room, some), key=lambda task: (task.due or "9", task.id))
        for room, some in states.items()
    }


async def _with_texts(log: RoomLog, room: str, states: Collection[TaskState]) -> list[Task]:
    """Return tasks with their texts, without those that were removed meanwhile."""
    seqs = {seq for state in states for seq in (state.id, state.version)}
    entries = {entry.seq: entry for entry in await log.entries(room, seqs)}
    found = (_to_task(state, entries) for state in states)
    return [task for task in found if task is not None]


def _to_task(state: TaskState, entries: Mapping[int, Entry]) -> Task | None:
    made, newest = entries.get(state.id), entries.get(state.version)
    if made is None or newest is None or not newest.body:
        return None
    content = json.loads(newest.body)
    return Task(state, content["text"], content["due"], made.target, made.author, made.at)


# --- what is appended


def body_of_new(text: str, to: str, due: str) -> str:
    """Return the body of an entry that makes a task. `to` is the name of a member as they spell it, or empty.

    Raise TaskEmpty, TaskTooLong, BadDay.
    """
    return _encode({"text": clean_text(text), "to": to, "due": clean_day(due)})


def body_of_change(text: str, to: str, due: str, was: str, version: int) -> str:
    """Return the body of an entry that changes this version of a task, which was given to `was`.

    Raise TaskEmpty, TaskTooLong, BadDay.
    """
    return _encode({"text": clean_text(text), "to": to, "due": clean_day(due), "was": was, "version": version})


def body_of_move(place: str) -> str:
    """Return the body of an entry that moves a task; `place` is a rank, or ranks.FIRST or ranks.LAST."""
    return _encode({"place": place})


def body_of_deed(was: str, version: int | None) -> str:
    """Return the body of an entry that does, undoes or removes a task, which is given to `was`.

    With a version the entry has an effect only while the task is of this version.
    """
    return _encode({"was": was} if version is None else {"was": was, "version": version})


def concerned(entry: Entry) -> set[str]:
    """Return the names of those whose open tasks an entry may change."""
    if entry.kind not in TASKS or not entry.body:
        return set()
    body = json.loads(entry.body)
    return {name for name in (body.get("to"), body.get("was")) if name}


def clean_text(text: str) -> str:
    """Return the text of a task as it is stored: one line. Raise TaskEmpty, TaskTooLong."""
    if len(text) > 4 * MAX_TASK_CHARS:
        raise TaskTooLong()
    text = " ".join(text.replace("\0", "").split())
    if not is_visible(text):
        raise TaskEmpty()
    if len(text) > MAX_TASK_CHARS:
        raise TaskTooLong()
    return text


def clean_day(day: str) -> str:
    """Return a day as it is stored, or an empty text if there is none. Raise BadDay."""
    if not day:
        return ""
    try:
        is_day = len(day) == DAY_CHARS and datetime.date.fromisoformat(day).isoformat() == day
    except ValueError:
        is_day = False
    if not is_day:
        raise BadDay()
    return day


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
