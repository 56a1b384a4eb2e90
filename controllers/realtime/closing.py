"""Closing connections: some of them, or all when the process stops."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable

from controllers.realtime.subscriber import Subscriber

logger = logging.getLogger(__name__)

CLOSE_ALL_SECONDS = 1.0
CLOSE_ALL_STEPS = 50


def close_each(subscribers: Iterable[Subscriber], code: int, reason: str) -> None:
    """Close these connections; one that fails does not keep the others."""
    for subscriber in subscribers:
        try:
            subscriber.close(code, reason)
        except Exception:
            logger.exception("a connection could not be closed")


async def close_all(subscribers: Collection[Subscriber], code: int, reason: str) -> None:
    """Close every connection, a few at a time, since all of them connect anew elsewhere at once.

    Those that poll come first: their next poll would not be answered. A closed connection leaves `subscribers`.
    """
    close_each([subscriber for subscriber in subscribers if subscriber.is_polling], code, reason)
    spread, began = list(subscribers), time.monotonic()
    steps = min(len(spread), CLOSE_ALL_STEPS)
    for step in range(steps):
        close_each(spread[step::steps], code, reason)
        await asyncio.sleep(began + (step + 1) * CLOSE_ALL_SECONDS / CLOSE_ALL_STEPS - time.monotonic())
    close_each(list(subscribers), code, reason)  # what came meanwhile, by a connection that Nginx had kept
