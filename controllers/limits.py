"""How fast one member may send."""

from __future__ import annotations

import math
import time

from controllers.pace import Paces
from controllers.wire import SlowDown

BURST = 20  # posts that may come at once
MESSAGES_PER_POST = 10  # messages of any kind, also such as mean nothing, that are heard for each post that is allowed
SWEEP = 1000  # members' buckets that are kept before the full ones are thrown away


class Limiter:
    """A token bucket for each member, in this process."""

    def __init__(self, rate: float) -> None:
        self._rate = rate  # posts per second; 0: no limit
        self.paces = Paces(MESSAGES_PER_POST * rate or math.inf, MESSAGES_PER_POST * BURST)  # of messages of any kind
        self._buckets: dict[int, tuple[float, float]] = {}  # by member: tokens, and when they were counted

    def take(self, member_id: int) -> None:
        """Count one post of a member. Raise SlowDown if it is one too many."""
        if not self._rate:
            return
        now = time.monotonic()
        tokens, counted = self._buckets.get(member_id, (float(BURST), now))
        tokens = min(BURST, tokens + (now - counted) * self._rate)
        if tokens < 1:
            raise SlowDown(math.ceil(1000 * (1 - tokens) / self._rate) / 1000)
        self._buckets[member_id] = (tokens - 1, now)
        if len(self._buckets) > SWEEP:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Forget the members whose buckets are full again."""
        filling = BURST / self._rate
        self._buckets = {who: bucket for who, bucket in self._buckets.items() if now - bucket[1] < filling}
