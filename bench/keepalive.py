"""HTTP on a few keep-alive connections, by hand: each asks again as soon as it has its answer."""

import re
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

HEAD_END = b"\r\n\r\n"
FORM = "application/x-www-form-urlencoded"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
ANSWER_TIMEOUT_SECONDS = 5.0  # then the request has failed


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer; `head` with the status line."""

    status: int
    head: bytes
    body: bytes


@dataclass(slots=True)
class Tally:
    """What came back: answers a second, the share of the load's core that we used, the last answer,
    and what was wrong, if anything was."""

    rate: float = 0.0
    busy: float = 0.0
    last: Answer | None = None
    fault: str = ""


def request(  # noqa: PLR0913, PLR0917 - what a request has
    method: str, path: str, port: int, headers: dict[str, str], body: bytes = b"", kind: str = FORM
) -> bytes:
    """Return the bytes of one request, as a browser on this site sends it; `kind` is that of the body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Sec-Fetch-Site: same-origin"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "", ""]).encode() + body


class Client:
    """One keep-alive connection."""

    def __init__(self, port: int, timeout: float = 5.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, data: bytes) -> Answer:
        """Send one request and wait for its answer."""
        self.socket.sendall(data)
        while not (answer := self.receive()):
            pass
        return answer

    def receive(self) -> Answer | None:
        """Read once; return the answer if it is whole now."""
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError("the server closed a keep-alive connection")
        self._data += data
        end = self._data.find(HEAD_END)
        if end < 0:
            return None
        head = bytes(self._data[: end + 2])
        status = int(head[9:12])
        length = CONTENT_LENGTH.search(head)
        if not length and status not in (204, 304):
            raise ConnectionError(f"an answer without Content-Length: {head!r}")
        start = end + len(HEAD_END)
        whole = start + (int(length[1]) if length else 0)
        if len(self._data) < whole:
            return None
        body = bytes(self._data[start:whole])
        del self._data[:whole]
        return Answer(status, head, body)


class Hammer:
    """Some connections, each with one request under way."""

    def __init__(self, port: int, make: Callable[[], bytes], connections: int) -> None:
        self.statuses: Counter[int] = Counter()
        self.last: Answer | None = None
        self._make = make
        self._poll = select.epoll()
        self._clients: dict[int, Client] = {}
        for _ in range(connections):
            client = Client(port)
            self._clients[client.socket.fileno()] = client
            self._poll.register(client.socket, select.EPOLLIN)
            client.socket.sendall(make())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._poll.close()
        for client in self._clients.values():
            client.socket.close()

    def turn(self) -> None:
        """Take the answers that have come, and ask again."""
        events = self._poll.poll(ANSWER_TIMEOUT_SECONDS)
        if not events:
            raise TimeoutError(f"no answer for {ANSWER_TIMEOUT_SECONDS} s")
        for fd, _ in events:
            if answer := self._clients[fd].receive():
                self.statuses[answer.status] += 1
                self.last = answer
                self._clients[fd].socket.sendall(self._make())


def hammer(  # noqa: PLR0913 - what, how many, how long
    port: int,
    make: Callable[[], bytes],
    connections: int,
    seconds: float,
    *,
    expected: int = 200,
    meanwhile: Callable[[], None] = lambda: None,
) -> Tally:
    """Ask what `make` returns on each connection, over and over, and count the answers.

    `expected` is the status that all of them should have. `meanwhile` is called after every look
    at the sockets, and must not wait.
    """
    with Hammer(port, make, connections) as running:
        began, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() < began + seconds:
            running.turn()
            meanwhile()
        elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    fault = "" if set(running.statuses) == {expected} else f"answers were {dict(running.statuses)}"
    return Tally(running.statuses.total() / elapsed, cpu / elapsed, running.last, fault)
