"""Search by its page: what is found and marked, for whom, and that any text can be searched for."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode

from testsuite.clients import Answer, Client
from testsuite.contract_search import ANYTHING
from testsuite.room_case import RoomCase
from testsuite.roompage import make_room, rows

HIT = re.compile(r'<a class="hit" href="([^"]*)">.*?<bdi dir="auto">(.*?)</bdi></span></span></a>', re.DOTALL)
HINT = re.compile(r'<p class="hint">(.*?)</p>', re.DOTALL)


def hits(answer: Answer) -> list[str]:
    """Return the words of the hits on a page, with [ ] around what is marked."""
    return [unescape(re.sub("</mark>", "]", re.sub("<mark>", "[", words))) for _, words in HIT.findall(answer.text)]


def hints(answer: Answer) -> list[str]:
    """Return what a page says about the query."""
    return [unescape(hint) for hint in HINT.findall(answer.text)]


class SearchPage(RoomCase):
    """Beto and carla in a room of beto's; ana, who looks after the site, is not there.

    docs/security.rst 28 and 31: only what is in one's own rooms is found, and any text is a query.
    """

    def setUp(self) -> None:
        super().setUp()
        self.word = f"w{abs(hash(self._testMethodName))}"  # which no other test has said
        self.room = make_room(self.beto, f"Finding {self._testMethodName[-40:]}")
        self.carla.post(f"{self.room}/join")

    def say(self, *bodies: str, who: Client | None = None, room: str = "") -> int:
        """Post messages; return the number of the last one."""
        room, who = room or self.room, who or self.beto
        for body in bodies:
            self.assertEqual(who.post(room, {"body": body}).status, 302)
        return rows(who.get(room))[-1].seq

    def search(self, who: Client, typed: str, **fields: str) -> Answer:
        answer = who.get(f"/search?{urlencode({'q': typed, **fields})}")
        self.assertEqual(answer.status, 200)
        return answer

    def test_the_newest_hit_comes_first_is_marked_and_leads_to_its_place(self) -> None:
        self.say(f"an old {self.word} of the lobby", room="/rooms/lobby")
        seq = self.say(f"**Bold** {self.word}er and [a link](https://example.org) & more")
        page = self.search(self.carla, self.word)
        bold = f"Bold [{self.word}]er and a link & more"
        self.assertEqual(hits(page), [bold, f"an old [{self.word}] of the lobby"])
        path = unescape(HIT.findall(page.text)[0][0])
        self.assertEqual(path, f"{self.room}?at={seq}#m{seq}")
        self.assertIn(seq, [row.seq for row in rows(self.carla.get(path.split("#")[0]))])

    def test_what_is_only_in_the_address_of_a_link_is_shown_with_it(self) -> None:
        self.say(f"[words](https://example.org/{self.word})")
        self.assertEqual(hits(self.search(self.beto, self.word)), [f"[words](https://example.org/[{self.word}])"])

    def test_of_a_long_message_the_words_around_the_first_hit_are_shown(self) -> None:
        self.say(f"{'before ' * 200}{self.word} {'after ' * 200}")
        (shown,) = hits(self.search(self.beto, self.word))
        self.assertRegex(shown, rf"^… (before )+\[{self.word}\] (after )+…$")
        self.assertLess(len(shown), 300)

    def test_scripts_and_markup_are_text(self) -> None:
        evil = f"<script>alert({self.word})</script> <img src=x onerror=alert(1)>"
        self.say(f"`{evil}`")
        page = self.search(self.beto, f'{self.word} {evil} "><script>')
        self.assertEqual(hits(self.search(self.beto, self.word)), [evil.replace(self.word, f"[{self.word}]")])
        for text in ("<script>alert", "<img", '"><script'):
            self.assertNotIn(text, page.text)

    def test_it_is_narrowed_by_the_fields_of_the_form(self) -> None:
        self.say(f"{self.word} of beto")
        self.say(f"{self.word} of carla", who=self.carla)
        self.say(f"{self.word} in the lobby", room="/rooms/lobby")
        of = self.address(self.room)
        self.assertEqual(len(hits(self.search(self.carla, self.word))), 3)
        self.assertEqual(len(hits(self.search(self.carla, self.word, **{"in": of}))), 2)
        mine = self.search(self.carla, self.word, **{"in": of, "from": "Carla"})
        self.assertEqual(hits(mine), [f"[{self.word}] of carla"])
        self.assertIn(f'<option value="{of}" selected>', mine.text)
        self.assertEqual(hits(self.search(self.carla, self.word, before="2020-01-01")), [])
        self.assertEqual(len(hits(self.search(self.carla, self.word, after="2020-01-01"))), 3)

    def test_what_a_query_names_and_is_not_there_is_said(self) -> None:
        page = self.search(self.ana, f"in:nowhere from:nobody before:2026-02-30 {self.word}")
        self.assertEqual(
            hints(page),
            [
                "You are in no room called “nowhere”.",
                "There is nobody called “nobody”.",
                "“2026-02-30” is no day. Write it like 2026-11-25.",
            ],
        )
        self.assertIn("Nothing was found.", page.text)
        self.assertEqual(
            hints(self.search(self.ana, " ".join(map(str, range(30))))),
            ["That was a lot: only the first words were looked for."],
        )

    def test_pages_follow_one_another(self) -> None:
        total = 45
        for _ in range(total):
            self.say(self.word)
        seen, path, pages = 0, f"/search?q={self.word}", 0
        while path:
            page = self.carla.get(path)
            seen += len(hits(page))
            found = re.search(r'<p class="paging"><a href="([^"]*)" rel="next">', page.text)
            path, pages = unescape(found[1]) if found else "", pages + 1
        self.assertEqual((seen, pages), (total, 3))

    def test_nobody_finds_what_is_in_a_room_that_is_not_theirs_or_no_more(self) -> None:
        self.say(f"{self.word} among us")
        self.assertEqual(len(hits(self.search(self.carla, self.word))), 1)
        for typed in (self.word, f"{self.word} in:{self.address(self.room)}", f"from:beto {self.word}"):
            self.assertEqual(hits(self.search(self.ana, typed)), [])
        unknown = hints(self.search(self.ana, f"in:{self.address(self.room)}"))
        self.assertEqual(unknown, [f"You are in no room called “{self.address(self.room)}”."])
        self.beto.post(f"{self.room}/members/{self.id_of('carla')}/remove")
        self.assertEqual(hits(self.search(self.carla, self.word)), [])

    def test_what_is_edited_or_deleted_is_found_as_it_is(self) -> None:
        seq = self.say(f"{self.word}before")
        self.beto.post(f"{self.room}/messages/{seq}/edit", {"body": f"{self.word}after"})
        self.assertEqual(hits(self.search(self.carla, self.word)), [f"[{self.word}]after"])
        self.beto.post(f"{self.room}/messages/{seq}/delete")
        self.assertEqual(hits(self.search(self.carla, self.word)), [])

    def test_an_archived_room_is_searched_too(self) -> None:
        self.say(f"{self.word} for ever")
        self.beto.post(f"{self.room}/archive", {"archived": "on"})
        self.assertEqual(len(hits(self.search(self.carla, self.word))), 1)

    def test_any_text_can_be_searched_for(self) -> None:
        for typed in ANYTHING:
            with self.subTest(typed[:20]):
                for name in ("q", "in", "from", "after", "before", "older"):
                    self.assertEqual(
                        self.beto.get(f"/search?{urlencode({name: typed[:1000].encode(errors='replace')})}").status, 200
                    )

    def test_a_page_that_asks_for_nothing_explains_how_to_search(self) -> None:
        for path in ("/search", "/search?q=", "/search?q=%20%21", "/search?older=1"):
            page = self.beto.get(path)
            self.assertIn("How to search", page.text)
            self.assertNotIn("Nothing was found", page.text)
