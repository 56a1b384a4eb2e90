"""Rate limits: token buckets that refuse a member's posts, and throttles that make a sender wait."""

from __future__ import annotations

import asyncio
import math
import time
import weakref

from models.errors.messages import SlowDown

Payer = int | tuple[str, int]  # whose limit counts: a member, by id, or something of theirs, by its kind and id

BURST_POSTS = 20  # that a member may send at once
MESSAGES_PER_POST = 10  # messages of any kind, also unknown ones, that are read for each post that is allowed
MAX_DEBT_POSTS = 100  # posts taken by other processes at the same moment delay a member by at most this many
MAX_BUCKETS = 1000  # buckets that are kept before the full ones are removed


class Throttle:
    """Lets `rate` things a second through, after `burst` at once; what comes faster waits, and so does its sender."""

    __slots__ = ("__weakref__", "_burst_seconds", "_done_at", "_seconds_each")

    def __init__(self, rate: float, burst: float) -> None:
        self._seconds_each = 1 / rate
        self._burst_seconds = burst / rate
        self._done_at = 0.0  # when all that has come so far would be through at this rate (time.monotonic)

    async def wait(self, count: float = 1) -> None:
        """Return once `count` more things may be done."""
        now = time.monotonic()
        self._done_at = max(self._done_at, now - self._burst_seconds) + count * self._seconds_each
        if self._done_at > now:
            await asyncio.sleep(self._done_at - now)


class Throttles:
    """One throttle for each member, kept while a connection uses it."""

    def __init__(self, rate: float, burst: float) -> None:
        self._limits = rate, burst
        self._of_member: weakref.WeakValueDictionary[int, Throttle] = weakref.WeakValueDictionary()

    def of(self, member_id: int) -> Throttle:
        """Return the throttle that all connections of a member share."""
        throttle = self._of_member.get(member_id)
        if throttle is None:
            throttle = self._of_member[member_id] = Throttle(*self._limits)
        return throttle


class RateLimiter:
    """A token bucket for each payer in this process; a member's also pays for the posts that other processes take."""

    def __init__(self, posts_per_second: float, burst: int = BURST_POSTS) -> None:
        self._rate = posts_per_second  # 0: no limit
        self._burst = burst
        self.throttles = Throttles(MESSAGES_PER_POST * self._rate or math.inf, MESSAGES_PER_POST * BURST_POSTS)
        self._buckets: dict[Payer, tuple[float, float]] = {}  # by payer: tokens, and when they were counted

    def take(self, payer: Payer, count: int = 1) -> None:
        """Count so many posts, at most BURST_POSTS. Raise SlowDown if the payer has fewer tokens left."""
        if not self._rate:
            return
        now = time.monotonic()
        tokens = self._tokens(payer, now)
        if tokens < count:
            raise SlowDown(math.ceil(1000 * (count - tokens) / self._rate) / 1000)
        self._put(payer, tokens - count, now)

    def charge(self, member_id: int, at: float) -> None:
        """Count one post that another process took at `at` (seconds since 1970), so that all together keep the rate.

        It is counted at the time when it was made: the author does not wait because this process read it late.
        """
        if self._rate:
            now = time.monotonic()
            _, counted_at = self._buckets.get(member_id, (0.0, 0.0))
            taken_at = max(counted_at, now - max(0.0, time.time() - at))
            self._put(member_id, max(self._tokens(member_id, taken_at) - 1, -MAX_DEBT_POSTS), taken_at)

    def _tokens(self, payer: Payer, now: float) -> float:
        """Return how many posts a payer may send at once."""
        tokens, counted_at = self._buckets.get(payer, (float(self._burst), now))
        return min(self._burst, tokens + (now - counted_at) * self._rate)

    def _put(self, payer: Payer, tokens: float, now: float) -> None:
        self._buckets[payer] = (tokens, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._remove_full(now)

    def _remove_full(self, now: float) -> None:
        """Remove the buckets that are full again."""
        seconds_to_full = (self._burst + MAX_DEBT_POSTS) / self._rate
        self._buckets = {payer: bucket for payer, bucket in self._buckets.items() if now - bucket[1] < seconds_to_full}
