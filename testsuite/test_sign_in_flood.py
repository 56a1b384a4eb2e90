"""The queue for hashing: bounded, fair, without clients that have hung up; the right password is in soon."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import unittest
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlencode

import argon2

from controllers.web.hashing_queue import MAX_WAITING_REQUESTS, ClientDisconnected, Disconnected, HashingQueue
from models.errors.accounts import Busy
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Client
from testsuite.polling import FORM
from testsuite.tables import forget_failures, sql
from testsuite.test_worst_requests import taken
from testsuite.waiting import together

FLOOD_REQUESTS = 3000
MAX_WAIT_SECONDS = 5.0


class Flood(SiteTest):
    """docs/security.rst 40: sign-in under a flood."""

    fresh = True
    needs = ("quiet",)

    def setUp(self) -> None:
        forget_failures(self.folder)
        sql(self.folder, "DELETE FROM session")

    def request(self, username: str, password: str) -> bytes:
        """Return a sign-in as it goes over the wire."""
        guest = self.client()
        guest.get("/login")
        form = urlencode({"_xsrf": guest.xsrf, "username": username, "password": password})
        head = [
            "POST /login HTTP/1.1",
            f"Host: 127.0.0.1:{self.server.port}",
            f"Cookie: {guest.cookies.called('_xsrf')}={guest.xsrf}",
            f"Content-Type: {FORM}",
            f"Content-Length: {len(form)}",
        ]
        return "\r\n".join([*head, "", form]).encode()

    def hang_up(self, request: bytes, times: int) -> None:
        """Send a request and hang up at once, again and again."""
        for _ in range(times):
            with socket.create_connection(("127.0.0.1", self.server.port)) as connection:
                connection.sendall(request)

    def until_in(self, member: str) -> float:
        """Return the seconds until a member is signed in, with a retry whenever the site asks for one."""
        began = time.monotonic()
        guest = self.client()
        while (status := guest.post("/login", {"username": member, "password": PASSWORD}).status) == 503:
            pass
        self.assertEqual(status, 302)
        return time.monotonic() - began

    def test_the_right_person_is_in_within_5_s_whatever_3000_sent_who_hung_up(self) -> None:
        for password in (PASSWORD, "wrong password"):
            with self.subTest(password):
                before = taken(self.server)[1]
                request = self.request("carla", password)
                flooding = [
                    threading.Thread(target=self.hang_up, args=(request, FLOOD_REQUESTS // 4)) for _ in range(4)
                ]
                for thread in flooding:
                    thread.start()
                self.assertLess(self.until_in("ana"), MAX_WAIT_SECONDS)
                for thread in flooding:
                    thread.join()
                self.assertLess(self.until_in("beto"), MAX_WAIT_SECONDS)
                self.assertLess(
                    taken(self.server)[1] - before, FLOOD_REQUESTS * 0.01, "seconds; to hash all takes twice as long"
                )
                ((signed_in,),) = sql(self.folder, "SELECT count(*) FROM session JOIN user ON user.id = user_id")
                self.assertLess(signed_in, 100)

    def test_a_flood_of_right_passwords_is_told_to_come_later_and_others_are_let_in(self) -> None:
        slow = argon2.PasswordHasher(time_cost=20, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
        sql(self.folder, "UPDATE user SET password = ? WHERE username = 'carla'", slow)
        guests = [self.client() for _ in range(3 * MAX_WAITING_REQUESTS)]
        for guest in guests:
            guest.get("/login")
        carla = {"username": "carla", "password": PASSWORD}
        with ThreadPoolExecutor(1) as another:
            beto = another.submit(self.until_in, "beto")
            answers = together(*(partial(Client.post, guest, "/login", carla) for guest in guests))
            self.assertLess(beto.result(), MAX_WAIT_SECONDS)
        statuses = Counter(answer.status for answer in answers)
        self.assertEqual(set(statuses), {302, 503})
        self.assertGreaterEqual(statuses[302], MAX_WAITING_REQUESTS)
        later = next(answer for answer in answers if answer.status == 503)
        self.assertEqual(later.headers["Retry-After"], "1")
        self.assertIn("Many people are at this door right now.", later.text)
        self.assertIn('value="carla"', later.text)

    def test_who_was_right_is_not_counted_as_wrong_however_often(self) -> None:
        for _ in range(12):
            self.client("beto")
        self.assertEqual(sql(self.folder, "SELECT * FROM failure WHERE key NOT LIKE 'right %'"), [])

    def test_nothing_is_hashed_for_a_name_that_cannot_be_had(self) -> None:
        self.client("ana").post("/members/invitations")
        ((token,),) = sql(self.folder, "SELECT token FROM invitation ORDER BY id DESC LIMIT 1")
        guest = self.client()
        guest.get(f"/join/{token}")
        before = taken(self.server)[1]
        for name in ("Beto", "\u200b", "x" * 41) * 10:
            fields = {"username": name, "password": PASSWORD, "again": PASSWORD}
            self.assertEqual(guest.post(f"/join/{token}", fields).status, 400)
        self.assertLess(taken(self.server)[1] - before, 0.4, "seconds, in which 30 hashes cannot be made")


class Line(unittest.IsolatedAsyncioTestCase):
    """docs/security.rst 40: whose turn it is."""

    def setUp(self) -> None:
        self.hashing_queue = HashingQueue()
        self.addCleanup(self.hashing_queue.close)
        self.turns: list[str] = []
        self.may_go = asyncio.Event()

    def disconnected(self) -> Disconnected:
        return asyncio.get_running_loop().create_future()

    async def stand(self, account: str, disconnected: Disconnected | None = None) -> None:
        """Wait in the queue, and record the turn."""
        async with self.hashing_queue.turn(account, disconnected or self.disconnected()):
            self.turns.append(account)
            await self.may_go.wait()

    async def line_up(self, *accounts: str) -> list[asyncio.Task[None]]:
        """Return the tasks in the queue; the first has its turn."""
        tasks = [asyncio.create_task(self.stand(account)) for account in accounts]
        await asyncio.sleep(0)
        return tasks

    async def test_turns_go_round_among_accounts(self) -> None:
        tasks = await self.line_up("first", "a", "a", "a", "b", "c", "b")
        self.may_go.set()
        await asyncio.gather(*tasks)
        self.assertEqual(self.turns, ["first", "a", "b", "c", "a", "b", "a"])

    async def test_a_full_line_sends_the_last_of_the_largest_account_away(self) -> None:
        tasks = await self.line_up("first", *["flood"] * MAX_WAITING_REQUESTS)
        with self.assertRaises(Busy):
            await self.stand("flood")
        other = await self.line_up("other")
        with self.assertRaises(Busy):
            await tasks[-1]
        self.may_go.set()
        await asyncio.gather(*tasks[:-1], *other)
        self.assertEqual(self.turns[:3], ["first", "flood", "other"])
        self.assertEqual(len(self.turns), 1 + MAX_WAITING_REQUESTS)

    async def test_who_hangs_up_makes_room_at_once_and_has_no_turn(self) -> None:
        first = await self.line_up("first")
        disconnected = [self.disconnected() for _ in range(MAX_WAITING_REQUESTS)]
        tasks = [asyncio.create_task(self.stand("crowd", one)) for one in disconnected]
        await asyncio.sleep(0)
        for one in disconnected:
            one.set_result(None)
        await asyncio.sleep(0)
        late = await self.line_up("late")
        self.may_go.set()
        self.assertEqual(
            {type(error) for error in await asyncio.gather(*tasks, return_exceptions=True)},
            {ClientDisconnected},
        )
        await asyncio.gather(*first, *late)
        self.assertEqual(self.turns, ["first", "late"])

    async def test_who_has_hung_up_before_gets_no_turn_in_an_empty_line_either(self) -> None:
        disconnected = self.disconnected()
        disconnected.set_result(None)
        with self.assertRaises(ClientDisconnected):
            await self.stand("account", disconnected)
        self.assertEqual(self.turns, [])

    async def test_an_error_gives_the_turn_on(self) -> None:
        with contextlib.suppress(ZeroDivisionError):
            async with self.hashing_queue.turn("account", self.disconnected()):
                await self.hashing_queue.run(divmod, 1, 0)
        self.may_go.set()
        await self.stand("next")
        self.assertEqual(self.turns, ["next"])
