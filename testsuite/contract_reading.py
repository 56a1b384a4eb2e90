"""What every log promises of reading."""

from __future__ import annotations

import asyncio

from models.logs.base import Entry, Head
from testsuite.appender import appenders
from testsuite.log_case import LogTest
from testsuite.waiting import TIMEOUT_SECONDS


class ReadingContract(LogTest):
    """Each entry is read once, in order, whichever way one pages."""

    async def test_the_head_is_the_newest_number(self) -> None:
        self.assertEqual(await self.log.head("lobby"), Head())
        await self.fill(3)
        self.assertEqual((await self.log.head("lobby"), await self.log.head("attic")), (Head(3, 3, 3), Head()))
        self.assertEqual(await self.log.head("nowhere"), Head())

    async def test_after_gives_the_next_ones_oldest_first(self) -> None:
        await self.fill(10)
        for seq, limit, seqs in ((0, 3, [1, 2, 3]), (8, 5, [9, 10]), (10, 5, []), (99, 5, []), (4, 1, [5])):
            self.assertEqual([entry.seq for entry in await self.log.after("lobby", seq, limit)], seqs)
        self.assertEqual(await self.log.after("nowhere", 0, 5), [])

    async def test_before_gives_the_previous_ones_newest_first(self) -> None:
        await self.fill(10)
        for seq, limit, seqs in ((None, 3, [10, 9, 8]), (3, 5, [2, 1]), (1, 5, []), (99, 2, [10, 9]), (6, 1, [5])):
            self.assertEqual([entry.seq for entry in await self.log.before("lobby", seq, limit)], seqs)
        self.assertEqual(await self.log.before("nowhere", None, 5), [])

    async def test_paging_both_ways_gives_every_entry_once(self) -> None:
        everything = sorted(await self.fill(350), key=lambda entry: entry.seq)
        forth: list[Entry] = []
        while page := await self.log.after("lobby", forth[-1].seq if forth else 0, 47):
            forth += page
        self.assertEqual(forth, everything)
        back: list[Entry] = []
        while page := await self.log.before("lobby", back[-1].seq if back else None, 47):
            back += page
        self.assertEqual(back, everything[::-1])

    async def test_a_number_is_never_seen_before_the_one_below_it(self) -> None:
        bodies = [f"b{n}" for n in range(300)]
        seen: list[Entry] = []
        with appenders(2, self.address) as running:
            for number, one in enumerate(running):
                one.append(self.ana, bodies, [f"{number} {body}" for body in bodies])
            async with asyncio.timeout(TIMEOUT_SECONDS):
                while len(seen) < 600:
                    seen += await self.log.after("lobby", len(seen), 50)
                    self.assertEqual([entry.seq for entry in seen], list(range(1, len(seen) + 1)))
            for one in running:
                await asyncio.to_thread(one.outcomes)
