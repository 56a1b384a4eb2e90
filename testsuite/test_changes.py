"""Messages that are edited, deleted, answered and reacted to, over real connections at two processes."""

from __future__ import annotations

import secrets
import threading
from typing import Any, NamedTuple

from models.rules import MAX_CHANGES_BY_MEMBER, MAX_EMOJI
from testsuite.cases import SiteTest
from testsuite.clients import Answer, Chat
from testsuite.tables import sql
from testsuite.waiting import wait_for

THUMB, TONED, HEART = "👍", "👍🏽", "❤️"
KEPT_ENTRIES = 4  # by a process that keeps few, and as many messages
VERBS: dict[str, dict[str, Any]] = {
    "join": {},
    "post": {"body": "x", "target": None},
    "edit": {"body": "x"},
    "delete": {},
    "react": {"emoji": THUMB},
    "unreact": {"emoji": THUMB},
    "read": {},
    "unread": {},
}


def do(chat: Chat, type: str, target: int, room: str = "lobby", **fields: Any) -> dict[str, Any]:
    """Ask for a change of a message; return the acknowledgement or the refusal."""
    nonce = secrets.token_hex(8)
    chat.send(type, room=room, target=target, nonce=nonce, **fields)
    while True:
        answer = chat.receive()
        if answer["type"] in ("ack", "error") and answer.get("nonce") == nonce:
            return answer


def say(chat: Chat, body: str, **fields: Any) -> int:
    """Post, again while the site cannot store anything, as clients do; return the number of the message."""
    room, nonce = fields.pop("room", "lobby"), secrets.token_hex(8)
    while True:
        chat.send("post", room=room, body=body, nonce=nonce, **fields)
        answer = chat.receive()
        while answer["type"] not in ("ack", "error") or answer.get("nonce") != nonce:
            answer = chat.receive()
        if answer["type"] == "ack":
            return int(answer["seq"])
        if answer["code"] != "unavailable":
            raise AssertionError(f"{body!r} was refused: {answer}")


class Stored(NamedTuple):
    """An entry as it is stored."""

    room: str
    seq: int
    kind: str
    target: int | None
    body: str
    mentions: list[str]


class Talking(SiteTest):
    """Members at two processes."""

    processes = 2

    def setUp(self) -> None:
        self.ana, self.beto, self.carla = self.chat("ana"), self.chat("beto", server=1), self.chat("carla", server=1)

    def entries(self) -> list[Stored]:
        """Return what is stored, in order."""
        rows = sql(self.folder, "SELECT room_id, seq, kind, target, body, mentions FROM entry ORDER BY room_id, seq")
        return [
            Stored(room, seq, kind, target, body, names.split("\n")) for room, seq, kind, target, body, names in rows
        ]

    def assert_no_room(self, chat: Chat, key: str, seq: int) -> None:
        """Expect that every verb of the chat is answered as for a room that does not exist."""
        for verb, fields in VERBS.items():
            refusals = []
            for room in (key, "nowhere"):
                chat.send(verb, room=room, **{"target": seq, "seq": seq, **fields})
                error = chat.until("error")
                refusals.append((error["code"], error["message"]))
            self.assertEqual(refusals[0], refusals[1], verb)

    def stored(self) -> int:
        """Return how many entries there are."""
        return len(self.entries())


