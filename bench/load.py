"""Members by the thousand on raw sockets, from one process that must never be the bottleneck.

After it has joined, a member only counts: frames that can have a message, and their payload bytes, without looking into
them.
All members must receive the same messages, though batched differently: a SockJS frame with n
messages of lengths l1 ... ln has sum(l) + (n - 1) + 3 payload bytes. So payload - 2 * frames is
sum(l + 1), which no longer depends on the batching, and two members with the same value (`mass`)
have received the same messages: a missing or doubled one changes it by its own length. One
member, the probe, is read in full and shows that each message came exactly once and in order.
"""

import select
import socket
import time
from collections.abc import Callable, Sequence
from typing import Self

from bench.chats import BODY_CHARS, Chat
from bench.frames import CLOSE, PING, PONG, TEXT, Decoder, client_frame, handshake

QUIET_SECONDS = 0.3  # without a byte after which nothing more is expected
BUFFER_BYTES = 1 << 18
EVENTS_PER_POLL = 4096
SOURCE_ADDRESSES = (
    16  # of this machine, from which the members come: Prosa gives none more than half of its connections
)
CONNECT_TRIES = 5  # of one member to connect: a server whose queue of connections is full resets some


class Member:
    """One connection; `listener` is given every text frame while there is one."""

    def __init__(self, index: int, port: int, chat: Chat) -> None:
        self.index = index
        self.chat = chat
        self.joined = False
        self.greetings: list[bytes] = []  # the frames before it had joined
        self.listener: Callable[[Member, bytes], None] | None = None
        self.decoder = Decoder()
        headers = chat.headers[index % len(chat.headers)]
        self.request = handshake(chat.path(index), f"127.0.0.1:{port}", headers)
        self.port = port
        self.tries = 0
        self.connect()

    def connect(self) -> None:
        """Begin to connect."""
        self.tries += 1
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.bind((f"127.0.0.{1 + self.index % SOURCE_ADDRESSES}", 0))
        self.socket.connect_ex(("127.0.0.1", self.port))

    def send(self, data: bytes) -> None:
        """Send a small message whole; our own sockets are never full."""
        if self.socket.send(data) != len(data):
            raise ConnectionError(f"member {self.index} could not send")


