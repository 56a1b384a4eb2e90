"""Which messages of a room a page shows, and where the pages before and after it begin."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from models import messages
from models.logs.base import Entry, RoomLog
from models.messages import Message


class Window(NamedTuple):
    """The messages of a page, oldest first; `older` and `newer` are where the pages before and after it begin.

    `head` is that of the newest page, 0 on others: the seq up to which every entry is in it.
    """

    messages: list[Message]
    older: int | None = None
    newer: int | None = None
    head: int = 0

    @property
    def version(self) -> tuple[Hashable, ...]:
        """What is another value as soon as the page shows something else: nothing changes without a new entry."""
        if self.head and self.messages:
            return self.head, self.messages[0].seq, self.messages[-1].seq, len(self.messages)
        return tuple(message.version for message in self.messages)


def newest_window(head: int, newest: Sequence[Message], limit: int) -> Window:
    """Return the page of the newest messages, newest first, of which there is one more than `limit` if there are."""
    older = newest[limit - 1].seq if len(newest) > limit else None
    return Window([message for message in newest[:limit][::-1] if message.is_drawn], older, head=head)


class RoomPages:
    """The pages of a room from its log. All raise Unavailable."""

    def __init__(self, log: RoomLog, room: str) -> None:
        self._log = log
        self._room = room

    async def before(self, seq: int, limit: int) -> Window:
        """Return at most `limit` messages before `seq`."""
        lines = await self._log.lines_before(self._room, seq, limit + 1)
        older = lines[limit - 1].seq if len(lines) > limit else None
        return Window(await self._fold(lines[:limit][::-1]), older, newer=seq - 1)

    async def after(self, seq: int, limit: int) -> Window:
        """Return at most `limit` messages after `seq`."""
        head = await self._log.head(self._room)  # first: then nothing up to it is missing in what is read next
        lines = await self._log.lines_after(self._room, seq, limit + 1)
        newer = lines[limit - 1].seq if len(lines) > limit else None
        found = await self._fold(lines[:limit])
        shown_head = max(head.seq, lines[-1].seq if lines else 0)
        return Window(found, found[0].seq if found else seq + 1, newer, 0 if newer else shown_head)

    async def around(self, seq: int, limit: int) -> Window:
        """Return the message `seq` in the middle of about `limit` messages."""
        older = await self.before(seq + 1, limit // 2 + 1)
        newer = await self.after(seq, limit // 2)
        return newer._replace(messages=older.messages + newer.messages, older=older.older)

    async def _fold(self, lines: Sequence[Entry]) -> list[Message]:
        found = await messages.fold_all(self._log, self._room, lines)
        return [found[line.seq] for line in lines if found[line.seq].is_drawn]
