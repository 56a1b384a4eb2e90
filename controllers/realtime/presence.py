"""Who is online and who is typing, over all processes: state, which is sent to subscribers but never logged.

Each process writes its own connections to the database and reads what others have changed there, both at most four
times a second, so that a thousand arrivals are a handful of frames.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

from controllers.realtime.frame import Frame
from controllers.realtime.hub import Hub
from controllers.realtime.online import Changes, Online, People
from controllers.realtime.protocol import message
from controllers.realtime.subscriber import Subscriber
from models import presence
from models.errors.stores import Unavailable
from models.members import Member
from models.names import initial, tint
from models.presence import GRACE_SECONDS, LocalPresence
from models.stores import Stores

COALESCE_SECONDS = 0.25  # at least, between two exchanges with the database
HEARTBEAT_SECONDS = 3.0
TYPING_SECONDS = 5.0  # for which one `typing` message counts
ROOMS_PER_TURN = 50  # told of a change before the event loop does other work: about 5 ms
MAX_NAMES = 100  # in one `presence` message; its `count` has the number of all
MAX_TYPING_NAMES = 3  # in one `typing` message


class Presence:
    """The presence of the members connected here, and what the subscribers here are sent of all members'."""

    def __init__(self, process: str, hub: Hub, stores: Stores) -> None:
        self._process = process
        self._hub = hub
        self._write = stores.write
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._connections: Counter[tuple[str, int]] = Counter()  # by room and member
        self._leaving: dict[tuple[str, int], asyncio.TimerHandle] = {}  # by room and member
        self._typing: dict[tuple[str, int], float] = {}  # by room and member: until when (time.monotonic)
        self._unreported: set[tuple[str, int]] = set()  # rooms and members that have changed here
        self._version = 0  # of the last report of a change
        self._online = Online()  # as last read
        self._last_sent: dict[str, tuple[str, str]] = {}  # by room with subscribers: `presence` and `typing` messages
        self._owed: dict[Subscriber, set[str]] = defaultdict(set)  # rooms whose messages it could not take
        self._changed = asyncio.Event()  # something has changed, here or in the database
        self._heartbeat_at = -HEARTBEAT_SECONDS  # when this process last reported (time.monotonic)

    # --- connections of this process

    def join(self, room: str, member: Member) -> None:
        """Count one more connection of `member` to `room`."""
        key = (room, member.id)
        self._connections[key] += 1
        if key in self._leaving:
            self._leaving.pop(key).cancel()
        self._note_change(*key)

    def leave(self, room: str, member: Member) -> None:
        """Count one connection less; after the last one the member stays online for a grace period."""
        key = (room, member.id)
        self._connections[key] -= 1
        if self._connections[key] <= 0:
            self._leaving[key] = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._on_grace_over, *key)

    def _on_grace_over(self, room: str, member_id: int) -> None:
        del self._leaving[room, member_id]
        self._note_change(room, member_id)

    def set_typing(self, room: str, member: Member, is_typing: bool) -> None:
        """Note that `member` is typing, or has stopped, in a room to which they are connected."""
        key = (room, member.id)
        until = time.monotonic() + TYPING_SECONDS if is_typing else 0.0
        if self._connections[key] > 0 and until != self._typing.get(key, 0.0):
            self._typing[key] = until
            self._note_change(*key)

    # --- subscribers of this process

    def send(self, subscriber: Subscriber, room: str) -> None:
        """Send the presence in `room` to one subscriber, now or once it has drained."""
        messages = self._messages(room)
        if messages and not subscriber.try_send(Frame(messages)):
            self._owed[subscriber].add(room)

    def drained(self, subscriber: Subscriber) -> None:
        """Send what the subscriber could not take before, of the rooms that it has not left meanwhile."""
        for room in self._owed.pop(subscriber, set()) & {channel.room for channel in subscriber.channels}:
            self.send(subscriber, room)

    def remove(self, subscriber: Subscriber) -> None:
        """Remove a subscriber that has closed."""
        self._owed.pop(subscriber, None)

    # --- all processes

    def online(self, room: str) -> People:
        """Return the names of all members online in `room`, at any process, as last read from the database."""
        return self._online.rooms.get(room) or People()

    def everybody(self) -> People:
        """Return the names of all members online in any room, in order."""
        return self._online.everybody

    async def follow(self) -> None:
        """Write and read presence whenever something has changed, until cancelled."""
        listening = asyncio.create_task(self._listen_to_doorbell())
        try:
            while True:
                with contextlib.suppress(Unavailable):  # the next round writes and reads it all again
                    await self._report()
                    await self._fetch()
                await asyncio.sleep(COALESCE_SECONDS)
                await self._wait_for_change()
        finally:
            listening.cancel()

    async def stop(self) -> None:
        """Let this process's rows in the database expire."""
        with contextlib.suppress(Unavailable):
            await self._write(presence.stop, self._process)

    async def _listen_to_doorbell(self) -> None:
        async for _ in self._doorbell.rings():
            self._changed.set()

    async def _wait_for_change(self) -> None:
        """Return when something has changed, at the latest when the next heartbeat is due."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._changed.wait()
        self._changed.clear()

    def _note_change(self, room: str, member_id: int) -> None:
        self._unreported.add((room, member_id))
        self._changed.set()

    async def _report(self) -> None:
        """Write what has changed here, or only the heartbeat, which is due while there are connections."""
        keys, self._unreported = self._unreported, set()
        is_due = self._connections and time.monotonic() - self._heartbeat_at > HEARTBEAT_SECONDS
        if not keys and not is_due:
            return
        changes = [self._local_presence(*key) for key in keys]
        self._version += bool(changes)
        try:
            is_new = await self._write(presence.report, self._process, self._version, changes)
        except Unavailable:
            self._unreported |= keys
            raise
        self._heartbeat_at = time.monotonic()
        if is_new:  # the database had no rows of this process any more
            for key in set(self._connections) - keys:
                self._note_change(*key)
        self._remove_gone(keys)

    def _remove_gone(self, keys: set[tuple[str, int]]) -> None:
        """Remove the members who have left, which is reported now."""
        for key in keys:
            if self._connections[key] <= 0 and key not in self._leaving:
                self._connections.pop(key, None)
                self._typing.pop(key, None)

    def _local_presence(self, room: str, member_id: int) -> LocalPresence:
        """Return the presence of one member here; during the grace period they count as connected."""
        key = (room, member_id)
        connections = max(self._connections[key], 1 if key in self._leaving else 0)
        typing_for = max(self._typing.get(key, 0.0) - time.monotonic(), 0.0)
        return LocalPresence(room, member_id, connections, typing_for)

    async def _fetch(self) -> None:
        """Read what all processes have reported, and broadcast what has changed."""
        reports = await self._read(presence.reports, dict(self._online.versions))
        for _ in self._online.take(reports):
            await asyncio.sleep(0)
        await self._tell(self._online.changes())
        if reports.has_dead:
            await self._write(presence.delete_dead)

    async def _tell(self, changes: Changes) -> None:
        """Broadcast what has changed, to the rooms where somebody here listens."""
        self._hub.activity.tell_presence(changes.came, is_online=True)
        self._hub.activity.tell_presence(changes.left, is_online=False)
        for number, room in enumerate(changes.rooms, 1):
            self._broadcast(room)
            if number % ROOMS_PER_TURN == 0:
                await asyncio.sleep(0)

    def _messages(self, room: str) -> tuple[str, ...]:
        """Return the `presence` and the `typing` message of a room; none if nobody was seen there yet."""
        if room not in self._last_sent and room in self._online.rooms:
            self._last_sent[room] = _build_messages(room, self._online.rooms[room], self._online.typing.names(room))
        return self._last_sent.get(room, ())

    def _broadcast(self, room: str) -> None:
        """Send those of a room's messages that have changed to all its subscribers here."""
        before, subscribers = self._last_sent.pop(room, ()), self._hub.subscribers_in(room)
        if not subscribers:
            return  # who joins is sent both
        texts = [text for text in self._messages(room) if text not in before]
        frame = Frame(texts)
        for subscriber in subscribers if texts else ():
            if not subscriber.try_send(frame):
                self._owed[subscriber].add(room)


def _build_messages(room: str, people: People, typing: Sequence[str]) -> tuple[str, str]:
    online = people.first(MAX_NAMES)
    pictures = [(initial(username), tint(username)) for username in online]
    return (
        message("presence", room=room, online=online, pictures=pictures, count=len(people)),
        message("typing", room=room, members=typing[:MAX_TYPING_NAMES]),
    )
