"""What a log on a server promises when that server goes away."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable

from models.errors.stores import Unavailable
from models.logs.base import Draft, Entry, RoomLog
from testsuite.appender import appenders
from testsuite.log_case import LogTest


class ServedLogContract(LogTest):
    """A server goes away under load and comes back. A class for an engine says how it is stopped and started."""

    def stop_server(self) -> None:
        """Stop the server as an operator does."""
        raise NotImplementedError

    def kill_server(self) -> None:
        """Kill the server as `kill -9` does."""
        raise NotImplementedError

    def start_server(self) -> None:
        """Start the server again on the same data, and return once it answers."""
        raise NotImplementedError

    async def test_a_server_that_is_killed_under_load_and_comes_back(self) -> None:
        await self.go_through(self.kill_server)

    async def test_a_server_that_is_stopped_under_load_and_comes_back(self) -> None:
        await self.go_through(self.stop_server)

    async def go_through(self, end_server: Callable[[], None]) -> None:
        """End the server twice under load: once it comes back at once, once after appends have been refused."""
        load = Load(self.log, [self.ana, self.beto])
        bodies = [f"there {n}" for n in range(300)]
        with appenders(1, self.address) as (other,), self.assertLogs("models", "WARNING"):
            async with load.running():
                await self.until(lambda: len(load.acknowledged) > 50)
                other.append(self.beto, bodies, bodies, gives_up=True)
                for refusals in (0, 1):
                    await asyncio.to_thread(end_server)
                    await self.until(lambda n=refusals: len(load.refused) >= n)  # type: ignore[misc]
                    before = len(load.acknowledged)
                    await asyncio.to_thread(self.start_server)
                    await self.until(lambda n=before: len(load.acknowledged) > n + 50)  # type: ignore[misc]
            first = await asyncio.to_thread(other.outcomes)
            other.append(self.beto, bodies, bodies)
            again = await asyncio.to_thread(other.outcomes)
            entries = await self.everything()
            await self.until(lambda: len(load.seen) == len(entries))
            await load.stop()
        self.assertEqual([entry.seq for entry in entries], list(range(1, len(entries) + 1)))
        self.assertEqual(load.seen, entries)
        stored = {entry.nonce: entry.seq for entry in entries}
        self.assertEqual(stored, {**load.acknowledged, **dict(zip(bodies, again, strict=True))})
        self.assertEqual(len(stored), len(entries))
        self.assertEqual(
            [seq for seq in first if seq != "Unavailable"],
            [seq for seq, earlier in zip(again, first, strict=True) if earlier != "Unavailable"],
        )

    async def test_while_the_server_is_away_everything_is_unavailable_and_then_nothing_is(self) -> None:
        await self.fill(3)
        await asyncio.to_thread(self.stop_server)
        with self.assertLogs("models", "WARNING"):
            outcomes = await asyncio.gather(
                self.log.append(self.draft("away")),
                self.log.after("lobby", 0, 5),
                self.log.before("lobby", None, 5),
                self.log.head("lobby"),
                return_exceptions=True,
            )
        self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 4)
        await asyncio.to_thread(self.start_server)
        self.assertEqual((await self.log.append(self.draft("back"))).seq, 4)
        self.assertEqual(len(await self.everything()), 4)


class Load:
    """Senders that append one message after the other, each until it is acknowledged, and a reader that follows."""

    SENDER_COUNT = 6

    def __init__(self, log: RoomLog, authors: list[int]) -> None:
        self._log = log
        self._authors = authors
        self._is_over = False
        self.acknowledged: dict[str, int] = {}  # nonce: seq
        self.refused: list[str] = []
        self.seen: list[Entry] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Append during the block, and return when each sender has its last acknowledgement; the reader goes on."""
        self._following = asyncio.create_task(self._follow())
        senders = [asyncio.create_task(self._send(number)) for number in range(self.SENDER_COUNT)]
        try:
            yield
        except BaseException:
            for task in (*senders, self._following):
                task.cancel()
            raise
        finally:
            self._is_over = True
            await asyncio.gather(*senders)

    async def stop(self) -> None:
        """Stop the reader."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def _send(self, number: int) -> None:
        for n in itertools.count():
            draft = Draft("lobby", self._authors[number % 2], f"{number}: {n}", f"{number}-{n}")
            while draft.nonce not in self.acknowledged:
                try:
                    self.acknowledged[draft.nonce] = (await self._log.append(draft)).seq
                except Unavailable:
                    self.refused.append(draft.nonce)
                    await asyncio.sleep(0.05)
            if self._is_over:
                return

    async def _follow(self) -> None:
        async for room, head in self._log.changes():
            while room == "lobby" and len(self.seen) < head.seq:
                try:
                    self.seen += await self._log.after(room, len(self.seen), 50)
                except Unavailable:
                    await asyncio.sleep(0.05)
