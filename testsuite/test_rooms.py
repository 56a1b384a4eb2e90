"""The room's page: reading back, posting by form, and access to both."""

from __future__ import annotations

import re

from controllers.web.rendering import GROUPING_GAP_SECONDS
from testsuite.bodies import BODIES, MAX_MESSAGE_CHARS
from testsuite.cases import SiteTest
from testsuite.clients import Answer, Client
from testsuite.roompage import Posting, form, older, rows
from testsuite.tables import add_room, locked, sql

PAGE_MESSAGES = 50


class HistoryTest(SiteTest):
    def setUp(self) -> None:
        self.beto = self.client("beto")

    def fill(self, count: int) -> int:
        """Make the lobby at least `count` messages long; return its head."""
        chat = self.chat("ana")
        for number in range(chat.head, count):
            chat.post(f"message {number + 1}")
        for _ in range(chat.head, count):
            chat.until("ack")
        return max(chat.head, count)

    def test_the_page_shows_the_50_newest_messages_oldest_first(self) -> None:
        head = self.fill(120)
        shown = [row.seq for row in rows(self.beto.get("/rooms/lobby"))]
        self.assertEqual(shown, list(range(head - PAGE_MESSAGES + 1, head + 1)))

    def test_the_pages_before_lead_through_all_messages_without_gap_or_double(self) -> None:
        head = self.fill(173)
        page = self.beto.get("/rooms/lobby")
        seen = [row.seq for row in rows(page)]
        while path := older(page):
            self.fill(head + len(seen) // PAGE_MESSAGES)  # others go on writing meanwhile
            page = self.beto.get(path)
            self.assertEqual(page.status, 200)
            seen = [row.seq for row in rows(page)] + seen
        self.assertEqual(seen, list(range(1, head + 1)))

    def test_a_page_of_the_past_leads_back_to_the_newest(self) -> None:
        self.fill(60)
        page = self.beto.get("/rooms/lobby?before=11")
        self.assertEqual([row.seq for row in rows(page)], list(range(1, 11)))
        self.assertEqual(older(page), "")
        self.assertIn("Back to the newest messages", page.text)
        self.assertNotIn("Back to the newest messages", self.beto.get("/rooms/lobby").text)

    def test_a_before_that_is_no_number_is_no_error(self) -> None:
        self.fill(3)
        for before in ("x", "-1", "1.5", "9" * 30, "%00", "%D9%A1", "", "1e3", "0x10"):
            with self.subTest(before):
                self.assertEqual(self.beto.get(f"/rooms/lobby?before={before}").status, 200)
        self.assertEqual(rows(self.beto.get("/rooms/lobby?before=1")), [])

    def test_messages_of_one_author_stand_together_and_ones_own_are_marked(self) -> None:
        for chat in (ana := self.chat("ana"), beto := self.chat("beto")):
            chat.head = self.stored()
        for chat in (ana, ana, beto):
            chat.post("group")
            chat.until("ack")
        page = self.beto.get("/rooms/lobby")
        classes = [set(row.attributes["class"].split()) for row in rows(page)[-3:]]
        self.assertEqual(classes[1:], [{"row", "follows"}, {"row", "own"}])
        self.assertIn(
            f'data-grouping-gap-seconds="{GROUPING_GAP_SECONDS}"', page.text
        )  # for the script, which groups too
        self.assertNotIn("own", classes[0])

    def stored(self) -> int:
        return int(sql(self.folder, "SELECT count(*) FROM entry")[0][0])

    def test_each_day_begins_with_its_name(self) -> None:
        self.fill(10)
        day = 86400.0
        sql(self.folder, "UPDATE entry SET at = at - ? WHERE seq <= 4", day)
        try:
            page = self.beto.get("/rooms/lobby?before=9").text
        finally:
            sql(self.folder, "UPDATE entry SET at = at + ? WHERE seq <= 4", day)
        order = re.findall(r'class="day"><span>(\w+)|data-seq="(\d+)"', page)
        days = [(name or seq) for name, seq in order]
        self.assertEqual(days, ["Yesterday", "1", "2", "3", "4", "Today", "5", "6", "7", "8"])


class PostingTest(Posting, SiteTest):
    def setUp(self) -> None:
        self.beto = self.client("beto")

    def test_a_message_is_posted_by_the_form_and_the_page_comes_back_with_it(self) -> None:
        answer = self.post(self.beto, "good morning")
        self.assertEqual((answer.status, answer.location), (302, "/rooms/lobby#newest"))
        newest = rows(self.client("ana").get("/rooms/lobby"))[-1]
        self.assertIn("good morning", newest.text)
        self.assertEqual(newest.attributes["data-author"], "beto")

    def test_those_who_are_connected_hear_it(self) -> None:
        carla = self.chat("carla")
        self.post(self.beto, "by form")
        self.assertEqual(carla.until("entry")["body"], "by form")

    def test_the_same_form_sent_twice_is_one_message(self) -> None:
        before = self.stored()
        answers = [self.post(self.beto, "once", nonce="twice") for _ in range(2)]
        self.assertEqual([answer.status for answer in answers], [302, 302])
        self.assertEqual(self.stored(), before + 1)
        self.assertEqual(self.post(self.beto, "once", nonce="thrice").status, 302)
        self.assertEqual(self.stored(), before + 2)

    def test_what_was_changed_after_an_earlier_try_is_posted_too(self) -> None:
        self.assertEqual(self.post(self.beto, "the first words", nonce="changed").status, 302)
        self.assertEqual(self.post(self.beto, "better words", nonce="changed").status, 302)
        self.assertIn("better words", rows(self.beto.get("/rooms/lobby"))[-1].text)

    def test_what_was_deleted_meanwhile_does_not_come_back_with_the_form_that_is_sent_again(self) -> None:
        self.assertEqual(self.post(self.beto, "soon regretted", nonce="again").status, 302)
        ((seq,),) = sql(self.folder, "SELECT seq FROM entry WHERE nonce = 'again'")
        page = f"/rooms/lobby/messages/{seq}"
        for body in ("edited once", "soon regretted"):
            self.assertEqual(self.beto.post(f"{page}/edit", {"body": body, "nonce": body}).status, 302)
        self.assertEqual(self.beto.post(f"{page}/delete", {"nonce": "gone"}).status, 302)
        self.assertEqual(self.post(self.beto, "soon regretted", nonce="again").status, 302)
        self.assertEqual(self.beto.post(f"{page}/edit", {"body": "edited once", "nonce": "edited once"}).status, 302)
        self.assertEqual(sql(self.folder, "SELECT count(*) FROM entry WHERE body = 'soon regretted'"), [(0,)])

    def test_what_may_have_been_stored_comes_back_with_its_nonce(self) -> None:
        before = self.stored()
        with locked(self.folder):
            answer = self.post(self.beto, "perhaps stored", nonce="perhaps")
            self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "1"))
            self.assertIn('name="nonce" value="perhaps"', answer.text)
        self.assertEqual(self.post(self.beto, "perhaps stored", nonce="perhaps").status, 302)
        self.assertEqual(self.stored(), before + 1)

    def test_two_members_may_have_the_same_nonce(self) -> None:
        before = self.stored()
        for member in ("ana", "beto"):
            self.assertEqual(self.post(self.client(member), "mine", nonce="common").status, 302)
        self.assertEqual(self.stored(), before + 2)

    def test_a_form_without_a_nonce_or_with_an_absurd_one_posts_too(self) -> None:
        before = self.stored()
        self.assertEqual(self.beto.post("/rooms/lobby", {"body": "no nonce"}).status, 302)
        self.assertEqual(self.beto.post("/rooms/lobby", {"body": "long nonce", "nonce": "x" * 5000}).status, 302)
        self.assertEqual(self.stored(), before + 2)

    def test_an_empty_message_is_refused(self) -> None:
        before = self.stored()
        for body in ("", "   ", "\r\n\r\n", "\t", "\x00", "\u2800", ">", "```\n"):
            with self.subTest(body):
                answer = self.post(self.beto, body)
                self.assertEqual(answer.status, 400)
                self.assertIn("There is nothing in this message yet.", answer.text)
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.post(self.beto, ".").status, 302)

    def test_a_message_that_is_too_long_is_refused_and_given_back(self) -> None:
        self.assertEqual(self.post(self.beto, "ж" * 8000).status, 302)
        before = self.stored()
        answer = self.post(self.beto, "ж" * 8001)
        self.assertEqual(answer.status, 400)
        self.assertIn("This message is too long.", answer.text)
        self.assertIn("ж" * 8001 + "</textarea>", answer.text)
        self.assertEqual(self.stored(), before)

    def test_line_breaks_of_a_form_count_once_and_leading_ones_survive_being_given_back(self) -> None:
        self.assertEqual(self.post(self.beto, "a\r\n" * 4000).status, 302)
        answer = self.post(self.beto, "\n\nz" + "y" * 8001)
        self.assertIn("<textarea", answer.text)
        self.assertIn(">\n\n\nz", answer.text)

    def open_form(self, client: Client) -> dict[str, str]:
        """Return the form of the room's page as it now is for a client."""
        return form(client.get("/rooms/lobby"), "/rooms/lobby")

    def test_a_page_made_for_one_member_never_writes_as_another(self) -> None:
        """docs/security.rst 44."""
        browser = self.client("beto")
        of_betos_page = {**self.open_form(browser), "body": "what beto <wrote>\n"}
        browser.sign_in("ana")
        before = self.stored()
        answer = browser.post("/rooms/lobby", of_betos_page)
        self.assertEqual((answer.status, self.stored()), (403, before))
        self.assertIn("You are signed in as ana now; this page was made for beto.", answer.text)
        self.assertIn('href="/rooms/lobby" target="_blank">Open as ana</a>', answer.text)
        kept = form(answer, "/rooms/lobby")
        self.assertEqual((kept["body"], kept["nonce"]), (of_betos_page["body"], of_betos_page["nonce"]))
        self.assertEqual(browser.post("/rooms/lobby", kept).status, 403)
        self.assertEqual(self.stored(), before)
        browser.sign_in("beto")
        self.assertEqual(browser.post("/rooms/lobby", kept).status, 302)
        self.assertEqual(rows(browser.get("/rooms/lobby"))[-1].attributes["data-author"], "beto")

    def test_a_page_from_before_a_new_sign_in_of_the_same_member_writes_on(self) -> None:
        before = self.stored()
        of_the_old_page = {**self.open_form(self.beto), "body": "still me"}
        self.beto.post("/logout")
        self.beto.sign_in("beto")
        self.assertEqual(self.beto.post("/rooms/lobby", of_the_old_page).status, 302)
        self.assertEqual(self.stored(), before + 1)

    def test_what_was_written_stands_in_the_page_that_refuses_it(self) -> None:
        before = self.stored()
        written = {**self.open_form(self.beto), "body": "a long letter"}
        self.beto.post("/logout")
        signed_out = self.beto.post("/rooms/lobby", written)
        self.assertEqual(signed_out.status, 403)
        self.assertIn("You are not signed in any more.", signed_out.text)
        self.beto.cookies.clear()
        self.beto.sign_in("beto")  # with another token against forgery
        without_token = self.beto.post("/rooms/lobby", written)
        self.assertEqual(without_token.status, 403)
        for answer in (signed_out, without_token):
            self.assertEqual(form(answer, "/rooms/lobby")["body"], "a long letter")
        self.assertEqual(self.stored(), before)
        self.assertEqual(self.beto.post("/rooms/lobby", form(without_token, "/rooms/lobby")).status, 302)
        self.assertEqual(self.stored(), before + 1)

    def test_what_another_site_has_put_into_a_form_is_not_repeated(self) -> None:
        written = {**self.open_form(self.beto), "body": "words of another"}
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = self.beto.post("/rooms/lobby", written, **headers)
            self.assertEqual(answer.status, 403)
            self.assertNotIn("words of another", answer.text)

    def test_a_program_is_answered_with_json(self) -> None:
        answer = self.client("beto").post("/rooms/nowhere", {"body": "x"}, Accept="application/json")
        self.assertEqual((answer.status, answer.json()["error"]["status"]), (404, 404))


