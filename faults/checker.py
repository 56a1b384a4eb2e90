"""Whether a history keeps the promise: pure functions, so that hand-made histories can prove them.

Here are those about entries; `faults/looks.py` has those about messages, `faults/task_looks.py` those about tasks,
`faults/places.py` those about read positions and memberships.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from faults import looks, places, task_looks
from faults.folding import fold
from faults.history import PERHAPS_NOTHING, SETTLING_SECONDS, Gap, Heard, History, Page, Row

TOGGLED = ("react", "unreact")  # what the form that toggles a reaction becomes


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: by which check it was found, and what was seen."""

    check: str
    text: str


def check(history: History) -> list[Violation]:
    """Return every violation in `history`, by check."""
    return [Violation(name, text) for name, find in CHECKS.items() for text in find(history)]


def _rows_by_nonce(history: History) -> dict[tuple[str, str], Row]:
    return {(row.author, row.nonce): row for row in history.table}


def lost(history: History) -> Iterator[str]:
    """What was acknowledged is in the table."""
    rows, kinds = _rows_by_nonce(history), {(one.writer, one.nonce): one.kind for one in history.sent}
    for ack in history.acked:
        key = ack.writer, ack.nonce
        if key not in rows and kinds.get(key) not in PERHAPS_NOTHING:
            yield f"{ack.nonce} of {ack.writer} was acknowledged as {ack.seq} and is not in the table"


def wrong_seq(history: History) -> Iterator[str]:
    """What was acknowledged has the seq that was told, every time it was told."""
    rows = _rows_by_nonce(history)
    for ack in history.acked:
        row = rows.get((ack.writer, ack.nonce))
        if row and ack.seq is not None and ack.seq != row.seq:
            yield f"{ack.nonce} of {ack.writer} was acknowledged as {ack.seq} and is {row.seq}"


def doubled(history: History) -> Iterator[str]:
    """Nothing is in the table twice, acknowledged or not."""
    for (author, nonce), count in Counter((row.author, row.nonce) for row in history.table).items():
        if count > 1:
            yield f"{nonce} of {author} is {count} times in the table"


def numbering(history: History) -> Iterator[str]:
    """The table counts 1, 2, 3 ... up to the room's head, and its posts likewise."""
    seqs = sorted(row.seq for row in history.table)
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"the table's {len(seqs)} entries are not numbered from 1 on: {_first_break(seqs)}"
    if history.head != len(seqs):
        yield f"the room's head is {history.head} with {len(seqs)} entries"
    posts = 0
    for row in sorted(history.table, key=lambda row: row.seq):
        posts += row.kind == "post"
        if row.posts != posts:
            yield f"{row.seq} counts {row.posts} posts up to it, there are {posts}"
            return


def _first_break(seqs: list[int]) -> str:
    return next((f"{one} is followed by {two}" for one, two in pairwise([0, *seqs]) if two != one + 1), "")


def unknown(history: History) -> Iterator[str]:
    """Everything in the table was sent, as it is there; everything that was heard is in the table."""
    sent: dict[tuple[str, str], set[tuple[str, str, int | None]]] = defaultdict(set)
    for one in history.sent:
        for kind in TOGGLED if one.kind == "toggle" else (one.kind,):
            sent[one.writer, one.nonce].add((kind, one.body, one.target))
    deleted = {course.row.seq for course in fold(history.table).values() if course.deleted}
    for row in history.table:
        bodies = {
            body for kind, body, target in sent[row.author, row.nonce] if (kind, target) == (row.kind, row.target)
        }
        is_erased = row.body == "" and (row.seq in deleted or row.target in deleted)
        is_checked = row.kind != "note" and not row.kind.startswith("task_")
        if is_checked and (not bodies or (row.body not in bodies and not is_erased)):
            yield f"{row.seq} is in the table as {row.author} never sent it: {row.kind} {row.nonce} {row.body[:60]}"
    rows = {row.seq: row for row in history.table}
    for heard in _entries(history):
        if heard.seq not in rows:
            yield f"{_who(history, heard)} heard {heard.seq}, which is not in the table"
            continue
        row = rows[heard.seq]
        if (heard.nonce, heard.kind, heard.target) != (row.nonce, row.kind, row.target):
            is_known = f"it is {row.kind} {row.nonce}"
            yield f"{_who(history, heard)} heard {heard.seq} as {heard.kind} {heard.nonce}; {is_known}"


