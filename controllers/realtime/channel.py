"""One room in this process: it delivers what is appended to the room to the subscribers that have joined it.

A room is a log, a subscriber is a cursor: to deliver is to send what lies after the cursor. Subscribers at the head
share the bytes of one frame. Nothing is queued for a subscriber whose socket is full: it lags, with a cursor of its
own, and is served from there once the socket has drained.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from controllers.realtime.channel_context import ChannelContext
from controllers.realtime.encoding import encode_all
from controllers.realtime.entry_cache import NumberedText
from controllers.realtime.frame import Frame
from controllers.realtime.protocol import message
from controllers.realtime.subscriber import Cursor
from controllers.realtime.tail import RETRY_SECONDS, Tail
from models.errors.stores import Unavailable
from models.logs.base import Entry
from models.messages import Message, load_affected
from models.tasks import Task, load_changed

MAX_REPLAY_ENTRIES = 500  # that a subscriber may lag; beyond that it is sent a gap
LOG_PAGE_ENTRIES = 50  # read at once for one subscriber; of the longest entries a frame holds four
MAX_FRAME_CHARS = 64 * 1024  # of entries in one frame, which is what may wait in a slow subscriber's socket
SUBSCRIBERS_PER_TURN = 250  # served before the event loop does other work: about 2.5 ms
COALESCE_SECONDS = 0.005  # that a frame waits, after another one, for posts that are being written


class Channel:
    """The subscribers of one room: at the head of its tail, or lagging with a cursor."""

    def __init__(self, room: str, head: int, context: ChannelContext) -> None:
        """Take the room's head."""
        self.room = room
        self.tail = Tail(room, head, context, self._on_fresh)
        self._cache = self.tail.cache
        self._context = context
        self._log = context.log
        self._acknowledgements = context.acknowledgements

        self._delivered = head  # seq up to which delivery to those at the head has begun
        self._delivery_began = asyncio.Event()  # set for a moment, each time
        self._at_head: set[Cursor] = set()
        self._pending: set[Cursor] = set()  # not yet reached by the frame that is being delivered
        self._lagging: dict[Cursor, int] = {}  # with the seq up to which each has everything
        self._reading_log: set[Cursor] = set()  # of those that lag: the log is being read for them
        self._authors: set[int] = set()  # of the entries that are not yet delivered
        self._truncated = False  # whether the last frame had no room for all new entries
        self._coalescing = False  # after a delivery, while the next frame waits for posts that are being written
        self._awaiting_count = 0  # of requests

    # --- subscribers

    @property
    def has_subscribers(self) -> bool:
        """Return whether anyone has joined."""
        return bool(self._at_head or self._pending or self._lagging)

    @property
    def is_in_use(self) -> bool:
        """Return whether it must not be forgotten, since anyone has joined or is about to."""
        return self.has_subscribers or self._awaiting_count > 0

    @contextlib.contextmanager
    def awaited(self) -> Iterator[None]:
        """Be in use while a request waits for what is there: it could else be forgotten, and begun anew, for ever."""
        self._awaiting_count += 1
        try:
            yield
        finally:
            self._awaiting_count -= 1

    def subscribers(self) -> list[Cursor]:
        """Return all that have joined."""
        return [*self._at_head, *self._pending, *self._lagging]

    def join(self, subscriber: Cursor, name: str, after: int | None) -> bool:
        """Subscribe, and serve what follows `after` (None: only what comes next); return whether it is new here.

        Joining again moves the cursor. `name` is the room's.
        """
        is_new = self not in subscriber.channels
        self._remove(subscriber)
        subscriber.channels.add(self)
        self._lagging[subscriber] = self._delivered if after is None else min(after, self._delivered)
        subscriber.send_text(message("joined", room=self.room, head=self._delivered, name=name))
        self.serve(subscriber)
        return is_new

    def leave(self, subscriber: Cursor) -> bool:
        """Unsubscribe; return whether it had joined."""
        had_joined = self in subscriber.channels
        subscriber.channels.discard(self)
        self._remove(subscriber)
        return had_joined

    def _remove(self, subscriber: Cursor) -> None:
        self._at_head.discard(subscriber)
        self._pending.discard(subscriber)
        self._lagging.pop(subscriber, None)

    # --- to those at the head

    def _on_fresh(self, fresh: Sequence[Entry]) -> None:
        """Deliver what has been added to the tail."""
        self._authors.update(entry.author_id for entry in fresh)
        if not self._pending:
            # Later in this turn of the event loop: all that was committed together leaves in one frame.
            asyncio.get_running_loop().call_soon(self._deliver)
        self._context.on_entries(self.room, fresh)

    async def deliver_all(self) -> None:
        """Return once delivery of every entry that is known now has begun."""
        head = self.tail.head
        self._deliver()
        while self._delivered < head:
            await self._delivery_began.wait()

    def _deliver(self) -> None:
        """Begin to send what is new to all at the head; what comes until that is done waits for the next frame."""
        before = self._delivered
        if self._pending or before == self.tail.head or (self._coalescing and self._acknowledgements.any_waiting):
            return
        self._delivered, self._coalescing = self.tail.head, False
        authors, self._authors = self._authors, set()
        self._delivery_began.set()
        self._delivery_began.clear()
        fresh = self._cache.texts_after(before, self._delivered)
        self._pending, self._at_head = self._at_head, set()
        if fresh is None:
            self._serve_all_pending(before)
            return
        frameful = _first_frameful(fresh)
        self._delivered, self._truncated = frameful[-1][0], len(frameful) < len(fresh)
        self._deliver_some(Frame([text for _, text in frameful]), before, self._pending_of(authors))

    def _pending_of(self, authors: set[int]) -> list[Cursor]:
        """Return the authors' connections: they wait for their own message before they write on."""
        of_member, pending = self._context.subscribers.of_member, self._pending
        return [subscriber for author in authors for subscriber in of_member(author) if subscriber in pending]

    def _deliver_some(self, frame: Frame, before: int, first: Sequence[Cursor] = ()) -> None:
        """Send `frame` to `first` and to some more that are pending; those that cannot take it lag, after `before`."""
        pending, at_head = self._pending, self._at_head
        pending.difference_update(first)
        for subscriber in chain(first, (pending.pop() for _ in range(min(SUBSCRIBERS_PER_TURN, len(pending))))):
            if subscriber.try_send(frame):
                at_head.add(subscriber)
            else:
                self._lagging[subscriber] = before
        if pending:
            asyncio.get_running_loop().call_soon(self._deliver_some, frame, before)
        elif self._acknowledgements.any_waiting and not self._truncated:
            self._coalescing = True
            asyncio.get_running_loop().call_later(COALESCE_SECONDS, self._stop_coalescing)
        else:
            asyncio.get_running_loop().call_soon(self._deliver)

    def _stop_coalescing(self) -> None:
        self._coalescing = False
        self._deliver()

    def _serve_all_pending(self, before: int) -> None:
        """Serve those at the head one by one, since the cache does not reach back to where they are."""
        late, self._pending = self._pending, set()
        self._lagging.update(dict.fromkeys(late, before))
        for subscriber in late:
            self.serve(subscriber)

    # --- to those that lag

    def serve(self, subscriber: Cursor) -> None:
        """Send a subscriber that lags what lies after its cursor, as much as it takes."""
        while subscriber in self._lagging and subscriber not in self._reading_log:
            cursor = self._lagging[subscriber]
            if cursor >= self._delivered:
                del self._lagging[subscriber]
                self._at_head.add(subscriber)
                return
            messages = self._cache.texts_after(cursor, self._delivered)
            if messages is None:
                self._context.background.start(self._serve_from_log, subscriber)
                return
            if not self._try_send(subscriber, _first_frameful(messages)):
                return

    async def _serve_from_log(self, subscriber: Cursor) -> None:
        """Send a subscriber what the cache does not have any more, or a gap if that is too much."""
        cursor = self._lagging.get(subscriber)
        if cursor is None or subscriber in self._reading_log:
            return
        if self._delivered - cursor > MAX_REPLAY_ENTRIES:
            is_sent = self._try_send_gap(subscriber)
        else:
            self._reading_log.add(subscriber)
            try:
                entries = await self._log.after(self.room, cursor, LOG_PAGE_ENTRIES)
                changed = await load_affected(self._log, self.room, entries, is_whole=True)
                tasks = await load_changed(self._log, self.room, entries)
                await self._context.renderer.prerender(changed.values())
            except Unavailable:
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self.serve, subscriber)
                return
            finally:
                self._reading_log.discard(subscriber)
            if self._lagging.get(subscriber) != cursor:
                return  # left, or joined anew, while the log was read
            known = [entry for entry in entries if entry.seq <= self._delivered]
            is_sent = self._try_send_entries(subscriber, known, changed, tasks)
        if is_sent:
            self.serve(subscriber)

    def _try_send_entries(
        self,
        subscriber: Cursor,
        entries: Sequence[Entry],
        changed: Mapping[int, Message],
        tasks: Mapping[int, Task],
    ) -> bool:
        """Send a frame of the first of `entries`; without any, all up to the head was purged."""
        encoded = encode_all(entries, changed, tasks, self._context.renderer)
        frameful = _first_frameful((one.seq, one.text) for one, _ in encoded)
        if frameful:
            return self._try_send(subscriber, frameful)
        self._lagging[subscriber] = self._delivered
        return True

    def _try_send(self, subscriber: Cursor, messages: list[NumberedText]) -> bool:
        """Send `messages` as a frame, if it can leave now, and move the cursor behind them; return whether it has."""
        if not subscriber.try_send(Frame([text for _, text in messages])):
            return False
        self._lagging[subscriber] = messages[-1][0]
        return True

    def _try_send_gap(self, subscriber: Cursor) -> bool:
        first = self._lagging[subscriber] + 1
        gap = message("gap", room=self.room, **{"from": first, "to": self._delivered})
        return self._try_send(subscriber, [(self._delivered, gap)])


def _first_frameful(messages: Iterable[NumberedText]) -> list[NumberedText]:
    """Return as many of the first messages as fit into one frame, but at least one; no more are encoded."""
    size, frameful = 0, list[NumberedText]()
    for item in messages:
        size += len(item[1])
        if size > MAX_FRAME_CHARS and frameful:
            break
        frameful.append(item)
    return frameful
