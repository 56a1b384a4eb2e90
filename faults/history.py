"""What happened in one run: everything that was sent, acknowledged and heard, and what the table holds.

Times are seconds of one monotonic clock, since all clients live in one process.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Sent:
    """A message is about to leave, for the first time or again."""

    at: float
    writer: str
    nonce: str
    body: str
    transport: str


@dataclass(frozen=True, slots=True)
class Acked:
    """The site said that a message is on disk; `seq` is None where it does not say which (the form)."""

    at: float
    writer: str
    nonce: str
    seq: int | None


@dataclass(frozen=True, slots=True)
class Joined:
    """A stretch of entries begins that the server sends without a hole: a join, or one page.

    `after` is the cursor that was asked for; None: whatever comes first. `id` is its place in the list.
    """

    at: float
    id: int
    reader: str
    transport: str
    after: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Within a stretch, the server said that it leaves entries out, up to `to`."""

    at: float
    join: int
    to: int


@dataclass(frozen=True, slots=True)
class Heard:
    """An entry arrived. `accepted`: the reader had not had it, and showed it.

    `digest` stands for what is seen of it. `nonce` is None where it is not told (on a page).
    """

    at: float
    join: int
    seq: int
    digest: str
    nonce: str | None
    accepted: bool


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in the table, read when everything was over."""

    seq: int
    author: str
    nonce: str
    body: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something was broken, or mended."""

    at: float
    kind: str
    note: str


Record = Sent | Acked | Joined | Gap | Heard | Row | Fault


@dataclass(slots=True)
class History:
    """One run. `readers` are the names of those who must have heard every entry."""

    seed: int = 0
    readers: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    acked: list[Acked] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    heard: list[Heard | Gap] = field(default_factory=list)
    table: list[Row] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    head: int = 0  # as the room's row has it
    healthy_at: float = 0.0  # when the faults had stopped and every process was well
    integrity: list[str] = field(default_factory=lambda: ["ok"])  # what PRAGMA integrity_check answered
    complaints: list[str] = field(default_factory=list)  # what processes did that none may ever do
    output: list[str] = field(default_factory=list)  # what they printed, to explain it

    def lines(self) -> Iterator[str]:
        """Return everything as lines of JSON, the single values first."""
        single = {name: getattr(self, name) for name in _SINGLE_FIELDS}
        yield json.dumps({"record": "History", **single})
        for name in _RECORD_TYPES:
            for record in getattr(self, name):
                yield json.dumps({"record": type(record).__name__, **dataclasses.asdict(record)})


_RECORD_TYPES = {"sent": Sent, "acked": Acked, "joined": Joined, "heard": Heard, "table": Row, "faults": Fault}
_SINGLE_FIELDS = ("seed", "readers", "head", "healthy_at", "integrity", "complaints", "output")
_FIELDS_BY_RECORD: dict[str, tuple[str, type[Any]]] = {
    kind.__name__: (name, kind) for name, kind in _RECORD_TYPES.items()
}
_FIELDS_BY_RECORD["Gap"] = ("heard", Gap)


def load(lines: Iterable[str]) -> History:
    """Return the history that `History.lines` wrote."""
    history = History()
    for line in lines:
        fields = json.loads(line)
        kind = fields.pop("record")
        if kind == "History":
            for name, value in fields.items():
                setattr(history, name, value)
        else:
            name, record = _FIELDS_BY_RECORD[kind]
            getattr(history, name).append(record(**fields))
    return history
