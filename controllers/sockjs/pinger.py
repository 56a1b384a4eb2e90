"""Pings WebSockets, since a client that is gone is noticed only when it does not answer."""

from __future__ import annotations

import asyncio
import time
from itertools import takewhile
from typing import Protocol

CHECK_INTERVAL_SECONDS = 0.25  # between two looks for connections whose time has come


class Pinged(Protocol):
    """A connection that can be pinged."""

    @property
    def ping_interval(self) -> float:
        """Seconds between two pings."""

    @property
    def ping_timeout(self) -> float:
        """Seconds within which a ping must be answered."""

    def ping(self) -> None:
        """Send a ping."""

    def has_answered(self) -> bool:
        """Tell whether the last ping was answered."""

    def close(self, code: int | None = None, reason: str | None = None) -> None:
        """Close the connection."""


class Pinger:
    """Pings all WebSockets from one task, and closes those that do not answer.

    A task for each connection, as Tornado has it, takes 1.2 KiB a member.
    """

    def __init__(self) -> None:
        # Each dict holds times (time.monotonic). Those in one dict have all waited equally long: the soonest is first.
        self._first_ping_at: dict[Pinged, float] = {}
        self._next_ping_at: dict[Pinged, float] = {}
        self._pong_due_at: dict[Pinged, float] = {}
        self._task = asyncio.create_task(self._run())

    def add(self, connection: Pinged) -> None:
        """Ping a connection from now on."""
        self._first_ping_at[connection] = time.monotonic() + connection.ping_interval

    def remove(self, connection: Pinged) -> None:
        """Ping a connection no longer."""
        for times in (self._first_ping_at, self._next_ping_at, self._pong_due_at):
            times.pop(connection, None)

    def close(self) -> None:
        """Stop pinging."""
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)
            now = time.monotonic()
            for connection in _take_due(self._pong_due_at, now):
                if connection.has_answered():
                    self._next_ping_at[connection] = now + max(connection.ping_interval - connection.ping_timeout, 0)
                else:
                    connection.close(reason="ping timed out")
            for connection in (*_take_due(self._first_ping_at, now), *_take_due(self._next_ping_at, now)):
                connection.ping()
                self._pong_due_at[connection] = now + connection.ping_timeout


def _take_due(times: dict[Pinged, float], now: float) -> list[Pinged]:
    """Remove the connections whose time has come, and return them."""
    due = [connection for connection, _ in takewhile(lambda item: item[1] <= now, times.items())]
    for connection in due:
        del times[connection]
    return due
