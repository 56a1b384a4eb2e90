"""How fast one member may send."""

from __future__ import annotations

import math
import time

from controllers.web.pacing import Paces
from models.errors import SlowDown

BURST = 20  # posts that may come at once
MESSAGES_PER_POST = 10  # messages of any kind, also such as mean nothing, that are heard for each post that is allowed
MAX_DEBT = 100  # posts: what other processes have taken at the same moment is waited for no longer than that
SWEEP = 1000  # members' buckets that are kept before the full ones are thrown away


class Limiter:
    """A token bucket for each member, in this process; it pays for what the other processes take, too."""

    def __init__(self, rate: float) -> None:
        self._rate = rate  # posts per second; 0: no limit
        self.paces = Paces(MESSAGES_PER_POST * rate or math.inf, MESSAGES_PER_POST * BURST)  # of messages of any kind
        self._buckets: dict[int, tuple[float, float]] = {}  # by member: tokens, and when they were counted

    def take(self, member_id: int) -> None:
        """Count one post of a member. Raise SlowDown if it is one too many."""
        if not self._rate:
            return
        now = time.monotonic()
        tokens = self._tokens(member_id, now)
        if tokens < 1:
            raise SlowDown(math.ceil(1000 * (1 - tokens) / self._rate) / 1000)
        self._keep(member_id, tokens - 1, now)

    def charge(self, member_id: int, at: float) -> None:
        """Count one post that another process took, at so many seconds since 1970: all of them together keep the rate.

        Whoever hears of it late counts it when it was made: it is not for its author to wait for a process that stood.
        """
        if self._rate:
            now = time.monotonic()
            _, counted = self._buckets.get(member_id, (0.0, 0.0))
            taken = max(counted, now - max(0.0, time.time() - at))
            self._keep(member_id, max(self._tokens(member_id, taken) - 1, -MAX_DEBT), taken)

    def _tokens(self, member_id: int, now: float) -> float:
        """Return how many posts a member may send at once."""
        tokens, counted = self._buckets.get(member_id, (float(BURST), now))
        return min(BURST, tokens + (now - counted) * self._rate)

    def _keep(self, member_id: int, tokens: float, now: float) -> None:
        self._buckets[member_id] = (tokens, now)
        if len(self._buckets) > SWEEP:
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        """Forget the members whose buckets are full again."""
        filling = (BURST + MAX_DEBT) / self._rate
        self._buckets = {who: bucket for who, bucket in self._buckets.items() if now - bucket[1] < filling}