class Changes(Talking):
    """docs/security.rst 30: what was deleted is gone from pages and replays; and what else changes a message."""

    stores_before_it_looks = False  # so that what comes at the same moment as a deletion may stand after it

    def test_an_edit_reaches_every_process_with_the_text_as_it_is_now(self) -> None:
        seq = say(self.beto, "a *firts* try")
        ack = do(self.beto, "edit", seq, body="a *first* try")
        for chat in (self.ana, self.carla):
            change = chat.until("entry", kind="edit")
            self.assertEqual((change["seq"], change["target"], change["body"]), (ack["seq"], seq, "a *first* try"))
            self.assertIn("<em>first</em>", change["html"])
            self.assertIn("class='edited'", change["html"])
        page = self.client("carla").get("/rooms/lobby").text
        self.assertIn("<em>first</em>", page)
        self.assertNotIn("firts", page)

    def test_what_was_deleted_is_gone_from_pages_replays_and_the_database(self) -> None:
        secret, again = f"deleted{secrets.token_hex(6)}", f"again{secrets.token_hex(6)}"
        seq = say(self.beto, secret)
        do(self.beto, "edit", seq, body=again)
        do(self.beto, "delete", seq)
        for chat in (self.ana, self.carla):
            self.assertEqual(chat.until("entry", kind="delete", target=seq)["html"], "")
        for server in (0, 1):
            late = self.chat("carla", server=server, after=seq - 1)
            heard = [late.until("entry", seq=number) for number in (seq, seq + 1, seq + 2)]
            self.assertEqual([secret in str(one) or again in str(one) for one in heard], [False] * 3)
            page = self.client("ana", server=server).get("/rooms/lobby").text
            self.assertEqual([one in page for one in (secret, again, f'data-seq="{seq}"')], [False] * 3)
        self.assertEqual([one for one in self.entries() if one.body in (secret, again)], [])

    def test_of_a_deleted_message_that_was_answered_a_line_stays_until_the_answer_goes(self) -> None:
        seq = say(self.beto, "who brings the boards?")
        answer = say(self.ana, "I do", target=seq)
        do(self.beto, "delete", seq)
        deleted = self.carla.until("entry", kind="delete", target=seq)
        self.assertIn("This message was deleted", deleted["html"])
        self.assertNotIn("boards", deleted["html"])
        page = self.client("carla").get("/rooms/lobby").text
        self.assertIn(f'data-seq="{seq}"', page)
        do(self.ana, "delete", answer)
        gone = self.carla.until("entry", kind="delete", target=answer)
        self.assertEqual((gone["html"], gone["others"]), ("", {str(seq): ""}))
        page = self.client("carla").get("/rooms/lobby").text
        self.assertNotIn(f'data-seq="{seq}"', page)

    def test_an_answer_shows_the_first_words_and_follows_their_changes(self) -> None:
        seq = say(self.beto, "the hall is empty on **Saturday**")
        say(self.ana, "good", target=seq)
        answer = self.carla.until("entry", target=seq)
        self.assertIn("the hall is empty on Saturday", answer["html"])  # without the markup
        self.assertIn("1 reply", answer["others"][str(seq)])
        do(self.beto, "edit", seq, body="the hall is taken")
        self.assertEqual(self.carla.until("entry", kind="edit")["quote"], "the hall is taken")
        page = self.client("ana").get("/rooms/lobby").text
        self.assertNotIn("empty on", page)
        self.assertEqual(page.count("the hall is taken"), 2)

    def test_all_tones_of_an_emoji_are_one_reaction_and_each_member_takes_back_their_own(self) -> None:
        seq = say(self.beto, "shall we?")
        for chat, emoji in ((self.ana, THUMB), (self.carla, TONED), (self.carla, HEART), (self.beto, HEART)):
            self.assertEqual(do(chat, "react", seq, emoji=emoji)["type"], "ack")
        html = self.ana.until("entry", kind="react", author="beto")["html"]
        self.assertEqual(html.count("class='reaction'"), 2)
        self.assertIn("title='ana, carla'", html)
        self.assertIn("title='carla, beto'", html)
        do(self.carla, "unreact", seq, emoji=THUMB)
        self.assertIn("title='ana'", self.ana.until("entry", kind="unreact")["html"])
        page = self.client("ana").get("/rooms/lobby").text
        self.assertEqual(page.count("<a class='reaction own'"), 1)

    def test_a_change_that_is_sent_twice_is_one(self) -> None:
        seq = say(self.ana, "once")
        before = self.stored()
        for _ in range(2):
            self.ana.send("edit", room="lobby", target=seq, body="twice", nonce="the same")
            self.assertEqual(self.ana.until("ack", nonce="the same")["seq"], before + 1)
        self.assertEqual(self.stored(), before + 1)

    def test_what_happens_at_the_same_moment_has_one_order_for_all(self) -> None:
        seq = say(self.beto, "contested")
        say(self.ana, "an answer", target=seq)
        admin = self.chat("ana", server=1)
        steps = [
            (self.beto, "edit", {"body": "edited"}),
            (self.carla, "react", {"emoji": THUMB}),
            (admin, "delete", {}),
            (self.ana, "react", {"emoji": HEART}),
        ]
        threads = [threading.Thread(target=do, args=(chat, kind, seq), kwargs=more) for chat, kind, more in steps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for server in (0, 1):
            page = self.client("carla", server=server).get("/rooms/lobby").text
            self.assertNotIn("contested", page)
            row = page[page.index(f'data-seq="{seq}"') :].partition("</li>")[0]
            self.assertNotRegex(row, "class='(edited|reaction)")
        changes = [one for one in self.entries() if one.target == seq and one.room == "lobby"]
        kinds = [one.kind for one in changes]
        if not self.stores_before_it_looks:
            self.assertEqual(kinds[-1], "delete")  # what came later was refused
        self.assertNotIn("edited", [one.body for one in changes])
        for chat in (self.chat("beto", after=seq), self.chat("carla", server=1, after=seq)):
            heard = [chat.until("entry")["kind"] for _ in kinds]
            self.assertEqual(heard, kinds)

    def test_no_replay_shows_old_words_in_what_quotes_them_and_was_answered_or_changed_itself(self) -> None:
        first = say(self.beto, "the old words")
        second = say(self.ana, "an answer", target=first)
        third = say(self.carla, "an answer to that", target=second)
        do(self.ana, "delete", third)
        fourth = say(self.carla, "another answer to that", target=second)
        react = do(self.carla, "react", second, emoji=THUMB)["seq"]
        for kind, fields in (("edit", {"body": "the newer words"}), ("delete", {})):
            last = do(self.beto, kind, first, **fields)["seq"]
            for server in (0, 1):
                late = self.chat("carla", server=server, after=second)
                heard = [late.until("entry", seq=number) for number in range(third, last + 1)]
                self.assertNotIn("the old words", str(heard))
                self.assertNotIn("the newer words" if kind == "delete" else "no such words", str(heard))
                self.assertIn("others", heard[fourth - third])
                self.assertIn("1 reply", heard[react - third]["html"])

    def test_an_answer_that_was_edited_still_brings_the_message_which_counts_it(self) -> None:
        first = say(self.beto, "a question")
        second = say(self.ana, "an anwser", target=first)
        do(self.ana, "edit", second, body="an answer")
        for server in (0, 1):
            late = self.chat("carla", server=server, after=first)
            self.assertIn("1 reply", late.until("entry", seq=second)["others"][str(first)])

    def test_the_words_of_an_edit_come_to_those_who_quote_it_with_whatever_change_is_the_newest(self) -> None:
        first = say(self.beto, "the old words")
        answer = say(self.ana, "an answer", target=first)
        edit = do(self.beto, "edit", first, body="the new words")["seq"]
        do(self.ana, "react", first, emoji=THUMB)
        for server in (0, 1):
            late = self.chat("carla", server=server, after=answer)
            quotes = [late.until("entry", seq=number).get("quote") for number in (edit, edit + 1)]
            self.assertEqual(quotes, [None, "the new words"])

    def test_a_reader_far_behind_hears_each_message_as_it_is_now(self) -> None:
        first = say(self.beto, "the first of many")
        for number in range(30):
            do(self.beto, "edit", first, body=f"version {number}")
        for number in range(30):
            say(self.beto, f"filler {number}")
        late = self.chat("carla", after=first - 1)
        heard = [late.until("entry") for _ in range(61)]
        self.assertEqual([one["seq"] for one in heard], list(range(first, first + 61)))
        texts = [one["html"] for one in heard[:31] if one.get("html")]
        self.assertEqual({"version 29" in text for text in texts}, {True})


class LongGone(Talking):
    """docs/security.rst 30, where what was said in between is more than a process keeps."""

    altered = tuple(
        f"controllers.realtime.entry_cache:{name}={KEPT_ENTRIES}" for name in ("MAX_TEXTS", "MAX_PAGE_MESSAGES")
    )

    def test_no_replay_shows_old_words_in_what_shows_an_older_message_that_quotes_them(self) -> None:
        first = say(self.beto, "the old words")
        second = say(self.ana, "an answer", target=first)
        third = say(self.ana, "an answer to that", target=second)
        for number in range(KEPT_ENTRIES):
            say(self.beto, f"filler {number}")
        do(self.carla, "react", second, emoji=THUMB)
        say(self.carla, "another answer to that", target=second)
        do(self.ana, "delete", third)
        for kind, fields in (("edit", {"body": "the newer words"}), ("delete", {})):
            last = do(self.beto, kind, first, **fields)["seq"]
            for server in (0, 1):
                late = self.chat("carla", server=server, after=last - KEPT_ENTRIES)
                heard = [late.until("entry", seq=last - number) for number in reversed(range(KEPT_ENTRIES))]
                self.assertNotIn("the old words", str(heard))
                self.assertNotIn("the newer words" if kind == "delete" else "no such words", str(heard))
                self.assertIn("an answer", str(heard))


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
