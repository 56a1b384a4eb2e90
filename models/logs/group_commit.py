"""Group commit: drafts that wait while others are being written are written together."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from models.errors.stores import Unstorable
from models.logs.base import Draft, Entry
from models.logs.together import Together
from models.refusals import RefusalLogger

logger = logging.getLogger(__name__)

Write = Callable[[list[Draft], float], Awaitable[Sequence[Entry | Exception]]]


class GroupCommit:
    """Writes drafts in batches, in the order in which they came.

    `write` gets a batch and the time since which its oldest draft has waited (time.monotonic()). It returns an entry or
    a refusal for each draft, or raises what is true of all of them. If it raises Unstorable, it gets the two halves
    of the batch, then the halves of those, until each draft that cannot be stored has failed alone. It must store a
    draft once that it gets twice.
    """

    def __init__(self, write: Write) -> None:
        self._write = write
        self._together = Together(self._write_batch)
        self.flush = self._together.flush
        self._refusal_logger = RefusalLogger(logger)

    async def append(self, draft: Draft) -> Entry:
        """Return the draft's entry once it is written. Raise what `write` raises or returns for it."""
        return await self._together.ask((draft, time.monotonic()))

    async def _write_batch(self, batch: list[tuple[Draft, float]]) -> Sequence[Entry | Exception]:
        return await self._outcomes([draft for draft, _ in batch], batch[0][1])

    async def _outcomes(self, drafts: list[Draft], since: float) -> Sequence[Entry | Exception]:
        """Return an entry or an error for each draft."""
        try:
            return await self._write(drafts, since)
        except Exception as error:
            if not isinstance(error, Unstorable) or len(drafts) == 1:
                self._report(error)
                return [error] * len(drafts)
        half = len(drafts) // 2
        return [*await self._outcomes(drafts[:half], since), *await self._outcomes(drafts[half:], since)]

    def _report(self, error: Exception) -> None:
        """Log why a message cannot be stored, without the text of the error, which may contain the message."""
        if isinstance(error, Unstorable):
            reason: BaseException = error
            while reason.__cause__ is not None:
                reason = reason.__cause__
            self._refusal_logger.report("a message cannot be stored", type(reason).__name__)
