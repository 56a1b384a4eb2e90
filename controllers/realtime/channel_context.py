"""What the channels of one process have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from controllers.realtime.acknowledgements import Acknowledgements
from controllers.realtime.entry_cache import MemoryLimit
from controllers.realtime.subscriber import Subscribers
from models.logs.base import Entry, RoomLog


class Renderer(Protocol):
    """Turns entries into HTML."""

    def render(self, entry: Entry) -> str:
        """Return the HTML of an entry."""

    async def prerender(self, entries: Sequence[Entry]) -> None:
        """Render many entries without keeping the event loop."""


class RateLimiter(Protocol):
    """Limits how much one member posts at all processes together."""

    def charge(self, member_id: int, at: float) -> None:
        """Count a post that another process took, `at` seconds since 1970."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What all channels of one process use."""

    log: RoomLog
    renderer: Renderer
    rate_limiter: RateLimiter
    memory: MemoryLimit
    subscribers: Subscribers
    acknowledgements: Acknowledgements
