"""The end of connections: of some, and of all when the process stops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from controllers.realtime.channel import Subscriber

logger = logging.getLogger(__name__)

CLOSE_ALL_SECONDS = 1.0  # seconds in which all connections are ended
CLOSE_ALL_STEPS = 50


def end(subscribers: Iterable[Subscriber], code: int, reason: str) -> None:
    """Close these connections; the trouble of one must not keep the others."""
    for subscriber in subscribers:
        try:
            subscriber.end(code, reason)
        except Exception:
            logger.exception("a connection could not be closed")


async def end_all(subscribers: Collection[Subscriber], code: int, reason: str) -> None:
    """Close every connection, a few at a time: all of them come back elsewhere at once.

    Those that poll come first: nobody would answer their next poll. `subscribers` loses who has been closed.
    """
    end([subscriber for subscriber in subscribers if subscriber.polls], code, reason)
    spread, began = list(subscribers), time.monotonic()
    steps = min(len(spread), CLOSE_ALL_STEPS)
    for step in range(steps):
        end(spread[step::steps], code, reason)
        await asyncio.sleep(began + (step + 1) * CLOSE_ALL_SECONDS / CLOSE_ALL_STEPS - time.monotonic())
    end(list(subscribers), code, reason)  # who came meanwhile, by a connection that Nginx had kept
