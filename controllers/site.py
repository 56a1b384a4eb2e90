"""What one process works with: its stores, Hub, caches and limits. Handlers get this object instead of options."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Collection
from dataclasses import dataclass, replace

from controllers.fetching.fetcher import Fetcher, JsonSource
from controllers.realtime import protocol
from controllers.realtime.acknowledgements import Acknowledge
from controllers.realtime.closing import close_all
from controllers.realtime.frame import Frame
from controllers.realtime.hub import Hub
from controllers.realtime.open_tasks import OpenTasks
from controllers.realtime.presence import Presence
from controllers.realtime.reads import Reads
from controllers.realtime.revocation import Revoker
from controllers.realtime.unread import UnreadCounts
from controllers.web.authenticator import Authenticator
from controllers.web.descriptions import DescriptionCache
from controllers.web.hashing_queue import HashingQueue
from controllers.web.json_answers import AnswerCache
from controllers.web.kept_rooms import KeptRooms, RoomNews, RoomsSource
from controllers.web.page_cache import PageCache
from controllers.web.places import Sidebars
from controllers.web.query_cache import QueryCache
from controllers.web.rate_limit import BURST_POSTS, Payer, RateLimiter
from controllers.web.rendering import MessageRenderer, body_html, clean_message
from controllers.web.room_deeds import RoomDeeds
from controllers.web.task_list import TaskList
from controllers.webhooks.deliverer import Deliverer
from controllers.webhooks.payloads import MAX_PAYLOAD_BYTES
from controllers.webhooks.turn import Sender
from models import settings
from models.emojis import is_emoji
from models.errors.messages import NotEmoji
from models.errors.stores import Lost, Unavailable
from models.logs.base import EDIT, NOTE, POST, REACT, UNREACT, Draft, Entry, Head
from models.members import Member
from models.notes import write_note
from models.reads import Move, Position
from models.rooms import RoomInfo, rooms_of
from models.search.filler import SearchFiller
from models.stores import Stores

logger = logging.getLogger(__name__)

WARMING_UP = "```python\n1\n```\n```html\n<p>\n```\n:tada:"
READS_PER_POST = 10  # requests to the API of any kind, for each post that is allowed
CLOSE_TIMEOUT_SECONDS = 0.5  # for the last answers


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that the options set."""

    max_message: int  # characters
    messages_per_second: float  # of one member; 0: no limit
    connections_per_member: int  # at one process; 0: no limit
    transports: tuple[str, ...]  # of SockJS, that are on


