"""Who is online and who is writing, across processes. State, not history: it is told, never logged.

Each process reports its own connections and reads those of the others; both at most four times a second,
so that a thousand arrivals are a handful of frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict

from controllers.realtime.frame import Frame
from controllers.realtime.hub import Hub
from controllers.realtime.protocol import message
from controllers.realtime.subscriber import Subscriber
from models import presence
from models.accounts import Member
from models.errors import Unavailable
from models.presence import GRACE, LocalPresence, OnlineMember
from models.stores import Stores

COALESCE_SECONDS = 0.25  # seconds between two looks
HEARTBEAT_SECONDS = 3.0  # seconds
TYPING_SECONDS = 5.0  # seconds that one `typing` holds
MAX_NAMES = 100  # in one frame; `count` tells of the rest


class Presence:
    """One process's share of the presence table, and what it tells its subscribers of the whole."""

    def __init__(self, process: str, hub: Hub, stores: Stores) -> None:
        self._process = process
        self._hub = hub
        self._write = stores.write
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._connections: Counter[tuple[str, int]] = Counter()  # by room and member
        self._leaving: dict[tuple[str, int], asyncio.TimerHandle] = {}
        self._typing: dict[tuple[str, int], float] = {}  # until when (time.monotonic)
        self._unreported: set[tuple[str, int]] = set()
        self._versions: dict[str, int] = {}
        self._last_sent: dict[str, tuple[str, str]] = {}  # by room: the frames' messages of presence and typing
        self._online: dict[str, list[str]] = {}  # by room: names
        self._owed: dict[Subscriber, set[str]] = defaultdict(set)
        self._wake = asyncio.Event()
        self._beaten_at = -HEARTBEAT_SECONDS  # when this process last said that it lives
        self._next_stop: float | None = None  # when somebody's typing expires (time.monotonic)

    # --- what happens here

    def enter(self, room: str, member: Member) -> None:
        """Count one more connection of `member` to `room`."""
        key = (room, member.id)
        self._connections[key] += 1
        if key in self._leaving:
            self._leaving.pop(key).cancel()
        self._note(*key)

    def leave(self, room: str, member: Member) -> None:
        """Count one connection less; after the last one the member has a while to come back."""
        key = (room, member.id)
        self._connections[key] -= 1
        if self._connections[key] <= 0:
            self._leaving[key] = asyncio.get_running_loop().call_later(GRACE, self._gone, *key)

    def _gone(self, room: str, member_id: int) -> None:
        del self._leaving[room, member_id]
        self._note(room, member_id)

    def type(self, room: str, member: Member, is_typing: bool = True) -> None:
        """Note that `member` writes, or has stopped, in a room where they are connected."""
        key = (room, member.id)
        until = time.monotonic() + TYPING_SECONDS if is_typing else 0.0
        if self._connections[key] > 0 and until != self._typing.get(key, 0.0):
            self._typing[key] = until
            self._note(*key)

    def forget(self, subscriber: Subscriber) -> None:
        """Owe nothing to a subscriber that has closed."""
        self._owed.pop(subscriber, None)

    def tell(self, subscriber: Subscriber, room: str) -> None:
        """Tell one subscriber who is in `room`, now or when it has room again."""
        told = self._last_sent.get(room)
        if told and not subscriber.offer(Frame(told)):
            self._owed[subscriber].add(room)

    def drained(self, subscriber: Subscriber) -> None:
        """Tell a subscriber what it could not take before, of the rooms that it has not left meanwhile."""
        for room in self._owed.pop(subscriber, set()) & {channel.room for channel in subscriber.channels}:
            self.tell(subscriber, room)

    # --- the others

    def online(self, room: str) -> list[str]:
        """Return the names of everybody in `room`, whichever process they are at, as of the last look."""
        return self._online.get(room, [])

    async def follow(self) -> None:
        """Report and look, whenever something happened here or the doorbell rings, until cancelled."""
        ringing = asyncio.create_task(self._hear_doorbell())
        try:
            while True:
                with contextlib.suppress(Unavailable):  # the next round says it all again
                    await self._report()
                    await self._look()
                await asyncio.sleep(COALESCE_SECONDS)
                await self._wait_for_news()
        finally:
            ringing.cancel()

    async def stop(self) -> None:
        """Let this process's rows lapse."""
        with contextlib.suppress(Unavailable):
            await self._write(presence.stop, self._process)

    async def _hear_doorbell(self) -> None:
        async for _ in self._doorbell.rings():
            self._wake.set()

    async def _wait_for_news(self) -> None:
        """Return when something happened, at the latest when the next beat is due."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._wake.wait()
        self._wake.clear()

    def _note(self, room: str, member_id: int) -> None:
        self._unreported.add((room, member_id))
        self._wake.set()

    def _note_all(self, keys: set[tuple[str, int]]) -> None:
        for key in keys:
            self._note(*key)

    async def _report(self) -> None:
        """Write what has changed here, or that this process lives while it has anybody."""
        keys, self._unreported = self._unreported, set()
        beat_is_due = self._connections and time.monotonic() - self._beaten_at > HEARTBEAT_SECONDS
        if not keys and not beat_is_due:
            return
        here = [self._here(*key) for key in keys]
        try:
            is_new = await self._write(presence.report, self._process, here)
        except Unavailable:
            self._unreported |= keys
            raise
        self._beaten_at = time.monotonic()
        if is_new:
            self._note_all(set(self._connections) - keys)
        for key in keys:
            if self._connections[key] <= 0 and key not in self._leaving:
                self._connections.pop(key, None)
                self._typing.pop(key, None)

    def _here(self, room: str, member_id: int) -> LocalPresence:
        """Return what the others shall know; who may still come back counts as connected."""
        key = (room, member_id)
        connections = max(self._connections[key], 1 if key in self._leaving else 0)
        typing_for = max(self._typing.get(key, 0.0) - time.monotonic(), 0.0)
        return LocalPresence(room, member_id, connections, typing_for)

    async def _look(self) -> None:
        """Read everybody's presence if it has changed, and tell it."""
        versions = await self._read(presence.versions)
        if versions != self._versions or self._someone_stops_typing():
            self._show(await self._read(presence.everybody))
            self._versions = versions

    def _show(self, everybody: list[OnlineMember]) -> None:
        left = [one.typing_for for one in everybody if one.typing_for > 0]
        self._next_stop = time.monotonic() + min(left) if left else None
        rooms: dict[str, list[OnlineMember]] = {room: [] for room in self._last_sent}
        for one in everybody:
            rooms.setdefault(one.room, []).append(one)
        self._online = {room: [one.username for one in people] for room, people in rooms.items()}
        for room, people in rooms.items():
            told = (
                message("presence", room=room, online=[p.username for p in people[:MAX_NAMES]], count=len(people)),
                message("typing", room=room, members=[p.username for p in people if p.typing_for > 0][:3]),
            )
            if told != self._last_sent.get(room):
                self._tell_all(room, told)

    def _someone_stops_typing(self) -> bool:
        return self._next_stop is not None and time.monotonic() >= self._next_stop

    def _tell_all(self, room: str, told: tuple[str, str]) -> None:
        """Send what is new to everybody in `room`."""
        known = self._last_sent.get(room, ("", ""))
        self._last_sent[room] = told
        frame = Frame([text for text in told if text not in known])
        for subscriber in self._hub.subscribers_in(room):
            if not subscriber.offer(frame):
                self._owed[subscriber].add(room)
