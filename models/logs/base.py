"""The log of a room: what an entry is, and what every engine that keeps entries promises."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass

from models.errors import Empty, TooLong
from models.visible import is_visible

MAX_NONCE_CHARS = 64


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wants to append. `nonce` is the author's: the same one twice is one entry."""

    room: str
    author_id: int
    body: str
    nonce: str
    kind: str = "post"
    target: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is on disk. `seq` counts 1, 2, 3 ... in its room, without gaps; `at` in seconds since 1970."""

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
        """Make ready to read and write. Raise CannotOpen."""

    async def check(self) -> None:  # noqa: B027
        """Raise Unavailable unless it can be read and written now."""

    async def close(self) -> None:  # noqa: B027
        """Let go of what `open` took."""

    @abstractmethod
    async def append(self, draft: Draft) -> Entry:
        """Return the entry once it is on disk, numbered without gaps.

        A nonce that its author used before gives the first one's entry and stores nothing.
        Raise NotMember, Unavailable.
        """

    @abstractmethod
    async def flush(self) -> None:
        """Return when everything that was appended is on disk."""

    @abstractmethod
    async def after(self, room: str, seq: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries that follow `seq`, oldest first."""

    @abstractmethod
    async def before(self, room: str, seq: int | None, limit: int) -> list[Entry]:
        """Return at most `limit` entries that precede `seq` (None: the newest), newest first."""

    @abstractmethod
    async def head(self, room: str) -> int:
        """Return the seq of the newest entry that the room ever had, 0 if none."""

    def version(self, room: str) -> object:
        """Return what differs once anything may have been appended to `room`, wherever; asked without waiting.

        It may be as old as the last look at the people's version: each request begins with one
        (controllers/web/query_cache.py).
        An engine that cannot tell says so by an answer that equals no other.
        """
        return object()

    @abstractmethod
    def changes(self) -> AsyncIterator[tuple[str, int]]:
        """Yield rooms that may have grown, whichever process appended, with their heads.

        The first are all the rooms. It may yield too often, never too seldom.
        """


def clean_body(body: str, longest: int) -> str:
    """Return `body` as it is stored: LF line ends, no blank end. Raise Empty if nothing can be seen, TooLong."""
    body = body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip("\n").rstrip()
    if not is_visible(body):
        raise Empty()
    if len(body) > longest:
        raise TooLong()
    return body
