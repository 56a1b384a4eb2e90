"""People and emoji that are offered while a name is being typed."""

from __future__ import annotations

import re
import tempfile
import unittest
from urllib.parse import quote

from models.database import database, execute
from models.memberships import leave, make_room
from models.models import LOBBY, Membership, User, create_tables
from models.names import initial, tint
from models.passwords import PasswordHash
from models.people import FIND_PEOPLE, MAX_FOUND_PEOPLE, find_people
from testsuite.cases import SiteTest
from testsuite.needs import need
from testsuite.postgresql import shared_server
from testsuite.tables import LET_SOME_IN, MAKE_CROWD, add_room, sql

NAMES = ("ana", "Ana Costa", "Anabela", "beto", "Joana Ana", "João Silva", "Weiß", "a_b", "100% Pure", "back\\slash")
PEOPLE = 10_000


class FindPeople(unittest.TestCase):
    explain = "EXPLAIN QUERY PLAN"
    by_key = "SEARCH user USING INTEGER PRIMARY KEY"
    whole = "SCAN (user|membership)"

    def setUp(self) -> None:
        self.open_database()
        self.addCleanup(database.close)
        self.ids = {}
        for name in NAMES:
            user = User(username=name, password=PasswordHash("none"))
            user.save()
            self.ids[name] = user.id
        self.beto = self.ids["beto"]

    def open_database(self) -> None:
        """Open a new database."""
        create_tables(f"{self.enterContext(tempfile.TemporaryDirectory())}/people.db")

    def found(self, typed: str, slug: str = LOBBY) -> list[str]:
        return [one.username for one in find_people(self.beto, slug, typed)]

    def test_names_that_begin_so_come_before_those_of_which_a_later_word_does(self) -> None:
        self.assertEqual(self.found("an"), ["ana", "Ana Costa", "Anabela", "Joana Ana"])
        self.assertEqual(self.found("sil"), ["João Silva"])
        self.assertEqual(self.found("ilva"), [])

    def test_a_name_is_found_in_any_spelling_of_what_is_the_same_name(self) -> None:
        for typed in ("JOÃO", "joa\u0303o s", "\uff2a\uff2fÃO", " joão"):
            with self.subTest(typed):
                self.assertEqual(self.found(typed), ["João Silva"])
        self.assertEqual(self.found("WEISS"), ["Weiß"])

    def test_a_space_at_the_end_is_one_within_the_name(self) -> None:
        self.assertEqual(self.found("ana "), ["Ana Costa"])

    def test_signs_of_patterns_are_plain_letters(self) -> None:
        found = {sign: self.found(sign) for sign in ("%", "_", "\\", "!", "100%", "a_", "back\\", "a%", "'")}
        expected = {"100%": ["100% Pure"], "a_": ["a_b"], "back\\": ["back\\slash"]}
        self.assertEqual(found, {sign: expected.get(sign, []) for sign in found})

    def test_nobody_is_found_by_nothing_nor_by_more_than_a_name_has(self) -> None:
        for typed in ("", " ", "\t", "a" * 41, "a" * 100_000, "e\u0301" * 5000):
            self.assertEqual(self.found(typed), [])

    def test_neither_oneself_nor_who_is_elsewhere_nor_who_was_removed_is_found(self) -> None:
        self.assertEqual(self.found("beto"), [])
        room = make_room(self.beto, "Chess", "", "open")
        self.assertEqual(self.found("ana", room.slug), [])
        Membership.create(room=room.slug, user=self.ids["ana"])
        self.assertEqual(self.found("ana", room.slug), ["ana"])
        leave(self.ids["ana"], room.address)
        self.assertEqual(self.found("ana", room.slug), [])
        self.assertEqual(self.found("ana", "nowhere"), [])

    def test_of_ten_thousand_few_are_returned_by_a_look_at_the_rooms_people_alone(self) -> None:
        with database.writing():
            execute(MAKE_CROWD, PEOPLE)
            for part in range(20):  # a statement may take five seconds
                execute(LET_SOME_IN, LOBBY, part)
        self.assertEqual(self.found("crowd"), sorted(f"crowd {number}" for number in range(PEOPLE))[:MAX_FOUND_PEOPLE])
        self.assertEqual(self.found("9999"), ["crowd 9999"])
        self.assertEqual(self.found("crow d"), [])
        steps = [step for *_, step in execute(f"{self.explain} {FIND_PEOPLE}", LOBBY, 1, 1, "% a%", "a%", 1).fetchall()]
        self.assertEqual(sum("membership_room_id" in step for step in steps), 1, steps)
        self.assertEqual(sum(self.by_key in step for step in steps), 3, steps)
        self.assertFalse([step for step in steps if re.search(self.whole, step)], steps)


