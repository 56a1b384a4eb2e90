"""Clients over real sockets: HTTP with cookies and forms, and the chat over a plain websocket."""

from __future__ import annotations

import contextlib
import http.client
import http.cookies
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from testsuite.jar import Jar
from testsuite.waiting import TIMEOUT_SECONDS

PASSWORD = "correct horse battery"


class Answer:
    """An HTTP answer, read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        self.text = self.body.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        """Where it redirects to, or nothing."""
        return self.headers.get("Location", "")

    def json(self) -> Any:
        """Return the JSON in the body."""
        return json.loads(self.body)


class Client:
    """A browser without a screen: cookies, forms with their `_xsrf`, no redirects unless asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies = Jar()
        self.headers: dict[str, str] = {}
        self.source = ""  # the address of this machine that it comes from, if not any

    def request(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        """Send one request on a connection of its own."""
        with contextlib.closing(self.begin(method, path, body, **headers)) as connection:
            answer = Answer(connection.getresponse())
        self._keep_cookies(answer)
        return answer

    def begin(
        self, method: str, path: str, body: str | bytes | None = None, **headers: str
    ) -> http.client.HTTPConnection:
        """Send one request on a connection of its own; return the connection, on which the answer will come."""
        parts = urlsplit(self.url)
        source = (self.source, 0) if self.source else None
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, TIMEOUT_SECONDS, source)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            given.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        try:
            connection.request(
                method, path, body.encode() if isinstance(body, str) else body, {**self.headers, **given}
            )
        except BaseException:
            connection.close()
            raise
        return connection

    def _keep_cookies(self, answer: Answer) -> None:
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(line).items():
                dict.pop(self.cookies, name, None)
                if morsel.value:
                    dict.__setitem__(self.cookies, name, morsel.value)

    @property
    def xsrf(self) -> str:
        """The token that its forms carry."""
        return str(self.cookies.get("_xsrf") or self.cookies.get("__Host-_xsrf", ""))

    def get(self, path: str, **headers: str) -> Answer:
        """GET a page."""
        return self.request("GET", path, **headers)

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Answer:
        """POST a form, with the token of the page that shows such forms."""
        for page in ("/login", "/rooms", path):
            if not self.xsrf:
                self.get(page)
        form = urlencode({"_xsrf": self.xsrf, **(fields or {})})
        return self.request("POST", path, form, Content_Type="application/x-www-form-urlencoded", **headers)

    def sign_in(self, username: str, password: str = PASSWORD) -> Client:
        """Sign in by the form; fail if that fails."""
        answer = self.post("/login", {"username": username, "password": password})
        if answer.status != 302:
            raise AssertionError(f"{username} could not sign in: {answer.status}")
        return self

    def chat(self, after: int | None = None, room: str = "lobby", join: bool = True) -> Chat:
        """Open a chat connection over a plain websocket, and join the room."""
        chat = Chat(self)
        chat.until("hello")
        if join:
            chat.send("join", room=room, **({} if after is None else {"after": after}))
            chat.head = chat.until("joined")["head"]
        return chat


class Chat:
    """A chat client on the plain websocket. `heard` is every message that came, in order."""

    def __init__(self, client: Client, path: str = "/chat/websocket", **headers: str) -> None:
        parts = urlsplit(client.url)
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        self.heard: list[dict[str, Any]] = []
        self.head = 0
        self._open = contextlib.ExitStack()
        self.socket: ClientConnection = self._open.enter_context(
            connect(
                f"ws://{parts.netloc}{path}",
                additional_headers={"Cookie": cookies, **headers},
                open_timeout=TIMEOUT_SECONDS,
                compression=None,
                max_queue=None,  # else a client that does not read could not even hang up
                ping_interval=None,  # the server asks for itself
            )
        )

    def send(self, type: str, **fields: Any) -> None:
        """Send one message."""
        self.socket.send(json.dumps({"type": type, **fields}))

    def post(self, body: str, room: str = "lobby", nonce: str = "") -> str:
        """Post, without waiting; return the nonce."""
        nonce = nonce or secrets.token_hex(8)
        self.send("post", room=room, body=body, nonce=nonce)
        return nonce

    def receive(self, timeout: float = TIMEOUT_SECONDS) -> dict[str, Any]:
        """Return the next message."""
        message: dict[str, Any] = json.loads(self.socket.recv(timeout))
        self.heard.append(message)
        return message

    def until(self, type: str, **fields: Any) -> dict[str, Any]:
        """Return the next message of this type with these fields."""
        while True:
            message = self.receive()
            if message["type"] == type and all(message.get(name) == value for name, value in fields.items()):
                return message

    def entries(self, count: int) -> list[dict[str, Any]]:
        """Return the next `count` entries."""
        return [self.until("entry") for _ in range(count)]

    def until_closed(self, timeout: float = TIMEOUT_SECONDS) -> int:
        """Return the code with which the server closes the connection within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        try:
            while True:
                self.receive(max(deadline - time.monotonic(), 0.0))
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    def close(self) -> None:
        """Hang up."""
        self._open.close()
