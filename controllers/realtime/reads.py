"""Read positions of the members who use this process: in memory at once, in the database at most once a second."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from itertools import chain

from models import reads
from models.errors.stores import Unavailable
from models.reads import Move, Position
from models.stores import Stores

WRITE_SECONDS = 1.0  # between two writes of all that has moved
MAX_MEMBERS = 20_000  # whose positions are kept

Moved = Callable[[int, str, Position, bool], None]  # is told of a member, a room, the position, and if it went back


class Reads:
    """Where each member has read to, one position for all devices and processes."""

    def __init__(self, stores: Stores, on_move: Moved) -> None:
        self._read = stores.read
        self._write = stores.write
        self._doorbell = stores.doorbell
        self._on_move = on_move
        self._positions: dict[int, dict[str, Position]] = {}  # by member and room
        self._unwritten: dict[tuple[int, str], Move] = {}
        self._being_written: dict[tuple[int, str], Move] = {}
        self._exchanging = asyncio.Lock()  # with the database: an answer may be older than what is being written
        self._version = -1  # of the positions, when they were last read
        self._changed = asyncio.Event()

    async def positions(self, member_id: int) -> Mapping[str, Position]:
        """Return the positions of a member, by room; rooms that they have not seen yet are left out.

        Raise Unavailable.
        """
        while member_id not in self._positions:
            version = self._version
            found = await self._read(reads.positions_of, member_id)
            if version == self._version:  # else somebody's position has moved meanwhile, perhaps this member's
                self._keep(member_id, found)
        return self._positions[member_id]

    def _keep(self, member_id: int, found: dict[str, Position]) -> None:
        for (other_id, room), move in chain(self._being_written.items(), self._unwritten.items()):
            known = found.get(room)
            if other_id == member_id and (known is None or move.seq > known.seq):
                found[room] = Position(move.seq, move.posts)
        if len(self._positions) >= MAX_MEMBERS:
            del self._positions[next(iter(self._positions))]
        self._positions.setdefault(member_id, found)

    async def move(self, member_id: int, room: str, position: Position) -> None:
        """Move a position forward, as somebody reads on. Raise Unavailable."""
        before = (await self.positions(member_id)).get(room)
        if before is None or position.seq > before.seq:
            self._queue(Move(member_id, room, *position))
            self._set(member_id, room, position)

    async def move_now(self, moves: Collection[Move]) -> None:
        """Move positions forward, and return when that is written. Raise Unavailable.

        They may be behind what is known here: another process may have set them back.
        """
        for move in moves:
            before = (await self.positions(move.member_id)).get(move.room)
            self._queue(move)
            if before is None or move.seq > before.seq:
                self._set(move.member_id, move.room, Position(move.seq, move.posts))
        await self.flush()

    async def set_back(self, member_id: int, room: str, position: Position) -> None:
        """Set a position to where its member wants it to be, even if it is further.

        It is written before it is known here. If it could wait, it might be written after what the member has read
        meanwhile at another process, and take its place. Raise Unavailable: then they have to say it again.
        """
        key = member_id, room
        async with self._exchanging:
            earlier = self._unwritten.get(key)
            await self._write(reads.set_back, Move(*key, *position))
            if self._unwritten.get(key) is not earlier:
                return  # they have read on meanwhile: that is told already, and is written next
            self._unwritten.pop(key, None)
        self._set(member_id, room, position, is_back=True)

    def _queue(self, move: Move) -> None:
        """Write a move with the next ones, unless a further one is waiting."""
        key = move.member_id, move.room
        earlier = self._unwritten.get(key)
        if earlier is None or move.seq > earlier.seq:
            self._unwritten[key] = move
        self._changed.set()

    def _set(self, member_id: int, room: str, position: Position, is_back: bool = False) -> None:
        known = self._positions.get(member_id)
        if known is not None:
            self._positions[member_id] = {**known, room: position}  # another one: what is made of the old one is stale
        self._on_move(member_id, room, position, is_back)

    # --- the database

    async def follow(self) -> None:
        """Write what has moved here and read what has moved elsewhere, until cancelled."""
        listening = asyncio.create_task(self._listen_to_doorbell())
        try:
            while True:
                with contextlib.suppress(Unavailable):  # the next round writes and reads it all
                    await self.flush()
                    await self._fetch()
                await asyncio.sleep(WRITE_SECONDS)
                await self._changed.wait()
                self._changed.clear()
        finally:
            listening.cancel()

    async def flush(self) -> None:
        """Write what has moved here. Raise Unavailable."""
        async with self._exchanging:
            self._being_written, self._unwritten = self._unwritten, {}
            try:
                if self._being_written:
                    await self._write(reads.move, list(self._being_written.values()))
            except Unavailable:
                for move in self._being_written.values():
                    self._queue(move)
                raise
            finally:
                self._being_written = {}

    async def _listen_to_doorbell(self) -> None:
        async for _ in self._doorbell.rings():
            self._changed.set()

    async def _fetch(self) -> None:
        """Read what other processes have moved. Raise Unavailable."""
        async with self._exchanging:
            await self._fetch_moved()

    async def _fetch_moved(self) -> None:
        if self._version < 0:
            self._version = await self._read(reads.version_now)
            self._positions.clear()
            return
        self._version, moves = await self._read(reads.moved_since, self._version)
        for move in moves:
            known = self._positions.get(move.member_id)
            if known is None or self._will_replace(move):
                continue
            position, before = Position(move.seq, move.posts), known.get(move.room)
            if position != before:
                self._set(move.member_id, move.room, position, before is not None and position.seq < before.seq)

    def _will_replace(self, stored: Move) -> bool:
        """Return whether what is still to be written here will take the place of a position that is stored."""
        move = self._unwritten.get((stored.member_id, stored.room))
        return move is not None and move.seq > stored.seq
