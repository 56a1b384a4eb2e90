"""What can be done with a message by the forms of its page, without a script, and who may not."""

from __future__ import annotations

import re
from typing import Any

from testsuite.clients import Answer, Client
from testsuite.room_case import ARCHIVED, NO_ROOM, RoomCase
from testsuite.roompage import Row, form, make_room, rows
from testsuite.tables import sql

NO_MESSAGE = "There is no such message in this room."
NOT_YOURS = "Only who wrote a message can change it."
DELETED = "This message was deleted."
EMPTY = "There is nothing in this message yet."
TOO_LONG = "This message is too long."
NOT_EMOJI = "That is not an emoji."


class MessageCase(RoomCase):
    """A message of beto's in a room of its own, in which ana and carla are, too."""

    def setUp(self) -> None:
        super().setUp()
        self.room = make_room(self.beto, f"Room of {self._testMethodName[-40:]}")
        for client in (self.ana, self.carla):
            client.post(f"{self.room}/join")
        self.page = self.say(self.beto, "the first words")

    def say(self, client: Client, body: str, **fields: Any) -> str:
        """Post a message by the form; return the path of its page."""
        answer = client.post(self.room, {"body": body, **fields})
        self.assertEqual(answer.status, 302)
        return f"{self.room}/messages/{rows(client.get(self.room))[-1].seq}"

    def do(self, client: Client, deed: str, **fields: str) -> Answer:
        """Send a form of the message's page."""
        return client.post(f"{self.page}/{deed}", fields)

    def row(self, client: Client, page: str = "") -> Row:
        """Return the message as the room's page shows it."""
        seq = self.seq(page)
        (found,) = [row for row in rows(client.get(self.room)) if row.seq == seq]
        return found

    def seq(self, page: str = "") -> int:
        return int((page or self.page).rpartition("/")[2])

    def words(self, client: Client, page: str = "") -> str:
        """Return the text of a message's row, in one line."""
        return " ".join(self.row(client, page).text.split())


class EditingTest(MessageCase):
    """docs/security.rst 29: only its author edits a message, and earlier texts are for few."""

    def test_its_author_edits_it_and_all_see_that(self) -> None:
        self.assertIn("the first words", form(self.beto.get(self.page), f"{self.page}/edit")["body"])
        answer = self.do(self.beto, "edit", body="better words")
        self.assertTrue(answer.location.startswith(f"{self.room}?at={self.seq()}"), answer.location)
        for client in (self.beto, self.carla):
            self.assertIn("better words", self.words(client))
            self.assertIn("edited", self.words(client))
            self.assertNotIn("the first words", client.get(self.room).text)

    def test_earlier_texts_are_for_the_author_and_administrators(self) -> None:
        self.do(self.beto, "edit", body="the second words")
        self.do(self.beto, "edit", body="the third words")
        for client in (self.beto, self.ana):
            self.assertIn(f'href="{self.page}/history"', client.get(self.page).text)
            found = re.findall(r"the (first|second|third) words", client.get(f"{self.page}/history").text)
            self.assertEqual(found, ["first", "second", "third"])
        self.assertNotIn("history", self.carla.get(self.page).text)
        self.refused(403, NOT_YOURS, self.carla.get, f"{self.page}/history")
        self.do(self.beto, "delete")
        self.refused(404, DELETED, self.beto.get, f"{self.page}/history")

    def test_the_same_form_sent_twice_is_one_edit(self) -> None:
        fields = {**form(self.beto.get(self.page), f"{self.page}/edit"), "body": "edited once"}
        before = len(self.stored()[-1])
        for _ in range(2):
            self.assertEqual(self.beto.post(f"{self.page}/edit", fields).status, 302)
        self.assertEqual(len(self.stored()[-1]), before + 1)

    def test_nobody_else_edits_it_not_even_an_administrator(self) -> None:
        for client in (self.ana, self.carla):
            self.assertNotIn(f"{self.page}/edit", client.get(self.page).text)
            self.refused(403, NOT_YOURS, client.post, f"{self.page}/edit", {"body": "not mine"})

    def test_a_text_that_is_refused_stays_in_its_field_with_the_reason_beside(self) -> None:
        for body, sentence in (("", EMPTY), ("\u2800", EMPTY), ("ж" * 8001, TOO_LONG)):
            answer = self.refused(
                400, sentence, self.beto.post, f"{self.page}/edit", {"body": body, "nonce": "n" * len(body[:9])}
            )
            self.assertIn(f'id="text-error">{sentence}<', answer.text)
            self.assertEqual(form(answer, f"{self.page}/edit")["body"], body)
        self.assertIn("the first words", self.words(self.carla))


