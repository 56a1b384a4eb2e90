"""Many messages in one room: what each reader receives, beside members who read nothing."""

import re
import socket
import time
from collections.abc import Callable
from dataclasses import replace

from bench.chats import BODY_PREFIX, Chat, prosa_post
from bench.frames import PONG, client_frame
from bench.load import Crowd, Member

ADDRESSED_BYTES = 100_000_000  # what is said to each reader, whether they read it or not
LONG_BODY_CHARS = 8000  # the longest message, 16 KB of an entry
RECEIVE_BUFFER_BYTES = 65536  # that the kernel takes for somebody who reads nothing
PONG_INTERVAL_SECONDS = 5.0  # between two pongs of somebody who reads nothing


class Silent(Crowd):
    """Members who join and then read nothing more, but answer pings.

    A pong needs no ping (RFC 6455, section 5.5.3): so the server keeps them though they never see its pings.
    """

    _due = 0.0  # when they say so next

    def fall_silent(self) -> None:
        """Leave everything unread from now on, and let the kernel take next to nothing."""
        for member in self.members:
            member.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)

    def pong(self) -> None:
        """Say that they are alive, if it is time to."""
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + PONG_INTERVAL_SECONDS
            for member in self.members:
                member.send(client_frame(b"", PONG))


def long_winded(chat: Chat) -> Chat:
    """Return the chat of members whose messages are as long as they may be."""
    return replace(chat, say=lambda token: prosa_post(token, LONG_BODY_CHARS))


class Talk:
    """So many messages in flight, and when each reader had each of them."""

    def __init__(self, crowd: Crowd, in_flight: int, run: str) -> None:
        self.crowd = crowd
        self.senders = crowd.members[:in_flight]
        self.sending = True
        self.delays: list[float] = []  # of the deliveries, in seconds
        self._run = run
        self._sent: list[float] = []  # when, by number
        self._authors: list[Member] = []
        self._seen: dict[int, list[int]] = {member.index: [] for member in crowd.members}
        self._number = re.compile(rb'"body\\":\\"%s%s-(\d{7})' % (BODY_PREFIX.encode(), run.encode()))

    def go_on(self, enough: Callable[[], bool], limit: float) -> None:
        """Send until enough was sent and all readers have it. Raise TimeoutError after `limit` seconds."""
        ends = time.perf_counter() + limit
        for member in self.crowd.members:
            self.crowd.listen(member, self._heard)
        for member in self.senders:
            self._send(member)
        while self.sending or len(self.delays) < len(self._sent) * len(self.crowd.members):
            self.sending = self.sending and not enough()
            self.crowd.read(1.0)
            if time.perf_counter() > ends:
                raise TimeoutError(f"{len(self.delays)} deliveries of {len(self._sent)} messages after {limit:.0f} s")
        self.crowd.quiet(limit)
        for member in self.crowd.members:
            self.crowd.listen(member, None)

    def _send(self, member: Member) -> None:
        number = len(self._sent)
        self._sent.append(time.perf_counter())
        self._authors.append(member)
        member.send(member.chat.frame(member.chat.say(f"{BODY_PREFIX}{self._run}-{number:07d}")))

    def _heard(self, member: Member, payload: bytes) -> None:
        """Record what came; a member who receives their own message sends the next one."""
        now = time.perf_counter()
        for number in map(int, self._number.findall(payload)):
            self._seen[member.index].append(number)
            self.delays.append(now - self._sent[number])
            if self.sending and self._authors[number] is member:
                self._send(member)

    def fault(self) -> str:
        """Name the readers that missed or repeated a message, or got them in another order; "" if there are none."""
        order = self._seen[self.crowd.members[0].index]
        if sorted(order) != list(range(len(self._sent))):
            return f"a reader got {len(order)} of {len(self._sent)} messages"
        odd = sum(seen != order for seen in self._seen.values())
        return f"{odd} readers got the messages in another order" if odd else ""


def talk_beside(silent: Silent, crowd: Crowd, in_flight: int, run: str, limit: float) -> Talk:
    """Let the crowd talk until each of them, and so each of the silent, was sent 100 MB."""
    reader = crowd.members[-1]
    ends = crowd.mass(reader) + ADDRESSED_BYTES

    def enough() -> bool:
        silent.pong()
        return crowd.mass(reader) >= ends

    talk = Talk(crowd, in_flight, run)
    talk.go_on(enough, limit)
    return talk
