"""What the channels of one process have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from controllers.realtime.acknowledgements import Acknowledgements
from controllers.realtime.background import BackgroundTasks
from controllers.realtime.encoding import Renderer
from controllers.realtime.entry_cache import MemoryLimit
from controllers.realtime.subscriber import Subscribers
from models.logs.base import Entry, RoomLog


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
    background: BackgroundTasks
    on_entries: Callable[[str, Sequence[Entry]], None]  # is told of a room and its new entries
