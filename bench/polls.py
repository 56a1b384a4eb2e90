"""Programs by the thousand, each with a long poll under way: they ask again as soon as all have their answers."""

import json
import select
import socket
import time
from typing import Self

from bench.chats import BODY_PREFIX
from bench.keepalive import CONTENT_LENGTH, HEAD_END, request
from bench.load import BUFFER_BYTES, SOURCE_ADDRESSES, Crowd
from bench.sites import Server
from bench.storm import FEW_READY, NAP_SECONDS

WAIT_SECONDS = 50  # that each poll waits
LOST_AFTER_SECONDS = 20.0  # after which what has not come never will
WAITING_AFTER_SECONDS = 0.3  # in which a server does nothing that has all requests waiting, but
IDLE_CPU_SECONDS = 0.02
PATH = "/api/rooms/lobby/log"


class Polls:
    """The programs with these headers, one connection each; a context manager that closes them."""

    def __init__(self, server: Server, programs: list[dict[str, str]]) -> None:
        self._server = server
        self._port = server.port
        self._programs = programs
        self._sockets: dict[int, socket.socket] = {}
        self._partial: dict[int, bytes] = {}  # of answers
        self._usual_bytes = 0  # of the first answer, and so of most of them: these are only counted
        self._epoll = select.epoll()
        self._buffer = bytearray(BUFFER_BYTES)
        self._after = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self._sockets.values():
            connection.close()
        self._epoll.close()

    def start(self, after: int) -> None:
        """Connect, and wait for what comes after the entry `after`."""
        self._after = after
        for index in range(len(self._programs)):
            source = f"127.0.0.{1 + index % SOURCE_ADDRESSES}", 0
            connection = socket.create_connection(("127.0.0.1", self._port), LOST_AFTER_SECONDS, source)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sockets[connection.fileno()] = connection
            self._epoll.register(connection, select.EPOLLIN)
        self._ask()

    def _ask(self) -> None:
        """Let all wait."""
        path = f"{PATH}?after={self._after}&wait={WAIT_SECONDS}"
        for connection, headers in zip(self._sockets.values(), self._programs, strict=True):
            connection.sendall(request("GET", path, self._port, headers))
        self._partial, self._usual_bytes = dict.fromkeys(self._sockets, b""), 0
        used, before = self._server.cpu(), -1.0
        while used > before + IDLE_CPU_SECONDS:
            if events := self._epoll.poll(WAITING_AFTER_SECONDS):
                raise ConnectionError(f"{len(events)} polls were answered at once")
            used, before = self._server.cpu(), used

    def deliver(self, crowd: Crowd, run: str) -> float:
        """Let the crowd's first member send a message; return the seconds until 99 % of the programs have it."""
        crowd.quiet(limit=30)
        sender, token = crowd.members[0], f"{BODY_PREFIX}{run}-0000000"
        left, most, delay = set(self._sockets), len(self._sockets) // 100, 0.0
        began = time.perf_counter()
        sender.send(sender.chat.frame(sender.chat.say(token)))
        while left:
            events = self._epoll.poll(LOST_AFTER_SECONDS)
            if not events:
                raise TimeoutError(f"{len(left)} programs did not receive a message")
            left.difference_update([fd for fd, _ in events if self._take(fd, token)])
            if len(left) <= most and not delay:
                delay = time.perf_counter() - began
            if len(events) < FEW_READY:
                time.sleep(NAP_SECONDS)
        self._ask()
        return delay

    def _take(self, fd: int, token: str) -> bool:
        """Read what has come; return whether it is the whole answer."""
        size = self._sockets[fd].recv_into(self._buffer)
        if size == self._usual_bytes and not self._partial[fd]:
            return True
        data = self._partial[fd] = self._partial[fd] + bytes(memoryview(self._buffer)[:size])
        head, _, body = data.partition(HEAD_END)
        length = CONTENT_LENGTH.search(head)
        if not size or not head.startswith(b"HTTP/1.1 200 ") or not length:
            raise ConnectionError(f"a poll was answered {data[:300]!r}")
        if len(body) < int(length[1]):
            return False
        entries = json.loads(body)["entries"]
        if [entry["body"].startswith(token) for entry in entries] != [True]:
            raise ConnectionError(f"a poll brought {body[:300]!r}")
        self._after, self._usual_bytes = entries[-1]["seq"], len(data)
        return True
