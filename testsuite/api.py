"""Programs that use the API: by a session's cookies, or by a token."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit

from testsuite.clients import Answer, Client
from testsuite.waiting import TIMEOUT_SECONDS


class Api:
    """A program that asks with a client's cookies and header against forgery, or with a token and nothing else."""

    def __init__(self, client: Client, token: str = "") -> None:
        self.client = client
        self.headers = {"Authorization": f"Bearer {token}"} if token else {"X-Xsrftoken": client.xsrf}

    def call(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send one request; a `body` that is no text is sent as JSON."""
        text = body if body is None or isinstance(body, str | bytes) else json.dumps(body)
        given = {"Content_Type": "application/json"} if text is not None else {}
        return self.client.request(method, f"/api/{path}", text, **{**self.headers, **given, **headers})

    def get(self, path: str, **headers: str) -> Any:
        """Return the JSON at a path; fail if it is not answered with 200."""
        return self.expect(200, "GET", path, **headers)

    def expect(self, status: int, method: str, path: str, body: object = None, **headers: str) -> Any:
        """Return the JSON of an answer; fail if its status is another one."""
        answer = self.call(method, path, body, **headers)
        if answer.status != status:
            raise AssertionError(f"{method} {path}: {answer.status} {answer.text[:500]}")
        return answer.json() if answer.body else None

    def post(self, body: str, room: str = "lobby", **fields: object) -> int:
        """Post a message; return its number."""
        answer = self.call("POST", f"rooms/{room}/messages", {"body": body, **fields})
        if answer.status not in (200, 201):
            raise AssertionError(f"{answer.status} {answer.text[:500]}")
        return int(answer.json()["seq"])

    def token(self, scope: str = "write", days: int | None = None) -> str:
        """Make a token."""
        made = self.expect(201, "POST", "tokens", {"name": "a program", "scope": scope, "days": days})
        return str(made["token"])

    def program(self, scope: str = "write") -> Api:
        """Return a program with a new token of the same member."""
        return Api(Client(self.client.url), self.token(scope))

    def waiting(self, path: str) -> Waiter:
        """Return a GET that is under way."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.client.cookies.items())
        given = {**self.headers, **({"Cookie": cookies} if cookies else {})}
        return Waiter(self.client.url, f"/api/{path}", given)


class Waiter:
    """A GET in a thread of its own, which waits for its answer on a connection that stays open."""

    def __init__(self, url: str, path: str, headers: dict[str, str]) -> None:
        parts = urlsplit(url)
        self.connection = http.client.HTTPConnection(parts.hostname or "", parts.port, TIMEOUT_SECONDS)
        self.connection.request("GET", path, headers=headers)
        self._answers: list[Answer] = []
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):  # it was closed meanwhile
            self._answers.append(Answer(self.connection.getresponse()))

    @property
    def is_answered(self) -> bool:
        """Whether the answer has come."""
        return bool(self._answers)

    def answer(self) -> Answer:
        """Return the answer once it has come."""
        self._thread.join(TIMEOUT_SECONDS)
        return self._answers[0]

    def again(self, path: str, headers: dict[str, str]) -> Answer:
        """Return the answer to another GET on the same connection."""
        self.connection.request("GET", path, headers=headers)
        return Answer(self.connection.getresponse())

    def close(self) -> None:
        """Hang up."""
        if self.connection.sock:
            with contextlib.suppress(OSError):
                self.connection.sock.shutdown(socket.SHUT_RDWR)  # else the thread would keep it open
        self._thread.join(TIMEOUT_SECONDS)
        self.connection.close()