class FindPeopleOnPostgresql(FindPeople):
    needs = ("postgres",)
    explain = "EXPLAIN"
    by_key = 'Index Scan using user_pkey on "user"'
    whole = "Seq Scan"

    def open_database(self) -> None:
        need("postgres")
        create_tables(self.enterContext(shared_server().fresh_database()))


class Answers(SiteTest):
    """docs/security.rst 28: the people of a room are found by its people alone."""

    members = (*SiteTest.members, "Ana <b>Maria</b>", "آنا", "Åsa")

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        add_room(cls.folder, "chess", "beto", "ana", "Åsa")

    def found(self, path: str, who: str = "beto") -> list[str]:
        return [one["username"] for one in self.client(who).get(path).json()["people"]]

    def test_a_member_finds_the_names_and_what_the_pictures_show(self) -> None:
        answer = self.client("beto").get("/people?q=Ana")
        self.assertEqual(answer.headers["Content-Type"], "application/json; charset=UTF-8")
        self.assertEqual(answer.headers["Cache-Control"], "no-store")
        shown = [
            {"username": n, "initial": initial(n), "tint": tint(n), "note": ""} for n in ("ana", "Ana <b>Maria</b>")
        ]
        self.assertEqual(answer.json(), {"people": shown})

    def test_in_a_room_only_its_people_are_found(self) -> None:
        self.assertEqual(self.found("/rooms/chess/people?q=a"), ["ana"])
        self.assertEqual(self.found(f"/rooms/chess/people?q={quote('å')}"), ["Åsa"])

    def test_who_is_not_in_a_room_learns_as_little_of_it_as_of_one_that_does_not_exist(self) -> None:
        carla = self.client("carla")
        answers = [carla.get(f"/rooms/{room}/people?q=a") for room in ("chess", "nothing", "x" * 5000)]
        self.assertEqual([answer.status for answer in answers], [404] * 3)
        self.assertEqual({answer.text for answer in answers}, {answers[0].text})

    def test_who_left_finds_nobody_there_and_is_not_found(self) -> None:
        add_room(self.folder, "go", "beto", "Åsa")
        path = f"/rooms/go/people?q={quote('å')}"
        self.assertEqual(self.found(path), ["Åsa"])
        self.assertEqual(self.client("Åsa").post("/rooms/go/leave").status, 302)
        self.assertEqual(self.found(path), [])
        self.assertEqual(self.client("Åsa").get("/rooms/go/people?q=b").status, 404)

    def test_a_room_is_found_by_its_old_address_too(self) -> None:
        sql(self.folder, "INSERT INTO address (address, room_id) VALUES ('old-chess', 'chess')")
        answer = self.client("beto").get("/rooms/old-chess/people?q=a")
        self.assertEqual((answer.status, answer.location), (301, "/rooms/chess/people?q=a"))

    def test_signed_out_nobody_is_found(self) -> None:
        for path in ("/people?q=a", "/rooms/chess/people?q=a", "/rooms/nothing/people?q=a"):
            answer = self.client().get(path)
            self.assertEqual((answer.status, list(answer.json())), (401, ["error"]))

    def test_what_is_no_name_is_answered_with_nobody_or_refused(self) -> None:
        beto = self.client("beto")
        for query in ("", "?q=", "?q=%20", "?q=%00", "?q=%25", "?q=_", "?q=" + "a" * 41, "?q=" + "%CC%81" * 2000):
            with self.subTest(query[:20]):
                self.assertEqual(beto.get(f"/people{query}").json(), {"people": []})
        self.assertEqual(beto.get("/people?q=%ff").status, 400)

    def test_emoji_are_listed_with_their_names_in_the_readers_language_and_kept_by_the_browser(self) -> None:
        beto = self.client("beto")
        english = beto.get("/emoji.json")
        self.assertEqual(english.headers["Content-Type"], "application/json; charset=UTF-8")
        self.assertRegex(english.headers["Cache-Control"], r"^private, max-age=[1-9]\d+$")
        self.assertEqual(english.headers["Vary"], "Accept-Language, Accept-Encoding")
        self.assertIn(["👍", "thumbsup", "+1", "thumbs_up"], english.json()["emoji"])
        portuguese = beto.get("/emoji.json", Accept_Language="pt-BR").json()["emoji"]
        self.assertIn(["👍", "polegar_para_cima", "thumbsup", "+1", "thumbs_up"], portuguese)
        self.assertGreater(len(portuguese), 1500)
        self.assertEqual(self.client().get("/emoji.json").status, 401)