def rules(history: History) -> Iterator[str]:
    """Each change is of a post before it; only the author edits and deletes, and nothing that was deleted."""
    rows = {row.seq: row for row in history.table}
    courses = fold(history.table)
    answered = {(ack.writer, ack.nonce) for ack in history.acked}
    for row in history.table:
        if row.target is None or row.kind.startswith("task_"):
            continue
        target = rows.get(row.target)
        if target is None or target.kind != "post" or target.seq >= row.seq:
            yield f"{row.seq} ({row.kind}) has the target {row.target}, which is no post before it"
        elif row.kind in ("edit", "delete"):
            deleted = courses[row.target].deleted
            if target.author != row.author:
                yield f"{row.seq} is a {row.kind} by {row.author} of {row.target}, which is by {target.author}"
            elif deleted and deleted < row.seq and (row.author, row.nonce) in answered:
                yield f"{row.seq} is a {row.kind} of {row.target} that was acknowledged after {deleted} deleted that"


def refused(history: History) -> Iterator[str]:
    """What was refused is not in the log, and the log says why."""
    rows, by_seq = _rows_by_nonce(history), {row.seq: row for row in history.table}
    courses = fold(history.table)
    sent = {(one.writer, one.nonce): one for one in history.sent}
    for refusal in history.refused:
        key = refusal.writer, refusal.nonce
        row, target = rows.get(key), sent[key].target
        if sent[key].kind.startswith("task_"):
            continue
        deleted = courses[target].deleted if target in courses else 0
        what = f"the {sent[key].kind} {refusal.nonce} of {refusal.writer}, target {target}"
        is_gone = refusal.transport == "form"  # which asks for a message that may be gone since it was changed
        if row is not None and not (deleted and (is_gone or deleted < row.seq)):
            yield f"{what} was refused ({refusal.code}) and is {row.seq} in the table"
        if refusal.code == "not_yours":
            is_justified = target in by_seq and by_seq[target].author != refusal.writer
        else:
            is_justified = refusal.code == "unknown_target" and bool(deleted)
        if not is_justified:
            yield f"{what} was refused ({refusal.code}) without a reason in the log"


def too_late(history: History) -> Iterator[str]:
    """What is first sent after the deletion of its target was acknowledged is refused."""
    rows = _rows_by_nonce(history)
    gone: dict[int, float] = {}
    for ack in history.acked:
        row = rows.get((ack.writer, ack.nonce))
        if row and row.kind == "delete" and row.target is not None:
            gone[row.target] = min(ack.at, gone.get(row.target, math.inf))
    first: dict[tuple[str, str], float] = {}
    for sent in history.sent:
        key = sent.writer, sent.nonce
        if first.setdefault(key, sent.at) == sent.at and key in rows and sent.at > gone.get(sent.target or 0, math.inf):
            yield f"{rows[key].seq} ({sent.kind}) was taken although {sent.target} was deleted before it was sent"


def reading(history: History) -> Iterator[str]:
    """What a reader shows goes up by one, from the first entry on; pages bring all messages up to their head."""
    courses = fold(history.table)
    cursors: dict[str, int] = {}
    for heard in history.heard:
        if isinstance(heard, Heard) and heard.accepted:
            reader = history.joined[heard.join].reader
            if heard.seq != cursors.get(reader, heard.seq - 1) + 1:
                yield f"{_who(history, heard)} showed {heard.seq} after {cursors[reader]}"
            cursors[reader] = heard.seq
        elif isinstance(heard, Page):
            left_out = looks.missing(courses, cursors.get(heard.reader, heard.reach), heard.reach)
            if left_out:
                yield f"{heard.reader} had {cursors[heard.reader]}, and the pages begin at {heard.reach}: {left_out}"
            cursors[heard.reader] = max(cursors.get(heard.reader, 0), heard.head)


def sending(history: History) -> Iterator[str]:
    """What the server sends after one join goes up by one, from the cursor that was asked for on."""
    expected = {joined.id: joined.after + 1 for joined in history.joined if joined.after is not None}
    for heard in history.heard:
        if isinstance(heard, Gap):
            expected[heard.join] = heard.to + 1
        elif isinstance(heard, Heard):
            wanted = expected.get(heard.join, heard.seq)
            if heard.seq != wanted:
                what = "a hole" if heard.seq > wanted else "a double"
                yield f"the server sent {_who(history, heard)} {heard.seq} instead of {wanted}: {what}"
            expected[heard.join] = heard.seq + 1


