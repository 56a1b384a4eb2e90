"""Waiting until something has come true."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

POLL_SECONDS = 0.1  # between two looks whether something has come true


async def until(is_so: Callable[[], bool], within: float) -> None:
    """Return when it is so, or after `within` seconds."""
    deadline = time.monotonic() + within
    while not is_so() and time.monotonic() < deadline:  # noqa: ASYNC110 - it comes true elsewhere
        await asyncio.sleep(POLL_SECONDS)
