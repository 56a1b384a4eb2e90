"""Readers of the page of a room's tasks: now and then anywhere, and in the end at each process."""

from __future__ import annotations

import asyncio
import contextlib
import time

from faults.history import Listed
from faults.links import Client
from faults.process import Process
from faults.readers import PAGE_TIMEOUT_SECONDS, RECONNECT_DELAY_SECONDS, RELOAD_DELAY_SECONDS, Scribe
from faults.task_seen import on_page
from faults.web import Lost, request


class ListReader:
    """A reader of the tasks without a script."""

    def __init__(self, client: Client, scribe: Scribe) -> None:
        self.client = client
        self._history = scribe.history
        self._path = f"/rooms/{self._history.room}/tasks"

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            with contextlib.suppress(Lost):
                await self._read(self.client.somewhere())
            await self.client.pause(RELOAD_DELAY_SECONDS)

    async def read_at(self, process: Process) -> None:
        """Read for the last time, at one process."""
        while not any(one.is_last and one.reader == f"process {process.index}" for one in self._history.listed):
            try:
                await self._read(process.port, f"process {process.index}")
            except Lost:
                await self.client.pause(RECONNECT_DELAY_SECONDS)

    async def _read(self, port: int, last: str = "") -> None:
        asked = time.monotonic()
        try:
            async with (
                asyncio.timeout(PAGE_TIMEOUT_SECONDS),
                request(port, "GET", self._path, {"Cookie": self.client.cookie}) as answer,
            ):
                if answer.status != 200:
                    raise self.client.place.refused("tasks", answer.status)
                found = on_page((await answer.read()).decode())
        except TimeoutError:
            raise Lost("no page in time") from None
        listed = Listed(time.monotonic(), asked, last or self.client.name, found, bool(last))
        self._history.listed.append(listed)