def real_time(history: History) -> Iterator[str]:
    """What was acknowledged or heard before another message was sent has a smaller seq."""
    rows = _rows_by_nonce(history)
    known = [*looks.proofs(history), *((heard.at, heard.seq) for heard in _entries(history))]
    known.sort(reverse=True)
    seen: set[tuple[str, str]] = set()
    newest = 0
    for sent in sorted(history.sent, key=lambda sent: sent.at):
        key = (sent.writer, sent.nonce)
        if key in seen or key not in rows:
            continue
        seen.add(key)
        while known and known[-1][0] < sent.at:
            newest = max(newest, known.pop()[1])
        if rows[key].seq <= newest:
            yield f"{sent.nonce} became {rows[key].seq}, although {newest} was known before it was first sent"


def late_readers(history: History) -> Iterator[str]:
    """Every reader is at the head soon after the faults have stopped."""
    last_ack = max((ack.at for ack in history.acked), default=0.0)
    last_let_in = max((door.at for door in history.doors if door.what == "in"), default=0.0)
    deadline = max(history.healthy_at, last_ack, last_let_in) + SETTLING_SECONDS
    newest: dict[str, int] = defaultdict(int)
    for heard in history.heard:
        if isinstance(heard, Heard) and heard.accepted and heard.at <= deadline:
            reader = history.joined[heard.join].reader
            newest[reader] = max(newest[reader], heard.seq)
        elif isinstance(heard, Page) and heard.at <= deadline:
            newest[heard.reader] = max(newest[heard.reader], heard.head)
    for reader in history.readers:
        if newest[reader] < history.head:
            yield f"{reader} was at {newest[reader]} of {history.head}, {SETTLING_SECONDS:.0f} s after all was well"


def unanswered(history: History) -> Iterator[str]:
    """Everything is acknowledged or refused soon after the faults have stopped, or after it was sent."""
    answered: dict[tuple[str, str], float] = {}
    for ack in history.acked:
        answered.setdefault((ack.writer, ack.nonce), ack.at)
    for refusal in history.refused:
        key = refusal.writer, refusal.nonce
        answered[key] = min(refusal.at, answered.get(key, math.inf))
    for sent in history.sent:
        at = answered.setdefault((sent.writer, sent.nonce), math.inf)
        if at > max(history.healthy_at, sent.at) + SETTLING_SECONDS:
            late = f"within {SETTLING_SECONDS:.0f} s after all was well"
            yield f"{sent.nonce} of {sent.writer} was not acknowledged {late}"


def nothing(history: History) -> Iterator[str]:
    """Something happened at all: an empty history proves nothing."""
    if not history.acked:
        yield "nothing was acknowledged"
    if not any(heard.accepted for heard in _entries(history)):
        yield "nothing was heard"


def integrity(history: History) -> Iterator[str]:
    """The database is whole."""
    if history.integrity != ["ok"]:
        yield "; ".join(history.integrity[:5])


def processes(history: History) -> Iterator[str]:
    """No process printed a traceback, ended by itself, or answered what it must never answer."""
    yield from history.complaints


def _entries(history: History) -> Iterator[Heard]:
    return (heard for heard in history.heard if isinstance(heard, Heard))


def _who(history: History, heard: Heard) -> str:
    joined = history.joined[heard.join]
    return f"{joined.reader} ({joined.transport}, join {joined.id})"


CHECKS: dict[str, Callable[[History], Iterator[str]]] = {
    "lost": lost,
    "wrong seq": wrong_seq,
    "doubled": doubled,
    "numbering": numbering,
    "unknown": unknown,
    "rules": rules,
    "refused": refused,
    "too late": too_late,
    "reading": reading,
    "sending": sending,
    "real time": real_time,
    "late readers": late_readers,
    "unanswered": unanswered,
    **looks.CHECKS,
    **task_looks.CHECKS,
    **places.CHECKS,
    "nothing": nothing,
    "integrity": integrity,
    "processes": processes,
}