class DeletingTest(MessageCase):
    """docs/security.rst 30: what was deleted is shown nowhere."""

    def test_its_text_is_gone_from_every_page(self) -> None:
        answer = self.say(self.carla, "an answer", target=str(self.seq()))
        self.do(self.beto, "edit", body="other words")
        self.assertEqual(self.do(self.beto, "delete").status, 302)
        for client in (self.beto, self.ana, self.carla):
            for path in (self.room, self.page, answer, f"{self.room}?at={self.seq()}", f"{self.room}?before=99"):
                shown = client.get(path).text
                self.assertNotRegex(shown, "the first words|other words")
                self.assertIn("This message was deleted", shown)
        self.assertEqual(sql(self.folder, "SELECT seq FROM entry WHERE body IN ('the first words', 'other words')"), [])

    def test_what_nobody_has_answered_leaves_no_line_and_every_form_says_that_it_was_deleted(self) -> None:
        reaction = {"emoji": "👍", "nonce": f"sent twice {self.page}"}
        self.assertEqual(self.carla.post(f"{self.page}/react", reaction).status, 302)
        self.do(self.beto, "delete")
        self.assertNotIn(self.seq(), [row.seq for row in rows(self.carla.get(self.room))])
        self.refused(404, DELETED, self.carla.get, self.page)
        self.refused(404, DELETED, self.beto.get, f"{self.page}/history")
        for deed, fields in (("react", reaction), ("react", {"emoji": "🎉"}), ("unread", {})):
            self.refused(404, DELETED, self.carla.post, f"{self.page}/{deed}", fields)
        for deed, fields in (("edit", {"body": "back again"}), ("delete", {})):
            self.refused(404, DELETED, self.beto.post, f"{self.page}/{deed}", fields)

    def test_administrators_delete_any_message_and_others_only_their_own(self) -> None:
        self.assertNotIn("Delete the message", self.carla.get(self.page).text)
        self.refused(403, NOT_YOURS, self.do, self.carla, "delete")
        self.assertIn("Delete the message", self.ana.get(self.page).text)
        self.assertEqual(self.do(self.ana, "delete").status, 302)

    def test_nothing_more_is_done_with_what_is_deleted(self) -> None:
        self.say(self.carla, "an answer", target=str(self.seq()))
        self.do(self.beto, "delete")
        for client, deed, fields in (
            (self.beto, "edit", {"body": "back again"}),
            (self.beto, "delete", {}),
            (self.ana, "delete", {}),
            (self.carla, "react", {"emoji": "👍"}),
        ):
            answer = self.refused(404, DELETED, client.post, f"{self.page}/{deed}", fields)
            self.assertNotIn(f'action="{self.page}/{deed}"', answer.text)
        answer = self.refused(404, DELETED, self.carla.post, self.room, {"body": "too late", "target": str(self.seq())})
        self.assertIn("too late</textarea>", answer.text)


class ReactingTest(MessageCase):
    def pills(self, client: Client) -> list[tuple[str, str, str]]:
        """Return the reactions on the room's page: the emoji, who reacted, and what marks it as one's own."""
        tags = [attributes for tag, attributes in self.row(client).tags if tag == "a" and "data-emoji" in attributes]
        return [(one["data-emoji"], one["title"], one["class"]) for one in tags]

    def test_the_same_button_adds_a_reaction_and_takes_it_back(self) -> None:
        self.do(self.carla, "react", emoji="🎉")
        self.do(self.ana, "react", emoji="🎉")
        self.assertEqual(self.pills(self.ana), [("🎉", "carla, ana", "reaction own")])
        self.assertEqual(self.pills(self.beto), [("🎉", "carla, ana", "reaction")])
        self.assertIn('class="reaction own" name="emoji" value="🎉" aria-pressed="true"', self.ana.get(self.page).text)
        self.assertIn('class="reaction" name="emoji" value="🎉" aria-pressed="false"', self.beto.get(self.page).text)
        self.do(self.carla, "react", emoji="🎉")
        self.assertEqual(self.pills(self.ana), [("🎉", "ana", "reaction own")])
        self.do(self.ana, "react", emoji="🎉")
        self.assertEqual(self.pills(self.ana), [])

    def test_skin_tones_of_one_emoji_stand_together_and_any_of_them_takes_it_back(self) -> None:
        self.do(self.carla, "react", emoji="👍🏽")
        self.do(self.ana, "react", emoji="👍")
        ((_, names, _),) = self.pills(self.beto)
        self.assertEqual(names, "carla, ana")
        self.assertEqual(self.carla.get(self.page).text.count('aria-pressed="true"'), 1)
        self.do(self.carla, "react", emoji="👍")
        ((_, names, _),) = self.pills(self.beto)
        self.assertEqual(names, "ana")

    def test_what_is_no_emoji_is_refused_and_stays_in_its_field(self) -> None:
        for words in ("", "hello", "👍👍", "1", "<b>", "x" * 9000):
            with self.subTest(words[:20]):
                answer = self.refused(400, NOT_EMOJI, self.carla.post, f"{self.page}/react", {"emoji": words})
                self.assertIn(f'id="emoji-error">{NOT_EMOJI}<', answer.text)
                self.assertEqual(form(answer, f"{self.page}/react")["emoji"], words)


