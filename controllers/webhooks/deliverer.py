"""Delivers what is posted to the outgoing hooks of its room: in order, at least once, by one process at a time."""

from __future__ import annotations

import asyncio
import logging
import random

from controllers.webhooks.turn import Sender, Turn
from models import deliveries
from models.errors.stores import Unavailable

logger = logging.getLogger(__name__)

MAX_TURNS = 10  # at the same time; an HTTP client of Tornado's has as many requests under way
ELSEWHERE_SECONDS = 0.5  # in which the process that has appended a message has delivered it, if all goes well
SPREAD_SECONDS = 0.5  # by which processes that wait for the same moment are apart
RETRY_SECONDS = 1.0  # before a database that could not answer is asked again
STOP_SECONDS = 1.0  # for what is under way when the process stops


class WatchedHook:
    """A hook as this process follows it. `seen` is the seq up to which there is nothing to send."""

    def __init__(self, hook_id: int, room: str) -> None:
        self.id = hook_id
        self.room = room
        self.seen = 0
        self.turn: Turn | None = None
        self.has_grown = False  # its room, while the turn was under way
        self.is_resting = False  # after a failure, until the timer ends
        self.timer: asyncio.TimerHandle | None = None

    def cancel_timer(self) -> None:
        """Look no more by itself."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Deliverer:
    """Looks after the hooks when their rooms grow, when a pause ends, and when another process may have died.

    The process that has appended a message looks at once, the others a little later: then there is usually nothing
    left, and if that process was killed they go on.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._doorbell = sender.stores.doorbell
        self._hooks: dict[int, WatchedHook] = {}
        self._by_room: dict[str, list[WatchedHook]] = {}
        self._people_version: object = None  # of the database, when the hooks were last read
        self._turns: dict[asyncio.Task[None], Turn] = {}
        self._places = asyncio.Semaphore(MAX_TURNS)
        self._is_stopping = False

    # --- which hooks there are

    async def follow(self) -> None:
        """Read which hooks there are whenever that may have changed, until cancelled."""
        async for _ in self._doorbell.rings():
            version = self._doorbell.people_version()
            if version != self._people_version:
                self._people_version = version
                await self._read_or_retry()

    async def _read_or_retry(self) -> None:
        """Read now, or as soon as the database can be read: the doorbell does not ring again."""
        while True:
            try:
                self._watch(await self._sender.stores.read(deliveries.sending))
                return
            except Unavailable:
                await asyncio.sleep(RETRY_SECONDS)

    def _watch(self, rooms: dict[int, str]) -> None:
        """Watch these hooks, each in its room, and no others."""
        for hook_id in self._hooks.keys() - rooms.keys():
            self._hooks.pop(hook_id).cancel_timer()
        new = [WatchedHook(hook_id, rooms[hook_id]) for hook_id in rooms.keys() - self._hooks.keys()]
        self._hooks |= {hook.id: hook for hook in new}
        self._by_room = {}
        for hook in self._hooks.values():
            self._by_room.setdefault(hook.room, []).append(hook)
        for hook in new:
            self._look_in(hook, random.uniform(0, SPREAD_SECONDS))  # noqa: S311

    # --- when to look

    def note_growth(self, room: str, is_own: bool) -> None:
        """Note that a room has grown, by this process or by another one."""
        for hook in self._by_room.get(room, ()):
            hook.has_grown = True
            if hook.turn is None and not hook.is_resting:
                self._look_in(hook, 0.0 if is_own else ELSEWHERE_SECONDS)

    def _look_in(self, hook: WatchedHook, seconds: float) -> None:
        """Look at a hook in so many seconds, or earlier if that is planned."""
        loop = asyncio.get_running_loop()
        if self._is_stopping or hook.turn is not None:
            return
        if hook.timer is None or hook.timer.when() > loop.time() + seconds:
            hook.cancel_timer()
            hook.timer = loop.call_later(seconds, self._start, hook)

    def _start(self, hook: WatchedHook) -> None:
        hook.timer, hook.has_grown, hook.is_resting = None, False, False
        hook.turn = Turn(self._sender, hook.id, hook.seen)
        task = asyncio.create_task(self._run(hook, hook.turn))
        self._turns[task] = hook.turn
        task.add_done_callback(self._on_done)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        del self._turns[task]
        if not task.cancelled() and (error := task.exception()):
            logger.error("delivering to a webhook failed", exc_info=error)

    async def _run(self, hook: WatchedHook, turn: Turn) -> None:
        """Let a hook have its turn, and plan when to look again."""
        seconds: float | None = RETRY_SECONDS
        try:
            async with self._places:
                seconds = await turn.run()
        except Unavailable:
            pass
        finally:
            hook.turn, hook.seen, hook.is_resting = None, turn.seen, turn.is_resting
        if self._hooks.get(hook.id) is hook:
            self._plan(hook, seconds)

    def _plan(self, hook: WatchedHook, seconds: float | None) -> None:
        if seconds:
            self._look_in(hook, seconds + random.uniform(0, SPREAD_SECONDS))  # noqa: S311
        elif seconds is not None or hook.has_grown:
            self._look_in(hook, 0.0)

    # --- the end

    async def stop(self) -> None:
        """Let what is being sent arrive, for STOP_SECONDS, and leave the rest to other processes."""
        self._is_stopping = True
        for hook in self._hooks.values():
            hook.cancel_timer()
        running = set(self._turns)
        for turn in self._turns.values():
            turn.is_stopping = True
        if running:
            _, running = await asyncio.wait(running, timeout=STOP_SECONDS)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
