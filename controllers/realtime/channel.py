"""The tail of a room's log as one process keeps it, and what the Hub knows of those who read it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import takewhile

from controllers.realtime.frame import Frame
from controllers.realtime.recent import Recent
from models.accounts import SignIn
from models.logs.base import Entry

RING = 500  # entries of each room that a process keeps at hand
NEWEST = 100  # entries of each room that a process keeps for its newest page
MAX_HELD_BYTES = 16 * 1024 * 1024  # of text in the tails of all rooms; 500 usual entries have half a megabyte


class Reader(ABC):
    """A connection, as the Hub sees it."""

    sign_in: SignIn
    tails: set[Tail]  # of the rooms that it has joined
    polls: bool  # whether it hears one frame with each request

    # Sends a frame now and returns True, or returns False and calls Hub.drained later. An attribute, not a
    # method: whoever makes the connection binds what is quickest for its transport.
    offer: Callable[[Frame], bool]

    @abstractmethod
    def say(self, text: str) -> None:
        """Send one message that answers this reader alone."""

    @abstractmethod
    def end(self, code: int, reason: str) -> None:
        """Close the connection with a SockJS close code."""


class Tail:
    """The newest entries of one room, and its readers: at the head, or behind with a cursor."""

    def __init__(self, room: str, head: int) -> None:
        self.room = room
        self.head = head
        self.delivered = head
        self.version: object = None  # the log's, when this tail was last up to date
        self.ring: Recent[tuple[int, str]] = Recent(RING)  # seq and message of the entries up to the head
        self.newest: Recent[Entry] = Recent(NEWEST)  # the entries up to the head
        self.at_head: set[Reader] = set()
        self.due: set[Reader] = set()  # whom the frame that is being delivered has not reached yet
        self.authors: set[int] = set()  # of the entries that are not delivered yet
        self.is_cut = False  # whether that frame had no room for all that there is
        self.rests = False  # after a delivery, until what is just being written is there too, or for REST
        self.moved = asyncio.Event()  # a pulse, whenever a delivery begins
        self.behind: dict[Reader, int] = {}
        self.serving: set[Reader] = set()

    @property
    def bytes(self) -> int:
        """Return the size of the texts that it holds."""
        return self.ring.bytes + self.newest.bytes

    def shorten(self) -> None:
        """Let go of the oldest text; who needs it gets it from the log."""
        (self.ring or self.newest).drop_oldest()

    def after(self, seq: int) -> list[tuple[int, str]] | None:
        """Return seq and message of what was delivered after `seq`; None if the ring does not reach that far back."""
        first = self.ring[0][0] if self.ring else self.head + 1
        if seq < first - 1:
            return None
        newest_first = takewhile(lambda item: item[0] > seq, reversed(self.ring))
        return [item for item in newest_first if item[0] <= self.delivered][::-1]

    def readers(self) -> list[Reader]:
        """Return everybody who has joined."""
        return [*self.at_head, *self.due, *self.behind]

    def remove(self, reader: Reader) -> None:
        """Forget a reader."""
        self.at_head.discard(reader)
        self.due.discard(reader)
        self.behind.pop(reader, None)
