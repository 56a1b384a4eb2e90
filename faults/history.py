"""What happened in one room in one run: everything that was sent, answered and heard, and what the store holds.

Times are seconds of one monotonic clock, since all clients live in one process. How a message looked is a string that
`faults/seen.py` makes, empty where it has no place.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

SETTLING_SECONDS = 10.0  # after the faults within which everything has settled
PERHAPS_NOTHING = ("task_moved", "tasks")  # the forms that have nothing to do where all is done already


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry is about to leave, for the first time or again.

    `kind` is "toggle" for the form that reacts, or takes the reaction back, and "tasks" for that which changes many.
    `body` has all fields of a form about tasks, as JSON.
    """

    at: float
    writer: str
    nonce: str
    body: str
    transport: str
    kind: str = "post"
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Acked:
    """The site said that an entry is on disk; `seq` is None where it does not say which (the form)."""

    at: float
    writer: str
    nonce: str
    seq: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The site said that an entry is not stored, and never will be."""

    at: float
    writer: str
    nonce: str
    code: str
    transport: str


@dataclass(frozen=True, slots=True)
class Joined:
    """A stretch of entries begins that the server sends without a hole.

    `after` is the cursor that was asked for at `asked`; None: whatever comes first. `id` is its place in the list.
    `head` is what the server knew then.
    """

    at: float
    id: int
    reader: str
    transport: str
    after: int | None
    head: int = 0
    asked: float = 0.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Within a stretch, the server said that it leaves entries out, up to `to`."""

    at: float
    join: int
    to: int


@dataclass(frozen=True, slots=True)
class Heard:
    """An entry arrived. `accepted`: the reader had not had it, and showed it.

    `shows` is how messages look now, by their numbers; `texts` are the nonces of all texts in it; `quote` is that of
    the words which answers of the target show now, None if nothing is said of them; `task` is how a task looks now.
    """

    at: float
    join: int
    seq: int
    nonce: str | None
    accepted: bool
    kind: str = "post"
    target: int | None = None
    shows: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    quote: str | None = None
    task: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The newest page of the room and those before it, asked for from `asked` on, down to what a reader had.

    `head` is up to where all is in it, and `reach` from where; `rows` are the numbers of the messages, in their order.
    """

    at: float
    asked: float
    reader: str
    head: int
    reach: int
    rows: list[int]
    shows: dict[str, str]
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the room's tasks, asked for at `asked`, in their order; `is_last`: when all was quiet."""

    at: float
    asked: float
    reader: str
    tasks: list[str]
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in the store, read when everything was over."""

    seq: int
    author: str
    nonce: str
    body: str
    kind: str = "post"
    target: int | None = None
    posts: int = 0


@dataclass(frozen=True, slots=True)
class Marked:
    """The last that a member said of where they have read to, when all was quiet; all their devices are told."""

    at: float
    reader: str
    seq: int


@dataclass(frozen=True, slots=True)
class Said:
    """A connection is about to say up to where its member has read ("read"), or what is to be new again ("unread")."""

    at: float
    member: str
    what: str
    seq: int


@dataclass(frozen=True, slots=True)
class Told:
    """A connection was told where its member has read to; `is_first`: it had not been told before."""

    at: float
    reader: str
    member: str
    read: int
    is_first: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """What a connection of a member had been told of what is new, when all was quiet."""

    at: float
    reader: str
    member: str
    head: int
    read: int | None
    unread: int
    mentions: list[int]


@dataclass(frozen=True, slots=True)
class Shown:
    """How much is new by a page without a script, when all was quiet.

    `total` is of all rooms, of those beside the lobby as well; `count` is beside the room: mentions, or else posts.
    """

    at: float
    member: str
    total: int
    count: int


@dataclass(frozen=True, slots=True)
class Opened:
    """The site led a member to the room of certain people; `people` are their names, with commas between."""

    at: float
    member: str
    people: str
    room: str


@dataclass(frozen=True, slots=True)
class Cried:
    """The site said that a message is stored in a room beside the lobby, in which one member alone writes."""

    room: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Beside:
    """The nonces that such a room has in the end, in the order of its log, and their numbers."""

    room: str
    nonces: list[str]
    seqs: list[int]


@dataclass(frozen=True, slots=True)
class Door:
    """A member was put out ("out"), let in ("in"), or told that they are out ("told").

    `asked` is when the first try began, `at` when it was done; `join` is the stretch that ended, of those told. It is
    not certain while an earlier request that was not answered may still be carried out.
    """

    at: float
    asked: float
    member: str
    what: str
    join: int | None = None
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Fault:
    """Something was broken, or mended."""

    at: float
    kind: str
    note: str


@dataclass(slots=True)
class History:
    """One room in one run. `readers` are the names of those who must have heard every entry."""

    seed: int = 0
    room: str = "lobby"
    readers: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    acked: list[Acked] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    joined: list[Joined] = field(default_factory=list)
    heard: list[Heard | Gap | Page] = field(default_factory=list)
    table: list[Row] = field(default_factory=list)
    marked: list[Marked] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    counted: list[Counted] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    cried: list[Cried] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    doors: list[Door] = field(default_factory=list)
    listed: list[Listed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    head: int = 0  # as the room's row has it
    positions: dict[str, list[int]] = field(default_factory=dict)  # where members have read to: seq and posts
    left_texts: list[str] = field(default_factory=list)  # nonces of texts that are somewhere in the store's files
    healthy_at: float = 0.0  # when the faults had stopped and every process was well
    integrity: list[str] = field(default_factory=lambda: ["ok"])  # what PRAGMA integrity_check answered
    complaints: list[str] = field(default_factory=list)  # what processes did that none may ever do
    output: list[str] = field(default_factory=list)  # what they printed, to explain it

    def lines(self) -> Iterator[str]:
        """Return everything as lines of JSON, the single values first."""
        single = {name: getattr(self, name) for name in _SINGLE_FIELDS}
        yield json.dumps({"record": "History", **single})
        for name in _LISTS:
            for record in getattr(self, name):
                yield json.dumps({"record": type(record).__name__, **dataclasses.asdict(record)})


_RECORD_TYPES = (
    *(Sent, Acked, Refused, Joined, Gap, Heard, Page, Row),
    *(Listed, Marked, Said, Told, Counted, Shown, Opened, Cried, Beside, Door, Fault),
)
_LISTS = (
    *("sent", "acked", "refused", "joined", "heard", "table"),
    *("marked", "said", "told", "counted", "shown", "opened", "cried", "beside", "doors", "listed", "faults"),
)
_SINGLE_FIELDS = tuple(one.name for one in dataclasses.fields(History) if one.name not in _LISTS)
_TYPES_BY_RECORD: dict[str, type[Any]] = {kind.__name__: kind for kind in _RECORD_TYPES}
_LIST_BY_RECORD = {"Gap": "heard", "Page": "heard", "Row": "table", "Door": "doors", "Fault": "faults"}


def load(lines: Iterable[str]) -> list[History]:
    """Return the histories that `History.lines` wrote, one after the other."""
    histories: list[History] = []
    for line in lines:
        fields = json.loads(line)
        kind = fields.pop("record")
        if kind == "History":
            histories.append(History(**fields))
        else:
            name = _LIST_BY_RECORD.get(kind, kind.lower())
            getattr(histories[-1], name).append(_TYPES_BY_RECORD[kind](**fields))
    return histories
