"""Webhooks that tell another site: what it gets, in which order, and what becomes of its answers."""

from __future__ import annotations

import hashlib
import hmac
import json
import signal
import threading
import time

from testsuite.hook_case import HookTest
from testsuite.receiver import Told, says, taken
from testsuite.servers import Server
from testsuite.tables import sql
from testsuite.waiting import TIMEOUT_SECONDS, wait_for


class TellingTest(HookTest):
    """docs/security.rst 34: what leaves is signed, and goes to the public web only."""

    def test_each_message_is_told_in_order_and_signed(self) -> None:
        _, key = self.tell()
        texts = ["one", "two\nlines", 'three "quoted" é 👍']
        seqs = self.say(*texts)
        self.wait_for_told(*seqs)
        self.assertEqual(self.receiver.seqs(), seqs)
        for told, seq, text in zip(self.receiver.told, seqs, texts, strict=True):
            at = told.json.pop("at")
            self.assertLess(abs(time.time() - at), 60)
            expected = {"type": "message", "room": "lobby", "room_name": "Lobby", "seq": seq, "author": "beto"}
            self.assertEqual(told.json, {**expected, "bot": "robo", "text": text})
            self.assertEqual(told.headers["Prosa-Key"], f"lobby/{seq}")
            stamp = told.headers["Prosa-Timestamp"]
            self.assertLess(abs(time.time() - int(stamp)), 60)
            right = hmac.new(key.encode(), f"{stamp}.".encode() + told.body, hashlib.sha256).hexdigest()
            self.assertEqual(told.headers["Prosa-Signature"], f"v1={right}")
            self.assertFalse({"Cookie", "Authorization"} & {*told.headers})

    def test_what_was_said_before_is_not_told_and_only_posts_are(self) -> None:
        self.say("before")
        self.tell()
        (first,) = self.say("first")
        self.beto.post(f"/rooms/lobby/messages/{first}/react", {"emoji": "👍"})
        (second,) = self.say("second")
        self.wait_for_told(first, second)

    def test_what_is_edited_or_deleted_before_it_is_told_is_told_as_it_is_now(self) -> None:
        number, _ = self.tell()
        self.receiver.answer = lambda told: (500, b"")
        self.addCleanup(setattr, self.receiver, "answer", taken)
        first, second, third = self.say("first", "typo", "a secret")
        wait_for(lambda: self.hook(number)["failures"] > 1, "it was refused")
        self.beto.post(f"/rooms/lobby/messages/{second}/edit", {"body": "mended"})
        self.beto.post(f"/rooms/lobby/messages/{third}/delete")
        (last,) = self.say("last")
        self.receiver.answer = lambda told: (200, b"fine")
        wait_for(lambda: last in self.receiver.seqs(), "all is told")
        self.assertEqual(list(dict.fromkeys(self.receiver.seqs())), [first, second, last])
        self.assertIn("mended", [told.json["text"] for told in self.receiver.told])
        self.assertFalse({"typo", "a secret"} & {told.json["text"] for told in self.receiver.told})

    def test_the_text_of_an_answer_is_posted_once_by_the_bot_and_answered_by_no_bot(self) -> None:
        self.tell()
        self.tell(bot="robina", name="Other")
        self.receiver.answer = says("I heard *you*")
        self.addCleanup(setattr, self.receiver, "answer", taken)
        (seq,) = self.say("hello bots")
        wait_for(lambda: self.authors_of("I heard *you*") == ["robina", "robo"], "both have answered")
        (last,) = self.say("and again")
        wait_for(lambda: len(self.authors_of("I heard *you*")) == 4, "both have answered again")
        self.assertEqual(sorted(self.receiver.seqs()), sorted([seq, seq, last, last]))

    def test_an_answer_that_cannot_be_posted_holds_nothing_up(self) -> None:
        number, _ = self.tell()
        answers = [b'{"text": ""}', b"ok", b'{"text": 7}', b"[" * 60_000, json.dumps({"text": "x" * 9000}).encode()]
        self.receiver.answer = lambda told: (200, answers[len(self.receiver.told) - 1])
        self.addCleanup(setattr, self.receiver, "answer", taken)
        seqs = self.say(*"abcde")
        self.wait_for_told(*seqs)
        wait_for(lambda: self.hook(number)["last_status"] == "This message is too long.", "the page can say why")
        self.assertEqual(self.hook(number)["failures"], 0)

    def test_one_that_wants_mentions_gets_these_only(self) -> None:
        number, _ = self.tell(events="mentions")
        self.say("nobody", "@carla", "@room", "robo without")
        (seq,) = self.say("hello @robo!")
        self.wait_for_told(seq)
        self.assertEqual(self.receiver.told[0].json["text"], "hello @robo!")
        wait_for(lambda: self.hook(number)["cursor"] == seq, "it is noted")

    def test_redirects_are_not_followed_and_inside_addresses_not_asked(self) -> None:
        inside = self.receiver.url.replace("127.0.0.2", "127.0.0.1")
        numbers = [self.tell(url=url)[0] for url in (inside, inside.replace("127.0.0.1", "localhost"))]
        self.say("for nobody")
        for number in numbers:
            wait_for(lambda number=number: self.hook(number)["failures"], "it failed")  # type: ignore[misc]
            self.assertEqual(self.hook(number)["last_status"], "This address is not on the public web.")
        self.assertEqual(self.receiver.told, [])
        self.receiver.answer = lambda told: (307, b"")
        self.addCleanup(setattr, self.receiver, "answer", taken)
        number, _ = self.tell()
        (seq,) = self.say("do not wander")
        wait_for(lambda: self.hook(number)["failures"] > 1, "it failed")
        self.assertEqual(self.hook(number)["last_status"], "HTTP 307")
        self.assertEqual({*self.receiver.seqs()}, {seq})

    def test_nothing_is_told_once_the_bot_was_put_out(self) -> None:
        room = self.ana.post("/rooms", {"name": "Attic", "kind": "closed"}).location.removeprefix("/rooms/")
        number, _ = self.tell(room)
        (seq,) = self.say("here", client=self.ana, room=room)
        self.wait_for_told(seq)
        ((robo,),) = sql(self.folder, "SELECT id FROM user WHERE username = 'robo'")
        self.assertEqual(self.ana.post(f"/rooms/{room}/members/{robo}/remove").status, 302)
        self.say("not for robo", client=self.ana, room=room)
        page = self.ana.get(f"/rooms/{room}/hooks").text
        self.assertIn("It does nothing: robo is not in this room.", page)
        self.assertEqual(self.ana.post(f"/rooms/{room}/hooks/{number}/on").status, 302)
        (last,) = self.say("again for robo", client=self.ana, room=room)
        self.wait_for_told(seq, last)

    def test_it_fails_is_switched_off_after_a_day_and_goes_on_from_then(self) -> None:
        number, _ = self.tell()
        self.receiver.answer = lambda told: (503, b"")
        self.addCleanup(setattr, self.receiver, "answer", taken)
        self.say("nobody takes this")
        wait_for(lambda: self.hook(number)["failures"] > 1, "it is tried again")
        page = self.ana.get("/rooms/lobby/hooks").text
        for words in ("It has failed since", "1 message was posted since the last that arrived.", "HTTP 503"):
            self.assertIn(words, page)
        sql(self.folder, "UPDATE hook SET failing_since = failing_since - 86500 WHERE id = ?", number)
        wait_for(lambda: self.hook(number)["off_at"], "it is off")
        self.assertIn("after a day without success", self.ana.get("/rooms/lobby/hooks").text)
        tries = len(self.receiver.told)
        self.receiver.answer = lambda told: (200, b"")
        self.say("nor this")
        self.assertEqual(self.ana.post(f"/rooms/lobby/hooks/{number}/on").status, 302)
        (seq,) = self.say("but this")
        wait_for(lambda: seq in self.receiver.seqs(), "it works again")
        self.assertEqual(self.receiver.seqs()[tries:], [seq])
        self.assertIn("It works.", self.ana.get("/rooms/lobby/hooks").text)

    def test_pauses_grow(self) -> None:
        number, _ = self.tell()
        self.receiver.answer = lambda told: (500, b"")
        self.addCleanup(setattr, self.receiver, "answer", taken)
        seen: dict[int, float] = {}

        def watch() -> bool:
            stored = self.hook(number)
            seen.setdefault(stored["failures"], stored["next_try_at"])
            return bool(stored["failures"] >= 4)

        self.say("no")
        wait_for(watch, "it was tried four times")
        times = [seen[count] for count in sorted(seen) if count]
        self.assertEqual(times, sorted(times))
        self.assertLess(times[-1] - time.time(), 0.4 * 1.3)


