"""Another site that a webhook tells of messages: a real server, which remembers what came and answers as it is told."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

HOST = "127.0.0.2"  # which counts as a host of the public web where a site has the alteration reach=PORT


class Told(NamedTuple):
    """One request: its headers, its body, and the JSON in it."""

    headers: dict[str, str]
    body: bytes
    json: dict[str, Any]

    @property
    def seq(self) -> int:
        """The number of the message."""
        return int(self.json["seq"])


Answer = Callable[[Told], tuple[int, bytes]]  # returns a status and a body


def taken(told: Told) -> tuple[int, bytes]:
    """Answer as a site that only takes what it is told."""
    return 204, b""


def says(text: str) -> Answer:
    """Return the behaviour of a site that answers each message with a text."""
    return lambda told: (200, json.dumps({"text": text}).encode())


class Receiver:
    """A server on a port of its own. `told` are the requests that came, `answer` says what is answered."""

    def __init__(self, host: str = HOST, port: int = 0) -> None:
        self.told: list[Told] = []
        self.answer: Answer = taken
        self._server = ThreadingHTTPServer((host, port), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_port
        self.url = f"http://{host}:{self.port}/hook"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                told = Told(dict(self.headers), body, json.loads(body))
                receiver.told.append(told)
                status, answer = receiver.answer(told)
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(answer)))
                with contextlib.suppress(OSError):  # the process that has asked was killed
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def seqs(self) -> list[int]:
        """Return the numbers of the messages that came, in order."""
        return [told.seq for told in self.told]

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._server.server_close()