class Crowd:
    """Members of one chat, read by one loop; a context manager that closes them."""

    def __init__(self, port: int, chat: Chat) -> None:
        self.port = port
        self.chat = chat
        self.members: list[Member] = []
        self.joined = 0
        self.last = 0.0  # when bytes came last (time.perf_counter)
        self._by_fd: dict[int, Member] = {}
        self._epoll = select.epoll()
        self._buffer = bytearray(BUFFER_BYTES)
        size = 1 << 16  # more than file descriptors
        self._receive: list[Callable[[bytearray], int]] = [lambda _: 0] * size
        self._plain = [False] * size  # at a frame's beginning, and nobody listens
        self._frames = [0] * size
        self._payload = [0] * size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for member in self.members:
            member.socket.close()
        self._epoll.close()

    def join(self, count: int, limit: float) -> float:
        """Let `count` more members connect at once; return the seconds until the last word that lets one in has come.

        To parse it is our own work: for who is told of 500 rooms it takes as long as all that the server does.
        """
        began = time.perf_counter()
        first = len(self.members)
        for index in range(first, first + count):
            self._add(Member(index, self.port, self.chat))
        while self.joined < len(self.members):
            self.read(0.05)
            if time.perf_counter() - began > limit:
                raise TimeoutError(f"only {self.joined - first} of {count} had joined after {limit:.0f} s")
        return self.last - began

    def warm_up(self, limit: float) -> None:
        """Let a few come and go: what only the first ones cost is no member's memory."""
        self.join(20, limit)
        self.quiet(limit)
        self.leave()
        self.quiet(limit)

    def leave(self) -> None:
        """Close every member's connection."""
        for member in self.members:
            self._epoll.unregister(member.socket)
            member.socket.close()
        self.members.clear()
        self._by_fd.clear()
        self.joined = 0

    def listen(self, member: Member, listener: Callable[[Member, bytes], None] | None) -> None:
        """Give every text frame of `member` to `listener`, or only count them (None)."""
        member.listener = listener
        self._plain[member.socket.fileno()] = False

    def mass(self, member: Member) -> int:
        """Return what depends only on the messages received, not on how they were batched."""
        fd = member.socket.fileno()
        return self._payload[fd] - 2 * self._frames[fd]

    def frames(self, members: Sequence[Member]) -> int:
        """Return how many text frames these members have received, all in all."""
        return sum([self._frames[member.socket.fileno()] for member in members])

    def quiet(self, limit: float) -> None:
        """Read until no text has come for a while; pings keep coming from a thousand connections."""
        ends = time.perf_counter() + limit
        before = -1
        while (received := sum(self._frames)) != before:
            if time.perf_counter() > ends:
                raise TimeoutError(f"still not quiet after {limit:.0f} s")
            before, window = received, time.perf_counter() + QUIET_SECONDS
            while (left := window - time.perf_counter()) > 0:
                self.read(left)

    def read(self, timeout: float) -> int:
        """Read what has arrived, waiting up to `timeout` seconds; return the number of reads."""
        buffer, receive, plain = self._buffer, self._receive, self._plain
        frames, payload = self._frames, self._payload
        events = self._epoll.poll(timeout, EVENTS_PER_POLL)
        if events:
            self.last = time.perf_counter()
        for fd, event in events:
            if event != 1:  # EPOLLIN alone
                self._unusual(fd, event)
                continue
            size = receive[fd](buffer)
            if plain[fd] and buffer[1] == 126 and size == (buffer[2] << 8 | buffer[3]) + 4:
                frames[fd] += 1
                payload[fd] += size - 4
            else:
                self._look(fd, size)
        return len(events)

    def _add(self, member: Member) -> None:
        self.members.append(member)
        self._watch(member)

    def _watch(self, member: Member) -> None:
        """Wait for the member's connection."""
        fd = member.socket.fileno()
        self._by_fd[fd] = member
        self._receive[fd] = member.socket.recv_into
        self._frames[fd] = self._payload[fd] = 0
        self._plain[fd] = False
        self._epoll.register(fd, select.EPOLLOUT)

    def _unusual(self, fd: int, event: int) -> None:
        """Send the handshake when the connection is there; try again if it was refused or reset."""
        member = self._by_fd[fd]
        error = member.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if not error and event & select.EPOLLOUT:
            member.send(member.request)
            self._epoll.modify(fd, select.EPOLLIN)
        elif member.decoder.open or member.tries == CONNECT_TRIES:
            raise ConnectionError(f"member {member.index} was cut off (error {error})")
        else:
            self._epoll.unregister(fd)
            member.socket.close()
            member.connect()
            self._watch(member)

    def _look(self, fd: int, size: int) -> None:
        """Parse `size` bytes that are not just one whole text frame of a counted member."""
        self.last = time.perf_counter()  # they may be many, which took a while to receive
        member = self._by_fd[fd]
        if size == 0:
            raise ConnectionError(f"the server closed the connection of member {member.index}")
        decoder = member.decoder
        frames = decoder.feed(bytes(memoryview(self._buffer)[:size]))
        if decoder.open and not member.joined and not member.chat.welcome:
            self._enter(member)
        for opcode, data in frames:
            self._take(member, opcode, data)
        self._plain[fd] = member.joined and member.listener is None and not decoder.partial

    def _take(self, member: Member, opcode: int, data: bytes) -> None:
        """Count one frame, answer a ping, pass a text on to its member."""
        if opcode == PING:
            member.send(client_frame(data, PONG))
        elif opcode == CLOSE:
            raise ConnectionError(f"member {member.index} was sent away: {data!r}")
        elif opcode == TEXT and data != b"h":
            fd = member.socket.fileno()
            if len(data) >= BODY_CHARS:  # else it has no message, but says that there is one, or up to where was read
                self._frames[fd] += 1
                self._payload[fd] += len(data)
            if not member.joined:
                self._greet(member, data)
            elif member.listener is not None:
                member.listener(member, data)

    def _greet(self, member: Member, data: bytes) -> None:
        """Bring a member in: open, ask to enter, be welcomed."""
        member.greetings.append(data)
        if data == b"o" and self.chat.enter:
            member.send(self.chat.frame(self.chat.enter))
        elif self.chat.welcomed(data):
            self._enter(member)

    def _enter(self, member: Member) -> None:
        member.joined = True
        self.joined += 1
