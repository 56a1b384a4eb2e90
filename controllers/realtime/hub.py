"""The Hub: the channels of the rooms' logs, and the subscribers with their cursors.

A room is a log, a connection is a cursor: to deliver is to send what lies after the cursor. Subscribers at the
head share one frame's bytes. A subscriber whose socket is full gets nothing queued; when it drains it is served
from its cursor. The Hub knows neither SockJS nor the engine that keeps the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain, islice

from controllers.realtime.channel import MAX_HELD_BYTES, MAX_NEWEST_ENTRIES, Channel, Subscriber
from controllers.realtime.closing import end
from controllers.realtime.frame import Frame
from controllers.realtime.protocol import message
from models.errors import Unavailable
from models.logs.base import Draft, Entry, RoomLog
from models.rooms import RoomInfo

logger = logging.getLogger(__name__)

MAX_REPLAY_ENTRIES = 500  # entries that a subscriber may be behind; beyond that it is told of a gap
LOG_PAGE_ENTRIES = 50  # entries that are read for it at once; of the longest ones a frame holds four
MAX_FRAME_CHARS = 64 * 1024  # characters of entries in one frame, which is what may wait for a slow subscriber
RETRY_SECONDS = 1.0  # seconds before the log is asked again after it could not answer
SUBSCRIBERS_PER_TURN = 250  # subscribers who are served before the loop does what else has come up: about 2.5 ms
COALESCE_SECONDS = 0.005  # seconds that a frame waits, after another one, for what is just being written


class Hub:
    """All that one process delivers."""

    def __init__(
        self,
        room_log: RoomLog,
        draw: Callable[[Entry], str],
        prepare: Callable[[Sequence[Entry]], Awaitable[None]],
        charge: Callable[[int, float], None],
    ) -> None:
        self._log = room_log
        self._draw = draw
        self._prepare = prepare  # draws many without keeping the loop
        self._charge = charge  # counts what a member has posted at another process
        self._own: set[tuple[int, str]] = set()  # authors and nonces of what was appended here, until it is heard
        self._channels: dict[str, Channel] = {}
        self._held = 0  # bytes of text in the channels
        self._tasks: set[asyncio.Task[None]] = set()
        self._unacknowledged: dict[tuple[int, str], list[Callable[[Entry], None]]] = defaultdict(list)
        self.subscribers: set[Subscriber] = set()
        self._of_member: dict[int, list[Subscriber]] = {}

    # --- subscribers

    def enter(self, subscriber: Subscriber) -> None:
        """Take up a new connection."""
        self.subscribers.add(subscriber)
        self._of_member.setdefault(subscriber.sign_in.member.id, []).append(subscriber)

    def connections(self, member_id: int) -> int:
        """Return how many connections a member has here."""
        return len(self._of_member.get(member_id, ()))

    async def join(self, subscriber: Subscriber, room: RoomInfo, after: int | None) -> bool:
        """Subscribe `subscriber` to a room of its member and serve what follows `after` (None: from the head on).

        Return whether it is new there; joining again moves its cursor.
        """
        channel = await self._current_channel(room.slug)
        head = channel.head
        self._deliver(channel)
        while channel.delivered < head:
            await channel.moved.wait()  # else it would be served once more what it says that it has
        if subscriber not in self.subscribers:
            return False  # closed while the log was asked
        is_new = channel not in subscriber.channels
        channel.remove(subscriber)
        subscriber.channels.add(channel)
        channel.lagging[subscriber] = channel.delivered if after is None else min(after, channel.delivered)
        subscriber.say(message("joined", room=room.slug, head=channel.delivered, name=room.name))
        self._serve(channel, subscriber)
        return is_new

    def leave(self, subscriber: Subscriber, room: str) -> bool:
        """Unsubscribe; tell whether it had joined."""
        channel = self._channels.get(room)
        if channel is None or channel not in subscriber.channels:
            return False
        subscriber.channels.discard(channel)
        channel.remove(subscriber)
        return True

    def drop(self, subscriber: Subscriber) -> list[str]:
        """Forget a connection that has closed; return the rooms that it had joined."""
        if subscriber in self.subscribers:
            self.subscribers.discard(subscriber)
            member_id = subscriber.sign_in.member.id
            self._of_member[member_id].remove(subscriber)
            if not self._of_member[member_id]:
                del self._of_member[member_id]
        for channel in subscriber.channels:
            channel.remove(subscriber)
        rooms = [channel.room for channel in subscriber.channels]
        subscriber.channels = set()
        return rooms

    def drained(self, subscriber: Subscriber) -> None:
        """Serve a subscriber that has room again."""
        for channel in subscriber.channels:
            if subscriber in channel.lagging:
                self._serve(channel, subscriber)

    def end_sessions(self, session_ids: Iterable[int], code: int, reason: str) -> None:
        """Close every connection that came by one of these sessions."""
        ended = set(session_ids)
        end([subscriber for subscriber in self.subscribers if subscriber.sign_in.session_id in ended], code, reason)

    def expel(self, room: str, members: set[int]) -> list[Subscriber]:
        """Unsubscribe those who are not among `members` any more, and return them."""
        expelled = [
            subscriber for subscriber in self.subscribers_in(room) if subscriber.sign_in.member.id not in members
        ]
        for subscriber in expelled:
            self.leave(subscriber, room)
        return expelled

    def rooms(self) -> list[str]:
        """Return the rooms that somebody has joined here."""
        return [
            room for room, channel in self._channels.items() if channel.at_head or channel.pending or channel.lagging
        ]

    def subscribers_in(self, room: str) -> list[Subscriber]:
        """Return who has joined `room` here."""
        channel = self._channels.get(room)
        return channel.subscribers() if channel else []

    # --- the log

    async def append(self, draft: Draft, acknowledge: Callable[[Entry], None] = lambda entry: None) -> Entry:
        """Append `draft`; once it is on disk, acknowledge it, then deliver it; return its entry.

        Raise NotMember, Unavailable.
        """
        key = (draft.author_id, draft.nonce)
        waiting = self._unacknowledged[key]
        waiting.append(acknowledge)
        try:
            entry = await self._log.append(draft)
        except Exception:
            waiting.remove(acknowledge)
            if not waiting:
                self._unacknowledged.pop(key, None)
            raise
        self._acknowledge(entry)
        channel = self._channels.get(entry.room)
        if channel is not None:
            self._on_append(channel, entry)
        else:
            self._start(self._begin_to_hear, entry.room)
        return entry

    async def _begin_to_hear(self, room: str) -> None:
        """Hear from now on what other processes append to a room in which somebody posts here."""
        with contextlib.suppress(Unavailable):  # the next post tries again
            await self._current_channel(room)

    def _on_append(self, channel: Channel, entry: Entry) -> None:
        """Let the room grow by what was appended here."""
        if entry.seq > channel.head:
            self._own.add((entry.author_id, entry.nonce))
        if entry.seq == channel.head + 1:
            self._advance(channel, [entry])
        elif entry.seq > channel.head:  # another process was faster: its entries come first
            self._start(self._fetch_new_or_retry, channel)

    def _acknowledge(self, entry: Entry) -> bool:
        """Tell the author, before anybody hears of the entry: the doorbell may be quicker than the writing thread.

        Return whether somebody waited for it here.
        """
        waiting = self._unacknowledged.pop((entry.author_id, entry.nonce), ())
        for acknowledge in waiting:
            acknowledge(entry)
        return bool(waiting)

    async def follow(self) -> None:
        """Hear the doorbell, until cancelled."""
        async for room, head in self._log.changes():
            channel = self._channels.get(room)
            if channel is not None and head > channel.head:
                await self._fetch_new_or_retry(channel)

    async def newest(self, room: str, limit: int) -> list[Entry]:
        """Return the newest entries, newest first, without asking the log again while nothing was appended."""
        channel = await self._current_channel(room)
        if len(channel.newest) >= min(limit, channel.head):
            return list(islice(reversed(channel.newest), limit))
        return await self._log.before(room, None, limit)

    async def _current_channel(self, room: str) -> Channel:
        """Return the channel of a room with all that was on disk when it was asked for. Raise Unavailable."""
        if room not in self._channels:
            head = await self._log.head(room)  # first, so that nothing up to it is missing in what is read next
            newest = await self._log.before(room, None, MAX_NEWEST_ENTRIES)
            if room not in self._channels:  # the newest entries may have been purged: then the head is beyond them
                self._channels[room] = channel = Channel(room, max(head, newest[0].seq if newest else 0))
                for entry in reversed(newest):
                    channel.newest.add(entry, entry.body)
                self._hold(channel.bytes)
        channel = self._channels[room]
        if channel.version != self._log.version(room):
            await self._fetch_new(channel)
        return channel

    async def _fetch_new_or_retry(self, channel: Channel) -> None:
        """Read what other processes have appended, as soon as that can be had."""
        try:
            await self._fetch_new(channel)
        except Unavailable:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._start, self._fetch_new_or_retry, channel)

    async def _fetch_new(self, channel: Channel) -> None:
        """Read what other processes have appended. Raise Unavailable."""
        version = self._log.version(channel.room)
        more = True
        while more:
            entries = await self._log.after(channel.room, channel.head, MAX_REPLAY_ENTRIES)
            await self._prepare(entries)
            self._advance(
                channel, [entry for entry in entries if entry.seq > channel.head]
            )  # what is not there was purged
            more = len(entries) == MAX_REPLAY_ENTRIES  # what comes meanwhile rings the doorbell
        channel.version = version

    def _advance(self, channel: Channel, fresh: Sequence[Entry]) -> None:
        """Move the head: the one place where a room gets longer in this process."""
        if not fresh:
            return
        before = channel.bytes
        for entry in fresh:
            key = (entry.author_id, entry.nonce)
            if not self._acknowledge(entry) and key not in self._own:
                self._charge(entry.author_id, entry.at)
            self._own.discard(key)
            text = self.entry_message(entry)
            channel.ring.add((entry.seq, text), text)
            channel.newest.add(entry, entry.body)
            channel.authors.add(entry.author_id)
        self._hold(channel.bytes - before)
        if not channel.pending:
            # Later in this turn of the loop: what else was committed together leaves in the same frame.
            asyncio.get_running_loop().call_soon(self._deliver, channel)
        channel.head = fresh[-1].seq

    def _hold(self, more: int) -> None:
        """Count what the channels hold; where it is too much, those that hold most let go of some."""
        self._held += more
        while self._held > MAX_HELD_BYTES:
            largest = max(self._channels.values(), key=lambda channel: channel.bytes)
            before = largest.bytes
            largest.shorten()
            self._held += largest.bytes - before

    def entry_message(self, entry: Entry) -> str:
        """Return the message that tells everybody about `entry`."""
        fields = {"room": entry.room, "seq": entry.seq, "kind": entry.kind, "author": entry.author}
        if entry.target is not None:
            fields["target"] = entry.target
        return message("entry", **fields, body=entry.body, html=self._draw(entry), at=entry.at, nonce=entry.nonce)

    def _deliver(self, channel: Channel) -> None:
        """Begin to send what is new to everybody at the head; while that lasts, what comes waits for the next frame."""
        before = channel.delivered
        if channel.pending or before == channel.head or (channel.coalescing and self._unacknowledged):
            return
        channel.delivered, channel.coalescing = channel.head, False
        authors, channel.authors = channel.authors, set()
        channel.moved.set()
        channel.moved.clear()
        fresh = channel.after(before)
        channel.pending, channel.at_head = channel.at_head, set()
        if fresh is not None:
            frameful = _frameful(fresh)
            channel.delivered, channel.truncated = frameful[-1][0], len(frameful) < len(fresh)
            # Authors first: they look for their own words, and write on while the others are served.
            first = [
                subscriber
                for author in authors
                for subscriber in self._of_member.get(author, ())
                if subscriber in channel.pending
            ]
            self._deliver_some(channel, Frame([text for _, text in frameful]), before, first)
            return
        late, channel.pending = channel.pending, set()
        channel.lagging.update(dict.fromkeys(late, before))
        for subscriber in late:
            self._serve(channel, subscriber)

    def _deliver_some(self, channel: Channel, frame: Frame, before: int, first: Sequence[Subscriber] = ()) -> None:
        """Send `frame` to some of those to whom it is due; who can't take it falls behind, after `before`."""
        pending, at_head = channel.pending, channel.at_head
        pending.difference_update(first)
        for subscriber in chain(first, (pending.pop() for _ in range(min(SUBSCRIBERS_PER_TURN, len(pending))))):
            if subscriber.offer(frame):
                at_head.add(subscriber)
            else:
                channel.lagging[subscriber] = before
        if pending:
            asyncio.get_running_loop().call_soon(self._deliver_some, channel, frame, before)
        elif self._unacknowledged and not channel.truncated:
            channel.coalescing = True
            asyncio.get_running_loop().call_later(COALESCE_SECONDS, self._wake, channel)
        else:
            asyncio.get_running_loop().call_soon(self._deliver, channel)

    def _wake(self, channel: Channel) -> None:
        channel.coalescing = False
        self._deliver(channel)

    def _serve(self, channel: Channel, subscriber: Subscriber) -> None:
        """Send a subscriber that lags what lies after its cursor, as far as it takes it."""
        while subscriber in channel.lagging and subscriber not in channel.reading_log:
            cursor = channel.lagging[subscriber]
            if cursor >= channel.delivered:
                del channel.lagging[subscriber]
                channel.at_head.add(subscriber)
                return
            items = channel.after(cursor)
            if items is None:
                self._start(self._serve_from_log, channel, subscriber)
                return
            if not self._offer(channel, subscriber, _frameful(items)):
                return

    async def _serve_from_log(self, channel: Channel, subscriber: Subscriber) -> None:
        """Read for one subscriber what the ring does not have any more."""
        cursor = channel.lagging.get(subscriber)
        if cursor is None or subscriber in channel.reading_log:
            return
        if channel.delivered - cursor > MAX_REPLAY_ENTRIES:
            taken = self._tell_gap(channel, subscriber)
        else:
            channel.reading_log.add(subscriber)
            try:
                entries = await self._log.after(channel.room, cursor, LOG_PAGE_ENTRIES)
            except Unavailable:
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._serve, channel, subscriber)
                return
            finally:
                channel.reading_log.discard(subscriber)
            if channel.lagging.get(subscriber) != cursor:
                return  # left, or joined anew, while the log was asked
            items = _frameful((e.seq, self.entry_message(e)) for e in entries if e.seq <= channel.delivered)
            if not items:  # purged
                channel.lagging[subscriber] = channel.delivered
            taken = not items or self._offer(channel, subscriber, items)
        if taken:
            self._serve(channel, subscriber)

    def _offer(self, channel: Channel, subscriber: Subscriber, items: list[tuple[int, str]]) -> bool:
        """Offer `items` as a frame and move the cursor behind them if they are taken."""
        if not subscriber.offer(Frame([text for _, text in items])):
            return False
        channel.lagging[subscriber] = items[-1][0]
        return True

    def _tell_gap(self, channel: Channel, subscriber: Subscriber) -> bool:
        gap = message("gap", room=channel.room, **{"from": channel.lagging[subscriber] + 1, "to": channel.delivered})
        if not subscriber.offer(Frame([gap])):
            return False
        channel.lagging[subscriber] = channel.delivered
        return True

    def _start(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """Do `work` in the background, keeping hold of it and logging what goes wrong."""
        task = asyncio.ensure_future(work(*args))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("delivering failed", exc_info=error)


def _frameful(items: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return as many of the first items as one frame should hold, at least one of them; no more are made."""
    size, frameful = 0, list[tuple[int, str]]()
    for item in items:
        size += len(item[1])
        if size > MAX_FRAME_CHARS and frameful:
            break
        frameful.append(item)
    return frameful