class CountingTest(Posting, SiteTest):
    """One unit: what counts as a character, by form and live; the page is held to the same table."""

    options = ("--messages_per_second=0", f"--max_message={MAX_MESSAGE_CHARS}")

    def setUp(self) -> None:
        self.beto = self.client("beto")

    def test_by_form_and_live_the_same_characters_count(self) -> None:
        live = self.chat("beto")
        for number, (written, stored) in enumerate(BODIES):
            with self.subTest(ascii(written)):
                live.post(written, nonce=f"live {number}")
                answer = live.receive()
                while answer.get("nonce") != f"live {number}":
                    answer = live.receive()
                refused = {None: "too_long", "": "empty"}.get(stored)
                self.assertEqual(answer.get("code"), refused)
                status = self.post(self.beto, written, nonce=f"form {number}").status
                self.assertEqual(status, 400 if refused else 302)
                found = sql(self.folder, "SELECT body FROM entry WHERE nonce LIKE ?", f"% {number}")
                self.assertEqual(found, [] if refused else [(stored,)] * 2)


class RoomsOfOthersTest(Posting, SiteTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        add_room(cls.folder, "attic", "carla")

    def test_its_members_read_and_write_there(self) -> None:
        carla = self.client("carla")
        self.assertEqual(self.post(carla, "in the attic", room="attic").status, 302)
        self.assertIn("in the attic", carla.get("/rooms/attic").text)
        self.assertIn("/rooms/attic", carla.get("/rooms").text)

    def test_the_home_page_leads_to_the_room_that_one_was_last_in_on_this_device(self) -> None:
        carla = self.client("carla")
        self.assertEqual(carla.get("/").location, "/rooms/lobby")
        for room in ("attic", "lobby", "attic"):
            carla.get(f"/rooms/{room}?before=9")
            self.assertEqual((carla.get("/").status, carla.get("/").location), (302, f"/rooms/{room}"))
        self.assertNotIn("Set-Cookie", carla.get("/rooms/attic").headers)
        self.assertEqual(carla.get("/rooms/nowhere").status, 404)
        self.assertEqual(carla.get("/").location, "/rooms/attic")
        self.assertEqual(self.client("carla").get("/").location, "/rooms/lobby")

    def test_it_leads_nobody_into_a_room_of_others(self) -> None:
        ana = self.client("ana")
        for room in ("attic", "nowhere", "..", "//evil.example", "lobby/../../account", "", "x" * 5000):
            ana.cookies["room"] = room
            self.assertEqual(ana.get("/").location, "/rooms/lobby", room)

    def test_who_signs_in_next_does_not_learn_where_the_one_before_was(self) -> None:
        carla = self.client("carla")
        carla.get("/rooms/attic")
        self.assertEqual(carla.cookies["room"], "attic")
        carla.post("/logout")
        self.assertNotIn("room", carla.cookies)

    def test_for_others_it_does_not_exist(self) -> None:
        for name in ("ana", "beto"):
            outsider = self.client(name)
            before = self.stored()
            answers = [outsider.get("/rooms/attic"), self.post(outsider, "let me in", room="attic")]
            answers += [outsider.get("/rooms/nowhere"), self.post(outsider, "let me in", room="nowhere")]
            self.assertEqual([answer.status for answer in answers], [404] * 4)
            self.assertEqual(self.plain(answers[0]), self.plain(answers[2]))
            self.assertNotIn("ttic", outsider.get("/rooms").text)
            self.assertEqual(self.stored(), before)

    def plain(self, answer: Answer) -> str:
        return answer.text.replace("attic", "ROOM").replace("nowhere", "ROOM")

    def test_who_is_put_out_can_neither_read_nor_write(self) -> None:
        beto = self.client("beto")
        self.assertEqual(beto.get("/rooms/lobby").status, 200)
        where = "WHERE room_id = 'lobby' AND user_id = (SELECT id FROM user WHERE username = 'beto')"
        sql(self.folder, f"DELETE FROM membership {where}")
        before = self.stored()
        self.assertEqual(beto.get("/rooms/lobby").status, 404)
        self.assertEqual(beto.post("/rooms/lobby", {"body": "still here", "nonce": "n"}).status, 404)
        self.assertEqual(self.stored(), before)
        self.assertEqual(beto.get("/").location, "/rooms")
        self.assertEqual(beto.get("/rooms").status, 200)

    def test_the_room_is_for_members(self) -> None:
        self.assertEqual(self.client("ana").get("/rooms/lobby").status, 200)
        answer = self.client().get("/rooms/lobby?before=5")
        self.assertEqual((answer.status, answer.location), (302, "/login?next=%2Frooms%2Flobby%3Fbefore%3D5"))
        before = self.stored()
        self.assertEqual(self.client().post("/rooms/lobby", {"body": "hello", "nonce": "n"}).status, 403)
        self.assertEqual(self.stored(), before)
