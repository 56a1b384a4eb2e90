"""SockJS clients without a browser: every transport of the protocol, spoken by hand over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import secrets
from collections import deque
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from testsuite.clients import Answer, Chat, Client
from testsuite.waiting import TIMEOUT_SECONDS

FORM = "application/x-www-form-urlencoded"


class Refused(AssertionError):
    """A request was answered with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class SockJS(Chat):
    """A chat client of one of SockJS's transports. `frames` is what came, as it came."""

    receiving = ""  # the last part of the URL on which it receives
    method = "POST"
    streams = False
    sending = "xhr_send"
    address = ""  # from which it asks; any, if empty

    def __init__(self, client: Client, session: str = "") -> None:
        self.client = client
        self.heard = []
        self.head = 0
        self.session = session or secrets.token_hex(8)
        self.place = f"/chat/000/{self.session}/"
        self.frames: list[str] = []
        self.waiting: deque[str] = deque()
        self.is_open = False
        self.closed: tuple[int, str] | None = None
        self.answer: http.client.HTTPResponse | None = None
        self.stream: http.client.HTTPConnection | None = None

    # --- receiving

    @property
    def path(self) -> str:
        """Where it receives."""
        query = "?c=_jp.a1b2c3" if self.receiving in ("htmlfile", "jsonp") else ""
        return f"{self.place}{self.receiving}{query}"

    def ask(self) -> http.client.HTTPConnection:
        """Send the request whose answer will bring the next frames."""
        self.hang_up()
        self.stream = begin(self.client, self.method, self.path, source=self.address)
        return self.stream

    def open(self) -> http.client.HTTPResponse:
        """Return the answer that brings the next frames."""
        self.answer = self.ask().getresponse()
        if self.answer.status != 200:
            raise Refused(self.answer.status)
        return self.answer

    def read_frame(self) -> str:
        """Return the next frame; a request that has ended is followed by another."""
        while True:
            answer = self.answer or self.open()
            line = answer.readline().decode()
            if not line:
                self.hang_up()
            elif frame := self.unwrap(line.rstrip("\r\n")):
                self.frames.append(frame)
                return frame

    def unwrap(self, line: str) -> str:
        """Return the frame in a line of the answer, or nothing."""
        return line

    def receive(self, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        while not self.waiting:
            frame = self.read_frame()
            if frame[0] == "o" and self.is_open:
                raise EOFError("the session was lost")  # the request came to a process that did not know it
            self.is_open = True
            if frame[0] == "a":
                self.waiting.extend(json.loads(frame[1:]))
            elif frame[0] == "c":
                self.closed = tuple(json.loads(frame[1:]))
                raise EOFError(frame)
        message: dict[str, Any] = json.loads(self.waiting.popleft())
        self.heard.append(message)
        return message

    def until_closed(self, timeout: float = TIMEOUT_SECONDS) -> int:
        with contextlib.suppress(EOFError):
            while True:
                self.receive(timeout)
        assert self.closed is not None
        return self.closed[0]

    # --- sending

    def send(self, type: str, **fields: Any) -> None:
        self.send_texts(json.dumps({"type": type, **fields}))

    def send_texts(self, *texts: str) -> None:
        """Send messages as they are."""
        answer = self.send_payload(json.dumps(texts))
        if answer.status not in (200, 204):
            raise AssertionError(f"{answer.status} {answer.text}")

    def send_payload(self, payload: str) -> Answer:
        """Send a body as it is."""
        return self.client.request("POST", self.place + self.sending, payload, Content_Type="text/plain")

    def join(self, after: int | None = None) -> SockJS:
        """Join the lobby."""
        self.until("hello")
        self.send("join", room="lobby", **({} if after is None else {"after": after}))
        self.head = self.until("joined")["head"]
        return self

    def hang_up(self) -> None:
        """End the request under way; the session stays for a while."""
        if self.stream is not None:
            self.stream.close()
        self.answer = self.stream = None

    def close(self) -> None:
        self.hang_up()


class Xhr(SockJS):
    """xhr-polling."""

    receiving = "xhr"


class XhrStreaming(SockJS):
    """xhr-streaming."""

    receiving = "xhr_streaming"
    streams = True

    def unwrap(self, line: str) -> str:
        return "" if line == "h" * 2048 else line


class EventSource(SockJS):
    """eventsource."""

    receiving = "eventsource"
    method = "GET"
    streams = True

    def unwrap(self, line: str) -> str:
        return line.removeprefix("data: ") if line.startswith("data: ") else ""


class HtmlFile(SockJS):
    """htmlfile: a page that never ends."""

    receiving = "htmlfile"
    method = "GET"
    streams = True

    def unwrap(self, line: str) -> str:
        call = re.fullmatch(r'p\((".*")\);', line)
        return str(json.loads(call[1])) if call else ""


class Jsonp(SockJS):
    """jsonp-polling."""

    receiving = "jsonp"
    method = "GET"
    sending = "jsonp_send"

    def unwrap(self, line: str) -> str:
        call = re.fullmatch(r'/\*\*/_jp\.a1b2c3\((".*")\);', line)
        if call is None:
            raise AssertionError(f"no call of the callback: {line!r}")
        return str(json.loads(call[1]))

    def send_payload(self, payload: str) -> Answer:
        return self.client.request("POST", self.place + self.sending, urlencode({"d": payload}), Content_Type=FORM)


class WebSocket(SockJS):
    """websocket, with SockJS's frames."""

    def __init__(self, client: Client, session: str = "", **headers: str) -> None:
        super().__init__(client, session)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self._open = contextlib.ExitStack()
        self.socket = self._open.enter_context(
            connect(
                f"ws://{urlsplit(client.url).netloc}{self.place}websocket",
                additional_headers={"Cookie": cookies, **headers},
                open_timeout=TIMEOUT_SECONDS,
                compression=None,
                max_queue=None,
                ping_interval=None,
            )
        )

    def read_frame(self) -> str:
        frame = str(self.socket.recv(TIMEOUT_SECONDS))
        self.frames.append(frame)
        return frame

    def send_payload(self, payload: str) -> Answer:
        raise NotImplementedError

    def send_texts(self, *texts: str) -> None:
        self.socket.send(json.dumps(texts))

    def close(self) -> None:
        self._open.close()


HTTP_TRANSPORTS: tuple[type[SockJS], ...] = (Xhr, XhrStreaming, EventSource, HtmlFile, Jsonp)
ALL_TRANSPORTS: tuple[type[SockJS], ...] = (*HTTP_TRANSPORTS, WebSocket)


def begin(
    client: Client, method: str, path: str, body: str | None = None, source: str = "", **headers: str
) -> http.client.HTTPConnection:
    """Send a request, from `source` if that is given, as the room's page would; the answer is still to come."""
    parts = urlsplit(client.url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, TIMEOUT_SECONDS, (source, 0) if source else None
    )
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    usual = {"Cookie": cookies, "Referer": f"{client.url}/rooms/lobby", **client.headers}
    connection.request(method, path, body, {**usual, **given})
    return connection


def knock(client: Client, method: str, path: str, body: str | None = None, **headers: str) -> http.client.HTTPResponse:
    """Return the head of an answer, without waiting for the end of a stream."""
    with contextlib.closing(begin(client, method, path, body, **headers)) as connection:
        return connection.getresponse()


def close_code(chat: Chat) -> int:
    """Return the code with which the server closes a session: on the socket, in a frame, or as a poll's status."""
    try:
        return chat.until_closed()
    except Refused as refused:
        return refused.status
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006
