"""A connection as the rooms see it, and all connections of this process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING

from controllers.realtime.frame import Frame
from models.sessions import SignIn

if TYPE_CHECKING:
    from controllers.realtime.channel import Channel


class Cursor(ABC):
    """Who is sent what lies after a seq of a room: a connection, or a request that waits."""

    channels: set[Channel]  # of the rooms that it has joined

    # Sends a frame now and returns True, or returns False and calls Hub.drained later. An attribute, not a
    # method: each connection binds the function that is fastest for its transport.
    try_send: Callable[[Frame], bool]

    @abstractmethod
    def send_text(self, text: str) -> None:
        """Send one message to this one alone."""


class Subscriber(Cursor):
    """A connection that joins rooms."""

    sign_in: SignIn
    is_polling: bool  # whether each request of its client takes one frame and ends

    @abstractmethod
    def close(self, code: int, reason: str) -> None:
        """Close the connection with a SockJS close code."""


class Subscribers(Collection[Subscriber]):
    """All connections of this process, also by member."""

    def __init__(self) -> None:
        self._all: set[Subscriber] = set()
        self._of_member: dict[int, list[Subscriber]] = {}

    def __contains__(self, subscriber: object) -> bool:
        return subscriber in self._all

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def of_member(self, member_id: int) -> Sequence[Subscriber]:
        """Return the connections of one member."""
        return self._of_member.get(member_id, ())

    def add(self, subscriber: Subscriber) -> None:
        """Add a new connection."""
        self._all.add(subscriber)
        self._of_member.setdefault(subscriber.sign_in.member.id, []).append(subscriber)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a connection that has closed; it may never have been added."""
        if subscriber not in self._all:
            return
        self._all.remove(subscriber)
        member_id = subscriber.sign_in.member.id
        self._of_member[member_id].remove(subscriber)
        if not self._of_member[member_id]:
            del self._of_member[member_id]
