"""What is done in a thread, and is done to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def to_the_end(call: Callable[..., T], *arguments: object) -> T:
    """Call in a thread. When cancelled, wait for the call before raising.

    A thread goes on when its task is cancelled, or never begins if it has not yet: what it was to end would be
    left running, and what it starts would be started after everything has been ended.
    """
    calling = asyncio.create_task(asyncio.to_thread(call, *arguments))
    try:
        return await asyncio.shield(calling)
    except asyncio.CancelledError:
        await asyncio.gather(calling, return_exceptions=True)
        raise
