"""The Hub: the tails of the rooms' logs, and the readers with their cursors.

A room is a log, a connection is a cursor: to deliver is to send what lies after the cursor. Readers at the
head share one frame's bytes. A reader whose socket is full gets nothing queued; when it drains it is served
from its cursor. The Hub knows neither SockJS nor the engine that keeps the log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import chain, islice

from controllers.realtime.channel import MAX_HELD_BYTES, NEWEST, Reader, Tail
from controllers.realtime.closing import end
from controllers.realtime.frame import Frame
from controllers.realtime.protocol import message
from models.errors import Unavailable
from models.logs.base import Draft, Entry, RoomLog
from models.rooms import RoomInfo

log = logging.getLogger(__name__)

REPLAY = 500  # entries that a reader may be behind; beyond that it is told of a gap
PAGE = 50  # entries that are read for it at once; of the longest ones a frame holds four
FRAME = 64 * 1024  # characters of entries in one frame, which is what may wait for a slow reader
RETRY = 1.0  # seconds before the log is asked again after it could not answer
TURN = 250  # readers who are served before the loop does what else has come up: about 2.5 ms
REST = 0.005  # seconds that a frame waits, after another one, for what is just being written


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
        self._tails: dict[str, Tail] = {}
        self._held = 0  # bytes of text in the tails
        self._tasks: set[asyncio.Task[None]] = set()
        self._unacknowledged: dict[tuple[int, str], list[Callable[[Entry], None]]] = defaultdict(list)
        self.readers: set[Reader] = set()
        self._of_member: dict[int, list[Reader]] = {}

    # --- readers

    def enter(self, reader: Reader) -> None:
        """Take up a new connection."""
        self.readers.add(reader)
        self._of_member.setdefault(reader.sign_in.member.id, []).append(reader)

    def connections(self, member_id: int) -> int:
        """Return how many connections a member has here."""
        return len(self._of_member.get(member_id, ()))

    async def join(self, reader: Reader, room: RoomInfo, after: int | None) -> bool:
        """Subscribe `reader` to a room of its member and serve what follows `after` (None: from the head on).

        Return whether it is new there; joining again moves its cursor.
        """
        tail = await self._fresh_tail(room.slug)
        head = tail.head
        self._deliver(tail)
        while tail.delivered < head:
            await tail.moved.wait()  # else it would be served once more what it says that it has
        if reader not in self.readers:
            return False  # closed while the log was asked
        is_new = tail not in reader.tails
        tail.remove(reader)
        reader.tails.add(tail)
        tail.behind[reader] = tail.delivered if after is None else min(after, tail.delivered)
        reader.say(message("joined", room=room.slug, head=tail.delivered, name=room.name))
        self._serve(tail, reader)
        return is_new

    def leave(self, reader: Reader, room: str) -> bool:
        """Unsubscribe; tell whether it had joined."""
        tail = self._tails.get(room)
        if tail is None or tail not in reader.tails:
            return False
        reader.tails.discard(tail)
        tail.remove(reader)
        return True

    def drop(self, reader: Reader) -> list[str]:
        """Forget a connection that has closed; return the rooms that it had joined."""
        if reader in self.readers:
            self.readers.discard(reader)
            member_id = reader.sign_in.member.id
            self._of_member[member_id].remove(reader)
            if not self._of_member[member_id]:
                del self._of_member[member_id]
        for tail in reader.tails:
            tail.remove(reader)
        rooms = [tail.room for tail in reader.tails]
        reader.tails = set()
        return rooms

    def drained(self, reader: Reader) -> None:
        """Serve a reader that has room again."""
        for tail in reader.tails:
            if reader in tail.behind:
                self._serve(tail, reader)

    def end_sessions(self, session_ids: Iterable[int], code: int, reason: str) -> None:
        """Close every connection that came by one of these sessions."""
        ended = set(session_ids)
        end([reader for reader in self.readers if reader.sign_in.session_id in ended], code, reason)

    def expel(self, room: str, members: set[int]) -> list[Reader]:
        """Unsubscribe those who are not among `members` any more, and return them."""
        expelled = [reader for reader in self.readers_in(room) if reader.sign_in.member.id not in members]
        for reader in expelled:
            self.leave(reader, room)
        return expelled

    def rooms(self) -> list[str]:
        """Return the rooms that somebody has joined here."""
        return [room for room, tail in self._tails.items() if tail.at_head or tail.due or tail.behind]

    def readers_in(self, room: str) -> list[Reader]:
        """Return who has joined `room` here."""
        tail = self._tails.get(room)
        return tail.readers() if tail else []

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
        tail = self._tails.get(entry.room)
        if tail is not None:
            self._hear(tail, entry)
        else:
            self._start(self._begin_to_hear, entry.room)
        return entry

    async def _begin_to_hear(self, room: str) -> None:
        """Hear from now on what other processes append to a room in which somebody posts here."""
        with contextlib.suppress(Unavailable):  # the next post tries again
            await self._fresh_tail(room)

    def _hear(self, tail: Tail, entry: Entry) -> None:
        """Let the room grow by what was appended here."""
        if entry.seq > tail.head:
            self._own.add((entry.author_id, entry.nonce))
        if entry.seq == tail.head + 1:
            self._grow(tail, [entry])
        elif entry.seq > tail.head:  # another process was faster: its entries come first
            self._start(self._catch_up, tail)

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
            tail = self._tails.get(room)
            if tail is not None and head > tail.head:
                await self._catch_up(tail)

    async def newest(self, room: str, limit: int) -> list[Entry]:
        """Return the newest entries, newest first, without asking the log again while nothing was appended."""
        tail = await self._fresh_tail(room)
        if len(tail.newest) >= min(limit, tail.head):
            return list(islice(reversed(tail.newest), limit))
        return await self._log.before(room, None, limit)

    async def _fresh_tail(self, room: str) -> Tail:
        """Return the tail of a room with all that was on disk when it was asked for. Raise Unavailable."""
        if room not in self._tails:
            head = await self._log.head(room)  # first, so that nothing up to it is missing in what is read next
            newest = await self._log.before(room, None, NEWEST)
            if room not in self._tails:  # the newest entries may have been purged: then the head is beyond them
                self._tails[room] = tail = Tail(room, max(head, newest[0].seq if newest else 0))
                for entry in reversed(newest):
                    tail.newest.add(entry, entry.body)
                self._hold(tail.bytes)
        tail = self._tails[room]
        if tail.version != self._log.version(room):
            await self._read_on(tail)
        return tail

    async def _catch_up(self, tail: Tail) -> None:
        """Read what other processes have appended, as soon as that can be had."""
        try:
            await self._read_on(tail)
        except Unavailable:
            asyncio.get_running_loop().call_later(RETRY, self._start, self._catch_up, tail)

    async def _read_on(self, tail: Tail) -> None:
        """Read what other processes have appended. Raise Unavailable."""
        version = self._log.version(tail.room)
        more = True
        while more:
            entries = await self._log.after(tail.room, tail.head, REPLAY)
            await self._prepare(entries)
            self._grow(tail, [entry for entry in entries if entry.seq > tail.head])  # what is not there was purged
            more = len(entries) == REPLAY  # what comes meanwhile rings the doorbell
        tail.version = version

    def _grow(self, tail: Tail, fresh: Sequence[Entry]) -> None:
        """Move the head: the one place where a room gets longer in this process."""
        if not fresh:
            return
        before = tail.bytes
        for entry in fresh:
            key = (entry.author_id, entry.nonce)
            if not self._acknowledge(entry) and key not in self._own:
                self._charge(entry.author_id, entry.at)
            self._own.discard(key)
            text = self.entry_message(entry)
            tail.ring.add((entry.seq, text), text)
            tail.newest.add(entry, entry.body)
            tail.authors.add(entry.author_id)
        self._hold(tail.bytes - before)
        if not tail.due:
            # Later in this turn of the loop: what else was committed together leaves in the same frame.
            asyncio.get_running_loop().call_soon(self._deliver, tail)
        tail.head = fresh[-1].seq

    def _hold(self, more: int) -> None:
        """Count what the tails hold; where it is too much, those that hold most let go of some."""
        self._held += more
        while self._held > MAX_HELD_BYTES:
            largest = max(self._tails.values(), key=lambda tail: tail.bytes)
            before = largest.bytes
            largest.shorten()
            self._held += largest.bytes - before

    def entry_message(self, entry: Entry) -> str:
        """Return the message that tells everybody about `entry`."""
        fields = {"room": entry.room, "seq": entry.seq, "kind": entry.kind, "author": entry.author}
        if entry.target is not None:
            fields["target"] = entry.target
        return message("entry", **fields, body=entry.body, html=self._draw(entry), at=entry.at, nonce=entry.nonce)

    def _deliver(self, tail: Tail) -> None:
        """Begin to send what is new to everybody at the head; while that lasts, what comes waits for the next frame."""
        before = tail.delivered
        if tail.due or before == tail.head or (tail.rests and self._unacknowledged):
            return
        tail.delivered, tail.rests = tail.head, False
        authors, tail.authors = tail.authors, set()
        tail.moved.set()
        tail.moved.clear()
        fresh = tail.after(before)
        tail.due, tail.at_head = tail.at_head, set()
        if fresh is not None:
            frameful = _frameful(fresh)
            tail.delivered, tail.is_cut = frameful[-1][0], len(frameful) < len(fresh)
            # Authors first: they look for their own words, and write on while the others are served.
            first = [reader for author in authors for reader in self._of_member.get(author, ()) if reader in tail.due]
            self._deliver_some(tail, Frame([text for _, text in frameful]), before, first)
            return
        late, tail.due = tail.due, set()
        tail.behind.update(dict.fromkeys(late, before))
        for reader in late:
            self._serve(tail, reader)

    def _deliver_some(self, tail: Tail, frame: Frame, before: int, first: Sequence[Reader] = ()) -> None:
        """Send `frame` to some of those to whom it is due; who can't take it falls behind, after `before`."""
        due, at_head = tail.due, tail.at_head
        due.difference_update(first)
        for reader in chain(first, (due.pop() for _ in range(min(TURN, len(due))))):
            if reader.offer(frame):
                at_head.add(reader)
            else:
                tail.behind[reader] = before
        if due:
            asyncio.get_running_loop().call_soon(self._deliver_some, tail, frame, before)
        elif self._unacknowledged and not tail.is_cut:
            tail.rests = True
            asyncio.get_running_loop().call_later(REST, self._wake, tail)
        else:
            asyncio.get_running_loop().call_soon(self._deliver, tail)

    def _wake(self, tail: Tail) -> None:
        tail.rests = False
        self._deliver(tail)

    def _serve(self, tail: Tail, reader: Reader) -> None:
        """Send a reader that is behind what lies after its cursor, as far as it takes it."""
        while reader in tail.behind and reader not in tail.serving:
            cursor = tail.behind[reader]
            if cursor >= tail.delivered:
                del tail.behind[reader]
                tail.at_head.add(reader)
                return
            items = tail.after(cursor)
            if items is None:
                self._start(self._serve_from_log, tail, reader)
                return
            if not self._offer(tail, reader, _frameful(items)):
                return

    async def _serve_from_log(self, tail: Tail, reader: Reader) -> None:
        """Read for one reader what the ring does not have any more."""
        cursor = tail.behind.get(reader)
        if cursor is None or reader in tail.serving:
            return
        if tail.delivered - cursor > REPLAY:
            taken = self._tell_gap(tail, reader)
        else:
            tail.serving.add(reader)
            try:
                entries = await self._log.after(tail.room, cursor, PAGE)
            except Unavailable:
                asyncio.get_running_loop().call_later(RETRY, self._serve, tail, reader)
                return
            finally:
                tail.serving.discard(reader)
            if tail.behind.get(reader) != cursor:
                return  # left, or joined anew, while the log was asked
            items = _frameful((e.seq, self.entry_message(e)) for e in entries if e.seq <= tail.delivered)
            if not items:  # purged
                tail.behind[reader] = tail.delivered
            taken = not items or self._offer(tail, reader, items)
        if taken:
            self._serve(tail, reader)

    def _offer(self, tail: Tail, reader: Reader, items: list[tuple[int, str]]) -> bool:
        """Offer `items` as a frame and move the cursor behind them if they are taken."""
        if not reader.offer(Frame([text for _, text in items])):
            return False
        tail.behind[reader] = items[-1][0]
        return True

    def _tell_gap(self, tail: Tail, reader: Reader) -> bool:
        gap = message("gap", room=tail.room, **{"from": tail.behind[reader] + 1, "to": tail.delivered})
        if not reader.offer(Frame([gap])):
            return False
        tail.behind[reader] = tail.delivered
        return True

    def _start(self, work: Callable[..., Awaitable[None]], *args: object) -> None:
        """Do `work` in the background, keeping hold of it and logging what goes wrong."""
        task = asyncio.ensure_future(work(*args))
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("delivering failed", exc_info=error)


def _frameful(items: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return as many of the first items as one frame should hold, at least one of them; no more are made."""
    size, frameful = 0, list[tuple[int, str]]()
    for item in items:
        size += len(item[1])
        if size > FRAME and frameful:
            break
        frameful.append(item)
    return frameful
