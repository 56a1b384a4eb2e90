"""What the chat refuses: it is said why, nothing is stored, and the connection stays."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from typing import Any

from websockets.exceptions import ConnectionClosed

from testsuite.cases import SiteTest
from testsuite.clients import Chat
from testsuite.polling import WebSocket, close_code
from testsuite.tables import add_room, sql
from testsuite.waiting import wait_for

MAX_FRAME_BYTES = 64 * 1024


class Refusals(SiteTest):
    """What is refused: it is said why, nothing is stored, and the connection stays."""

    options = ("--messages_per_second=0", "--max_message=300")

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        add_room(cls.folder, "cellar", "beto")

    def refused(self, chat: Chat, sent: str | dict[str, Any]) -> dict[str, Any]:
        """Send something, return the error that comes back, and show that nothing else happened."""
        before = chat.until("ack", nonce=chat.post("before"))["seq"]
        chat.socket.send(sent if isinstance(sent, str) else json.dumps(sent))
        error: dict[str, Any] = chat.until("error")
        self.assertTrue(error["message"])
        after = chat.until("ack", nonce=chat.post("after"))["seq"]
        self.assertEqual(after, before + 1)
        return error

    def test_an_empty_message(self) -> None:
        ana = self.chat("ana")
        for body in ("", " ", "\n\t\r\n", "\0", "\u3164\u200b", "> -", "```\n```"):
            with self.subTest(body=body):
                error = self.refused(ana, {"type": "post", "room": "lobby", "body": body, "nonce": "empty"})
                self.assertEqual((error["code"], error["nonce"]), ("empty", "empty"))

    def test_a_message_that_is_too_long(self) -> None:
        ana = self.chat("ana")
        longest = "á" * 300
        ana.post(longest)
        self.assertEqual(ana.until("entry")["body"], longest)
        error = self.refused(ana, {"type": "post", "room": "lobby", "body": longest + "!", "nonce": "long"})
        self.assertEqual((error["code"], error["nonce"]), ("too_long", "long"))

    def test_what_the_database_will_never_take(self) -> None:
        refuse = "BEGIN SELECT RAISE(ABORT, 'so it is'); END"
        sql(self.folder, f"CREATE TRIGGER curse BEFORE INSERT ON entry WHEN NEW.body = 'cursed' {refuse}")
        error = self.refused(self.chat("ana"), {"type": "post", "room": "lobby", "body": "cursed", "nonce": "cursed"})
        self.assertEqual((error["code"], error["nonce"]), ("unstorable", "cursed"))
        self.assertNotIn("retry_after", error)
        form = self.client("ana").post("/rooms/lobby", {"body": "cursed"})
        self.assertEqual(form.status, 400)
        self.assertIn("can’t store this as it is", form.text)

    def test_something_that_is_no_message(self) -> None:
        ana = self.chat("ana")
        bad: list[str | dict[str, Any]] = [
            "{",
            '{"type":}',
            '{"room":"lobby"}',
            '{"type":7}',
            '{"type":"post","room":"lobby"}',
            '{"type":"post","room":"lobby","body":7}',
            '{"type":"post","room":["lobby"],"body":"x"}',
            '{"type":"post","room":"lobby","body":"x","nonce":7}',
            r'{"type":"post","room":"lobby","body":"x","nonce":"a\u0000"}',
            '{"type":"post","room":"lobby","body":"x","nonce":""}',
            {"type": "post", "room": "lobby", "body": "x", "nonce": "n" * 65},
            '{"type":"post","room":"lobby","body":"\\ud800","nonce":"surrogate"}',
            '{"type":"join","room":"lobby","after":-1}',
            '{"type":"join","room":"lobby","after":"1"}',
            '{"type":"join","room":"lobby","after":true}',
            '{"type":"join"}',
            '{"type":"join","room":"lobby","after":NaN}',
            "{" * 5000,
            '{"a":' * 5000,
        ]
        for sent in bad:
            with self.subTest(sent=str(sent)[:70]):
                self.assertEqual(self.refused(ana, sent)["code"], "bad_message")

    def test_a_refusal_names_the_message_that_it_is_about_as_well_as_it_can(self) -> None:
        ana = self.chat("ana")
        post = {"type": "post", "room": "lobby", "body": "x", "nonce": "mine"}
        for wrong in ({"body": "half \ud800"}, {"body": 7}, {"body": None}, {"type": "shout"}, {"type": 7}):
            with self.subTest(wrong):
                error = self.refused(ana, post | wrong)
                self.assertEqual((error["room"], error["nonce"]), ("lobby", "mine"))
        for nonce in ("a\ud83d", "\udc00", "a\0"):
            with self.subTest(nonce):
                self.assertEqual(self.refused(ana, post | {"nonce": nonce})["nonce"], nonce)
        for odd in ("", "n" * 65, 7, None, ["mine"]):
            with self.subTest(odd):
                error = self.refused(ana, post | {"nonce": odd})
                self.assertEqual((error["code"], error["room"]), ("bad_message", "lobby"))
                self.assertNotIn("nonce", error)
        by_sockjs = WebSocket(self.client("ana"))
        self.addCleanup(by_sockjs.close)
        by_sockjs.join().send_texts(json.dumps(post | {"nonce": "a\ud83d"}))
        self.assertEqual(by_sockjs.until("error")["nonce"], "a\ud83d")

    def test_a_type_that_does_not_exist(self) -> None:
        error = self.refused(self.chat("ana"), {"type": "shout", "room": "lobby", "nonce": "n"})
        self.assertEqual(error["code"], "unknown_type")

    def test_joining_a_room_of_others_is_the_same_as_one_that_is_not_there(self) -> None:
        self.assertEqual(self.chat("beto", room="cellar").head, 0)
        ana = self.chat("ana")
        errors = [self.refused(ana, {"type": "join", "room": room}) for room in ("cellar", "attic")]
        self.assertEqual([error["code"] for error in errors], ["unknown_room"] * 2)
        self.assertEqual([error["room"] for error in errors], ["cellar", "attic"])
        self.assertEqual(errors[0]["message"], errors[1]["message"])

    def test_posting_to_a_room_that_one_is_not_in(self) -> None:
        beto = self.chat("beto", room="cellar")
        heard = beto.post("mine", room="cellar")
        beto.until("entry", nonce=heard)
        ana = self.chat("ana")
        for room in ("cellar", "attic"):
            error = self.refused(ana, {"type": "post", "room": room, "body": "let me in", "nonce": room})
            self.assertEqual((error["code"], error["nonce"]), ("not_member", room))
        later = beto.post("still alone", room="cellar")
        self.assertEqual(beto.until("entry")["nonce"], later)

    def test_a_room_from_which_one_was_just_removed_is_not_unknown(self) -> None:
        add_room(self.folder, "loft", "ana")
        ana = self.chat("ana", room="loft")
        sql(self.folder, "DELETE FROM membership WHERE room_id = 'loft'")
        ana.send("read", room="loft", seq=0)  # which may be answered before the process has followed
        error = ana.until("error")
        self.assertEqual((error["code"], error["room"]), ("not_member", "loft"))

    def test_typing_in_a_room_that_one_is_not_in_is_not_told(self) -> None:
        beto, ana = self.chat("beto", room="cellar"), self.chat("ana")
        ana.send("typing", room="cellar")
        beto.send("typing", room="cellar")
        beto.until("typing", members=["beto"])
        self.assertNotIn("ana", [name for frame in beto.heard for name in frame.get("members", [])])

    def test_a_frame_over_the_limit_closes_the_connection(self) -> None:
        """docs/security.rst 16: a frame over 64 KiB closes with 1009."""
        ana = self.chat("ana")
        ana.socket.send("x" * MAX_FRAME_BYTES)
        self.assertEqual(ana.until("error")["code"], "too_long")
        ana.socket.send("x" * (MAX_FRAME_BYTES + 1))
        self.assertEqual(ana.until_closed(), 1009)
        in_pieces = self.chat("ana")
        in_pieces.socket.send(["x" * (MAX_FRAME_BYTES // 2)] * 2)
        self.assertEqual(in_pieces.until("error")["code"], "too_long")
        with contextlib.suppress(ConnectionClosed):  # the server need not take the last piece
            in_pieces.socket.send(["x" * (MAX_FRAME_BYTES // 2)] * 3)
        self.assertEqual(in_pieces.until_closed(), 1009)
        by_sockjs = WebSocket(self.client("ana"))
        self.addCleanup(by_sockjs.close)
        by_sockjs.join().send_texts("x" * (MAX_FRAME_BYTES - len('[""]')))
        self.assertEqual(by_sockjs.until("error")["code"], "too_long")
        by_sockjs.send_texts("x" * MAX_FRAME_BYTES)
        self.assertEqual(close_code(by_sockjs), 1009)


class Haste(SiteTest):
    """docs/security.rst 16: members who exceed the rate limit."""

    options = ("--messages_per_second=20",)

    def test_a_member_is_told_to_slow_down_and_when_to_try_again(self) -> None:
        ana = self.chat("ana")
        nonces = [ana.post(f"{number}") for number in range(60)]
        answers = {nonce: answer_to(ana, nonce) for nonce in nonces}
        refused = [answer for answer in answers.values() if answer["type"] == "error"]
        self.assertGreaterEqual(len(nonces) - len(refused), 20)
        self.assertGreater(len(refused), 5)
        for error in refused:
            self.assertEqual(error["code"], "slow_down")
            self.assertGreater(error["retry_after"], 0)
            self.assertLessEqual(error["retry_after"], 1 / 20)

    def test_a_message_that_was_refused_is_taken_later(self) -> None:
        beto = self.chat("beto")
        nonces = [beto.post(f"{number}") for number in range(60)]
        answers = [answer_to(beto, nonce) for nonce in nonces]
        late = next(answer["nonce"] for answer in answers if answer["type"] == "error")
        ack = wait_for(lambda: accepted(resend(beto, late)), "it is taken")
        self.assertEqual(beto.until("entry", nonce=late)["seq"], ack["seq"])

    def test_one_members_haste_does_not_slow_another(self) -> None:
        carla, ana = self.chat("carla"), self.chat("ana")
        hasty = [carla.post(f"{number}") for number in range(60)]
        nonce = ana.post("in peace")
        self.assertEqual(answer_to(ana, nonce)["type"], "ack")
        self.assertIn("error", {answer_to(carla, nonce)["type"] for nonce in hasty})


class HasteAtTwoProcesses(SiteTest):
    """docs/security.rst 37: one member has one rate, at however many processes."""

    options = Haste.options
    processes = 2
    seconds = 3

    def test_who_posts_at_both_may_post_no_more_than_at_one(self) -> None:
        for joins in (True, False):
            with self.subTest(joins=joins):
                chats = [self.chat("ana" if joins else "beto", server, join=joins) for server in (0, 1)]
                began, answers = time.monotonic(), []
                while time.monotonic() < began + self.seconds:
                    answers += [answer_to(chat, chat.post("me first"))["type"] for chat in chats]
                allowed, taken = 20 + 20 * (time.monotonic() - began), answers.count("ack")
                self.assertLess(taken, 1.3 * allowed)
                self.assertGreater(taken, 0.5 * min(allowed, len(answers)))

    def test_who_kept_to_the_rate_need_not_wait_for_a_process_that_heard_of_it_late(self) -> None:
        here, there = self.chat("carla", 0), self.chat("carla", 1)
        late = self.servers[1].process
        late.send_signal(signal.SIGSTOP)
        try:
            bodies = [f"at the rate {number}" for number in range(80)]
            for body in bodies:
                while answer_to(here, here.post(body))["type"] == "error":
                    continue
        finally:
            late.send_signal(signal.SIGCONT)
        there.until("entry", body=bodies[-1])
        answer = answer_to(there, there.post("at the other one"))
        self.assertLess(answer.get("retry_after", 0), 0.5)


def answer_to(chat: Chat, nonce: str) -> dict[str, Any]:
    """Return the acknowledgement or the last refusal of this nonce, whatever else came before."""
    while True:
        for message in chat.heard[::-1]:
            if message["type"] in ("ack", "error") and message.get("nonce") == nonce:
                return message
        chat.receive()


def resend(chat: Chat, nonce: str) -> dict[str, Any]:
    """Post again what was refused; return the answer."""
    chat.post("again", nonce=nonce)
    while True:
        answer = chat.receive()
        if answer.get("nonce") == nonce:
            return answer


def accepted(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an acknowledgement, and nothing for a refusal."""
    return answer if answer["type"] == "ack" else {}


class Mistake(SiteTest):
    """A process with a mistake in it."""

    altered = ("models.logs.sql_append:SET_HEAD=5",)

    def test_a_mistake_is_told_as_one_and_asks_nobody_to_try_again(self) -> None:
        ana = self.chat("ana")
        error = ana.until("error", nonce=ana.post("hello"))
        self.assertEqual((error["code"], error.get("retry_after")), ("failed", None))
        self.assertEqual(self.client("ana").post("/rooms/lobby", {"body": "hello"}).status, 500)
        self.assertEqual(sql(self.folder, "SELECT * FROM entry"), [])
