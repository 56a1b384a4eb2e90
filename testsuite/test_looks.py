"""Requests that wait at the same moment share one look at the database, and none of them gets what was seen before."""

from __future__ import annotations

import asyncio
import threading
import unittest
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar

from models.logs.together import Together
from testsuite.cases import SiteTest
from testsuite.clients import Answer, Client
from testsuite.mongodb import OnMongodb
from testsuite.postgresql import OnPostgresql

AT_ONCE = 6  # requests
ROUNDS = 25
SIGN_OUTS = 5


class Looks(SiteTest):
    """docs/security.rst 5: many ask a process for pages while something changes at another one."""

    processes = 2

    def test_a_page_has_all_that_another_process_had_acknowledged_when_it_was_asked_for(self) -> None:
        ana, readers = self.client("ana"), [self.client("beto", server=1) for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as pool, self.busy():
            for number in range(ROUNDS):
                ana.post("/rooms/lobby", {"body": f"word {number}.", "nonce": f"n{number}"})
                pages = [page.text for page in pool.map(self.ask, readers)]
                self.assertEqual([f"word {number}." in page for page in pages], [True] * AT_ONCE)

    def test_a_session_is_refused_as_soon_as_it_has_ended_at_another_process(self) -> None:
        with ThreadPoolExecutor(AT_ONCE) as pool, self.busy():
            for _ in range(SIGN_OUTS):
                ana = self.client("ana")
                others = [self.elsewhere(ana, server=1) for _ in range(AT_ONCE)]
                self.assertEqual({page.status for page in pool.map(self.ask, others)}, {200})
                ana.post("/logout")
                self.assertEqual(
                    {page.location for page in pool.map(self.ask, others)}, {"/login?next=%2Frooms%2Flobby"}
                )

    def ask(self, client: Client) -> Answer:
        return client.get("/rooms/lobby")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Let a member ask the second process for pages all the time, so that a look is nearly always under way."""
        carla, is_over = self.client("carla", server=1), threading.Event()

        def ask() -> None:
            while not is_over.is_set():
                self.assertEqual(carla.get("/rooms/lobby").status, 200)

        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(ask)
            try:
                yield
            finally:
                is_over.set()
                asking.result()


class LooksOnPostgresql(OnPostgresql, Looks):
    pass


class LooksOnMongodb(OnMongodb, Looks):
    pass


class TogetherTest(unittest.IsolatedAsyncioTestCase):
    """What waits while the same is being done for others."""

    def setUp(self) -> None:
        self.groups: list[list[str]] = []
        self.may_end = asyncio.Event()
        self.together = Together(self.fulfil)

    async def fulfil(self, wishes: list[str]) -> list[str | Exception]:
        self.groups.append(wishes)
        await self.may_end.wait()
        if "refused by all" in wishes:
            raise KeyError
        return [ValueError() if wish == "refused" else wish.upper() for wish in wishes]

    async def asked(self, *wishes: str) -> list[asyncio.Task[str]]:
        """Ask for these while a group with one wish is under way."""
        tasks = [asyncio.create_task(self.together.ask(wish)) for wish in ("first", *wishes)]
        while not self.groups:  # noqa: ASYNC110 - what is waited for is no event
            await asyncio.sleep(0)
        return tasks

    async def test_those_who_come_while_a_group_is_under_way_are_the_next_one(self) -> None:
        (first,) = await self.asked()
        others = [asyncio.create_task(self.together.ask(wish)) for wish in "ab"]
        await asyncio.sleep(0)
        self.may_end.set()
        self.assertEqual(await asyncio.gather(first, *others), ["FIRST", "A", "B"])
        self.assertEqual(self.groups, [["first"], ["a", "b"]])
        await self.together.flush()

    async def test_one_is_refused_alone_or_with_all_and_the_next_are_asked_again(self) -> None:
        tasks = await self.asked("refused", "a")
        self.may_end.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        self.assertEqual([str(type(answer).__name__) for answer in answers], ["str", "ValueError", "str"])
        answers = await asyncio.gather(*await self.asked("refused by all"), return_exceptions=True)
        self.assertEqual([str(type(answer).__name__) for answer in answers], ["KeyError", "KeyError"])
        self.assertEqual(await self.together.ask("again"), "AGAIN")

    async def test_who_does_not_wait_any_more_keeps_nobody_from_an_answer(self) -> None:
        first, gone, last = await self.asked("gone", "last")
        gone.cancel()
        self.may_end.set()
        self.assertEqual(await asyncio.gather(first, last), ["FIRST", "LAST"])
        self.assertTrue(gone.cancelled())

    async def test_what_is_set_for_who_asks_first_is_not_for_those_who_come_later(self) -> None:
        deadline: ContextVar[str] = ContextVar("deadline", default="none")
        together = Together[str, str](lambda wishes: asyncio.sleep(0, [deadline.get()] * len(wishes)))
        deadline.set("soon")
        self.assertEqual(await together.ask("a"), "none")