class Site:
    """One process's part of the site. Made and started while the loop runs."""

    def __init__(self, name: str, stores: Stores, fetch_url: str, limits: Limits, renderer: MessageRenderer) -> None:
        self.name = name
        self.limits = limits
        self.renderer = renderer
        self.page_cache = PageCache()
        self.sidebars = Sidebars()
        self.descriptions = DescriptionCache(lambda rooms, tasks: Frame([protocol.rooms_message(rooms, tasks)]))
        self.answer_cache = AnswerCache()
        self.process = secrets.token_hex(4)
        self.rate_limiter = RateLimiter(limits.messages_per_second)
        rates = READS_PER_POST * limits.messages_per_second, READS_PER_POST * BURST_POSTS
        self.read_limiter = RateLimiter(*rates)  # of the API's requests, of which most change nothing
        self.fetcher = JsonSource(fetch_url)
        self._stores = stores
        self.hashing_queue = HashingQueue()
        self.write = stores.write
        self.read = stores.read
        self.query_cache = QueryCache(stores)
        self.authenticator = Authenticator(stores, self.hashing_queue, self.query_cache)
        self.log = stores.log
        self.hub = Hub(self.log, renderer, self.rate_limiter, self)
        self.presence = Presence(self.process, self.hub, stores)
        self.reads = Reads(stores, self.hub.activity.tell_position)
        self.unread = UnreadCounts(self.log, self.hub, self.reads)
        self.open_tasks = OpenTasks(self.log, self.hub)
        self.rooms = RoomDeeds(stores, self.note)
        self.hook_fetcher = Fetcher(max_body_bytes=MAX_PAYLOAD_BYTES)
        self._deliverer = Deliverer(Sender(self.process, stores, self.hook_fetcher, self.post))
        self.hub.on_growth = self._deliverer.note_growth
        self._revoker = Revoker(self.hub, self.presence, stores)
        stores.doorbell.has_subscribers = lambda: bool(self.hub.subscribers) or bool(self.hub.waiting)
        self.is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._health: asyncio.Task[str] | None = None
        self._requests: set[object] = set()  # pages and forms under way
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def start(self) -> None:
        """Start to follow what other processes do."""
        rooms = (self.hub, self.presence, self.reads, self._revoker)
        filler = SearchFiller(self.process, self.log)
        followers = (*rooms, self.authenticator.token_uses, self._deliverer, filler)
        for work in (self._stores.doorbell.watch, *(one.follow for one in followers)):
            self._tasks.append(asyncio.create_task(work()))
        # The first code in colours and the first emoji by its name would else occupy the loop for 50 ms.
        asyncio.get_running_loop().run_in_executor(None, body_html, WARMING_UP)

    def check_draft(self, draft: Draft, payer: Payer | None = None) -> Draft:
        """Return `draft` as it may be appended, and count it for the rate limit of its author, or of `payer`.

        Raise Empty, TooLong, NotEmoji, SlowDown.
        """
        if draft.kind in (POST, EDIT):
            draft = replace(draft, body=clean_message(draft.body, self.limits.max_message))
        elif draft.kind in (REACT, UNREACT) and not is_emoji(draft.body):
            raise NotEmoji()
        self.rate_limiter.take(draft.author_id if payer is None else payer)
        return draft

    async def note(self, room: str, member_id: int, did: str, name: str = "") -> None:
        """Tell in a room's log what a member has done to the room (models/notes.py). Raise Unavailable."""
        await self.hub.append(Draft(room, member_id, write_note(did, name), secrets.token_hex(16), NOTE))

    async def rooms_of(self, member: Member, has_looked: bool = False) -> Collection[RoomInfo]:
        """Return all rooms of a member, without a new look if there was one for this request. Raise Unavailable."""
        ask = self.query_cache.get if has_looked else self.query_cache.get_fresh
        return await ask(rooms_of, member.id)

    async def news_for(self, member_id: int, kept: KeptRooms) -> tuple[RoomsSource, list[RoomNews]]:
        """Return what a member's rooms are made of now, and what is new in those that were stale. Raise Unavailable.

        For a request that has looked who asks. What comes while this looks is looked at the next time.
        """
        while True:
            before, growth = kept.source, self.hub.growth.version
            rooms = await self.query_cache.get(rooms_of, member_id)
            positions = await self.reads.positions(member_id)
            source = RoomsSource(rooms, positions, growth, kept.online(rooms, self.presence.everybody()))
            stale = kept.stale(source, self.hub.growth.since)
            slugs = [room.slug for room in stale]
            newest_at = await self.hub.newest_at(slugs) if slugs else {}
            unread = await self.unread.of_member(member_id, slugs) if slugs else {}
            if kept.source is before:  # else another request was faster
                return source, [RoomNews(room, unread[room.slug], newest_at[room.slug]) for room in stale]

    async def describe_rooms(self, member: Member, rooms: Collection[RoomInfo]) -> Frame:
        """Return the message that tells a member of their rooms. Raise Unavailable."""
        descriptions = self.descriptions.get(member.id)
        tasks = await self.open_tasks.of_member(member, frozenset(room.slug for room in rooms))
        source, news = await self.news_for(member.id, descriptions)
        frame = descriptions.update(source, news, tasks)
        self.descriptions.keep(member.id, descriptions)
        return frame

    async def describe_tasks(self, member: Member) -> str:
        """Return the message that tells a member how many open tasks are given to them. Raise Unavailable."""
        slugs = [room.slug for room in await self.rooms_of(member)]
        return protocol.message("tasks", open=await self.open_tasks.of_member(member, slugs))

    def task_list(self, room: str, member_id: int, payer: Payer | None = None) -> TaskList:
        """Return the tasks of a room for one of its members; changes count for them, or for `payer`."""
        return TaskList(room, member_id, self, payer)

    async def append(self, draft: Draft, acknowledge: Acknowledge = lambda entry: None) -> Entry:
        """Append an entry, and move its author's read position to it if it is a post. Raise Refusal."""
        entry = await self.hub.append(draft, acknowledge)
        if entry.kind == POST:
            with contextlib.suppress(Unavailable):  # the entry is stored all the same
                await self.reads.move(entry.author_id, entry.room, Position(entry.seq, entry.posts))
        return entry

    async def post(self, draft: Draft) -> Entry:
        """Append what somebody writes, if they may and not too fast. Raise Refusal."""
        return await self.append(self.check_draft(draft))

    # --- read positions

    async def read_up_to(self, member_id: int, room: str, seq: int | None = None) -> None:
        """Move a member's read position forward to `seq` or to the end, as they read on. Raise Unavailable."""
        await self.reads.move(member_id, room, await self._position(room, seq))

    async def mark_read(self, member_id: int, room: str, seq: int | None = None) -> None:
        """Move a member's read position forward to `seq`, or to the end of the room. Raise Unavailable."""
        await self.reads.move_now([Move(member_id, room, *await self._position(room, seq))])

    async def mark_unread(self, member_id: int, room: str, seq: int) -> None:
        """Set a member's read position back to before `seq`. Raise Unavailable."""
        await self.reads.set_back(member_id, room, await self._position(room, max(0, seq - 1)))

    async def mark_all_read(self, member_id: int) -> None:
        """Move a member's read positions to the ends of their rooms. Raise Unavailable."""
        heads = await self.hub.heads()
        rooms = await self.query_cache.get(rooms_of, member_id)
        ends = ((room.slug, heads.get(room.slug, Head())) for room in rooms)
        await self.reads.move_now([Move(member_id, room, head.seq, head.posts) for room, head in ends])

    async def _position(self, room: str, seq: int | None) -> Position:
        """Return the position at `seq`, or at the head if that is smaller."""
        if seq is not None and (posts := self.hub.posts_up_to(room, seq)) is not None:
            return Position(seq, posts)
        newest = await self.log.before(room, None if seq is None else seq + 1, 1)
        return Position(newest[0].seq, newest[0].posts) if newest else Position(0, 0)

    # --- requests, and the end

    def request_started(self, request: object) -> None:
        """Record that a request is under way."""
        self._requests.add(request)
        self._is_idle.clear()

    def request_finished(self, request: object) -> None:
        """Record that a request was answered, or that its client has disconnected."""
        self._requests.discard(request)
        if not self._requests:
            self._is_idle.set()

    async def check_health(self) -> str:
        """Return "ok" if everything can be read and written, or "read-only". Raise Unavailable.

        Requests without a sign-in call this, and it writes: all that run at the same time share one check, so that
        they cannot fill the database's queue.
        """
        if self._health is None or self._health.done():
            self._health = asyncio.create_task(self._write_and_read())
        return await asyncio.shield(self._health)

    async def _write_and_read(self) -> str:
        status: str = await self.write(settings.check_health)
        await self.log.check()
        return status

    async def watch(self) -> None:
        """Return when the site cannot go on; the reason is in the log."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not isinstance(task.exception(), Lost):  # which has been logged
                logger.critical("a part of the site has ended", exc_info=task.exception())

    async def stop(self, code: int, reason: str) -> None:
        """Close the chat's connections with this code and reason, and return when all requests under way are answered.

        Those that wait are answered at once. From now on every answer closes its connection.
        """
        self.is_stopping = True
        self.hub.waiting.end_all()
        await close_all(self.hub.subscribers, code, reason)
        await self._deliverer.stop()
        await self._is_idle.wait()
        await self.log.flush()
        await self.presence.stop()
        with contextlib.suppress(Unavailable):
            await self.reads.flush()

    async def close(self) -> None:
        """Cancel what still runs, and close the stores, the fetcher and the hashing thread."""
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()  # the second time interrupts psycopg, which asks a silent server to cancel a query
            _, running = await asyncio.wait(running, timeout=CLOSE_TIMEOUT_SECONDS)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hub.close()
        self.fetcher.close()
        self.hook_fetcher.close()
        self.hashing_queue.close()
        await self._stores.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):  # requests that waited for the stores are refused now
                await self._is_idle.wait()
