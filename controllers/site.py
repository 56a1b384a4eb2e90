"""What one process works with: its stores, Hub, caches and limits. Handlers get this object instead of options."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass

from controllers.fetching.fetcher import JsonSource
from controllers.realtime.closing import close_all
from controllers.realtime.hub import Hub
from controllers.realtime.presence import Presence
from controllers.realtime.revocation import Revoker
from controllers.web.authenticator import Authenticator
from controllers.web.hashing_queue import HashingQueue
from controllers.web.page_cache import PageCache
from controllers.web.query_cache import QueryCache
from controllers.web.rate_limit import RateLimiter
from controllers.web.rendering import MessageRenderer, clean_message
from models import settings
from models.errors import Lost
from models.logs.base import Draft
from models.members import Member
from models.stores import Stores

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_SECONDS = 0.5  # for the last answers


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that the options set."""

    max_message: int  # characters
    messages_per_second: float  # of one member; 0: no limit
    connections_per_member: int  # at one process; 0: no limit
    transports: tuple[str, ...]  # of SockJS, that are on


class Site:
    """One process's part of the site. Made and started while the loop runs."""

    def __init__(self, name: str, stores: Stores, fetch_url: str, limits: Limits, renderer: MessageRenderer) -> None:
        self.name = name
        self.limits = limits
        self.renderer = renderer
        self.page_cache = PageCache()
        self.process = secrets.token_hex(4)
        self.rate_limiter = RateLimiter(limits.messages_per_second)
        self.fetcher = JsonSource(fetch_url)
        self._stores = stores
        self.hashing_queue = HashingQueue()
        self.write = stores.write
        self.read = stores.read
        self.query_cache = QueryCache(stores)
        self.authenticator = Authenticator(stores, self.hashing_queue, self.query_cache)
        self.log = stores.log
        self.hub = Hub(self.log, renderer, self.rate_limiter)
        self.presence = Presence(self.process, self.hub, stores)
        self._revoker = Revoker(self.hub, self.presence, stores)
        stores.doorbell.has_subscribers = lambda: bool(self.hub.subscribers)
        self.is_stopping = False
        self._tasks: list[asyncio.Task[None]] = []
        self._health: asyncio.Task[str] | None = None
        self._requests: set[object] = set()  # pages and forms under way
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def start(self) -> None:
        """Start to follow what other processes do."""
        for work in (self._stores.doorbell.watch, self.hub.follow, self.presence.follow, self._revoker.follow):
            self._tasks.append(asyncio.create_task(work()))

    def make_draft(self, room: str, member: Member, body: str, nonce: str) -> Draft:
        """Return a post that may be appended, and count it for the rate limit. Raise Empty, TooLong, SlowDown."""
        body = clean_message(body, self.limits.max_message)
        self.rate_limiter.take(member.id)
        return Draft(room, member.id, body, nonce)

    def request_started(self, request: object) -> None:
        """Record that a request is under way."""
        self._requests.add(request)
        self._is_idle.clear()

    def request_finished(self, request: object) -> None:
        """Record that a request was answered, or that its client has disconnected."""
        self._requests.discard(request)
        if not self._requests:
            self._is_idle.set()

    async def check_health(self) -> str:
        """Return "ok" if everything can be read and written, or "read-only". Raise Unavailable.

        Requests without a sign-in call this, and it writes: all that run at the same time share one check, so that
        they cannot fill the database's queue.
        """
        if self._health is None or self._health.done():
            self._health = asyncio.create_task(self._write_and_read())
        return await asyncio.shield(self._health)

    async def _write_and_read(self) -> str:
        status: str = await self.write(settings.check_health)
        await self.log.check()
        return status

    async def watch(self) -> None:
        """Return when the site cannot go on; the reason is in the log."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not isinstance(task.exception(), Lost):  # which has been logged
                logger.critical("a part of the site has ended", exc_info=task.exception())

    async def stop(self, code: int, reason: str) -> None:
        """Close the chat's connections with this code and reason, and return when all requests under way are answered.

        From now on every answer closes its connection.
        """
        self.is_stopping = True
        await close_all(self.hub.subscribers, code, reason)
        await self._is_idle.wait()
        await self.log.flush()
        await self.presence.stop()

    async def close(self) -> None:
        """Cancel what still runs, and close the stores, the fetcher and the hashing thread."""
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()  # the second time interrupts psycopg, which asks a silent server to cancel a query
            _, running = await asyncio.wait(running, timeout=CLOSE_TIMEOUT_SECONDS)
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.fetcher.close()
        self.hashing_queue.close()
        await self._stores.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):  # requests that waited for the stores are refused now
                await self._is_idle.wait()
