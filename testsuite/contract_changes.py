"""What every log promises of its doorbell."""

from __future__ import annotations

import asyncio

from models.logs.base import Head
from testsuite.appender import appenders
from testsuite.log_case import LogTest


class ChangesContract(LogTest):
    """It rings for the entries of all processes."""

    async def test_the_doorbell_rings_for_another_process_and_for_this_one(self) -> None:
        with appenders(1, self.address) as (other,):
            async with self.listening() as heard:
                for number in range(1, 20, 2):
                    other.append(self.ana, [f"there {number}"], [f"there {number}"])
                    await self.until(lambda n=number: heard.get("lobby", Head()).seq == n)  # type: ignore[misc]
                    self.assertEqual(await asyncio.to_thread(other.outcomes), [number])
                    await self.log.append(self.draft(f"attic {number}", room="attic"))
                    await self.until(lambda n=number: heard.get("attic", Head()).seq == n // 2 + 1)  # type: ignore[misc]
                    await self.log.append(self.draft(f"here {number}"))
                    await self.until(lambda n=number: heard.get("lobby", Head()).seq == n + 1)  # type: ignore[misc]

    async def test_the_doorbell_rings_first_for_all_rooms(self) -> None:
        await self.fill(3)
        async with self.listening() as heard:
            await self.until(lambda: heard == {"lobby": Head(3, 3, 3), "attic": Head()})

    async def test_afterwards_it_names_the_rooms_that_have_grown_and_no_others(self) -> None:
        await asyncio.gather(self.fill(3), self.fill(3, "attic"))
        async with self.listening() as heard:
            await self.until(lambda: heard == dict.fromkeys(("lobby", "attic"), Head(3, 3, 3)))
            for room, other in (("attic", "lobby"), ("lobby", "attic"), ("attic", "lobby")):
                heard.clear()
                before = (await self.log.head(room)).seq
                await self.log.append(self.draft(f"{room} {before}", room=room))
                await self.until(lambda room=room, seq=before + 1: heard.get(room, Head()).seq == seq)  # type: ignore[misc]
                self.assertNotIn(other, heard)