class ReplyingTest(MessageCase):
    def test_a_reply_shows_the_first_words_and_leads_there(self) -> None:
        fields = form(self.carla.get(self.page), self.room)
        self.assertEqual(self.carla.post(self.room, {**fields, "body": "I see"}).status, 302)
        reply = rows(self.ana.get(self.room))[-1]
        self.assertIn("the first words", reply.text)
        links = [attributes["href"] for tag, attributes in reply.tags if tag == "a" and "data-target" in attributes]
        self.assertEqual(len(links), 1)
        self.assertIn(f"?at={self.seq()}", links[0])
        self.assertIn("1 reply", self.words(self.ana))
        self.assertIn("I see", self.ana.get(self.page).text)
        self.assertIn('class="row marked"', self.ana.get(f"{self.room}?at={self.seq()}").text)

    def test_a_reply_that_is_refused_keeps_its_text_and_what_it_answers(self) -> None:
        answer = self.carla.post(self.room, {"body": "ж" * 8001, "target": str(self.seq())})
        self.assertEqual(answer.status, 400)
        kept = form(answer, self.room)
        self.assertEqual((kept["target"], kept["body"]), (str(self.seq()), "ж" * 8001))


class TargetsTest(MessageCase):
    def test_what_is_no_message_of_the_room_is_neither_shown_nor_changed(self) -> None:
        note, future = 1, 900_000
        elsewhere = make_room(self.beto, f"Elsewhere {self.room[-9:]}")
        for number in range(6):
            self.beto.post(elsewhere, {"body": f"word {number}"})
        only_there = rows(self.beto.get(elsewhere))[-1].seq
        for seq in (0, note, only_there, future, 999_999_999_999_999):
            page = f"{self.room}/messages/{seq}"
            with self.subTest(seq=seq):
                self.refused(404, NO_MESSAGE, self.beto.get, page)
                self.refused(404, NO_MESSAGE, self.beto.get, f"{page}/history")
                for deed, fields in (("edit", {"body": "x"}), ("delete", {}), ("react", {"emoji": "👍"})):
                    self.refused(404, NO_MESSAGE, self.beto.post, f"{page}/{deed}", fields)
                answer = self.refused(404, NO_MESSAGE, self.beto.post, self.room, {"body": "kept", "target": str(seq)})
                self.assertIn("kept</textarea>", answer.text)
        self.assertEqual(self.beto.get(f"{self.room}/messages/{'9' * 16}").status, 404)

    def test_an_archived_room_takes_nothing_and_shows_no_forms_for_it(self) -> None:
        self.beto.post(f"{self.room}/archive", {"archived": "on"})
        page = self.beto.get(self.page).text
        self.assertIn("the first words", page)
        for deed, fields in (("edit", {"body": "x"}), ("delete", {}), ("react", {"emoji": "👍"})):
            self.assertNotIn(f"{self.page}/{deed}", page)
            self.refused(403, ARCHIVED, self.beto.post, f"{self.page}/{deed}", fields)

    def test_who_has_left_neither_reads_nor_changes_their_messages(self) -> None:
        page = self.say(self.carla, "what carla wrote")
        self.carla.post(f"{self.room}/leave")
        self.refused(404, NO_ROOM, self.carla.get, page)
        for deed, fields in (("edit", {"body": "x"}), ("delete", {}), ("react", {"emoji": "👍"}), ("unread", {})):
            self.refused(404, NO_ROOM, self.carla.post, f"{page}/{deed}", fields)
