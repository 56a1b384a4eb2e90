"""One room in this process, and its subscribers as the Hub sees them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import takewhile

from controllers.realtime.frame import Frame
from controllers.realtime.ring_buffer import RingBuffer
from models.accounts import SignIn
from models.logs.base import Entry

MAX_RECENT_MESSAGES = 500  # entries of each room that a process keeps at hand
MAX_NEWEST_ENTRIES = 100  # entries of each room that a process keeps for its newest page
MAX_HELD_BYTES = 16 * 1024 * 1024  # of text in the channels of all rooms; 500 usual entries have half a megabyte


class Subscriber(ABC):
    """A connection, as the Hub sees it."""

    sign_in: SignIn
    channels: set[Channel]  # of the rooms that it has joined
    polls: bool  # whether it hears one frame with each request

    # Sends a frame now and returns True, or returns False and calls Hub.drained later. An attribute, not a
    # method: whoever makes the connection binds what is quickest for its transport.
    offer: Callable[[Frame], bool]

    @abstractmethod
    def say(self, text: str) -> None:
        """Send one message that answers this subscriber alone."""

    @abstractmethod
    def end(self, code: int, reason: str) -> None:
        """Close the connection with a SockJS close code."""


class Channel:
    """The newest entries of one room, and its subscribers: at the head, or lagging with a cursor."""

    def __init__(self, room: str, head: int) -> None:
        self.room = room
        self.head = head
        self.delivered = head
        self.version: object = None  # the log's, when this channel was last up to date
        self.ring: RingBuffer[tuple[int, str]] = RingBuffer(
            MAX_RECENT_MESSAGES
        )  # seq and message of the entries up to the head
        self.newest: RingBuffer[Entry] = RingBuffer(MAX_NEWEST_ENTRIES)  # the entries up to the head
        self.at_head: set[Subscriber] = set()
        self.pending: set[Subscriber] = set()  # whom the frame that is being delivered has not reached yet
        self.authors: set[int] = set()  # of the entries that are not delivered yet
        self.truncated = False  # whether that frame had no room for all that there is
        self.coalescing = (
            False  # after a delivery, until what is just being written is there too, or for COALESCE_SECONDS
        )
        self.moved = asyncio.Event()  # a pulse, whenever a delivery begins
        self.lagging: dict[Subscriber, int] = {}
        self.reading_log: set[Subscriber] = set()

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

    def subscribers(self) -> list[Subscriber]:
        """Return everybody who has joined."""
        return [*self.at_head, *self.pending, *self.lagging]

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a subscriber."""
        self.at_head.discard(subscriber)
        self.pending.discard(subscriber)
        self.lagging.pop(subscriber, None)
