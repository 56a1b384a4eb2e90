"""The fold of the tasks in a log, done once more and differently than the site does it.

What tasks say is taken from what was sent, since the store must not have the texts of those that were removed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from faults.folding import Timeline
from faults.history import History, Row
from faults.seen import GONE
from faults.task_seen import BASE, KINDS, look, place_of

SEQ_DIGITS = 11  # of what is placed at an end, after a first one: 1 at the beginning, 5 at the end


@dataclass(frozen=True, slots=True)
class State:
    """A task at some time; `text` is the nonce of what it says."""

    text: str
    to: str
    due: str
    place: Fraction
    version: int
    changed: int
    is_done: bool = False


@dataclass(slots=True)
class TaskCourse:
    """A task over time: `looks` is a timeline of how it looked, `texts` of the nonces of what it said."""

    row: Row
    state: State
    is_gone: bool = False
    looks: Timeline = field(default_factory=list)
    texts: Timeline = field(default_factory=list)

    def note(self, seq: int) -> None:
        """Note how it is from `seq` on."""
        one = self.state
        what = one.text, one.is_done, one.to, one.due, str(one.place), one.version, one.changed, self.row.author
        self.looks.append((seq, GONE if self.is_gone else look(self.row.seq, *what)))
        self.texts.append((seq, "" if self.is_gone else one.text))


@dataclass(slots=True)
class Tasks:
    """All tasks of a log by their numbers, and the entries that changed nothing, since others were faster."""

    courses: dict[int, TaskCourse] = field(default_factory=dict)
    void: set[int] = field(default_factory=set)

    def in_order(self) -> list[TaskCourse]:
        """Return those that are left, in the order of the list."""
        left = [course for course in self.courses.values() if not course.is_gone]
        return sorted(left, key=lambda course: (course.state.place, course.row.seq))

    def take(self, row: Row, content: dict[str, Any]) -> None:
        """Take the next entry; `content` is what was sent for it."""
        if row.kind == "task_made":
            place = place_at_end(row.seq)
            state = State(row.nonce, content.get("to", ""), content.get("due", ""), place, row.seq, row.seq)
            self.courses[row.seq] = TaskCourse(row, state)
            self.courses[row.seq].note(row.seq)
            return
        course = self.courses.get(row.target or 0)
        if (
            course is None
            or course.is_gone
            or int(content.get("version", course.state.version)) != course.state.version
        ):
            self.void.add(row.seq)
            return
        course.is_gone = row.kind == "task_removed"
        course.state = _changed(replace(course.state, changed=row.seq), row, content)
        course.note(row.seq)


def _changed(state: State, row: Row, content: dict[str, Any]) -> State:
    if row.kind == "task_changed":
        to, due = content.get("to", state.to), content.get("due", state.due)
        return replace(state, text=row.nonce, to=to, due=due, version=row.seq)
    if row.kind == "task_moved":
        place = json.loads(row.body)["place"]
        ends = {"first": place_at_beginning, "last": place_at_end}
        return replace(state, place=ends[place](row.seq) if place in ends else place_of(place))
    return replace(state, is_done=row.kind == "task_done")


def place_at_end(seq: int) -> Fraction:
    """Return the place of what comes to the end by the entry `seq`."""
    return Fraction(5, BASE) + Fraction(seq, BASE ** (SEQ_DIGITS + 1))


def place_at_beginning(seq: int) -> Fraction:
    """Return the place of what comes to the beginning by the entry `seq`."""
    return Fraction(1, BASE) + Fraction(BASE**SEQ_DIGITS - 1 - seq, BASE ** (SEQ_DIGITS + 1))


def contents(history: History) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what was sent of tasks, by writer and nonce."""
    return {(one.writer, one.nonce): json.loads(one.body) for one in history.sent if one.kind.startswith("task")}


def fold(history: History) -> Tasks:
    """Return the tasks of a log."""
    tasks, sent = Tasks(), contents(history)
    for row in sorted(history.table, key=lambda row: row.seq):
        if row.kind in KINDS:
            tasks.take(row, sent.get((row.author, row.nonce), {}))
    return tasks


def endings(history: History) -> Iterator[tuple[str, int]]:
    """Yield the nonce of each text that was replaced or removed, or never held, and the seq of what did it."""
    tasks = fold(history)
    for course in tasks.courses.values():
        for (_, nonce), (seq, after) in zip(course.texts, course.texts[1:], strict=False):
            if nonce != after:
                yield nonce, seq
    yield from ((row.nonce, row.seq) for row in history.table if row.seq in tasks.void and row.kind == "task_changed")
