"""What connected members are told of all their rooms, joined or not: which there are, and what is new in them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from controllers.realtime.background import BackgroundTasks
from controllers.realtime.frame import Frame
from controllers.realtime.news import Mention, News, Plain
from controllers.realtime.protocol import message
from controllers.realtime.subscriber import Subscriber, Subscribers
from models.errors.stores import Unavailable
from models.logs.base import Entry, Head, RoomLog
from models.members import Member
from models.reads import Position
from models.rooms import RoomInfo

INTERVAL_SECONDS = 1.0  # between two `activity` messages of a room
RETRY_SECONDS = 1.0  # before a member's rooms are read again after that could not be done
MAX_DESCRIPTIONS = 5  # of a member's rooms, one after the other, while something new is told of them
MAX_CATCH_UP_ENTRIES = 2000  # that are read of a room before its members are told everything anew
MEMBERS_PER_TURN = 250  # told before the event loop does other work: about 2.5 ms
PAGE_ENTRIES = 500  # read at once of a room that nobody here has joined


class Overview(Protocol):
    """What the messages are made of that tell members of all their rooms. All raise Unavailable."""

    async def rooms_of(self, member: Member, /, has_looked: bool) -> Collection[RoomInfo]:
        """Return all rooms of a member, without a new look if there was one when they signed in just now."""

    async def describe_rooms(self, member: Member, rooms: Collection[RoomInfo], /) -> Frame:
        """Return the `rooms` message."""

    async def describe_tasks(self, member: Member, /) -> str:
        """Return the `tasks` message."""


class Followed:
    """What each connected member follows, and who follows it."""

    def __init__(self) -> None:
        self._of_members: dict[int, set[str]] = {}
        self._followers: dict[str, set[int]] = {}

    def __contains__(self, one: str) -> bool:
        return one in self._followers

    def followers(self, one: str) -> Collection[int]:
        """Return the members who follow it."""
        return self._followers.get(one, ())

    def set(self, member_id: int, followed: Iterable[str]) -> list[str]:
        """Let a member follow these and nothing else; return what nobody follows any more."""
        before, now = self._of_members.pop(member_id, set()), set(followed)
        for one in now - before:
            self._followers.setdefault(one, set()).add(member_id)
        for one in before - now:
            self._followers[one].discard(member_id)
        if now:
            self._of_members[member_id] = now
        left = [one for one in before - now if not self._followers[one]]
        for one in left:
            del self._followers[one]
        return left


class Activity:
    """Follows the rooms of the members who are connected here, and the people of their direct rooms."""

    def __init__(
        self,
        log: RoomLog,
        subscribers: Subscribers,
        overview: Overview,
        plain: Plain,
        background: BackgroundTasks,
    ) -> None:
        self._log = log
        self._subscribers = subscribers
        self._overview = overview
        self._plain = plain
        self._rooms = Followed()
        self._people = Followed()  # by name
        self._news: dict[str, News] = {}
        self._owed: set[Subscriber] = set()  # those that could not take something
        # Those whose rooms are being described, and whether they were told something meanwhile.
        self._described: dict[Subscriber, bool] = {}
        self._background = background

    # --- the members and their rooms

    def add(self, subscriber: Subscriber, is_new: bool = False) -> None:
        """Tell a connection of all its member's rooms, once more if that is just being done."""
        is_described = subscriber in self._described
        self._described[subscriber] = is_described
        if not is_described:
            self._background.start(self._welcome, subscriber, is_new)

    def remove(self, subscriber: Subscriber) -> None:
        """Forget a connection that has closed, and its member's rooms if it was the last one."""
        self._owed.discard(subscriber)
        member_id = subscriber.sign_in.member.id
        if not self._subscribers.of_member(member_id):
            self._follow(member_id, ())

    def drained(self, subscriber: Subscriber) -> None:
        """Tell all anew to a connection that could not take something before."""
        if subscriber in self._owed:
            self._owed.discard(subscriber)
            self.add(subscriber)

    def members_of(self, room: str) -> Collection[int]:
        """Return the connected members of a room."""
        return self._rooms.followers(room)

    def refresh(self, member_ids: Iterable[int]) -> None:
        """Tell members anew of their rooms, as far as they are connected."""
        for member_id in member_ids:
            for subscriber in self._subscribers.of_member(member_id):
                self.add(subscriber)

    async def _welcome(self, subscriber: Subscriber, is_new: bool) -> None:
        """Send the `rooms` message, now or as soon as the stores can be read."""
        try:
            frame = await self._describe(subscriber, is_new)
            is_overtaken = self._described[subscriber]
        except Unavailable:
            frame, is_overtaken = None, True
        finally:
            del self._described[subscriber]
        if subscriber not in self._subscribers:
            return
        if frame is not None:
            self._send(subscriber, frame)
        if is_overtaken:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self.refresh, [subscriber.sign_in.member.id])

    async def _describe(self, subscriber: Subscriber, is_new: bool) -> Frame | None:
        """Return the `rooms` message, anew if something was told meanwhile that it may lack. Raise Unavailable.

        What changes while a connection is being opened, the Revoker tells it a second later.
        """
        member, frame = subscriber.sign_in.member, None
        for number in range(MAX_DESCRIPTIONS):
            self._described[subscriber] = False
            rooms = await self._overview.rooms_of(member, has_looked=is_new and not number)
            if subscriber not in self._subscribers:
                break
            self._follow(member.id, rooms)  # first: what comes from now on is noted
            frame = await self._overview.describe_rooms(member, rooms)
            if not self._described[subscriber]:
                break
        return frame

    def _follow(self, member_id: int, rooms: Collection[RoomInfo]) -> None:
        self._people.set(member_id, (name for room in rooms for name in room.people))
        for room in self._rooms.set(member_id, (room.slug for room in rooms)):
            self._forget_news(room)

    def _forget_news(self, room: str) -> None:
        news = self._news.pop(room, None)
        if news is not None and news.timer is not None:
            news.timer.cancel()

    # --- what happens in the rooms

    def note_entries(self, room: str, entries: Sequence[Entry]) -> None:
        """Note entries that are new in a room."""
        if room not in self._rooms:
            return
        news = self._news_of(room, entries[0].seq - 1)
        for entry in entries:
            if entry.seq == news.seen + 1:
                news.note(entry)
        self._tell_soon(room, news, entries[-1].head)

    def note_head(self, room: str, before: Head, head: Head) -> None:
        """Note that a room has grown whose entries nobody here has read."""
        if room in self._rooms:
            self._tell_soon(room, self._news_of(room, before.seq), head)

    def _news_of(self, room: str, told: int) -> News:
        return self._news.setdefault(room, News(Head(), told, told))

    def _tell_soon(self, room: str, news: News, head: Head) -> None:
        news.head = max(news.head, head)
        if news.timer is None:
            news.timer = asyncio.get_running_loop().call_later(0, self._background.start, self._tell, room, news)

    async def _tell(self, room: str, news: News) -> None:
        """Tell the members of a room what is new there, now or as soon as the log can be read."""
        loop = asyncio.get_running_loop()
        try:
            await self._read_up(room, news)
        except Unavailable:
            news.timer = loop.call_later(RETRY_SECONDS, self._background.start, self._tell, room, news)
            return
        doers = news.doers
        frame, mentions = news.take(room, self._plain)
        news.timer = loop.call_later(INTERVAL_SECONDS, self._after_interval, room, news)
        await self._broadcast(room, news, frame, mentions)
        if doers:
            await self._tell_tasks(room, doers)

    def _after_interval(self, room: str, news: News) -> None:
        """Tell what has come within the interval, or forget about a room that is quiet."""
        news.timer = None
        if self._news.get(room) is not news:
            return
        if news.head.seq > news.told:
            self._tell_soon(room, news, news.head)
        else:
            del self._news[room]

    async def _read_up(self, room: str, news: News) -> None:
        """Note the entries that are not noted yet, or tell everything anew if they are many. Raise Unavailable."""
        if news.head.seq - news.seen > MAX_CATCH_UP_ENTRIES:
            news.seen = news.head.seq
            self.refresh(self.members_of(room))
        while news.seen < news.head.seq:
            entries = await self._log.after(room, news.seen, PAGE_ENTRIES)
            for entry in entries:
                if entry.seq > news.seen:
                    news.note(entry)
            if not entries:
                news.seen = news.head.seq  # they were purged

    async def _broadcast(self, room: str, news: News, frame: Frame, mentions: Sequence[Mention]) -> None:
        """Send to all members of a room, a few at a time, so that the loop does other work in between."""
        for number, member_id in enumerate(tuple(self.members_of(room)), 1):
            for subscriber in self._subscribers.of_member(member_id):
                self._send(subscriber, frame)
                for mention in mentions:
                    if mention.is_for(subscriber.sign_in.member):
                        self._send(subscriber, mention.frame)
            if number % MEMBERS_PER_TURN == 0:
                await asyncio.sleep(0)
                mentions = [one for one in mentions if news.is_current(one)]

    async def _tell_tasks(self, room: str, names: Collection[str]) -> None:
        """Tell those members of a room who have these names how many open tasks they have now."""
        connected = [self._subscribers.of_member(member_id) for member_id in self.members_of(room)]
        members = [some[0].sign_in.member for some in connected if some]
        for member in members:
            if member.username in names:
                try:
                    frame = Frame([await self._overview.describe_tasks(member)])
                except Unavailable:
                    self.refresh([member.id])
                    continue
                for subscriber in self._subscribers.of_member(member.id):
                    self._send(subscriber, frame)

    def tell_presence(self, names: Iterable[str], is_online: bool) -> None:
        """Tell those who have direct rooms with these people that they have come, or left."""
        for name in names:
            if not self._people.followers(name):
                continue
            frame = Frame([message("person", username=name, online=is_online)])
            for member_id in self._people.followers(name):
                for subscriber in self._subscribers.of_member(member_id):
                    self._send(subscriber, frame)

    def tell_position(self, member_id: int, room: str, position: Position, is_back: bool) -> None:
        """Tell a member's connections how far they have read in a room, and what is new again if that is less."""
        if subscribers := self._subscribers.of_member(member_id):
            frame = Frame([message("read", room=room, seq=position.seq, posts=position.posts)])
            for subscriber in subscribers:
                self._send(subscriber, frame)
        if is_back:
            self.refresh([member_id])

    def _send(self, subscriber: Subscriber, frame: Frame) -> None:
        if subscriber in self._described:
            self._described[subscriber] = True
        if not subscriber.try_send(frame):
            self._owed.add(subscriber)
