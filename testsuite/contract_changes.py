"""What every log promises of its doorbell."""

from __future__ import annotations

import asyncio

from models.logs.base import Head
from testsuite.appender import appenders
from testsuite.log_case import LogTest


class ChangesContract(LogTest):
    """It rings for the entries of all processes."""

    async def test_the_doorbell_rings_for_another_process_and_at_last_for_this_one(self) -> None:
        with appenders(1, self.address) as (other,):
            async with self.listening() as heard:
                for number in range(1, 20, 2):
                    other.append(self.ana, [f"there {number}"], [f"there {number}"])
                    await self.until(lambda n=number: heard.get("lobby", Head()).seq == n)  # type: ignore[misc]
                    self.assertEqual(await asyncio.to_thread(other.outcomes), [number])
                    await self.log.append(self.draft(f"attic {number}", room="attic"))
                    await self.log.append(self.draft(f"here {number}"))
                await self.until(lambda: (heard["lobby"].seq, heard["attic"].seq) == (20, 10))

    async def test_the_doorbell_rings_first_for_all_rooms(self) -> None:
        await self.fill(3)
        async with self.listening() as heard:
            await self.until(lambda: heard == {"lobby": Head(3, 3, 3), "attic": Head()})

    async def test_afterwards_it_names_the_rooms_that_have_grown_and_no_others(self) -> None:
        with appenders(1, self.address) as (writer,):
            async with self.listening() as heard:
                for number, room in enumerate(("attic", "lobby") * 3):
                    heard.clear()
                    writer.append(self.ana, [f"number {number}"], [f"number {number}"], room)
                    await self.until(lambda room=room, n=number: heard.get(room, Head()).seq == n // 2 + 1)  # type: ignore[misc]
                    if number > 1:  # all rooms may be looked at twice: at first, and when it begins to be told
                        self.assertEqual(list(heard), [room])
