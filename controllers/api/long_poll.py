"""Long polls: requests that wait until something comes in a room. What comes is encoded once for all of them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from controllers.api.call import Call
from controllers.api.fields import InAddress
from controllers.realtime.frame import Frame
from controllers.realtime.waiting import Waiting
from controllers.web.early_answer import Encode, encoder, whole_answer
from controllers.web.hashing_queue import ClientDisconnected
from models.errors.base import Refusal
from models.errors.requests import TooManyWaiting
from models.rooms import RoomInfo

MAX_WAIT_SECONDS = 60
ANSWERS_PER_TURN = 250  # of those that wait for the same messages
ENTRY_START = '{"type":"entry"'  # of what is no gap

Wait = Annotated[int, Field(ge=0, le=MAX_WAIT_SECONDS), InAddress]  # seconds


class LongPoll(Waiting):
    """A request that waits. `is_sent` tells that its answer has left already."""

    def __init__(self, call: Call, room: RoomInfo) -> None:
        super().__init__(call.asker, room.slug)
        self.call = call
        self.early = call.early
        self.is_sent = False
        self.try_send = self.take

    def take(self, frame: Frame) -> bool:
        """Take a frame of the room; further ones, until it is finished, are for the next request of the client."""
        if not self.is_sent and not self.ended.done():
            self.wake(frame)
        return True

    def wake(self, frame: Frame) -> None:
        """Answer with this frame, or end, so that the answer is made in the usual way."""
        self.end()

    def end(self, refusal: Refusal | None = None) -> None:
        super().end(None if self.is_sent else refusal)

    def send(self, answer: bytes) -> None:
        """Send a whole answer; the request is finished a little later."""
        self.early.send(answer)
        self.is_sent = True
        self.call.site.hub.waiting.settle_later(self.end)

    async def wait(self, room: RoomInfo, after: int, seconds: float) -> bool:
        """Wait for what follows `after`, at most so many seconds; return whether the answer has left already.

        Raise TooManyWaiting; Unauthorized, UnknownRoom if the member may not read on; ClientDisconnected; Unavailable.
        """
        site, disconnected = self.call.site, self.call.disconnected
        if 0 < site.limits.connections_per_member <= site.hub.count_of_member(self.asker.member.id):
            raise TooManyWaiting()
        if site.is_stopping:
            return False
        timer = asyncio.get_running_loop().call_later(seconds, self.end)
        site.hub.waiting.add(self)
        disconnected.add_done_callback(self._on_disconnect)
        try:
            await site.hub.wait(self, room, after)
            await self.ended
        finally:
            timer.cancel()
            site.hub.waiting.remove(self)
            disconnected.remove_done_callback(self._on_disconnect)
        return self.is_sent

    def _on_disconnect(self, disconnected: object) -> None:
        self.end(ClientDisconnected())


class LogPoll(LongPoll):
    """Waits for entries: a frame of them is the answer of all who wait."""

    def __init__(self, call: Call, room: RoomInfo, limit: int, encode: Encode) -> None:
        super().__init__(call, room)
        self._limit = limit
        self._encode = encoder(self.early.fields, encode)

    def wake(self, frame: Frame) -> None:
        is_whole = frame.messages[0].startswith(ENTRY_START) and len(frame.messages) <= self._limit
        if is_whole and self.early.is_possible:
            self.send(frame.encoded(self._encode))
        else:
            self.end()


class MessagesPoll(LongPoll):
    """Waits for messages. The first that something comes for makes the answer, for itself and for its `group`."""

    def __init__(self, call: Call, room: RoomInfo, key: tuple[object, ...]) -> None:
        super().__init__(call, room)
        self._key = key, self.early.fields
        self._groups: dict[object, list[MessagesPoll]] = call.site.hub.waiting.groups
        self._leads = False
        self._is_woken = False

    def wake(self, frame: Frame) -> None:
        if self._is_woken:
            return
        self._is_woken = True
        if self._key in self._groups:
            self._groups[self._key].append(self)
        else:
            self._groups[self._key] = []
            self._leads = True
            self.end()

    async def answer_group(self, body: bytes) -> None:
        """Send an answer to all whom this one leads; without one, or where it cannot leave, they look themselves."""
        if not self._leads:
            return
        answer = whole_answer(self.early.fields, body) if body else b""
        for number, one in enumerate(self._groups.pop(self._key)):
            if answer and one.early.is_possible and not one.ended.done():
                one.send(answer)
            else:
                self.call.site.hub.waiting.settle_later(one.end)
            if number % ANSWERS_PER_TURN == ANSWERS_PER_TURN - 1:
                await asyncio.sleep(0)
