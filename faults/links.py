"""SockJS clients over three transports, which notice what is wrong and say so by `Lost`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import secrets
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, WebSocketException

from faults.web import Answer, Lost, request

OPEN_TIMEOUT_SECONDS = 4.0  # until a connection is open
SEND_TIMEOUT_SECONDS = 4.0  # until an xhr_send is answered

REFUSED_STATUS = 400  # stands for a refusal in the wire protocol that is for good
RETRY_STATUS = 503  # and for one that says when to try again

# What a site in trouble may answer: Nginx 502 and 504, a process 503; 404 to a session of a process that has gone.
# Then SockJS's and the websocket's close codes: cut off, going away, restarting, the last poll is not yet given up.
STATUSES_OF_FAULTS = {404, RETRY_STATUS, 502, 504, 1001, 1002, 1006, 1012, 2010}


class Place:
    """The ports where clients connect to, and what they were answered there: (transport, status) -> how often."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.answers: Counter[tuple[str, int]] = Counter()

    def complaints(self) -> list[str]:
        """Return the answers that no trouble excuses."""
        return [
            f"{transport}: {status}, {n} times"
            for (transport, status), n in self.answers.items()
            if status not in STATUSES_OF_FAULTS
        ]

    def refused(self, transport: str, status: int) -> Lost:
        """Note an answer that was not the one hoped for."""
        self.answers[transport, status] += 1
        return Lost(f"{transport} was answered {status}")


@dataclass(frozen=True, slots=True)
class Client:
    """A signed-in member at a place, with their own dice; `name` is that of one of their devices."""

    name: str
    cookie: str
    place: Place
    dice: random.Random
    member: str = ""

    def somewhere(self) -> int:
        """Return a port to connect to: one machine is as good as another, and one that is away is soon left."""
        return self.dice.choice(self.place.ports)

    async def pause(self, between: tuple[float, float]) -> None:
        """Wait for a time between these."""
        await asyncio.sleep(self.dice.uniform(*between))


class Link(ABC):
    """One SockJS session."""

    transport = ""

    def __init__(self, client: Client) -> None:
        self.place = client.place
        self.port = client.somewhere()  # a session lives at one machine
        self.cookie = client.cookie
        self.path = f"/chat/{secrets.randbelow(1000):03d}/{secrets.token_hex(8)}"
        self._heard: asyncio.Queue[list[str] | None] = asyncio.Queue()
        self._why = Lost("closed")
        self._listener: asyncio.Task[None] | None = None
        self._is_open = False

    async def __aenter__(self) -> Self:
        self._listener = asyncio.create_task(self._listen())
        try:
            await self.receive(OPEN_TIMEOUT_SECONDS)
        except TimeoutError:
            await self._end()
            raise Lost("not open in time") from None
        except Lost:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._end()

    async def _end(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)
        self.abort()

    async def receive(self, within: float) -> list[str]:
        """Return the messages of the next frame; a frame may have none. Raise Lost, TimeoutError."""
        async with asyncio.timeout(within):
            messages = await self._heard.get()
        if messages is None:
            raise self._why
        return messages

    async def _listen(self) -> None:
        try:
            async for frame in self.frames():
                self._heard.put_nowait(self._messages(frame))
        except Lost as lost:
            self._why = lost
        except (OSError, WebSocketException) as error:
            self._why = Lost(repr(error))
        self._heard.put_nowait(None)

    def _messages(self, frame: str) -> list[str]:
        """Return the messages in a frame. Raise Lost when it ends the session."""
        if frame.startswith("a"):
            messages: list[str] = json.loads(frame[1:])
            return messages
        if frame.startswith("c"):
            raise self.place.refused(f"{self.transport} closed", json.loads(frame[1:])[0])
        if frame == "o":
            if self._is_open:
                raise Lost("another process opened the session anew")
            self._is_open = True
        return []

    @abstractmethod
    def frames(self) -> AsyncIterator[str]:
        """Yield SockJS frames until the session ends."""

    @abstractmethod
    async def send(self, text: str) -> None:
        """Send one message. Raise Lost."""

    def hang_up(self) -> None:
        """Close it from this side, even while another task is receiving."""
        self._heard.put_nowait(None)

    def abort(self) -> None:  # noqa: B027 - the requests of the other transports end with the listener
        """Let go of the socket without a word."""


class WebSocketLink(Link):
    """websocket."""

    transport = "websocket"
    _socket: ClientConnection | None = None

    async def frames(self) -> AsyncIterator[str]:
        url = f"ws://127.0.0.1:{self.port}{self.path}/websocket"
        headers = {"Cookie": self.cookie}
        try:
            self._socket = await connect(
                url, additional_headers=headers, compression=None, ping_interval=None, max_size=None, max_queue=None
            )
        except InvalidStatus as error:
            raise self.place.refused(self.transport, error.response.status_code) from error
        except (InvalidHandshake, InvalidMessage, EOFError, TimeoutError) as error:
            raise Lost(repr(error)) from error
        async for frame in self._socket:
            yield str(frame)
        raise self.place.refused(f"{self.transport} closed", self._socket.close_code or 1006)

    async def send(self, text: str) -> None:
        if self._socket is None:
            raise Lost("not open")
        try:
            await self._socket.send(json.dumps([text]))
        except (OSError, WebSocketException) as error:
            raise Lost(repr(error)) from error

    def abort(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()


class XhrLink(Link):
    """What both xhr transports share: sending by requests of their own."""

    async def send(self, text: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                async with self._post("xhr_send", json.dumps([text]).encode()) as answer:
                    if answer.status != 204:
                        raise self.place.refused("xhr_send", answer.status)
                return
        raise Lost("xhr_send was not answered")

    def _post(self, what: str, body: bytes = b"") -> contextlib.AbstractAsyncContextManager[Answer]:
        return request(self.port, "POST", f"{self.path}/{what}", {"Cookie": self.cookie}, body)

    async def _lines(self, what: str) -> AsyncIterator[str]:
        """Yield the lines of one answer."""
        async with self._post(what) as answer:
            if answer.status != 200:
                raise self.place.refused(what, answer.status)
            rest = b""
            async for chunk in answer.chunks():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield line.decode()


class PollingLink(XhrLink):
    """xhr-polling: an answer is a frame."""

    transport = "xhr-polling"

    async def frames(self) -> AsyncIterator[str]:
        while True:
            async for line in self._lines("xhr"):
                yield line


class StreamingLink(XhrLink):
    """xhr-streaming: an answer brings frames until it has brought enough."""

    transport = "xhr-streaming"

    async def frames(self) -> AsyncIterator[str]:
        while True:
            async for line in self._lines("xhr_streaming"):
                if not line.startswith("hh"):  # the prelude
                    yield line


LINKS_BY_TRANSPORT: dict[str, type[Link]] = {
    link.transport: link for link in (WebSocketLink, StreamingLink, PollingLink)
}
