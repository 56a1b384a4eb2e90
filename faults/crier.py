"""One member who writes by the form in many rooms beside the lobby, now in this one and now in that."""

from __future__ import annotations

import asyncio

from faults.form import Form
from faults.history import Cried, History
from faults.links import Client
from faults.readers import RECONNECT_DELAY_SECONDS
from faults.web import Lost

PAUSE_SECONDS = (0.05, 0.3)  # between two messages


class Crier:
    """Writes until stopped; each message is sent again until the site has answered that it is stored."""

    def __init__(self, client: Client, rooms: list[str], history: History) -> None:
        self._client = client
        self._form = Form(client, "lobby")
        self._rooms = rooms
        self._history = history
        self._is_over = asyncio.Event()

    def stop(self) -> None:
        """Begin no other message."""
        self._is_over.set()

    async def run(self) -> None:
        while self._rooms and not self._is_over.is_set():
            await self._cry(self._client.dice.choice(self._rooms), f"cry-{len(self._history.cried)}")
            await self._client.pause(PAUSE_SECONDS)

    async def _cry(self, room: str, nonce: str) -> None:
        while True:
            try:
                await self._form.send(f"/rooms/{room}", {"nonce": nonce, "body": f"This is {nonce}."})
            except Lost:
                await self._client.pause(RECONNECT_DELAY_SECONDS)
            else:
                self._history.cried.append(Cried(room, nonce))
                return
