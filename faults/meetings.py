"""Two people who write to each other for the first time, at the same moment, each by a form, and again later on."""

from __future__ import annotations

import asyncio
import random
import time

from faults.form import Form
from faults.history import History, Opened
from faults.links import Client
from faults.readers import RECONNECT_DELAY_SECONDS
from faults.web import Lost

PAUSE_SECONDS = (0.3, 1.5)  # between two meetings
AGAIN_SHARE = 0.3  # of them are of people who have met before


class Meetings:
    """Lets people of a site meet in direct rooms, by twos."""

    def __init__(self, clients: list[Client], history: History, dice: random.Random) -> None:
        self._clients = clients
        self._history = history
        self._dice = dice
        self._met: dict[frozenset[str], tuple[Client, Client]] = {}  # by their names, whoever was first
        self._is_over = asyncio.Event()

    def stop(self) -> None:
        """Begin no other meeting."""
        self._is_over.set()

    async def run(self) -> None:
        """Let two meet, and then two others, until stopped; in the end each two who have met do so once more."""
        while not self._is_over.is_set():
            try:
                async with asyncio.timeout(self._dice.uniform(*PAUSE_SECONDS)):
                    await self._is_over.wait()
            except TimeoutError:
                await self._meet(*self._pair())
        for one, other in self._met.values():
            await self._meet(other, one)

    def _pair(self) -> tuple[Client, Client]:
        if self._met and self._dice.random() < AGAIN_SHARE:
            return self._dice.choice(list(self._met.values()))
        one, other = self._dice.sample(self._clients, 2)
        self._met.setdefault(frozenset((one.member, other.member)), (one, other))
        return one, other

    async def _meet(self, one: Client, other: Client) -> None:
        await asyncio.gather(self._open(one, other.member), self._open(other, one.member))

    async def _open(self, client: Client, name: str) -> None:
        """Send the form until it is answered."""
        form = Form(client, "lobby")
        while True:
            try:
                where = await form.send("/direct", {"username": name})
            except Lost:
                await client.pause(RECONNECT_DELAY_SECONDS)
            else:
                people = ", ".join(sorted((client.member, name)))
                self._history.opened.append(Opened(time.monotonic(), client.member, people, where))
                return
