"""Changes of messages that are refused: by whom, of what, and how many there may be."""

from __future__ import annotations

from typing import Any

from models.rules import MAX_CHANGES_BY_MEMBER, MAX_EMOJI
from testsuite.clients import Answer
from testsuite.talking import THUMB, Talking, do, say
from testsuite.waiting import wait_for


class Refused(Talking):
    """docs/security.rst 28, 29 and 37: who may not changes and learns nothing, and changes have an end."""

    def refuse(self, answer: dict[str, Any], code: str, sentence: str) -> None:
        self.assertEqual((answer["type"], answer.get("code"), answer.get("message")), ("error", code, sentence))

    def test_each_verb_by_somebody_who_may_not(self) -> None:
        seq = say(self.beto, "mine")
        before = self.stored()
        only = "Only who wrote a message can change it."
        self.refuse(do(self.carla, "edit", seq, body="hers"), "not_yours", only)
        self.refuse(do(self.ana, "edit", seq, body="the administrator's"), "not_yours", only)
        self.refuse(do(self.carla, "delete", seq), "not_yours", only)
        carla = self.client("carla")
        for verb, fields in (("edit", {"body": "hers"}), ("delete", {})):
            answer = carla.post(f"/rooms/lobby/messages/{seq}/{verb}", {**fields, "nonce": verb})
            self.assertEqual(answer.status, 403)
            self.assertIn(only, answer.text)
        self.assertEqual(carla.get(f"/rooms/lobby/messages/{seq}/history").status, 403)
        self.assertEqual(self.stored(), before)
        self.assertEqual(do(self.ana, "delete", seq)["type"], "ack")  # administrators delete any

    def test_what_is_gone_takes_no_more(self) -> None:
        seq = say(self.beto, "soon gone")
        do(self.beto, "delete", seq)
        before, gone = self.stored(), "This message was deleted."
        for verb, fields in (
            ("edit", {"body": "x"}),
            ("delete", {}),
            ("react", {"emoji": THUMB}),
            ("unreact", {"emoji": THUMB}),
            ("post", {"body": "an answer"}),
        ):
            self.refuse(do(self.beto, verb, seq, **fields), "unknown_target", gone)
        beto = self.client("beto")
        for verb, form in (("edit", {"body": "x"}), ("delete", {}), ("react", {"emoji": THUMB})):
            answer = beto.post(f"/rooms/lobby/messages/{seq}/{verb}", {**form, "nonce": f"form {verb}"})
            self.assertEqual(answer.status, 404)
        self.assertEqual(beto.get(f"/rooms/lobby/messages/{seq}").status, 404)
        self.assertEqual(self.stored(), before)

    def test_targets_that_are_no_messages_or_elsewhere_or_still_to_come(self) -> None:
        seq = say(self.beto, "here")
        change = do(self.beto, "react", seq, emoji=THUMB)["seq"]
        none = "There is no such message in this room."
        before = self.stored()
        for target in (change, before + 100, 0, 2**53 - 1):
            for verb, fields in (("edit", {"body": "x"}), ("delete", {}), ("react", {"emoji": THUMB})):
                self.refuse(do(self.beto, verb, target, **fields), "unknown_target", none)
            self.refuse(do(self.beto, "post", target, body="x"), "unknown_target", none)
        for target in (-1, 1.5, "7", True, 2**53, None):
            self.refuse(do(self.beto, "react", target, emoji=THUMB), "bad_message", self.NO_MESSAGE)  # type: ignore[arg-type]
        self.assertEqual(self.stored(), before)

    NO_MESSAGE = "The site did not understand this message."

    def test_texts_and_emoji_that_are_none(self) -> None:
        seq = say(self.beto, "here")
        before = self.stored()
        self.refuse(do(self.beto, "edit", seq, body="  \n"), "empty", "There is nothing in this message yet.")
        self.refuse(do(self.beto, "edit", seq, body="x" * 8001), "too_long", "This message is too long.")
        for emoji in ("x", "", "👍👍", "👍 ", "a👍", "<b>", "1", "👍" * 100, "\u200d", "#"):
            self.refuse(do(self.beto, "react", seq, emoji=emoji), "not_emoji", "That is not an emoji.")
        self.assertEqual(self.stored(), before)
        answer = self.client("beto").post(f"/rooms/lobby/messages/{seq}/edit", {"body": "y" * 8001, "nonce": "long"})
        self.assertEqual(answer.status, 400)
        self.assertIn("y" * 8001 + "</textarea>", answer.text)

    def test_fields_that_a_verb_does_not_have_are_ignored(self) -> None:
        strange: tuple[object, ...] = (1, [], {"a": 1}, None, "not to be stored", "\ud83d")
        for body in strange:
            seq = say(self.beto, "here")
            for verb, fields in (("react", {"emoji": THUMB}), ("unreact", {"emoji": THUMB}), ("delete", {"emoji": 1})):
                self.assertEqual(do(self.beto, verb, seq, body=body, **fields)["type"], "ack", (verb, body))
            bodies = [one.body for one in self.entries() if one.room == "lobby" and seq in (one.seq, one.target)]
            self.assertEqual(bodies, ["", THUMB, THUMB, ""])

    def test_a_message_takes_so_many_reactions_and_no_more(self) -> None:
        seq = say(self.beto, "popular")
        emoji = [chr(0x1F600 + number) for number in range(MAX_EMOJI)]
        for one in emoji:
            self.assertEqual(do(self.ana, "react", seq, emoji=one)["type"], "ack")
        often = "This message has been changed too often."
        self.refuse(do(self.carla, "react", seq, emoji=THUMB), "too_many_changes", often)
        self.assertEqual(do(self.carla, "react", seq, emoji=emoji[0])["type"], "ack")
        for _ in range((MAX_CHANGES_BY_MEMBER - MAX_EMOJI) // 2):
            do(self.ana, "unreact", seq, emoji=emoji[0])
            do(self.ana, "react", seq, emoji=emoji[0])
        self.refuse(do(self.ana, "react", seq, emoji=emoji[0]), "too_many_changes", often)
        self.assertEqual(do(self.beto, "edit", seq, body="still mine")["type"], "ack")

    def test_a_room_of_others_has_no_messages(self) -> None:
        room = self.client("ana").post("/rooms", {"name": "Board", "kind": "closed"}).location
        key = room.removeprefix("/rooms/")
        seq = say(self.chat("ana", room=key), "secret", room=key)
        before = self.stored()
        self.assert_no_room(self.beto, key, seq)
        beto = self.client("beto")
        pages: list[Answer] = [beto.get(f"{room}/messages/{seq}{more}") for more in ("", "/history")]
        pages += [beto.post(f"{room}/messages/{seq}/{verb}", {"body": "x"}) for verb in ("edit", "delete", "react")]
        pages += [beto.get(f"{room}{more}") for more in ("", "/settings", "?at=1")]
        pages += [beto.post(f"{room}/{verb}", {}) for verb in ("read", "leave", "join", "archive", "members")]
        unknown = beto.get("/rooms/nowhere")
        self.assertEqual([answer.status for answer in pages], [404] * len(pages))
        self.assertIn("There is no such room among yours.", unknown.text)
        self.assertEqual({answer.text.count("There is no such room among yours.") for answer in pages}, {1})
        self.assertEqual(self.stored(), before)

    def test_a_room_that_is_archived_is_read_and_not_written(self) -> None:
        ana = self.client("ana")
        room = ana.post("/rooms", {"name": "Old plans", "kind": "open"}).location
        key = room.removeprefix("/rooms/")
        chat = self.chat("ana", room=key)
        seq = say(chat, "kept", room=key)
        ana.post(f"{room}/archive", {"archived": "on"})
        chat.until("entry", kind="note")
        before, archived = self.stored(), "This room is archived: it can be read, and nothing is added to it."
        for verb, fields in (
            ("edit", {"body": "x"}),
            ("delete", {}),
            ("react", {"emoji": THUMB}),
            ("post", {"body": "x"}),
        ):
            self.refuse(do(chat, verb, seq, room=key, **fields), "archived", archived)
        answer = ana.post(room, {"body": "not lost", "nonce": "n"})
        self.assertEqual(answer.status, 403)
        self.assertIn("not lost</textarea>", answer.text)
        self.assertEqual(self.stored(), before)
        self.assertIn("kept", ana.get(room).text)
        ana.post(f"{room}/archive", {})
        wait_for(lambda: do(chat, "react", seq, room=key, emoji=THUMB)["type"] == "ack", "it takes reactions again")
