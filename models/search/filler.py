"""Filling the search index of a log that was there before, in the background."""

from __future__ import annotations

import asyncio
import logging
import time

from models.errors.stores import Unavailable
from models.logs.base import RoomLog

logger = logging.getLogger(__name__)

SHARE = 0.25  # of the time, in which the index is filled: the rest is for what members do
LOOK_SECONDS = 30.0  # until the index is looked at again once it has everything, and after an error
REPORT_SECONDS = 10.0  # between two lines that say how far it is


class SearchFiller:
    """Fills the index of a log, whenever it lacks something, together with the other processes."""

    def __init__(self, process: str, log: RoomLog) -> None:
        self._process = process
        self._log = log
        self._reported_at = time.monotonic()
        self._was_reported = False

    async def follow(self) -> None:
        """Fill the index until cancelled."""
        while True:
            began = time.monotonic()
            has_more = False
            try:
                has_more = await self._log.fill_search_index(self._process)
                await self._report(has_more)
            except Unavailable:  # which is logged there; also while the site is moved
                pass
            spent = time.monotonic() - began
            await asyncio.sleep(spent * (1 / SHARE - 1) if has_more else LOOK_SECONDS)

    async def _report(self, has_more: bool) -> None:
        """Say now and then how far the index is, and once that it is complete."""
        now = time.monotonic()
        if has_more and now - self._reported_at > REPORT_SECONDS:
            left, total = await self._log.count_unindexed()
            logger.warning("filling the search index: %d of %d entries are left", left, total)
            self._reported_at, self._was_reported = now, True
        elif not has_more and self._was_reported:
            logger.warning("the search index is complete")
            self._was_reported = False
