"""The wire protocol, spoken over the plain websocket."""

from __future__ import annotations

import json
import time

from testsuite.cases import SiteTest
from testsuite.clients import Chat
from testsuite.tables import add_room


class Talk(SiteTest):
    """What is answered when all is well."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        add_room(cls.folder, "cellar", "beto", "carla")

    def test_hello_comes_first_and_once_with_the_name_of_the_member(self) -> None:
        ana = self.chat("ana")
        ana.send("ping")
        ana.until("pong")
        self.assertEqual([message["type"] for message in ana.heard].index("hello"), 0)
        hello = [message for message in ana.heard if message["type"] == "hello"]
        self.assertEqual(len(hello), 1)
        self.assertEqual((hello[0]["version"], hello[0]["you"]["username"]), (1, "ana"))
        self.assertEqual(hello[0]["process"], self.client().get("/healthz").json()["process"])

    def test_joined_names_the_room_and_its_head(self) -> None:
        ana = self.chat("ana")
        nonce = ana.post("one more")
        seq = ana.until("ack", nonce=nonce)["seq"]
        beto = self.chat("beto", join=False)
        beto.send("join", room="lobby")
        joined = beto.until("joined")
        self.assertEqual((joined["room"], joined["head"]), ("lobby", seq))
        self.assertTrue(joined["name"])

    def test_a_join_without_after_hears_only_what_comes_then(self) -> None:
        ana = self.chat("ana")
        ana.until("ack", nonce=ana.post("before"))
        beto = self.chat("beto")
        nonce = ana.post("after")
        self.assertEqual(beto.until("entry")["nonce"], nonce)

    def test_a_join_with_after_hears_what_follows_it(self) -> None:
        ana = self.chat("ana")
        nonces = [ana.post(f"line {number}") for number in range(5)]
        first = ana.until("ack", nonce=nonces[0])["seq"]
        ana.until("ack", nonce=nonces[4])
        beto = self.chat("beto", after=first)
        self.assertEqual([entry["nonce"] for entry in beto.entries(4)], nonces[1:])

    def test_a_second_join_delivers_nothing_twice(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto")
        beto.send("join", room="lobby", after=beto.head)
        beto.until("joined")
        nonce = ana.post("only once")
        beto.until("entry", nonce=nonce)
        ana.post("the next one")
        self.assertEqual(beto.until("entry")["body"], "the next one")

    def test_everybody_gets_the_same_bytes_of_an_entry(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto")
        nonce = ana.post("**Olá**, *você*! ☃")
        frames = [raw_entry(ana, nonce), raw_entry(beto, nonce)]
        self.assertEqual(frames[0], frames[1])
        entry = json.loads(frames[0])
        self.assertEqual(entry["type"], "entry")
        self.assertEqual((entry["room"], entry["kind"], entry["author"]), ("lobby", "post", "ana"))
        self.assertEqual((entry["body"], entry["nonce"]), ("**Olá**, *você*! ☃", nonce))
        self.assertIn("<strong>Olá</strong>", entry["html"])
        self.assertLess(abs(entry["at"] - time.time()), 60)

    def test_the_acknowledgement_comes_before_the_entry(self) -> None:
        ana = self.chat("ana")
        nonce = ana.post("first the ack")
        ack = ana.until("ack", nonce=nonce)
        self.assertEqual(ack["room"], "lobby")
        self.assertEqual(ana.until("entry", nonce=nonce)["seq"], ack["seq"])
        self.assertEqual(kinds_of(ana, nonce), ["ack", "entry"])

    def test_acknowledgements_come_first_with_many_posts_in_flight(self) -> None:
        authors = [self.chat("ana"), self.chat("beto"), self.chat("ana")]
        nonces = {author: [author.post(f"post {number}") for number in range(150)] for author in authors}
        for author, own in nonces.items():
            for nonce in own:
                author.until("entry", nonce=nonce)
            for nonce in own:
                self.assertEqual(kinds_of(author, nonce), ["ack", "entry"])
            acked = [message["nonce"] for message in author.heard if message["type"] == "ack"]
            self.assertEqual(acked, own)

    def test_all_readers_hear_one_order_without_a_hole(self) -> None:
        authors = [self.chat("ana"), self.chat("beto"), self.chat("carla")]
        for number in range(60):
            for author in authors:
                author.post(f"{number}")
        orders = [[entry["seq"] for entry in author.entries(180)] for author in authors]
        self.assertEqual(orders[0], list(range(orders[0][0], orders[0][0] + 180)))
        self.assertEqual(orders[1], orders[0])
        self.assertEqual(orders[2], orders[0])

    def test_the_same_nonce_twice_is_one_entry(self) -> None:
        ana = self.chat("ana")
        nonce = ana.post("sent once")
        seq = ana.until("ack", nonce=nonce)["seq"]
        again = self.chat("ana")
        again.post("sent twice", nonce=nonce)
        self.assertEqual(again.until("ack", nonce=nonce)["seq"], seq)
        last = ana.until("ack", nonce=ana.post("something else"))["seq"]
        self.assertEqual(last, seq + 1)

    def test_the_same_nonce_twice_in_one_breath_is_one_entry(self) -> None:
        ana = self.chat("ana")
        for _ in range(3):
            ana.post("sent three times", nonce="thrice")
        seqs = {ana.until("ack", nonce="thrice")["seq"] for _ in range(3)}
        self.assertEqual(len(seqs), 1)
        self.assertEqual(ana.until("ack", nonce=ana.post("next"))["seq"], seqs.pop() + 1)

    def test_the_same_nonce_of_two_members_is_two_entries(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto")
        ana.post("mine", nonce="shared")
        beto.post("no, mine", nonce="shared")
        seqs = [ana.until("ack", nonce="shared")["seq"], beto.until("ack", nonce="shared")["seq"]]
        self.assertEqual(len(set(seqs)), 2)

    def test_a_post_without_a_nonce_is_given_one(self) -> None:
        ana = self.chat("ana")
        ana.send("post", room="lobby", body="no nonce")
        nonce = ana.until("ack")["nonce"]
        self.assertEqual(ana.until("entry", nonce=nonce)["body"], "no nonce")

    def test_plain_text_goes_to_the_lobby_at_first(self) -> None:
        beto = self.chat("beto", join=False)
        ana = self.chat("ana")
        beto.socket.send("hello from wscat")
        entry = ana.until("entry", body="hello from wscat")
        self.assertEqual(beto.until("ack")["seq"], entry["seq"])

    def test_plain_text_goes_to_the_room_that_was_joined_last(self) -> None:
        beto, carla = self.chat("beto"), self.chat("carla", room="cellar")
        beto.send("join", room="cellar")
        beto.until("joined", room="cellar")
        beto.socket.send("it is dark here")
        self.assertEqual(carla.until("entry")["body"], "it is dark here")

    def test_a_room_that_was_left_is_not_heard_any_more(self) -> None:
        beto, carla = self.chat("beto"), self.chat("carla", room="cellar")
        beto.send("join", room="cellar")
        beto.until("joined", room="cellar")
        heard = carla.post("can you hear me?", room="cellar")
        beto.until("entry", nonce=heard)
        beto.send("leave", room="lobby")
        beto.send("ping")
        beto.until("pong")
        self.chat("ana").post("nobody is here")
        unheard = carla.post("only the cellar", room="cellar")
        self.assertEqual(beto.until("entry")["nonce"], unheard)

    def test_typing_is_told_to_the_others_and_ends_with_the_post(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto")
        ana.until("presence")
        beto.send("typing", room="lobby")
        self.assertEqual(ana.until("typing", members=["beto"])["room"], "lobby")
        beto.post("that is what I wrote")
        ana.until("typing", members=[])

    def test_typing_expires_by_itself(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto")
        beto.send("typing", room="lobby")
        ana.until("typing", members=["beto"])
        begun = time.monotonic()
        ana.until("typing", members=[])
        self.assertLess(time.monotonic() - begun, 9)


def raw_entry(chat: Chat, nonce: str) -> str | bytes:
    """Return the frame that brings this entry, as it is on the wire."""
    while True:
        frame = chat.socket.recv(20)
        message = json.loads(frame)
        if message["type"] == "entry" and message["nonce"] == nonce:
            return frame


def kinds_of(chat: Chat, nonce: str) -> list[str]:
    """Return the types of the messages about this nonce, in the order in which they came."""
    return [message["type"] for message in chat.heard if message.get("nonce") == nonce]
