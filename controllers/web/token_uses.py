"""When tokens were used last: written together, and not while a request waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import time

from models import tokens
from models.errors.stores import Unavailable
from models.stores import Stores
from models.tokens import USE_SECONDS

WRITE_SECONDS = 1.0  # between two writes of all tokens that were used


class TokenUses:
    """Stores the last use of each token of which this process has stored none for USE_SECONDS."""

    def __init__(self, stores: Stores) -> None:
        self._write = stores.write
        self._noted: dict[int, float] = {}  # when, by token (time.monotonic); of the last USE_SECONDS
        self._unwritten: set[int] = set()
        self._used = asyncio.Event()

    def note(self, token_id: int) -> None:
        """Note that a token is used now."""
        now = time.monotonic()
        if now >= self._noted.get(token_id, -USE_SECONDS) + USE_SECONDS:
            self._noted[token_id] = now
            self._unwritten.add(token_id)
            self._used.set()

    async def follow(self) -> None:
        """Write what was noted, until cancelled."""
        while True:
            await self._used.wait()
            self._used.clear()
            await self.flush()
            await asyncio.sleep(WRITE_SECONDS)

    async def flush(self) -> None:
        """Write what was noted. What cannot be written now is forgotten: it tells nothing but a time."""
        used, self._unwritten = self._unwritten, set()
        oldest = time.monotonic() - USE_SECONDS
        self._noted = {token_id: at for token_id, at in self._noted.items() if at > oldest}
        if used:
            with contextlib.suppress(Unavailable):
                await self._write(tokens.note_used, used)
