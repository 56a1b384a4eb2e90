"""What one process works with: its database, its Hub, its hashing thread. Handlers are handed this, not options."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

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
from controllers.web.rendering import MessageRenderer
from models import settings
from models.errors import Lost
from models.stores import Stores

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_SECONDS = 0.5  # for the last answers

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """What the person who runs the site may set."""

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
        """Begin to listen to the other processes."""
        for work in (self._stores.doorbell.watch, self.hub.follow, self.presence.follow, self._revoker.follow):
            self._tasks.append(asyncio.create_task(work()))

    def request_started(self, request: object) -> None:
        """Note that a request is under way."""
        self._requests.add(request)
        self._is_idle.clear()

    def request_finished(self, request: object) -> None:
        """Note that it is answered, or that nobody waits for the answer any more."""
        self._requests.discard(request)
        if not self._requests:
            self._is_idle.set()

    async def check_health(self) -> str:
        """Return whether everything can be read and written, "ok", or is "read-only". Raise Unavailable.

        Anybody may ask, and it is a write: all who ask at the same time share one, so that no line of them grows.
        """
        if self._health is None or self._health.done():
            self._health = asyncio.create_task(self._write_and_read())
        return await asyncio.shield(self._health)

    async def _write_and_read(self) -> str:
        status: str = await self.write(settings.check_health)
        await self.log.check()
        return status

    async def watch(self) -> None:
        """Return when the site cannot go on; the log says why."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            if not isinstance(task.exception(), Lost):  # which the log has said
                logger.critical("a part of the site has ended", exc_info=task.exception())

    async def finish(self, code: int, reason: str) -> None:
        """End the chat's connections; return when what was begun is done.

        From now on every answer closes its connection.
        """
        self.is_stopping = True
        await close_all(self.hub.subscribers, code, reason)
        await self._is_idle.wait()
        await self.log.flush()
        await self.presence.stop()

    async def close(self) -> None:
        """Let go of everything."""
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
            async with asyncio.timeout(CLOSE_TIMEOUT_SECONDS):  # what waited for the stores is refused now, and says so
                await self._is_idle.wait()
