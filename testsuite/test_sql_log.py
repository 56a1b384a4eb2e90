"""The log on SQLite: drafts that wait are committed together, and numbers are never used again."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading
import time
from pathlib import Path
from unittest.mock import patch

from models.database import database, writing
from models.engines.sqlite import BUSY_TIMEOUT_SECONDS
from models.engines.workers import WorkerPool
from models.errors import Unavailable
from testsuite import log_case
from testsuite.tables import locked, sql
from testsuite.waiting import TIMEOUT_SECONDS

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24  # in a write-ahead log (sqlite.org/fileformat2.html, 4)


def commits(path: str) -> int:
    """Return the number of transactions in the write-ahead log: the last frame of each has the size of the database."""
    wal = Path(path + "-wal").read_bytes()
    page_size, salt = struct.unpack(">8xI4x8s", wal[:24])
    starts = range(HEADER_BYTES, len(wal), FRAME_HEADER_BYTES + page_size)
    frames = [struct.unpack(">4xI8s", wal[start : start + 16]) for start in starts]
    return sum(1 for size, frame_salt in frames if size and frame_salt == salt)


class SqlLogTest(log_case.LogTest):
    is_long = True

    async def test_drafts_that_wait_are_committed_together(self) -> None:
        await self.fill(1)
        before = commits(self.people)
        for n in range(5):
            await self.log.append(self.draft(f"alone {n}"))
        self.assertEqual(commits(self.people), before + 5)
        await asyncio.gather(*(self.log.append(self.draft(f"together {n}")) for n in range(1000)))
        self.assertLessEqual(commits(self.people), before + 5 + 5)
        self.assertEqual(len(await self.everything()), 1006)

    async def test_the_head_never_falls_although_entries_are_purged(self) -> None:
        await self.fill(5)
        sql(self.folder, "DELETE FROM entry WHERE seq >= 4")
        self.assertEqual(await self.log.head("lobby"), 5)
        self.assertEqual((await self.log.append(self.draft("next"))).seq, 6)

    async def test_who_waits_in_line_for_a_locked_database_waits_no_longer_than_the_first(self) -> None:
        with contextlib.closing(WorkerPool("writer", database.obj)) as worker, locked(self.folder):
            began = time.monotonic()
            outcomes = await asyncio.gather(*(worker.run(write) for _ in range(5)), return_exceptions=True)
            self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 5)
            self.assertLess(time.monotonic() - began, 2 * BUSY_TIMEOUT_SECONDS)

    async def test_nor_does_a_message_behind_another_one(self) -> None:
        with locked(self.folder):
            first = asyncio.create_task(self.log.append(self.draft("first")))
            await asyncio.sleep(0)  # so that it is written alone
            await asyncio.sleep(0)
            began = time.monotonic()
            later = [self.log.append(self.draft(f"{n}")) for n in range(5)]
            outcomes = await asyncio.gather(first, *later, return_exceptions=True)
            self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 6)
            self.assertLess(time.monotonic() - began, 1.5 * BUSY_TIMEOUT_SECONDS)

    async def test_what_has_waited_for_too_long_is_not_begun(self) -> None:
        has_begun, go_on = threading.Event(), threading.Event()

        def occupy_the_thread() -> bool:
            has_begun.set()
            return go_on.wait(TIMEOUT_SECONDS)

        with contextlib.closing(WorkerPool("writer", database.obj)) as worker:
            first = asyncio.create_task(worker.run(occupy_the_thread))
            await asyncio.to_thread(has_begun.wait, TIMEOUT_SECONDS)
            with patch("models.engines.workers.QUEUE_TIMEOUT_SECONDS", 0.0):
                second = asyncio.create_task(worker.run(write))
                await asyncio.sleep(0)  # it is queued
                go_on.set()
                self.assertTrue(await first)
                with self.assertRaises(Unavailable):
                    await second


def write() -> None:
    """Hold the write lock for a moment."""
    with writing():
        pass
