"""The checks about read positions, what is new, who is in the room, and who meets whom."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator

from faults.folding import Course, fold
from faults.history import SETTLING_SECONDS, Door, Heard, History

TOLD_MENTIONS = 500  # the newest, in a room, before any of them is deleted


def positions(history: History) -> Iterator[str]:
    """What a member said last of where they have read to is stored, and all their devices know it."""
    posts = {row.seq: row.posts for row in history.table}
    for marked in history.marked:
        if history.positions.get(marked.reader) != [marked.seq, posts.get(marked.seq, 0)]:
            yield f"{marked.reader} has read up to {marked.seq}, and stored is {history.positions.get(marked.reader)}"
        for counted in history.counted:
            if counted.member == marked.reader and counted.at > marked.at and counted.read != marked.seq:
                yield f"{counted.reader} was told {counted.read}, where {marked.reader} has read up to {marked.seq}"


def moved_back(history: History) -> Iterator[str]:
    """What a connection is told of where its member has read to goes back only to where the member has said."""
    said = [(one.at, one.member, one.seq - 1) for one in history.said if one.what == "unread"]
    before: dict[str, int] = {}
    for told in history.told:
        is_back = not told.is_first and told.read < before.get(told.reader, 0)
        if is_back and not any((member, seq) == (told.member, told.read) and at < told.at for at, member, seq in said):
            yield f"{told.reader} was told {told.read} after {before[told.reader]}, and nobody has said so"
        before[told.reader] = told.read


def counts(history: History) -> Iterator[str]:
    """What is new by the numbers that a member was told is what a recount of the log says."""
    for counted in history.counted:
        if counted.read is None:
            continue
        if counted.head != history.head:
            yield f"{counted.reader} was told the head {counted.head}, which is {history.head}"
        new, named = _recount(history, counted.member, counted.read)
        if counted.unread != len(new):
            yield f"{counted.reader}, at {counted.read}, was told that {counted.unread} are new; there are {len(new)}"
        if not _are_newest(counted.mentions, named):
            yield f"{counted.reader}, at {counted.read}, was told of mentions {counted.mentions}; there are {named}"


def _are_newest(told: list[int], named: list[int]) -> bool:
    """Return whether a member may be told of these mentions: of all, or, of more than TOLD_MENTIONS, of the newest.

    Those that were deleted since are missing at the older end: fewer than half of them, in a run.
    """
    return told == named or (len(told) > TOLD_MENTIONS / 2 and told == named[-len(told) :])


def counts_on_pages(history: History) -> Iterator[str]:
    """A page without a script shows the same."""
    read = {marked.reader: marked.seq for marked in history.marked}
    said_beside = sum(len(one.nonces) for one in history.beside)  # of which nobody has read anything
    for shown in history.shown:
        new, named = _recount(history, shown.member, read[shown.member])
        if (shown.total, shown.count) != (len(new) + said_beside, len(named) or len(new)):
            found = f"{shown.total} and {shown.count}"
            yield f"{shown.member}, at {read[shown.member]}, is shown {found}; there are {new}, by name {named}"


def _recount(history: History, member: str, read: int) -> tuple[list[int], list[int]]:
    """Return the posts after `read` by the log, and those that name a member."""
    bodies = {row.nonce: row.body for row in history.table}
    new = {seq: one for seq, one in fold(history.table).items() if seq > read and _is_post(one)}
    return list(new), [seq for seq, one in new.items() if is_named(member, bodies[one.texts[-1][1]])]


def is_named(member: str, body: str) -> bool:
    """Return whether a text of the harness names a member."""
    return f"@{member}" in body.split()


def _is_post(course: Course) -> bool:
    return course.row.kind == "post" and not course.deleted


def meetings(history: History) -> Iterator[str]:
    """The same people are always led to the same room, and others are not."""
    rooms: dict[str, set[str]] = defaultdict(set)
    people: dict[str, set[str]] = defaultdict(set)
    for opened in history.opened:
        rooms[opened.people].add(opened.room)
        people[opened.room].add(opened.people)
    for names, found in rooms.items():
        if len(found) > 1:
            yield f"{names} were led to {len(found)} rooms: {', '.join(sorted(found))}"
    for room, found in people.items():
        if len(found) > 1:
            yield f"to {room} were led {' and '.join(sorted(found))}"


def beside(history: History) -> Iterator[str]:
    """What one member said in other rooms is there once, in the order in which it was said, and nothing else."""
    for room in history.beside:
        said = [one.nonce for one in history.cried if one.room == room.room]
        if room.nonces != said:
            yield f"{room.room} has {room.nonces}, where {said} was said"
        if room.seqs != list(range(room.seqs[0], room.seqs[0] + len(room.seqs)) if room.seqs else []):
            yield f"{room.room} has the numbers {room.seqs}"


def outsiders(history: History) -> Iterator[str]:
    """Who was told that they are out hears nothing more; who is out cannot join."""
    ended = {door.join: door.at for door in history.doors if door.what == "told" and door.join is not None}
    for heard in history.heard:
        if isinstance(heard, Heard) and heard.at > ended.get(heard.join, math.inf):
            yield f"{history.joined[heard.join].reader} heard {heard.seq} after they were told that they are out"
    for door in history.doors:
        if door.what == "out" and door.asked > history.healthy_at and not _is_told(history, door):
            yield f"{door.member} was put out at {door.at:.2f}, when all was well, and was not told"
    for member, since, until in _absences(history):
        for joined in history.joined:
            if joined.reader == member and since < joined.asked and joined.at < until:
                yield f"{member} joined at {joined.at:.2f}, and was out from {since:.2f} to {until:.2f}"


def _is_told(history: History, out: Door) -> bool:
    told = [door.at for door in history.doors if door.what == "told" and door.member == out.member]
    return any(out.asked < at < out.at + SETTLING_SECONDS for at in told)


def _absences(history: History) -> Iterator[tuple[str, float, float]]:
    """Yield who was certainly out, from when, and until when."""
    out: dict[str, float] = {}
    for door in history.doors:
        if door.what == "out" and door.is_certain:
            out[door.member] = door.at
        elif door.what == "in" and door.member in out:
            yield door.member, out.pop(door.member), door.asked
    yield from ((member, since, math.inf) for member, since in out.items())


CHECKS: dict[str, Callable[[History], Iterator[str]]] = {
    "positions": positions,
    "moved back": moved_back,
    "counts": counts,
    "counts on pages": counts_on_pages,
    "outsiders": outsiders,
    "meetings": meetings,
    "beside": beside,
}
