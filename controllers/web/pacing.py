"""How fast something may come: what comes faster waits its turn, so that its sender has to wait as well."""

from __future__ import annotations

import asyncio
import time
import weakref


class Pace:
    """Lets so many things through in a second, after so many that may come at once."""

    __slots__ = ("__weakref__", "_ahead", "_each", "_until")

    def __init__(self, rate: float, burst: float) -> None:
        self._each = 1 / rate  # seconds
        self._ahead = burst / rate  # seconds
        self._until = 0.0  # when what has come so far would be through at this rate (time.monotonic)

    async def wait(self, count: float = 1) -> None:
        """Return once `count` more things may be done."""
        now = time.monotonic()
        self._until = max(self._until, now - self._ahead) + count * self._each
        if self._until > now:
            await asyncio.sleep(self._until - now)


class Paces:
    """A pace for each member who has a connection that keeps it."""

    def __init__(self, rate: float, burst: float) -> None:
        self._limits = rate, burst
        self._of_member: weakref.WeakValueDictionary[int, Pace] = weakref.WeakValueDictionary()

    def of(self, member_id: int) -> Pace:
        """Return the one pace of all of a member's connections."""
        pace = self._of_member.get(member_id)
        if pace is None:
            pace = self._of_member[member_id] = Pace(*self._limits)
        return pace
