"""One turn of an outgoing hook: it sends what lies after its cursor, in order, and posts what is answered."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import NoReturn

from controllers.fetching.fetcher import Fetcher, FetchFailed, Reply
from controllers.webhooks.payloads import headers_of, read_text, write_message
from models import deliveries
from models.deliveries import CLAIM_SECONDS, MAX_PAUSE_SECONDS, Outgoing
from models.errors.base import Refusal
from models.errors.messages import SlowDown
from models.errors.stores import Unavailable
from models.hooks import MENTIONS
from models.logs.base import POST, Draft, Entry
from models.messages import Message, fold_all
from models.stores import Stores

logger = logging.getLogger(__name__)

Say = Callable[[Draft], Awaitable[object]]  # posts as a bot; raises Refusal

FIRST_PAUSE_SECONDS = 5.0  # after the first failure, twice as long after each further one
PAUSE_SPREAD = 0.2  # of a pause, by which it is longer or shorter
MAX_MESSAGES = 20  # that are sent until other hooks have their turn
PAGE_ENTRIES = 100  # of the log that are read at once
MAX_SKIPPED_ENTRIES = 1000  # after the stored cursor, that are not for the hook
SEND_SECONDS = 12.0  # for which a claim must last when a message is sent
MAX_DOUBLINGS = 20  # of the first pause
MAX_WAITS = 20  # until the bot may post an answer
MAX_WAIT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Sender:
    """What the turns of a process have in common: its stores, the way out, and how a bot posts."""

    process: str
    stores: Stores
    fetcher: Fetcher
    say: Say


class Rest(Exception):
    """A turn ends before all is sent; `seconds` is when to look again."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds


class Turn:
    """One turn of a hook. `seen` is the seq up to which nothing is left for it, also where that is not stored."""

    def __init__(self, sender: Sender, hook_id: int, seen: int) -> None:
        self.seen = seen
        self.is_stopping = False
        self.is_resting = False  # whether it ended with a pause after a failure
        self._process = sender.process
        self._read = sender.stores.read
        self._write = sender.stores.write
        self._log = sender.stores.log
        self._fetcher = sender.fetcher
        self._say = sender.say
        self._hook_id = hook_id
        self._claim_ends_at = 0.0  # time.monotonic

    async def run(self) -> float | None:
        """Send up to MAX_MESSAGES; return in how many seconds to look again, None if nothing is left.

        Raise Unavailable.
        """
        hook = await self._read(deliveries.look, self._hook_id, self._process)
        if hook is None:
            return None
        self.is_resting = hook.pause > 0
        if hook.pause or hook.claimed_for:
            return max(hook.pause, hook.claimed_for)
        if await self._next(hook) is None:
            if self.seen - hook.cursor > MAX_SKIPPED_ENTRIES:
                await self._write(deliveries.skip, hook.id, hook.cursor, self.seen)
            return None
        hook = await self._claim()
        if hook is None:
            return 0.0  # another process was quicker; for how long will be seen
        try:
            return await self._send_some(hook)
        except Rest as rest:
            return rest.seconds
        finally:
            await self._write(deliveries.release, self._hook_id, self._process)

    async def _next(self, hook: Outgoing) -> Message | None:
        """Return the first message that is still to be sent, as it is now; None if there is none."""
        self.seen = max(self.seen, hook.cursor)
        while entries := await self._log.after(hook.room, self.seen, PAGE_ENTRIES):
            for entry in entries:
                message = await self._load(hook, entry)
                if message is not None:
                    return message
                self.seen = entry.seq
        return None

    async def _load(self, hook: Outgoing, entry: Entry) -> Message | None:
        """Return the message of an entry if it is for the hook.

        What a bot has written is for none: two of them would answer each other for ever.
        """
        if entry.kind != POST or entry.is_by_bot or not entry.body:
            return None
        message = (await fold_all(self._log, hook.room, [entry]))[entry.seq]
        if message.is_deleted or (hook.events == MENTIONS and hook.bot not in message.mentions):
            return None
        return message

    async def _claim(self) -> Outgoing | None:
        self._claim_ends_at = time.monotonic() + CLAIM_SECONDS
        return await self._write(deliveries.claim, self._hook_id, self._process)

    async def _keep_claim(self) -> None:
        """Let the claim last until a message is sent. Raise Rest if it is over."""
        if time.monotonic() > self._claim_ends_at - SEND_SECONDS:
            ends_at = time.monotonic() + CLAIM_SECONDS
            if not await self._write(deliveries.renew, self._hook_id, self._process):
                raise Rest(0.0)
            self._claim_ends_at = ends_at

    async def _send_some(self, hook: Outgoing) -> float | None:
        """Send what is to be sent. Raise Rest, Unavailable."""
        for _ in range(MAX_MESSAGES):
            message = await self._next(hook)
            if message is None or self.is_stopping:
                return None
            await self._keep_claim()
            reply = await self._send(hook, message)
            status = await self._post_answer(hook, message, reply)
            await self._advance(message, status)
            hook = replace(hook, failures=0)
        return 0.0

    async def _send(self, hook: Outgoing, message: Message) -> Reply:
        """Send a message. Raise Rest if it was not taken."""
        body = write_message(hook, message)
        try:
            reply = await self._fetcher.post(hook.url, body, headers_of(hook, message, body, time.time()))
        except FetchFailed as failure:
            return await self._fail(hook, failure.sentence)
        if not 200 <= reply.status < 300:
            return await self._fail(hook, f"HTTP {reply.status}")
        return reply

    async def _fail(self, hook: Outgoing, status: str) -> NoReturn:
        """Store why a message was not taken, and raise Rest: a pause that grows with each failure."""
        pause = min(FIRST_PAUSE_SECONDS * 2 ** min(hook.failures, MAX_DOUBLINGS), MAX_PAUSE_SECONDS)
        pause *= random.uniform(1 - PAUSE_SPREAD, 1 + PAUSE_SPREAD)  # noqa: S311
        logger.info("webhook %d: %s", hook.id, status)
        await self._write(deliveries.fail, hook.id, self._process, status, pause)
        self.is_resting = True
        raise Rest(pause)

    async def _advance(self, message: Message, status: str) -> None:
        ends_at = time.monotonic() + CLAIM_SECONDS
        if not await self._write(deliveries.advance, self._hook_id, self._process, message.seq, status):
            raise Rest(0.0)
        self.seen, self._claim_ends_at = message.seq, ends_at

    async def _post_answer(self, hook: Outgoing, message: Message, reply: Reply) -> str:
        """Post the text that was answered, once however often it is answered; return what became of the message."""
        status = f"HTTP {reply.status}"
        try:
            text = read_text(reply.body)
        except Refusal:
            return status
        try:
            await self._post(Draft(hook.room, hook.bot_id, text, f"hook-{hook.id}-{message.seq}"))
        except Unavailable:
            raise
        except Refusal as refusal:
            return refusal.sentence
        return status

    async def _post(self, draft: Draft) -> None:
        """Post as a bot, as soon as its rate limit allows it. Raise Rest, Refusal."""
        for _ in range(MAX_WAITS):
            try:
                await self._say(draft)
                return
            except SlowDown as slow:
                await asyncio.sleep(min(slow.retry_after, MAX_WAIT_SECONDS))
                await self._keep_claim()
        raise SlowDown(MAX_WAIT_SECONDS)
