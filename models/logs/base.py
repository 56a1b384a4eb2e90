"""The log of a room: what an entry is, and what a log promises on every engine."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from models.errors import Empty, TooLong
from models.visible import is_visible

MAX_NONCE_CHARS = 64


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be appended. Two drafts with the same author and nonce are one entry."""

    room: str
    author_id: int
    body: str
    nonce: str
    kind: str = "post"
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored. `seq` counts 1, 2, 3 ... in its room, without gaps; `at` is in seconds since 1970."""

    room: str
    seq: int
    kind: str
    target: int | None
    author_id: int
    author: str
    body: str
    at: float
    nonce: str


class RoomLog(ABC):
    """The logs of all rooms."""

    async def open(self) -> None:  # noqa: B027 - not every engine has something to do
        """Connect to the store. Raise CannotOpen."""

    async def check(self) -> None:  # noqa: B027
        """Return if entries can be read and written now. Raise Unavailable."""

    async def close(self) -> None:  # noqa: B027
        """Close the connections."""

    @abstractmethod
    async def append(self, draft: Draft) -> Entry:
        """Return the entry once it is on disk, under the next number of its room.

        If the author has used the nonce before, return the entry of that time and store nothing.
        Raise NotMember, Unstorable, Unavailable.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Return when each draft that is being appended is on disk or refused."""

    @abstractmethod
    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries after `seq`, oldest first. Raise Unavailable."""

    @abstractmethod
    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        """Return at most `limit` entries before `seq` (None: the newest ones), newest first. Raise Unavailable."""

    @abstractmethod
    async def head(self, room: str) -> int:
        """Return the seq of the newest entry that the room ever had, 0 if none. Raise Unavailable."""

    def version(self, room: str) -> object:
        """Return a value that changes when any process may have appended to `room`; asked without waiting.

        It is as of the last query of the people's version, with which each request begins
        (controllers/web/query_cache.py). An engine that cannot tell returns a value that equals no other.
        """
        return object()

    @abstractmethod
    def changes(self) -> AsyncIterator[tuple[str, int]]:
        """Yield the rooms to which a process may have appended, with their heads: first all rooms.

        A room may be yielded without need; none that has grown is left out.
        """


def clean_body(body: str, max_chars: int) -> str:
    """Return `body` as it is stored: LF line ends, no blanks at the end. Raise TooLong, Empty if nothing is visible."""
    body = body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n").rstrip()
    if not is_visible(body):
        raise Empty()
    if len(body) > max_chars:
        raise TooLong()
    return body
