"""Messages that are edited, deleted, answered and reacted to, over real connections at two processes."""

from __future__ import annotations

import secrets
import threading

from testsuite.talking import HEART, THUMB, TONED, Talking, do, say

KEPT_ENTRIES = 4  # by a process that keeps few, and as many messages


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
