"""Requests that wait for what a room's log gets next: cursors that are answered once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from typing import Any

from controllers.realtime.subscriber import Cursor
from models.errors.base import Refusal
from models.errors.requests import Unauthorized
from models.errors.rooms import UnknownRoom
from models.sessions import SignIn
from models.tokens import TokenSignIn

ANSWERS_PER_TURN = 50  # that are finished before the event loop does other work: about 10 ms

Asker = SignIn | TokenSignIn


class Waiting(Cursor):
    """A request that waits. `ended` is done once it need not wait any more: with a refusal where that is why."""

    def __init__(self, asker: Asker, room: str) -> None:
        self.asker = asker
        self.room = room
        self.channels = set()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send_text(self, text: str) -> None:
        """Send nothing: what is for connections alone is not for it."""

    def end(self, refusal: Refusal | None = None) -> None:
        """Let it wait no longer."""
        if self.ended.done():
            return
        if refusal is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(refusal)


class WaitingRequests(Collection[Waiting]):
    """All requests of this process that wait."""

    def __init__(self) -> None:
        self._of_member: dict[int, set[Waiting]] = {}
        self._settling: list[Callable[[], None]] = []
        self.groups: dict[object, list[Any]] = {}  # of those that get the same answer, while one of them makes it

    def __contains__(self, request: object) -> bool:
        return isinstance(request, Waiting) and request in self._of_member.get(request.asker.member.id, ())

    def __iter__(self) -> Iterator[Waiting]:
        return (one for some in self._of_member.values() for one in some)

    def __len__(self) -> int:
        return sum(map(len, self._of_member.values()))

    def __bool__(self) -> bool:
        return bool(self._of_member)

    def count_of_member(self, member_id: int) -> int:
        """Return how many requests of a member wait."""
        return len(self._of_member.get(member_id, ()))

    def add(self, request: Waiting) -> None:
        """Add a request that begins to wait."""
        self._of_member.setdefault(request.asker.member.id, set()).add(request)

    def remove(self, request: Waiting) -> None:
        """Remove a request that waits no more, from the channel, too."""
        of_member = self._of_member.get(request.asker.member.id, set())
        of_member.discard(request)
        if not of_member:
            self._of_member.pop(request.asker.member.id, None)
        for channel in tuple(request.channels):
            channel.leave(request)

    # --- the ends

    def end_all(self) -> None:
        """Answer all: there is nothing new."""
        for one in tuple(self):
            one.end()

    def end_of_room(self, room: str, members: Collection[int]) -> None:
        """Refuse those who wait for a room without being among its members any more."""
        for one in tuple(self):
            if one.room == room and one.asker.member.id not in members:
                one.end(UnknownRoom())

    def session_ids(self) -> set[int]:
        """Return the sessions in which somebody waits."""
        return {one.asker.session_id for one in self if isinstance(one.asker, SignIn)}

    def token_ids(self) -> set[int]:
        """Return the tokens with which somebody waits."""
        return {one.asker.token_id for one in self if isinstance(one.asker, TokenSignIn)}

    def end_all_but(self, sessions: Collection[int], tokens: Collection[int]) -> None:
        """Refuse all but those of these sessions and tokens."""
        for one in tuple(self):
            asker = one.asker
            if not (asker.session_id in sessions if isinstance(asker, SignIn) else asker.token_id in tokens):
                one.end(Unauthorized())

    # --- what is left to do once a request is answered

    def settle_later(self, settle: Callable[[], None]) -> None:
        """Call `settle` once no more requests are being answered, a few of them in a turn of the event loop.

        The bytes of an answer leave at once; what an HTTP server does for a request that is over takes ten times as
        long, and would delay the answers of all others that wait for the same.
        """
        self._settling.append(settle)
        if len(self._settling) == 1:
            asyncio.get_running_loop().call_soon(self._settle, 1)

    def _settle(self, before: int) -> None:
        count = len(self._settling)
        if count == before:
            some, self._settling = self._settling[:ANSWERS_PER_TURN], self._settling[ANSWERS_PER_TURN:]
            for settle in some:
                settle()
            count -= len(some)
        if count:
            asyncio.get_running_loop().call_soon(self._settle, count)
