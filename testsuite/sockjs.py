"""What the tests of SockJS's protocol share: its test server, and clients that see every byte of an answer."""

from __future__ import annotations

import atexit
import functools
import http.client
import re
import secrets
import socket
import subprocess
import sys
import unittest
from typing import Any
from urllib.parse import urlsplit

from websockets.sync.client import ClientConnection, connect

from testsuite.clients import Answer, Client
from testsuite.servers import ROOT
from testsuite.waiting import TIMEOUT_SECONDS

FORM = "application/x-www-form-urlencoded"
NOT_CACHED = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # the example of RFC 6455, section 1.3
}
ACCEPTED = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class SockJSServer:
    """A process of testsuite.sockjs_server."""

    def __init__(self, *before: str) -> None:
        """Start it; `before` are Python's arguments that start the module another way."""
        command = [sys.executable, "-W", "error", *(before or ("-m", "testsuite.sockjs_server")), "--port=0"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8"
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = re.search(r"http://[\d.:]+", line)
        if found is None:
            raise AssertionError(f"the server did not start: {line}{self.stop()}")
        self.url = found[0]

    def stop(self) -> str:
        """End it, and return what it has complained about."""
        if self.process.returncode is None:
            self.process.terminate()
            self.complaints = self.process.communicate(timeout=TIMEOUT_SECONDS)[1]
        return self.complaints


@functools.cache
def shared_server() -> SockJSServer:
    """Return the one server of this run."""
    server = SockJSServer()
    atexit.register(server.stop)
    return server


class Wire:
    """One HTTP connection, and the answer on it as it comes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self.socket = socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS)
        self.file = self.socket.makefile("rb")

    def ask(
        self, method: str, path: str, body: bytes = b"", version: str = "1.1", headers: dict[str, str] | None = None
    ) -> Wire:
        """Send a request and read the head of its answer."""
        self.send(method, path, body, version, headers)
        start = self.file.readline().decode().split(" ", 2)
        self.version, self.status = start[0], int(start[1])
        self.headers = http.client.parse_headers(self.file)
        return self

    def send(
        self, method: str, path: str, body: bytes = b"", version: str = "1.1", headers: dict[str, str] | None = None
    ) -> None:
        """Send a request."""
        lines = [f"{method} {path} HTTP/{version}", f"Host: {self.host}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def chunk(self) -> str:
        """Return the next chunk, the empty one at the end."""
        size = int(self.file.readline(), 16)
        data = self.file.read(size)
        self.file.readline()
        return data.decode()

    def read(self, size: int) -> str:
        """Return so many bytes."""
        return self.file.read(size).decode()

    def rest(self) -> str:
        """Return what comes until the server hangs up."""
        return self.file.read().decode()

    def close(self) -> None:
        """Hang up."""
        self.file.close()
        self.socket.close()


class ProtocolTest(unittest.TestCase):
    """A test of the protocol, against the service `echo` unless it names another one."""

    url: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.url = shared_server().url

    def session(self, service: str = "/echo") -> str:
        """Return the path of a new session."""
        return f"{service}/000/{secrets.token_hex(8)}"

    def ask(self, method: str, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        """Send a request on a connection of its own."""
        return Client(self.url).request(method, path, body, **headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: str | bytes | None = None, **headers: str) -> Answer:
        return self.ask("POST", path, body, **headers)

    def wire(self) -> Wire:
        """Return a connection, closed at the end of the test."""
        wire = Wire(self.url)
        self.addCleanup(wire.close)
        return wire

    def stream(self, method: str, path: str, **headers: str) -> Wire:
        """Ask for an answer that comes in pieces."""
        wire = self.wire().ask(method, path, headers=headers)
        self.assertEqual(wire.status, 200)
        return wire

    def poll_that_waits(self, session: str) -> Wire:
        """Return a poll that the server has heard and not answered."""
        wire = self.wire()
        wire.send("POST", f"{session}/xhr")
        self.get("/echo")  # which came later, and is answered
        return wire

    def websocket(self, path: str, **how: Any) -> ClientConnection:
        """Return a websocket, closed at the end of the test."""
        opened = connect(
            f"ws{self.url.removeprefix('http')}{path}",
            open_timeout=TIMEOUT_SECONDS,
            compression=None,
            ping_interval=None,
            **how,
        )
        client: ClientConnection = self.enterContext(opened)
        return client

    # --- what the protocol says again and again

    def assert_text(self, answer: Answer, text: str) -> None:
        """Check that it has succeeded, with this body."""
        self.assertEqual((answer.status, answer.text), (200, text))

    def assert_sent(self, answer: Answer) -> None:
        """Check that what was sent has been taken."""
        self.assertEqual((answer.status, answer.text), (204, ""))

    def assert_type(self, answer: Answer | Wire, content_type: str) -> None:
        self.assertEqual(answer.headers["Content-Type"].replace(" ", ""), content_type)

    def assert_not_cached(self, answer: Answer | Wire) -> None:
        self.assertEqual(answer.headers["Cache-Control"], NOT_CACHED)
        self.assertIsNone(answer.headers["Expires"])
        self.assertIsNone(answer.headers["Last-Modified"])

    def assert_cached(self, answer: Answer) -> None:
        """Check that any cache may keep the answer for months."""
        self.assertIn("public", answer.headers["Cache-Control"])
        self.assertRegex(answer.headers["Cache-Control"], r"max-age=[1-9]\d{6,}")
        self.assertRegex(answer.headers["Expires"], r"^\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT$")

    def assert_welcome(self, answer: Answer | Wire, origin: str | None) -> None:
        """Check that the pages of this origin may read the answer, with their cookies if they come from somewhere."""
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], origin or "*")
        self.assertEqual(answer.headers["Access-Control-Allow-Credentials"], "true" if origin else None)

    def assert_preflight(self, path: str, methods: str) -> None:
        """Check what OPTIONS is answered, for any origin."""
        for origin in ("http://other.example", "null"):
            with self.subTest(path=path, origin=origin):
                asked = {"Origin": origin, "Access_Control_Request_Method": methods.rpartition(" ")[2]}
                answer = self.ask("OPTIONS", path, **asked)
                self.assertIn(answer.status, (200, 204))
                self.assertEqual(answer.text, "")
                self.assert_cached(answer)
                self.assert_welcome(answer, origin)
                self.assertGreater(int(answer.headers["Access-Control-Max-Age"]), 1_000_000)
                self.assertEqual(answer.headers["Access-Control-Allow-Methods"], methods)
