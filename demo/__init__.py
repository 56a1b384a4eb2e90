"""A site to look at: seven people and what they wrote in ten days, in English and Portuguese (conversation.txt)."""

from __future__ import annotations

import contextlib
import datetime
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from models import accounts
from models.database import with_retries, writing
from models.logs.base import POST, Head
from models.models import LOBBY, EntryRow, Room
from models.moving.move import Place, Store
from models.passwords import PasswordHash

CONVERSATION = Path(__file__).with_name("conversation.txt")
DAY = re.compile(r"=== .+")
FIRST_LINE = re.compile(r"(\d\d):(\d\d) (\w+):(?: (.*))?")

Row = tuple[object, ...]


class Occupied(Exception):
    """There are people or messages already."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the conversation; `day` counts from 1."""

    day: int
    time: datetime.time
    author: str
    body: str


def read_conversation() -> list[Message]:
    """Return the messages in their order.

    A line "=== ..." begins a day, a line "hh:mm Name: ..." a message, and all others go on with theirs.
    """
    messages: list[Message] = []
    day = 0
    for line in CONVERSATION.read_text(encoding="utf-8").splitlines():
        if DAY.fullmatch(line):
            day += 1
        elif begins := FIRST_LINE.fullmatch(line):
            hour, minute, author, text = begins.groups()
            messages.append(Message(day, datetime.time(int(hour), int(minute)), author, text or ""))
        else:
            messages[-1] = replace(messages[-1], body=f"{messages[-1].body}\n{line}")
    return [replace(message, body=message.body.strip("\n")) for message in messages]


def fill(place: Place, messages: list[Message], password: PasswordHash) -> list[str]:
    """Store the authors, who all have this password, and their messages; return their names, the administrator first.

    The last day is yesterday. Raise Occupied unless the site is empty.
    """
    names = sorted({message.author for message in messages})
    with contextlib.closing(Store(place)) as store:
        if store.log and store.log.count():
            raise Occupied()
        ids = with_retries(_add_people, store, names, password)
        store.table(EntryRow).add(_rows(messages, ids))
        head = Head(len(messages), len(messages), len(messages))
        if store.log:
            store.log.save_heads({LOBBY: head})
        else:
            with_retries(_set_head, head)
    return names


def _add_people(store: Store, names: list[str], password: PasswordHash) -> dict[str, int]:
    """Return the new members' ids by their names."""
    with writing():
        if store.has_people():
            raise Occupied()
        return {
            name: accounts.add_member(name, password, f"{name.lower()}@example.org", is_admin=name == names[0]).id
            for name in names
        }


def _rows(messages: list[Message], ids: dict[str, int]) -> list[Row]:
    """Return the messages as rows of the table of entries, in the order of its columns."""
    last = messages[-1].day
    yesterday = datetime.date.today() - datetime.timedelta(days=1)
    rows: list[Row] = []
    for seq, message in enumerate(messages, 1):
        date = yesterday - datetime.timedelta(days=last - message.day)
        at = datetime.datetime.combine(date, message.time).timestamp()
        written = ids[message.author], message.body, at, secrets.token_hex(8)
        rows.append((LOBBY, seq, POST, None, *written, seq, seq, True, ""))
    return rows


def _set_head(head: Head) -> None:
    with writing():
        Room.update(head=head.seq, posts=head.posts, lines=head.lines).where(Room.slug == LOBBY).execute()
