"""Whether a history keeps the promise: a pure function, so that hand-made histories can prove it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from faults.history import Gap, Heard, History, Row

SETTLING_SECONDS = 10.0  # after the faults within which everything has settled


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
    rows = _rows_by_nonce(history)
    for ack in history.acked:
        if (ack.writer, ack.nonce) not in rows:
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
    """The table counts 1, 2, 3 ... up to the room's head."""
    seqs = sorted(row.seq for row in history.table)
    if seqs != list(range(1, len(seqs) + 1)):
        yield f"the table's {len(seqs)} entries are not numbered from 1 on: {_first_break(seqs)}"
    if history.head != len(seqs):
        yield f"the room's head is {history.head} with {len(seqs)} entries"


def _first_break(seqs: list[int]) -> str:
    return next((f"{one} is followed by {two}" for one, two in pairwise([0, *seqs]) if two != one + 1), "")


def unknown(history: History) -> Iterator[str]:
    """Everything in the table was sent, as it is there; everything that was heard is in the table."""
    bodies = {(sent.writer, sent.nonce): sent.body for sent in history.sent}
    for row in history.table:
        if bodies.get((row.author, row.nonce)) != row.body:
            yield f"{row.seq} is in the table as {row.author} never sent it"
    nonces = {row.seq: row.nonce for row in history.table}
    for heard in _entries(history):
        if heard.seq not in nonces:
            yield f"{_who(history, heard)} heard {heard.seq}, which is not in the table"
        elif heard.nonce not in (None, nonces[heard.seq]):
            yield f"{_who(history, heard)} heard {heard.seq} as {heard.nonce}; it is {nonces[heard.seq]}"


def content(history: History) -> Iterator[str]:
    """Every reader hears the same content under one seq."""
    first: dict[int, Heard] = {}
    for heard in _entries(history):
        known = first.setdefault(heard.seq, heard)
        if known.digest != heard.digest:
            yield f"{_who(history, heard)} and {_who(history, known)} heard {heard.seq} differently"


def reading(history: History) -> Iterator[str]:
    """What a reader shows goes up by one, from the first entry on."""
    cursors: dict[str, int] = {}
    for heard in _entries(history):
        if heard.accepted:
            reader = history.joined[heard.join].reader
            if heard.seq != cursors.get(reader, heard.seq - 1) + 1:
                yield f"{_who(history, heard)} showed {heard.seq} after {cursors[reader]}"
            cursors[reader] = heard.seq


def sending(history: History) -> Iterator[str]:
    """What the server sends after one join goes up by one, from the cursor that was asked for on."""
    expected = {joined.id: joined.after + 1 for joined in history.joined if joined.after is not None}
    for heard in history.heard:
        if isinstance(heard, Gap):
            expected[heard.join] = heard.to + 1
            continue
        wanted = expected.get(heard.join, heard.seq)
        if heard.seq != wanted:
            what = "a hole" if heard.seq > wanted else "a double"
            yield f"the server sent {_who(history, heard)} {heard.seq} instead of {wanted}: {what}"
        expected[heard.join] = heard.seq + 1


def real_time(history: History) -> Iterator[str]:
    """What was acknowledged or heard before another message was sent has a smaller seq."""
    rows = _rows_by_nonce(history)
    known = [(ack.at, rows[ack.writer, ack.nonce].seq) for ack in history.acked if (ack.writer, ack.nonce) in rows]
    known += [(heard.at, heard.seq) for heard in _entries(history)]
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
    deadline = max(history.healthy_at, last_ack) + SETTLING_SECONDS
    newest: dict[str, int] = defaultdict(int)
    for heard in _entries(history):
        if heard.accepted and heard.at <= deadline:
            reader = history.joined[heard.join].reader
            newest[reader] = max(newest[reader], heard.seq)
    for reader in history.readers:
        if newest[reader] < history.head:
            yield f"{reader} was at {newest[reader]} of {history.head}, {SETTLING_SECONDS:.0f} s after all was well"


def unanswered(history: History) -> Iterator[str]:
    """Every message is acknowledged soon after the faults have stopped, or after it was sent."""
    answered: dict[tuple[str, str], float] = {}
    for ack in history.acked:
        answered.setdefault((ack.writer, ack.nonce), ack.at)
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
    "content": content,
    "reading": reading,
    "sending": sending,
    "real time": real_time,
    "late readers": late_readers,
    "unanswered": unanswered,
    "nothing": nothing,
    "integrity": integrity,
    "processes": processes,
}
