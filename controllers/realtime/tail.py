"""The newest entries of one room in this process: appended here, or fetched from the log after the head."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from controllers.realtime.channel_context import ChannelContext
from controllers.realtime.encoding import encode_all
from controllers.realtime.entry_cache import MAX_PAGE_MESSAGES, EntryCache, NumberedText
from models.errors.stores import Unavailable
from models.logs.base import DELETE, EDIT, LINES, Entry
from models.messages import Message, as_posted, fold_all, load_affected
from models.tasks import Task, load_changed

MAX_FETCHED_ENTRIES = 500  # at once
RETRY_SECONDS = 1.0  # before the log is asked again after it could not answer


class Tail:
    """A room's log as far as it is known here, with the newest entries ready to be sent and shown."""

    def __init__(
        self,
        room: str,
        head: int,
        context: ChannelContext,
        on_fresh: Callable[[Sequence[Entry]], None],
    ) -> None:
        """Take the room's head; `on_fresh` is told of entries that are added."""
        self.room = room
        self.head = head  # of what is known here
        self.cache = EntryCache(head, context.memory)
        self._context = context
        self._log = context.log
        self._on_fresh = on_fresh
        self._looked_for = head  # how far the log was when all up to there was last fetched; some may be purged
        self._own_seqs: set[int] = set()  # beyond the head, of what this process has appended
        self._fetching = asyncio.Lock()  # or an older state of a message could take the place of a newer one
        self._background = context.background

    def on_append(self, entry: Entry) -> None:
        """Advance by an entry that this process has appended."""
        if entry.seq > self.head:
            self._own_seqs.add(entry.seq)
        if entry.seq == self.head + 1 and entry.kind in LINES and entry.target is None:
            self._advance([entry], {}, {})
        elif entry.seq > self.head:  # another process was faster, or a message has to be read that it changes
            self._background.start(self.fetch_new_or_retry)

    async def refresh(self) -> None:
        """Fetch what is in the log by now. Raise Unavailable."""
        head = await self._log.look(self.room)
        if self._is_behind(head):
            async with self._fetching:
                if self._is_behind(head):  # else it was fetched for another request
                    await self._fetch_new()
                    self._looked_for = max(self._looked_for, head or 0)

    def _is_behind(self, head: int | None) -> bool:
        return head is None or head > max(self.head, self._looked_for)

    async def fetch_new_or_retry(self) -> None:
        """Fetch what other processes have appended, now or as soon as the log can be read."""
        try:
            async with self._fetching:
                await self._fetch_new()
        except Unavailable:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._background.start, self.fetch_new_or_retry)

    async def newest(self, limit: int) -> tuple[int, list[Message]]:
        """Return the newest messages, newest first, and a seq up to which every entry is in them, and no post beyond.

        From the cache if it has them. Raise Unavailable.
        """
        head, found = self.head, self.cache.newest(limit)
        if found is None:
            async with self._fetching:
                head, found = self.head, self.cache.newest(limit)
                if found is None:  # else it was read for another request
                    found = await self._read_newest(max(limit, MAX_PAGE_MESSAGES))
                    self.cache.fill(found)
        return max(head, found[0].seq if found else 0), found[:limit]

    async def _read_newest(self, limit: int) -> list[Message]:
        entries = await self._log.lines_before(self.room, None, limit)
        messages = await fold_all(self._log, self.room, entries)
        return [messages[entry.seq] for entry in entries]

    async def texts_after(self, seq: int, limit: int) -> list[NumberedText]:
        """Return at most `limit` entries after `seq`, from the cache if it has them. Raise Unavailable."""
        found = self.cache.texts_after(seq, self.head)
        if found is None:
            entries = await self._log.after(self.room, seq, limit)
            changed = await load_affected(self._log, self.room, entries, is_whole=True)
            tasks = await load_changed(self._log, self.room, entries)
            await self._context.renderer.prerender(changed.values())
            found = [(one.seq, one.text) for one, _ in encode_all(entries, changed, tasks, self._context.renderer)]
        return found[:limit]

    async def _fetch_new(self) -> None:
        """Fetch what other processes have appended, and the messages that it changes. Raise Unavailable."""
        more = True
        while more:
            entries = await self._log.after(self.room, self.head, MAX_FETCHED_ENTRIES)
            rewritten = {entry.target or 0 for entry in entries if entry.kind in (EDIT, DELETE)}
            stale = await self._log.entries(self.room, self.cache.showing(rewritten))
            also = rewritten | self.cache.answers_to(rewritten)
            changed = await load_affected(self._log, self.room, [*entries, *stale], also)
            tasks = await load_changed(self._log, self.room, entries)
            await self._context.renderer.prerender(changed.values())
            await self._context.renderer.prerender(as_posted(entry) for entry in entries if _is_plain(entry))
            fresh = [entry for entry in entries if entry.seq > self.head]  # what is missing was purged
            overtaken = entries[: len(entries) - len(fresh)]  # posts of this process, perhaps as they were posted
            self._advance(fresh, changed, tasks)
            self._rewrite([*stale, *overtaken], changed)
            more = len(entries) == MAX_FETCHED_ENTRIES  # what comes meanwhile rings the doorbell

    def _advance(self, fresh: Sequence[Entry], changed: Mapping[int, Message], tasks: Mapping[int, Task]) -> None:
        """Move the head: the one place where a room gets longer in this process.

        `changed` has the messages that the entries change, answer or quote, `tasks` those that they make or change.
        """
        if not fresh:
            return
        for entry in fresh:
            self._acknowledge_or_charge(entry)
        self.cache.extend(encode_all(fresh, changed, tasks, self._context.renderer), changed)
        self.head = fresh[-1].seq
        self._on_fresh(fresh)

    def _rewrite(self, stale: Sequence[Entry], changed: Mapping[int, Message]) -> None:
        """Replace what is kept of entries that show a message whose words, or those that it quotes, have changed."""
        for one, _ in encode_all(stale, changed, {}, self._context.renderer):
            self.cache.replace(one)

    def _acknowledge_or_charge(self, entry: Entry) -> None:
        """Acknowledge an entry, if its author waits here; count it for the rate limit if another process took it."""
        if not self._context.acknowledgements.send(entry) and entry.seq not in self._own_seqs:
            self._context.rate_limiter.charge(entry.author_id, entry.at)
        self._own_seqs.discard(entry.seq)


def _is_plain(entry: Entry) -> bool:
    """Return whether it is a message of its own that nothing has changed when it was read."""
    return entry.kind in LINES and entry.target is None and bool(entry.body)