class ProcessesTest(HookTest):
    """At least once and in order, by one process at a time, whichever dies."""

    processes = 2

    def start_another(self) -> None:
        """Start one more process."""
        self.servers.append(Server(self.folder, *self.options, altered=self.altered).wait())

    def hold(self) -> threading.Event:
        """Let the receiver not answer until an event is set; return it."""
        go = threading.Event()

        def answer(told: Told) -> tuple[int, bytes]:
            go.wait(TIMEOUT_SECONDS)
            return 204, b""

        self.receiver.answer = answer
        self.addCleanup(setattr, self.receiver, "answer", taken)
        self.addCleanup(go.set)
        return go

    def test_what_two_processes_take_is_told_once_and_in_order(self) -> None:
        self.tell()
        last = len(self.servers) - 1
        writers = (self.elsewhere(self.beto, last), self.elsewhere(self.beto, last - 1))
        seqs = [self.say(f"number {number}", client=writers[number % 2])[0] for number in range(10)]
        self.wait_for_told(*seqs)
        self.assertEqual(self.receiver.seqs(), seqs)

    def test_when_the_process_that_tells_is_killed_another_goes_on(self) -> None:
        number, _ = self.tell()
        other = self.elsewhere(self.beto, 1)
        wait_for(lambda: self.hook(number), "it is there")
        go = self.hold()
        (first,) = self.say("told by the first")
        self.wait_for_told(first)
        self.assertTrue(self.hook(number)["claimed_by"])
        self.server.stop(signal.SIGKILL)
        self.receiver.answer = says("heard")
        go.set()
        (second,) = self.say("held by nobody", client=other)
        time_left = self.hook(number)["claimed_until"] - time.time()
        self.assertGreater(time_left, 5)
        self.assertEqual(self.receiver.seqs(), [first])
        sql(self.folder, "UPDATE hook SET claimed_until = claimed_until - 20 WHERE id = ?", number)
        (third,) = self.say("told by the second", client=other)
        wait_for(lambda: self.receiver.seqs() == [first, first, second, third], "the second goes on")
        wait_for(lambda: self.posted("heard", other) == 3, "each is answered")
        # As if that process had been killed after it had posted the answer, and before it could note that.
        sql(self.folder, "UPDATE hook SET cursor = ? WHERE id = ?", second, number)
        self.start_another()
        wait_for(lambda: self.receiver.seqs() == [first, first, second, third, third], "it is told once more")
        wait_for(lambda: self.hook(number)["cursor"] == third, "it is told")
        self.assertEqual(self.posted("heard", other), 3)
        keys = [told.headers["Prosa-Key"] for told in self.receiver.told]
        self.assertEqual(keys, [f"lobby/{seq}" for seq in self.receiver.seqs()])
        self.servers[0] = self.servers.pop()


class RestartTest(HookTest):
    def test_a_pause_and_what_is_left_outlive_the_process(self) -> None:
        number, _ = self.tell()
        go = threading.Event()
        self.addCleanup(go.set)
        self.addCleanup(setattr, self.receiver, "answer", taken)

        def answer(told: Told) -> tuple[int, bytes]:
            go.wait(TIMEOUT_SECONDS)
            return 204, b""

        self.receiver.answer = answer
        first, second = self.say("first", "second")
        self.wait_for_told(first)
        self.server.stop()
        self.assertEqual(self.hook(number)["claimed_by"], "")
        go.set()
        sql(self.folder, "UPDATE hook SET next_try_at = ? WHERE id = ?", time.time() + 2, number)
        before = self.hook(number)["next_try_at"]
        self.servers[0] = Server(self.folder, *self.options, altered=self.altered).wait()
        wait_for(lambda: self.receiver.seqs() == [first, first, second], "it goes on")
        self.assertGreater(int(self.receiver.told[1].headers["Prosa-Timestamp"]) + 1, before)
        log = "".join(self.server.lines)
        self.assertNotIn(self.receiver.url, log)
