"""Long polls of the API: programs that wait for what comes in a room, and miss nothing."""

from __future__ import annotations

import time
from typing import Any

from testsuite.api import Api, Waiter
from testsuite.cases import SiteTest
from testsuite.waiting import wait_for

MAX_SECONDS = 2.0  # until an end of a membership, a session or a token has arrived everywhere


class PollsTest(SiteTest):
    """Two processes on one database; a member has at most three connections at each."""

    processes = 2
    options = ("--messages_per_second=0", "--connections_per_member=3")

    def setUp(self) -> None:
        self.ana = Api(self.client("ana"))
        self.beto = Api(self.client("beto"))
        self.head = self.ana.post("before")

    def wait(self, api: Api, path: str, wait: int = 20) -> Waiter:
        """Return a request that waits."""
        waiter = api.waiting(f"{path}&wait={wait}")
        self.addCleanup(waiter.close)
        for _ in range(3):  # what came before these has been looked at
            api.get("me")
        self.assertFalse(waiter.is_answered)
        return waiter

    def wait_for_entries(self, api: Api, room: str = "lobby") -> Waiter:
        """Return a request that waits for the next entries of a room."""
        head = api.get(f"rooms/{room}")["head"]
        return self.wait(api, f"rooms/{room}/log?after={head}")

    def entries(self, waiter: Waiter) -> list[dict[str, Any]]:
        """Return what was waited for."""
        answer = waiter.answer()
        self.assertEqual(answer.status, 200)
        found: list[dict[str, Any]] = answer.json()["entries"]
        return found

    def test_a_post_answers_all_who_wait_with_the_entry_that_the_chat_gets(self) -> None:
        chat = self.chat("beto")
        waiters = [self.wait_for_entries(api) for api in (self.ana, self.ana, self.beto)]
        seq = self.ana.post("now", nonce="now")
        heard = chat.until("entry", seq=seq)
        for waiter in waiters:
            answer = waiter.answer()
            self.assertEqual(answer.json(), {"entries": [heard], "head": seq})
            self.assertEqual(answer.headers["Content-Type"], "application/json; charset=UTF-8")
            self.assertEqual(answer.headers["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", answer.headers["Content-Security-Policy"])

    def test_a_connection_goes_on_after_it_has_waited(self) -> None:
        waiter = self.wait_for_entries(self.beto)
        seq = self.ana.post("first")
        self.assertEqual(self.entries(waiter)[0]["seq"], seq)
        cookies = "; ".join(f"{name}={value}" for name, value in self.beto.client.cookies.items())
        for number in range(3):
            later = self.ana.post(f"later {number}")
            answer = waiter.again(f"/api/rooms/lobby/log?after={later - 1}&wait=20", {"Cookie": cookies})
            self.assertEqual([one["seq"] for one in answer.json()["entries"]], [later])

    def test_what_comes_at_another_process_answers_too(self) -> None:
        waiter = self.wait_for_entries(self.beto)
        other = Api(self.elsewhere(self.ana.client, 1))
        seq = other.post("from elsewhere")
        self.assertEqual([one["seq"] for one in self.entries(waiter)], [seq])

    def test_messages_are_waited_for_and_nothing_else(self) -> None:
        path = f"rooms/lobby/messages?after={self.head}"
        waiters = [self.wait(api, path) for api in (self.beto, self.beto, self.ana)]
        reacted = self.ana.call("PUT", f"rooms/lobby/messages/{self.head}/reactions/%F0%9F%91%8D")
        self.assertEqual(reacted.status, 200)
        self.ana.get("me")
        self.assertFalse(any(waiter.is_answered for waiter in waiters))
        seq = self.ana.post("now")
        for waiter in waiters:
            self.assertEqual([one["seq"] for one in waiter.answer().json()["messages"]], [seq])

    def test_a_time_that_is_over_is_answered_with_nothing(self) -> None:
        for path in ("log", "messages"):
            began = time.monotonic()
            answer = self.beto.get(f"rooms/lobby/{path}?after={self.head}&wait=1")
            self.assertGreater(time.monotonic() - began, 0.9)
            self.assertEqual((answer.get("entries", answer.get("messages")), answer["head"]), ([], self.head))

    def test_what_is_there_already_is_answered_at_once(self) -> None:
        seq = self.ana.post("there")
        began = time.monotonic()
        self.assertEqual(self.beto.get(f"rooms/lobby/log?after={self.head}&wait=20")["entries"][0]["seq"], seq)
        self.assertEqual(self.beto.get(f"rooms/lobby/messages?after={self.head}&wait=20")["messages"][0]["seq"], seq)
        self.assertLess(time.monotonic() - began, 10)

    def test_without_a_number_only_what_comes_next_is_waited_for(self) -> None:
        self.assertEqual(self.beto.get("rooms/lobby/log"), {"entries": [], "head": self.head})
        waiter = self.wait(self.beto, "rooms/lobby/log?limit=1")
        seq = self.ana.post("next")
        self.assertEqual([one["seq"] for one in self.entries(waiter)], [seq])

    def test_each_page_of_a_log_follows_on_the_one_before(self) -> None:
        first = self.head
        posted = [self.ana.post(f"{number}") for number in range(7)]
        found, after = [], first
        while entries := self.beto.get(f"rooms/lobby/log?after={after}&limit=3")["entries"]:
            found += [one["seq"] for one in entries]
            after = found[-1]
        self.assertEqual(found, posted)

    def test_who_is_put_out_of_a_room_waits_no_longer_and_learns_nothing(self) -> None:
        """docs/security.rst 28: within two seconds, at another process."""
        self.ana.expect(201, "POST", "rooms", {"name": "Cellar", "kind": "closed"})
        address = next(one["address"] for one in self.ana.get("rooms")["rooms"] if one["name"] == "Cellar")
        self.ana.client.post(f"/rooms/{address}/members", {"username": "beto"})
        waiters = [
            self.wait_for_entries(self.beto, address),
            self.wait(self.beto, f"rooms/{address}/messages?after=99"),
        ]
        self.elsewhere(self.ana.client, 1).post(f"/rooms/{address}/members", {"removed": "beto"})
        began = time.monotonic()
        for waiter in waiters:
            answer = waiter.answer()
            if answer.status == 200:  # told of the note that says so
                answer = self.beto.call("GET", f"rooms/{address}/log?after={answer.json()['head']}&wait=20")
            self.assertEqual((answer.status, answer.json()["error"]["code"]), (404, "unknown_room"))
        self.assertLess(time.monotonic() - began, MAX_SECONDS)

    def test_the_end_of_a_token_or_a_session_ends_what_waits(self) -> None:
        """docs/security.rst 32: within two seconds, at another process."""
        program = self.beto.program("read")
        waiters = [self.wait_for_entries(program), self.wait_for_entries(self.beto)]
        other = Api(self.elsewhere(self.beto.client, 1))
        token = other.get("tokens")["tokens"][0]["id"]
        other.expect(204, "DELETE", f"tokens/{token}")
        began = time.monotonic()
        self.assertEqual(waiters[0].answer().status, 401)
        self.assertLess(time.monotonic() - began, MAX_SECONDS)
        self.assertFalse(waiters[1].is_answered)
        began = time.monotonic()
        self.elsewhere(self.beto.client, 1).post("/logout")
        answer = waiters[1].answer()
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (401, "unauthorized"))
        self.assertLess(time.monotonic() - began, MAX_SECONDS)

    def test_what_waits_counts_as_a_connection_until_its_client_hangs_up(self) -> None:
        """docs/security.rst 42."""
        waiters = [self.wait_for_entries(self.beto) for _ in range(2)]
        self.chat("beto")
        path = f"rooms/lobby/log?after={self.head}&wait=1"
        answer = self.beto.call("GET", path)
        self.assertEqual((answer.status, answer.json()["error"]["code"]), (429, "too_many_connections"))
        self.assertEqual(answer.headers["Retry-After"], "1")
        self.assertEqual(self.beto.get(f"rooms/lobby/log?after={self.head}")["entries"], [])
        waiters[0].close()
        wait_for(lambda: self.beto.call("GET", path).status == 200, "there is a place again")

    def test_one_that_hangs_up_while_it_waits_is_forgotten(self) -> None:
        for _ in range(10):
            self.wait_for_entries(self.beto).close()
        waiter = self.wait_for_entries(self.beto)
        seq = self.ana.post("still here")
        self.assertEqual([one["seq"] for one in self.entries(waiter)], [seq])


class StoppingTest(SiteTest):
    def test_a_process_that_stops_answers_all_who_wait(self) -> None:
        ana = Api(self.client("ana"))
        head = ana.post("before")
        waiters = [ana.waiting(f"rooms/lobby/{path}?after={head}&wait=60") for path in ("log", "messages")]
        for _ in range(3):
            ana.get("me")
        began = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - began, 4)
        for waiter in waiters:
            answer = waiter.answer()
            self.assertEqual((answer.status, answer.json()["head"], answer.headers["Connection"]), (200, head, "close"))
