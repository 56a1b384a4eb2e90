"""A closed room beside the lobby: its keeper lets guests in and puts them out, again and again."""

from __future__ import annotations

import asyncio
import time

from faults.board import Board
from faults.form import Form, Unwanted
from faults.history import SETTLING_SECONDS, Door, History
from faults.links import Client
from faults.readers import RECONNECT_DELAY_SECONDS, Guest, Scribe
from faults.waiting import until
from faults.web import Lost
from faults.writers import Writer

PAUSE_SECONDS = (1.0, 5.0)  # between two times that somebody is let in or put out
OUT_STATUSES = {404: "out already", 422: "out already"}  # of a second try, since the first one was not answered
DOUBT_SECONDS = 30.0  # after a request that was not answered, in which a process may still carry it out
KNOCK_SECONDS = 2.0  # in which everybody who is out tries to come in
GUEST_TRANSPORTS = ("websocket", "xhr-streaming", "xhr-polling")


class Den:
    """The room with its keeper, who writes in it, and its guests; `ids` are those of all members, by name."""

    def __init__(self, keeper: Client, guests: list[Client], ids: dict[str, int], seed: int) -> None:
        self.history = History(seed=seed)
        self.scribe = Scribe(self.history, Board())
        self.reconnects = 0
        self._keeper = keeper
        self._clients = guests
        self._ids = ids
        self._form = Form(keeper, "lobby")
        self._inside: set[str] = set()
        self._is_over = asyncio.Event()
        self._lost_at = -DOUBT_SECONDS  # when a request was not answered last

    async def open(self) -> None:
        """Make the room, while all is well, and everybody who is in it."""
        where = await self._form.send("/rooms", {"name": "Den", "kind": "closed"})
        self.history.room = where.rpartition("/")[2]
        self.writer = Writer(self._keeper, "websocket", self.scribe, [])
        transports = zip(self._clients, GUEST_TRANSPORTS, strict=True)
        self.guests = [Guest(client, transport, self.scribe) for client, transport in transports]
        for guest in self.guests:
            guest.cursor = 0
            await self._let_in(guest)
        self.history.readers = [guest.name for guest in self.guests]

    def stop(self) -> None:
        """Begin nothing new."""
        self._is_over.set()
        self.writer.stop()

    async def run(self) -> None:
        """Let in and put out until stopped; then everybody is inside."""
        dice = self._keeper.dice
        while not self._is_over.is_set():
            try:
                async with asyncio.timeout(dice.uniform(*PAUSE_SECONDS)):
                    await self._is_over.wait()
            except TimeoutError:
                guest = dice.choice(self.guests)
                await (self._put_out(guest) if guest.name in self._inside else self._let_in(guest))
        for guest in self.guests:
            if guest.name not in self._inside:
                await self._let_in(guest)

    async def put_all_out_and_in(self, within: float) -> None:
        """Put everybody out in silence, say something, and let them in again when they know it, or in some time.

        They are let in before, since what was not answered earlier may have put them out afterwards.
        """
        for guest in self.guests:
            await self._let_in(guest)
        await until(lambda: all(guest.is_inside for guest in self.guests), within)
        await until(lambda: self._is_certain(time.monotonic()), within)
        for guest in self.guests:
            await self._put_out(guest)
        await self.writer.say_one_more()
        await until(lambda: len(self._told()) == len(self.guests), within)
        await asyncio.sleep(KNOCK_SECONDS)
        for guest in self.guests:
            await self._let_in(guest)

    def _told(self) -> set[str]:
        out = {door.member: door.asked for door in self.history.doors if door.what == "out"}
        doors = [door for door in self.history.doors if door.what == "told"]
        return {door.member for door in doors if door.at > out.get(door.member, 0.0)}

    async def _let_in(self, guest: Guest) -> None:
        asked = time.monotonic()
        await self._insist(f"/rooms/{self.history.room}/members", {"username": guest.name})
        self.history.doors.append(Door(time.monotonic(), asked, guest.name, "in"))
        self._inside.add(guest.name)

    async def _put_out(self, guest: Guest) -> None:
        asked = time.monotonic()
        await self._insist(f"/rooms/{self.history.room}/members/{self._ids[guest.name]}/remove", {})
        at = time.monotonic()
        self.history.doors.append(Door(at, asked, guest.name, "out", is_certain=self._is_certain(at)))
        self._inside.discard(guest.name)

    def _is_certain(self, at: float) -> bool:
        """Return whether no request is left that was not answered and may still be carried out."""
        healthy_at = self.history.healthy_at
        if 0 < self._lost_at < healthy_at:
            return at > min(healthy_at + SETTLING_SECONDS, self._lost_at + DOUBT_SECONDS)
        return at > self._lost_at + DOUBT_SECONDS

    async def _insist(self, path: str, fields: dict[str, str]) -> None:
        """Send a form until it is done."""
        while True:
            try:
                await self._form.send(path, fields, OUT_STATUSES)
            except Lost:
                self.reconnects += 1
                self._lost_at = time.monotonic()
                await self._keeper.pause(RECONNECT_DELAY_SECONDS)
            except Unwanted:
                return
            else:
                return
