"""Group commit: drafts that wait while others are written go together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from models.log import Draft, Entry

BATCH = 256  # drafts that are written together

Write = Callable[[list[Draft], float], Awaitable[Sequence[Entry | Exception]]]


class Batches:
    """What waits to be written, in the order in which it came.

    `write` is handed a batch and since when its oldest draft has waited (time.monotonic()); it returns an entry or a
    refusal for each draft, or raises what became of all of them.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._waiting: list[tuple[Draft, float, asyncio.Future[Entry]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def append(self, draft: Draft) -> Entry:
        """Return the draft's entry as soon as it is written. Raise what `write` raises or returns for it."""
        appended: asyncio.Future[Entry] = asyncio.get_running_loop().create_future()
        self._waiting.append((draft, time.monotonic(), appended))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())
        return await appended

    async def finish(self) -> None:
        """Return when nothing waits any more."""
        if self._writing is not None:
            await self._writing

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            try:
                outcomes = await self._write([draft for draft, _, _ in batch], batch[0][1])
            except Exception as error:
                outcomes = [error] * len(batch)
            for (_, _, appended), outcome in zip(batch, outcomes, strict=True):
                if appended.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    appended.set_exception(outcome)
                else:
                    appended.set_result(outcome)
        self._writing = None
