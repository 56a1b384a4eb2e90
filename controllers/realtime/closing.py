"""The end of connections: of some, and of all when the process stops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controllers.realtime.channel import Reader

log = logging.getLogger(__name__)

SPREAD = 1.0  # seconds in which all connections are ended
STEPS = 50


def end(readers: Iterable[Reader], code: int, reason: str) -> None:
    """Close these connections; the trouble of one must not keep the others."""
    for reader in readers:
        try:
            reader.end(code, reason)
        except Exception:
            log.exception("a connection could not be closed")


async def end_all(readers: Collection[Reader], code: int, reason: str) -> None:
    """Close every connection, a few at a time: all of them come back elsewhere at once.

    Those that poll come first: nobody would answer their next poll. `readers` loses who has been closed.
    """
    end([reader for reader in readers if reader.polls], code, reason)
    spread, began = list(readers), time.monotonic()
    steps = min(len(spread), STEPS)
    for step in range(steps):
        end(spread[step::steps], code, reason)
        await asyncio.sleep(began + (step + 1) * SPREAD / STEPS - time.monotonic())
    end(list(readers), code, reason)  # who came meanwhile, by a connection that Nginx had kept
