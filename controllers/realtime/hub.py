"""The Hub: all channels and all subscribers of this process. It knows neither SockJS nor the log's engine."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence

from controllers.realtime.acknowledgements import Acknowledge, Acknowledgements
from controllers.realtime.activity import Activity, Overview
from controllers.realtime.background import BackgroundTasks
from controllers.realtime.channel import Channel
from controllers.realtime.channel_context import ChannelContext, RateLimiter
from controllers.realtime.closing import close_each
from controllers.realtime.encoding import Renderer
from controllers.realtime.entry_cache import MemoryLimit, NumberedText
from controllers.realtime.growth import GrowthJournal
from controllers.realtime.marks import Marks
from controllers.realtime.subscriber import Subscriber, Subscribers
from controllers.realtime.waiting import Waiting, WaitingRequests
from models.errors.stores import Unavailable
from models.logs.base import Draft, Entry, Head, RoomLog
from models.logs.together import Together
from models.messages import Message
from models.rooms import RoomInfo

OnGrowth = Callable[[str, bool], None]  # is told of a room that has grown, and whether this process has appended to it

MAX_CHANNELS = 200  # that are kept although nobody reads their rooms; 100 KiB each for usual messages
MAX_CACHED_BYTES = 16 * 1024 * 1024  # of text in the channels' caches; 500 usual entries have half a megabyte


class Hub:
    """Appends to rooms, follows their logs, and finds the channel of each room."""

    def __init__(
        self,
        room_log: RoomLog,
        renderer: Renderer,
        rate_limiter: RateLimiter,
        overview: Overview,
    ) -> None:
        self.subscribers = Subscribers()
        self.waiting = WaitingRequests()
        self._background = BackgroundTasks()
        self.activity = Activity(room_log, self.subscribers, overview, renderer.plain, self._background)
        self._log = room_log
        self._acknowledgements = Acknowledgements()
        self._context = ChannelContext(
            log=room_log,
            renderer=renderer,
            rate_limiter=rate_limiter,
            memory=MemoryLimit(MAX_CACHED_BYTES),
            subscribers=self.subscribers,
            acknowledgements=self._acknowledgements,
            background=self._background,
            on_entries=self._on_entries,
        )
        self._channels: OrderedDict[str, Channel] = OrderedDict()  # those that were used last are at the end
        self._heads: dict[str, Head] = {}  # of all rooms, as far as they are known here
        self.growth = GrowthJournal()
        self.marks = Marks(room_log)
        self.changes_version = 0  # another one whenever a room has grown by something else than a post or a note
        self._has_all_heads = False  # since when members are told of their rooms
        self._newest: dict[str, tuple[int, float]] = {}  # the newest entry's seq and time, of rooms that were asked for
        self._finding_heads = Together(self._find_heads)
        self._finding_newest = Together(self._find_newest)
        self.on_growth: OnGrowth = lambda room, is_own: None

    # --- subscribers

    def add(self, subscriber: Subscriber) -> None:
        """Add a new connection."""
        self.subscribers.add(subscriber)
        self.activity.add(subscriber, is_new=True)

    def remove(self, subscriber: Subscriber) -> list[str]:
        """Remove a connection that has closed; return the rooms that it had joined."""
        self.subscribers.remove(subscriber)
        self.activity.remove(subscriber)
        channels, subscriber.channels = subscriber.channels, set()
        for channel in channels:
            channel.leave(subscriber)
        return [channel.room for channel in channels]

    async def join(self, subscriber: Subscriber, room: RoomInfo, after: int | None) -> bool:
        """Subscribe to a room of the subscriber's member and serve what follows `after` (None: what comes next).

        Return whether it is new there; joining again moves its cursor. Raise Unavailable.
        """
        channel = await self._delivered_channel(room.slug)
        if subscriber not in self.subscribers:
            return False  # closed while the log was read
        return channel.join(subscriber, room.name, after)

    async def wait(self, request: Waiting, room: RoomInfo, after: int) -> None:
        """Let a request have what follows `after` in a room of its member, until it ends. Raise Unavailable."""
        channel = await self._delivered_channel(room.slug)
        if request in self.waiting:  # else it has ended while the log was read
            channel.join(request, room.name, after)

    def count_of_member(self, member_id: int) -> int:
        """Return how many connections and waiting requests a member has."""
        return len(self.subscribers.of_member(member_id)) + self.waiting.count_of_member(member_id)

    def leave(self, subscriber: Subscriber, room: str) -> bool:
        """Unsubscribe; return whether it had joined."""
        channel = self._channels.get(room)
        return channel is not None and channel.leave(subscriber)

    def drained(self, subscriber: Subscriber) -> None:
        """Serve a subscriber whose socket can take more."""
        for channel in subscriber.channels:
            channel.serve(subscriber)
        self.activity.drained(subscriber)

    def close_sessions(self, session_ids: Iterable[int], code: int, reason: str) -> None:
        """Close every connection of these sign-ins."""
        closing = set(session_ids)
        close_each([one for one in self.subscribers if one.sign_in.session_id in closing], code, reason)

    def expel(self, room: str, members: set[int]) -> list[Subscriber]:
        """Unsubscribe all connections of people who are not among the room's `members` any more; return them."""
        self.waiting.end_of_room(room, members)
        expelled = [one for one in self.subscribers_in(room) if one.sign_in.member.id not in members]
        for subscriber in expelled:
            self.leave(subscriber, room)
        return expelled

    def rooms(self) -> list[str]:
        """Return the rooms that have subscribers here."""
        return [room for room, channel in self._channels.items() if channel.has_subscribers]

    def subscribers_in(self, room: str) -> list[Subscriber]:
        """Return the connections that have joined a room."""
        channel = self._channels.get(room)
        return [one for one in channel.subscribers() if isinstance(one, Subscriber)] if channel else []

    # --- the log

    async def append(self, draft: Draft, acknowledge: Acknowledge = lambda entry: None) -> Entry:
        """Append `draft`; once it is on disk, acknowledge it, then deliver it; return its entry.

        Raise NotMember, Unavailable.
        """
        await self.heads()
        self._acknowledgements.add(draft, acknowledge)
        try:
            entry = await self._log.append(draft)
        except Exception:
            self._acknowledgements.remove(draft, acknowledge)
            raise
        self._acknowledgements.send(entry)
        is_newest = self._learn(entry.room, entry.head)
        self.on_growth(entry.room, True)
        channel = self._channels.get(entry.room)
        if channel is not None:
            channel.tail.on_append(entry)
        else:
            if is_newest:
                self._on_entries(entry.room, [entry])
            self._open_channel(entry.room)
            self._forget_channels()
        return entry

    async def follow(self) -> None:
        """Fetch what other processes append, whenever the doorbell rings, until cancelled."""
        async for room, head in self._log.changes():
            with contextlib.suppress(Unavailable):
                await self.heads()
            self._learn(room, head)
            channel = self._channels.get(room)
            if channel is not None and head.seq > channel.tail.head:
                await channel.tail.fetch_new_or_retry()

    async def close(self) -> None:
        """End what is still under way for those who are connected, and begin nothing more."""
        await self._background.close()

    def _learn(self, room: str, head: Head) -> bool:
        """Remember how far a room's log is, and have its members told, unless its channel does so.

        Return whether it has grown.
        """
        before = self._heads.get(room, Head())
        if head.seq <= before.seq:
            return False
        self._heads[room] = head
        self.growth.add(room)
        self.changes_version += head.seq - head.lines != before.seq - before.lines
        self.on_growth(room, False)
        if self._has_all_heads and room not in self._channels:
            self.activity.note_head(room, before, head)
        return True

    async def heads(self) -> dict[str, Head]:
        """Return how far the logs of all rooms are, as this process knows it. Raise Unavailable."""
        if not self._has_all_heads:
            await self._finding_heads.ask(None)
        return self._heads

    async def _find_heads(self, asked: list[None]) -> list[None]:
        if not self._has_all_heads:
            for room, head in (await self._log.heads()).items():
                self._learn(room, head)
            self._has_all_heads = True
        return asked

    async def head(self, room: str) -> int:
        """Return the seq of a room's newest entry, from memory while nothing was appended. Raise Unavailable."""
        return (await self._current_channel(room)).tail.head

    async def newest_at(self, rooms: Iterable[str]) -> dict[str, float]:
        """Return when the newest entry of each room was appended, 0 for rooms without one. Raise Unavailable."""
        heads, asked = await self.heads(), [*rooms]
        if changed := [room for room in asked if self._has_newer(room, heads)]:
            await self._finding_newest.ask(changed)
        return {room: self._newest.get(room, (0, 0.0))[1] for room in asked}

    def _has_newer(self, room: str, heads: Mapping[str, Head]) -> bool:
        return room in heads and heads[room].seq > self._newest.get(room, (0, 0.0))[0]

    async def _find_newest(self, asked: list[list[str]]) -> list[None]:
        heads = await self.heads()
        seqs = {room: heads[room].seq for rooms in asked for room in rooms if self._has_newer(room, heads)}
        found = await self._log.newest_at(seqs) if seqs else {}
        self._newest.update((room, (seqs[room], at)) for room, at in found.items())
        return [None] * len(asked)

    def _on_entries(self, room: str, entries: Sequence[Entry]) -> None:
        """Take note of entries that are new in a room, and known here, perhaps before the doorbell rings."""
        self._learn(room, entries[-1].head)  # first: who is told more is never told less
        self._newest[room] = entries[-1].seq, entries[-1].at
        self.marks.note(room, entries)
        self.activity.note_entries(room, entries)

    async def newest(self, room: str, limit: int) -> tuple[int, list[Message]]:
        """Return a seq up to which every entry is in the newest messages, and these, newest first; no post is beyond.

        From memory while nothing was appended. Raise Unavailable.
        """
        channel = await self._current_channel(room)
        return await channel.tail.newest(limit)

    def posts_up_to(self, room: str, seq: int) -> int | None:
        """Return how many posts a room has up to a message; None if that is not in memory."""
        channel = self._channels.get(room)
        return None if channel is None else channel.tail.cache.posts_up_to(seq)

    async def texts_after(self, room: str, seq: int, limit: int) -> tuple[list[NumberedText], int]:
        """Return at most `limit` entries after `seq`, encoded, and the head of what is on disk. Raise Unavailable."""
        channel = await self._current_channel(room)
        head = channel.tail.head
        return await channel.tail.texts_after(seq, limit), head

    async def _delivered_channel(self, room: str) -> Channel:
        """Return the current channel of a room, when delivery of all that it has has begun. Raise Unavailable.

        Who joins would else get entries up to the head twice.
        """
        channel = await self._current_channel(room)
        with channel.awaited():
            await channel.deliver_all()
        return channel

    async def _current_channel(self, room: str) -> Channel:
        """Return the channel of a room, with all that was on disk when it was asked for. Raise Unavailable."""
        await self.heads()
        channel = self._channels.get(room) or self._open_channel(room)
        self._channels.move_to_end(room)
        with channel.awaited():
            self._forget_channels()
            await channel.tail.refresh()
        return channel

    def _open_channel(self, room: str) -> Channel:
        """Follow a room from as far as its log is known here: since somebody reads it, or a member has posted to it."""
        channel = self._channels[room] = Channel(room, self._heads.get(room, Head()).seq, self._context)
        return channel

    def _forget_channels(self) -> None:
        """Forget a room that nobody has read for longest, if there are many; look at two, as each use adds one."""
        for _ in range(2):
            if len(self._channels) <= MAX_CHANNELS:
                return
            room, channel = next(iter(self._channels.items()))
            if channel.is_in_use:
                self._channels.move_to_end(room)
            else:
                del self._channels[room]
                self._context.memory.remove(channel.tail.cache)
