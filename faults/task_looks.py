"""The checks about tasks: each change is taken once or refused with a reason, and all see the fold of the log."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from faults.folding import values_since
from faults.history import Heard, History, Page, Row, Sent
from faults.looks import acked_seqs, known_before, with_knowledge
from faults.seen import GONE
from faults.task_folding import Tasks, contents, endings, fold
from faults.task_seen import KINDS, as_on_page

TEXTS = ("task_made", "task_changed")  # the kinds that have a text
DEEDS = {"task_done": "done", "task_undone": "undone", "task_removed": "clear"}  # by the form that changes many
NONCE_CHARS = 32  # of a change that is one of many


def unsent(history: History) -> Iterator[str]:
    """Every entry about tasks was sent, as it is in the table; one form may become many of them."""
    sent = {(one.writer, one.nonce): one for one in history.sent}
    many = [one for one in sent.values() if one.kind == "tasks"]
    gone = {number for number, course in fold(history).courses.items() if course.is_gone}
    for row in history.table:
        if row.kind in KINDS:
            one = sent.get((row.author, row.nonce))
            is_of_many = any(_is_one_of(row, form) for form in many)
            if not is_of_many and (one is None or (one.kind, one.target) != (row.kind, row.target)):
                yield f"{row.seq} is in the table as {row.author} never sent it: {row.kind} {row.nonce}"
            elif one is not None and not _is_as_sent(row, one, gone):
                yield f"{row.seq} is in the table as {row.body}, and was sent as {one.body}"


def _is_one_of(row: Row, form: Sent) -> bool:
    if row.author != form.writer or json.loads(form.body)["do"] != DEEDS.get(row.kind):
        return False
    return row.nonce == hashlib.sha256(f"{form.nonce} {row.target}".encode()).hexdigest()[:NONCE_CHARS]


def _is_as_sent(row: Row, sent: Sent, gone: set[int]) -> bool:
    if row.kind not in TEXTS or (not row.body and (row.seq in gone or row.target in gone)):
        return True
    stored, wanted = json.loads(row.body or "{}"), json.loads(sent.body)
    return all(stored.get(name) == wanted[name] for name in ("text", "to", "due"))


def answers(history: History) -> Iterator[str]:
    """Each change is of a task before it; what was acknowledged has an effect; of one version one change wins."""
    tasks, rows = fold(history), {(row.author, row.nonce): row for row in history.table}
    moves = {(one.writer, one.nonce): one for one in history.sent if one.kind == "task_moved"}
    edges = _at_edges(tasks)
    for row in history.table:
        if row.kind in KINDS[1:] and row.target not in tasks.courses:
            yield f"{row.seq} ({row.kind}) has the target {row.target}, which is no task before it"
    for ack in history.acked:
        key = ack.writer, ack.nonce
        found = rows.get(key)
        if found is not None and found.seq in tasks.void:
            yield f"{found.seq} ({found.kind} of {found.target}) was acknowledged, and others were faster"
        move = moves.get(key)
        if found is None and move is not None and move.target not in edges[json.loads(move.body)["do"]]:
            yield f"{ack.nonce} of {ack.writer} was to move {move.target}, and is not in the table"


def _at_edges(tasks: Tasks) -> dict[str, set[int]]:
    """Return which tasks were ever first, and so cannot be moved up, and which were last."""
    changes = [(seq, number, look) for number, course in tasks.courses.items() for seq, look in course.looks]
    edges: dict[str, set[int]] = {"up": set(), "down": set()}
    places: dict[int, Fraction] = {}
    for _, number, shown in sorted(changes):
        places.pop(number, None)
        if shown:
            places[number] = Fraction(json.loads(shown)[5])
        if places:
            in_order = sorted(places, key=lambda one: (places[one], one))
            edges["up"].add(in_order[0])
            edges["down"].add(in_order[-1])
    return edges


def refusals(history: History) -> Iterator[str]:
    """What was refused has no effect, and the log says why: the task is another one now, or gone."""
    tasks, sent = fold(history), contents(history)
    rows = {(row.author, row.nonce): row for row in history.table}
    targets = {(one.writer, one.nonce): one.target for one in history.sent if one.kind in KINDS}
    for refusal in history.refused:
        key = refusal.writer, refusal.nonce
        if key not in targets:
            continue
        course = tasks.courses.get(targets[key] or 0)
        if course is None:
            yield f"{refusal.nonce} of {refusal.writer} was of the task {targets[key]}, which nobody has made"
            continue
        row = rows.get(key)
        what = f"{refusal.nonce} of {refusal.writer}, task {targets[key]}, was refused ({refusal.code})"
        has_effect = row is not None and row.seq not in tasks.void
        is_gone_since = refusal.code == "unknown_task" and course.is_gone
        if has_effect and not is_gone_since:
            yield f"{what} and has an effect"
        version = int(sent[key].get("version", 0))
        if not is_gone_since and not (refusal.code == "conflict" and _was_overtaken(course.looks, version)):
            yield f"{what} without a reason in the log"


def _was_overtaken(looks: list[tuple[int, Any]], version: int) -> bool:
    return any(not shown or json.loads(shown)[6] > version for _, shown in looks)


def states(history: History) -> Iterator[str]:
    """What an entry tells of a task is how that was at the newest entry that was known, or later."""
    tasks = fold(history)
    newest: dict[int, int] = {}  # of each task
    for row in history.table:
        if row.kind in KINDS:
            number = _subject(row)
            newest[number] = max(row.seq, newest.get(number, 0))
    for who, known, heard in with_knowledge(history):
        if isinstance(heard, Page) or heard.kind not in KINDS:
            continue
        number = _subject(heard)
        course = tasks.courses.get(number)
        if course is None:
            yield f"{who} heard {heard.seq} of the task {number}, which nobody has made"
        elif heard.task is None:
            if newest.get(number, 0) <= heard.seq:
                yield f"{who} was told nothing of the task {number} by {heard.seq}, the newest of its changes"
        elif heard.task not in values_since(course.looks, max(known, heard.seq)):
            expected = values_since(course.looks, max(known, heard.seq))
            yield f"{who} was told {heard.task or 'gone'} by {heard.seq}, when {known} was known, instead of {expected}"


def _subject(entry: Row | Heard) -> int:
    return entry.seq if entry.kind == "task_made" else entry.target or 0


def last_lists(history: History) -> Iterator[str]:
    """At the end each reader who was told of a task has it as the log says, and knows all that have changed since."""
    tasks = fold(history)
    for reader, (since, shown) in _last_told(history).items():
        for number, course in tasks.courses.items():
            changed, expected = course.looks[-1]
            seen = shown.get(number, GONE)
            if (number in shown or changed > since) and seen != expected:
                yield f"{reader} has {number} in the end as {seen or 'gone'}, which is {expected or 'gone'}"


def _last_told(history: History) -> dict[str, tuple[int, dict[int, str]]]:
    """Return from where each reader has heard everything, and what they were told of tasks since."""
    told: dict[str, tuple[int, dict[int, str]]] = {}
    for heard in history.heard:
        if isinstance(heard, Page) and heard.reader in told:
            told[heard.reader] = heard.head, {}
        elif isinstance(heard, Heard) and heard.accepted:
            _, shown = told.setdefault(history.joined[heard.join].reader, (heard.seq - 1, {}))
            if heard.task is not None:
                shown[_subject(heard)] = heard.task
    return told


def lists(history: History) -> Iterator[str]:
    """A page of tasks has nothing that was over when it was asked for; in the end it is the fold of the log."""
    tasks = fold(history)
    acked, ended = acked_seqs(history), dict(endings(history))
    expected = [as_on_page(course.looks[-1][1]) for course in tasks.in_order()]
    for listed in history.listed:
        known = known_before(acked, listed.asked)
        if listed.is_last and listed.tasks != expected:
            yield f"{listed.reader} shows in the end {listed.tasks} instead of {expected}"
        for shown in listed.tasks:
            number, text, *_ = json.loads(shown)
            course = tasks.courses.get(number)
            if ended.get(text, math.inf) <= known:
                yield f"{listed.reader} was shown the text {text}, although {ended[text]} ended it, and that was known"
            elif course is None or shown not in map(as_on_page, values_since(course.looks, known)):
                yield f"{listed.reader} was shown {shown}, as the task never was since {known}"


def erased(history: History) -> Iterator[str]:
    """The texts of a task that was removed are not in the store, nor in its files."""
    tasks, left = fold(history), set(history.left_texts)
    for row in history.table:
        course = tasks.courses.get(_subject(row)) if row.kind in TEXTS else None
        if course is not None and course.is_gone:
            removed = course.looks[-1][0]
            if row.body:
                yield f"{row.seq} still has a text, although {removed} removed the task {course.row.seq}"
            if row.nonce in left:
                yield f"the text of {row.seq} is still in a file, although {removed} removed the task"


CHECKS: dict[str, Callable[[History], Iterator[str]]] = {
    "tasks unsent": unsent,
    "task answers": answers,
    "task refusals": refusals,
    "task states": states,
    "last lists": last_lists,
    "task lists": lists,
    "tasks erased": erased,
}
