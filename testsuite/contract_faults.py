"""What every log promises when it cannot store something."""

from __future__ import annotations

import asyncio
import contextlib

from models.errors.stores import Unavailable, Unstorable
from testsuite.log_case import LogTest
from testsuite.waiting import TIMEOUT_SECONDS


class FaultsContract(LogTest):
    """What cannot be stored is refused, and nothing else. A class for an engine says how its store refuses."""

    def blocked(self) -> contextlib.AbstractContextManager[None]:
        """Make the store refuse to write for as long as the context lasts."""
        raise NotImplementedError

    def curse(self) -> None:
        """Make the store refuse all messages that begin with "cursed"."""
        raise NotImplementedError

    async def test_a_message_that_cannot_be_stored_fails_alone(self) -> None:
        self.curse()
        cursed = [
            self.draft("cursed"),
            self.draft("half a pair \ud83d", nonce="half a pair"),
            self.draft("a nonce", nonce="half a pair \ude00"),
            self.draft("a room", room="\udc00"),
        ]
        drafts = [self.draft(f"{n}", author=(self.ana, self.beto)[n % 2]) for n in range(300)]
        for number, one in enumerate([*cursed, *cursed]):
            drafts.insert((11, 12, 150, 151, 200, 299, 300, 301)[number], one)
        with self.assertLogs("models.logs.group_commit", "WARNING") as logged:
            outcomes = await asyncio.gather(*map(self.log.append, drafts), return_exceptions=True)
        self.assertNotIn("cursed", "".join(logged.output))
        good = [outcome for outcome, one in zip(outcomes, drafts, strict=True) if one not in cursed]
        self.assertEqual([getattr(entry, "body", entry) for entry in good], [f"{n}" for n in range(300)])
        self.assertEqual([type(one) for one in outcomes if one not in good], [Unstorable] * 8)
        self.assertEqual([(e.seq, e.body) for e in await self.everything()], [(n + 1, f"{n}") for n in range(300)])

    async def test_a_store_that_cannot_write_is_unavailable_and_never_a_false_success(self) -> None:
        await self.fill(2)
        with self.blocked(), self.assertLogs("models", "WARNING"):
            outcomes = await asyncio.gather(
                *(self.log.append(self.draft(f"blocked {n}")) for n in range(5)), return_exceptions=True
            )
            self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 5)
            self.assertEqual(len(await self.everything()), 2)
        self.assertEqual(len(await self.everything()), 2)
        again = [await self.log.append(self.draft(f"blocked {n}")) for n in range(5)]
        self.assertEqual([entry.seq for entry in again], [3, 4, 5, 6, 7])

    async def test_who_waits_no_longer_for_what_is_being_stored_ends_none_of_it(self) -> None:
        appending = asyncio.create_task(self.log.append(self.draft("on its way")))
        await asyncio.sleep(0)
        with self.assertRaises(TimeoutError):
            async with asyncio.timeout(0):
                await self.log.flush()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            self.assertEqual((await appending).seq, 1)
