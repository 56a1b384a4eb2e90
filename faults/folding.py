"""The fold of a room's log, done once more and differently than the site does it: how each message looked, and when.

A timeline is a list of pairs: from which seq on a value holds, and the value.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from faults.history import Row
from faults.seen import GONE, NOTE, look

LINES = ("post", "note")
TEXT_CHANGES = ("edit", "delete")
TONES = dict.fromkeys([*range(0x1F3FB, 0x1F400), 0xFE0F])  # for str.translate

Timeline = list[tuple[int, Any]]


@dataclass(slots=True)
class Course:
    """A message over time. `deleted` is the seq of its deletion, 0 if there is none."""

    row: Row
    texts: Timeline
    edited: Timeline
    reactions: Timeline
    replies: Timeline
    quotes: Timeline
    deleted: int = 0
    groups: dict[str, dict[str, str]] = field(default_factory=dict)  # of emoji by name, by the emoji without its tone

    def apply(self, change: Row) -> None:
        """Take a change, unless the message was deleted before."""
        if self.deleted:
            return
        if change.kind == "delete":
            self.deleted = change.seq
            self.texts.append((change.seq, ""))
            self.edited.append((change.seq, False))
            self.reactions.append((change.seq, []))
        elif change.kind == "edit":
            self.texts.append((change.seq, change.nonce))
            self.edited.append((change.seq, True))
        else:
            self._react(change)

    def _react(self, change: Row) -> None:
        emoji = change.body.translate(TONES)
        if change.kind == "react":
            self.groups.setdefault(emoji, {})[change.author] = change.body
        else:
            self.groups.get(emoji, {}).pop(change.author, None)
        shown = [
            ["".join(dict.fromkeys(one.values())), ", ".join(one), len(one)] for one in self.groups.values() if one
        ]
        self.reactions.append((change.seq, shown))

    def parts(self) -> tuple[Timeline, ...]:
        """Return the timelines of what `seen.look` takes, in its order, but for the digest."""
        author: Timeline = [(self.row.seq, self.row.author)]
        return author, self.texts, self.edited, self.reactions, self.replies, self.quotes

    def look_at_end(self) -> str:
        """Return how it looks when everything is over, without a digest."""
        values = [timeline[-1][1] for timeline in self.parts()]
        return look(*values) if values[1] or values[4] else GONE

    def may_be_gone(self, seq: int) -> bool:
        """Return whether it may have had no place at `seq` or later."""
        return bool(self.deleted) and 0 in values_since(self.replies, max(seq, self.deleted))


def value_at(timeline: Timeline, seq: int) -> Any:
    """Return the value that holds at `seq`; the first one before its time."""
    return timeline[max(bisect.bisect(timeline, seq, key=lambda one: one[0]) - 1, 0)][1]


def values_since(timeline: Timeline, seq: int) -> list[Any]:
    """Return the values that hold at `seq` or later."""
    first = max(bisect.bisect(timeline, seq, key=lambda one: one[0]) - 1, 0)
    return [value for _, value in timeline[first:]]


def fold(table: Iterable[Row]) -> dict[int, Course]:
    """Return the courses of all messages of a log, by their numbers."""
    courses: dict[int, Course] = {}
    answers: dict[int, list[Course]] = {}  # of each message
    for row in sorted(table, key=lambda row: row.seq):
        if row.kind in LINES:
            _begin(row, courses, answers)
        elif row.target in courses and not row.kind.startswith("task_"):
            course = courses[row.target]
            was_deleted = course.deleted
            course.apply(row)
            if row.kind in TEXT_CHANGES and not was_deleted:
                _follow(row, course, courses, answers)
    return courses


def _begin(row: Row, courses: dict[int, Course], answers: dict[int, list[Course]]) -> None:
    seq = row.seq
    text = NOTE if row.kind == NOTE else row.nonce
    course = courses[seq] = Course(row, [(seq, text)], [(seq, False)], [(seq, [])], [(seq, 0)], [(seq, None)])
    answered = courses.get(row.target or 0)
    if answered is not None and row.target is not None:
        answers.setdefault(row.target, []).append(course)
        course.quotes = [(seq, [row.target, answered.texts[-1][1]])]
        answered.replies.append((seq, answered.replies[-1][1] + 1))


def _follow(change: Row, course: Course, courses: dict[int, Course], answers: dict[int, list[Course]]) -> None:
    """Let those show it that quote a message which was edited or deleted, or count it."""
    for answer in answers.get(course.row.seq, ()):
        answer.quotes.append((change.seq, [course.row.seq, course.texts[-1][1]]))
    answered = courses.get(course.row.target or 0)
    if change.kind == "delete" and answered is not None:
        answered.replies.append((change.seq, answered.replies[-1][1] - 1))


def endings(courses: Iterable[Course]) -> Iterator[tuple[str, int]]:
    """Yield the nonce of each text that was replaced or deleted, and the seq of what did it."""
    for course in courses:
        for (_, nonce), (seq, _) in zip(course.texts, course.texts[1:], strict=False):
            yield nonce, seq
