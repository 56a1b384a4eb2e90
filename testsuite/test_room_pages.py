"""The pages of rooms, without a script: making, joining and changing them, and who may not."""

from __future__ import annotations

import re
from urllib.parse import quote

from testsuite.room_case import ARCHIVED, NOT_YOURS, STAYS, RoomCase, at_once
from testsuite.roompage import form, make_room, rows

ADDRESSES = {
    "Clube de Xadrez": "clube-de-xadrez",
    "Ação & Reação": "acao-reacao",
    "囲碁部": "囲碁部",
    "Шахматы": "шахматы",
    "نادي الشطرنج": "نادي-الشطرنج",
    "a/b?c#d%20": "a-b-c-d-20",
    "x" * 60: "x" * 56,
}
BAD_NAMES = ("", "   ", "\u200b\u200b", "\u2800", "\u202e", "x" * 61, "y" * 4000)
NAME_WRONG = "A room’s name has 1 to 60 characters that can be seen."
TOO_FAST = "That was too fast. Please wait a moment."
TAKEN = "There is or was a room of this name. Please choose another one."


class MakingTest(RoomCase):
    def test_a_room_is_made_and_its_page_says_by_whom(self) -> None:
        path = make_room(self.beto, "Opening theory", description="Sicilian and others")
        self.assertEqual(path, "/rooms/opening-theory")
        page = self.beto.get(path)
        self.assertIn("Sicilian and others", page.text)
        self.assertIn("made this room", rows(page)[0].text)
        self.assertEqual(self.carla.get(path).status, 404)
        self.assertIn(f'action="{path}/join"', self.carla.get("/rooms").text)

    def test_names_of_any_script_make_readable_addresses(self) -> None:
        for name, address in ADDRESSES.items():
            with self.subTest(name):
                path = make_room(self.beto, name)
                self.assertEqual(path, f"/rooms/{quote(address)}")
                self.assertEqual(self.beto.get(path).status, 200)
                self.assertIn(f'href="{path}"', self.beto.get("/rooms").text)
                self.assertEqual(self.beto.get("/").location, path, "the home page leads to the room seen last")

    def test_a_name_without_letters_gets_a_number(self) -> None:
        first, second = (make_room(self.beto, name) for name in ("!!!", "???"))
        self.assertRegex(first, r"^/rooms/room-\d+$")
        self.assertRegex(second, r"^/rooms/room-\d+$")
        self.assertNotEqual(first, second)

    def test_a_bad_name_is_refused_beside_its_field_and_nothing_typed_is_lost(self) -> None:
        for name in BAD_NAMES:
            with self.subTest(ascii(name)[:20]):
                typed = {"name": name, "description": "for <us>", "kind": "closed"}
                answer = self.refused(400, NAME_WRONG, self.beto.post, "/rooms", typed)
                self.assertIn(f'id="name-error">{NAME_WRONG}<', answer.text)
                self.assertEqual(form(answer, "/rooms")["description"], "for <us>")
                self.assertRegex(answer.text, r'value="closed" checked')

    def test_a_description_that_is_too_long_is_refused_beside_its_field(self) -> None:
        typed = {"name": "Long story", "description": "z" * 251}
        sentence = "A description has at most 250 characters."
        answer = self.refused(400, sentence, self.beto.post, "/rooms", typed)
        self.assertIn(f'id="description-error">{sentence}<', answer.text)
        kept = form(answer, "/rooms")
        self.assertEqual((kept["name"], kept["description"]), ("Long story", "z" * 251))

    def test_fields_that_are_far_too_long_are_refused(self) -> None:
        for name in ("name", "description", "kind"):
            typed = {"name": "fine", name: "x" * 40_000}
            self.refused(413, "", self.beto.post, "/rooms", typed)

    def test_of_two_who_take_one_address_at_once_one_gets_it_and_the_other_is_told(self) -> None:
        for name, other in (("Endgames", "Endgames"), ("Rooks", "ROOKS!")):
            answers = at_once(
                (self.beto.post, "/rooms", {"name": name}),
                (self.carla.post, "/rooms", {"name": other}),
            )
            self.assertEqual(sorted(answer.status for answer in answers), [302, 400])
            (told,) = [answer for answer in answers if answer.status == 400]
            self.assert_refused(told, 400, TAKEN)
            self.assertIn(f'id="name-error">{TAKEN}<', told.text)

    def test_a_closed_room_tells_nobody_that_its_name_is_taken(self) -> None:
        paths = {make_room(client, "Secret plans", "closed") for client in (self.beto, self.carla, self.beto)}
        self.assertEqual(len(paths), 3)
        self.assertEqual(make_room(self.ana, "Secret plans"), "/rooms/secret-plans")


class JoiningTest(RoomCase):
    def test_an_open_room_is_listed_with_how_many_are_in_it_and_joined_once(self) -> None:
        path = make_room(self.beto, "Bughouse", description="Four at two boards")
        self.assertIn("1 member<", self.carla.get("/rooms").text.split("Bughouse")[1])
        for _ in range(2):
            self.assertEqual(self.carla.post(f"{path}/join").location, path)
        notes = [row.text for row in rows(self.carla.get(path)) if "joined the room" in row.text]
        self.assertEqual(len(notes), 1)
        listed = self.carla.get("/rooms").text
        self.assertNotIn(f"{path}/join", listed)
        self.assertIn("2 members<", self.ana.get("/rooms").text.split("Bughouse")[1])

    def test_a_closed_or_archived_room_is_joined_by_nobody(self) -> None:
        closed, archived = make_room(self.beto, "Attic", "closed"), make_room(self.beto, "Cellar")
        self.beto.post(f"{archived}/archive", {"archived": "on"})
        for path in (closed, archived, "/rooms/nowhere", "/rooms/" + "x" * 500):
            with self.subTest(path[:20]):
                self.refused(404, "", self.carla.post, f"{path}/join")
                self.assertNotIn(path, self.carla.get("/rooms").text)

    def test_who_is_in_every_open_room_is_told_what_to_do_next(self) -> None:
        for path in re.findall(r'action="(/rooms/[^"]+/join)"', self.carla.get("/rooms").text):
            self.carla.post(path)
        page = self.carla.get("/rooms").text
        self.assertIn("You are in every open room.", page)
        self.assertIn('id="make"', page)


class SettingsTest(RoomCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = make_room(self.beto, f"Room of {self._testMethodName[-40:]}")
        self.carla.post(f"{self.path}/join")

    def test_a_new_name_is_a_new_address_and_every_old_one_leads_there_with_what_it_asks_for(self) -> None:
        old = [self.path]
        for name in ("First name", "Second name"):
            answer = self.beto.post(f"{old[-1]}/settings", {"name": f"{name} {self.path[-9:]}", "description": "new"})
            self.assertEqual(answer.status, 302)
            old.append(answer.location.removesuffix("/settings"))
        new = old.pop()
        for path in old:
            for rest in ("", "?at=1", "?before=3", "/settings", "/messages/1", "/messages/1?x=y"):
                answer = self.carla.get(path + rest)
                self.assertEqual((answer.status, answer.location), (301, new + rest))
            self.assertEqual(self.ana.get(f"{path}?at=1").status, 404)
            self.assertEqual(self.carla.post(path, {"body": "by the old address"}).location, f"{new}#newest")
        told = " ".join(row.text for row in rows(self.carla.get(new)))
        self.assertIn("renamed this room to Second name", " ".join(told.split()))
        self.assertIn("changed the description", told)

    def test_an_old_address_is_given_to_no_other_room(self) -> None:
        name = f"Kept {self.path[-9:]}"
        self.beto.post(f"{self.path}/settings", {"name": name})
        taken = self.carla.post("/rooms", {"name": f"Room of {self._testMethodName[-40:]}"})
        self.assert_refused(taken, 400, TAKEN)

    def test_what_was_typed_stays_beside_what_is_wrong_with_it(self) -> None:
        for field, value, sentence in (
            ("name", "", NAME_WRONG),
            ("name", "Lobby", TAKEN),
            ("description", "z" * 251, "A description has at most 250 characters."),
        ):
            typed = {"name": "typed name", "description": "typed words", field: value}
            answer = self.refused(400, sentence, self.beto.post, f"{self.path}/settings", typed)
            self.assertIn(f'id="{field}-error">{sentence}<', answer.text)
            for name, words in typed.items():
                self.assertRegex(answer.text, rf'id="{name}" name="{name}" type="text" value="{words}"')

    def test_only_who_made_it_and_administrators_look_after_it(self) -> None:
        page = self.carla.get(f"{self.path}/settings").text
        for words in ("Archive the room", 'name="name"', "/remove"):
            self.assertNotIn(words, page)
        for rest, fields in (
            ("settings", {"name": "carla was here"}),
            ("archive", {"archived": "on"}),
            (f"members/{self.id_of('beto')}/remove", {}),
        ):
            self.refused(403, NOT_YOURS, self.carla.post, f"{self.path}/{rest}", fields)
        self.ana.post(f"{self.path}/join")
        self.assertEqual(self.ana.post(f"{self.path}/archive", {"archived": "on"}).status, 302)

    def test_what_one_wants_of_a_room_is_for_oneself(self) -> None:
        wanted = {"own": "on", "notify": "none", "muted": "on", "pinned": "on"}
        self.assertEqual(self.carla.post(f"{self.path}/settings", wanted).location, f"{self.path}/settings")
        mine, others = (client.get(f"{self.path}/settings").text for client in (self.carla, self.beto))
        for field in ('name="pinned" checked', 'name="muted" checked', 'value="none" checked'):
            self.assertIn(field, mine)
            self.assertNotIn(field, others)
        first = re.findall(r'<li class="place([^"]*)" data-room="([^"]+)"', self.carla.get("/new").text)[0]
        self.assertEqual(first, (" muted pinned", self.address(self.path)))
        self.carla.post(f"{self.path}/settings", {"own": "on", "notify": "nonsense"})
        self.assertIn('value="none" checked', self.carla.get(f"{self.path}/settings").text)

    def test_nobody_leaves_or_archives_the_lobby(self) -> None:
        self.refused(400, STAYS, self.beto.post, "/rooms/lobby/leave")
        self.refused(400, STAYS, self.ana.post, "/rooms/lobby/archive", {"archived": "on"})
        page = self.ana.get("/rooms/lobby/settings").text
        for words in ("Leave this room", "Archive the room", "/remove"):
            self.assertNotIn(words, page)

    def test_an_archived_room_is_read_and_not_written_to_until_it_is_open_again(self) -> None:
        self.beto.post(self.path, {"body": "the last words"})
        self.beto.post(f"{self.path}/archive", {"archived": "on"})
        page = self.carla.get(self.path)
        self.assertIn("the last words", page.text)
        self.assertIn(ARCHIVED, page.text)
        answer = self.refused(403, "", self.carla.post, self.path, {"body": "too late"})
        self.assertIn("too late</textarea>", answer.text)
        for fields in ({"name": "another"}, {"name": "another", "description": "x"}):
            self.refused(403, ARCHIVED, self.beto.post, f"{self.path}/settings", fields)
        listed = self.carla.get("/rooms").text
        self.assertGreater(listed.index(f'href="{self.path}"'), listed.index('id="archived"'))
        self.beto.post(f"{self.path}/archive")
        self.assertEqual(self.carla.post(self.path, {"body": "again"}).status, 302)


class HasteTest(RoomCase):
    """docs/security.rst 37: what is done to rooms counts as messages do."""

    options = ("--messages_per_second=0.001",)
    burst = 20

    def test_who_does_too_much_to_rooms_is_told_to_wait_and_nothing_changes(self) -> None:
        path = make_room(self.beto, "Revolving door")
        self.beto.post(path, {"body": "hello"})
        for number in range(self.burst - 2):
            self.assertEqual(self.beto.post(f"{path}/{('leave', 'join')[number % 2]}").status, 302)
        for address, fields in (
            ("/rooms", {"name": "One more"}),
            ("/direct", {"username": "carla"}),
            ("/read", {}),
            (f"{path}/join", {}),
            (f"{path}/leave", {}),
            (f"{path}/settings", {"own": "on", "muted": "on"}),
            (f"{path}/settings", {"name": "Another name"}),
            (f"{path}/archive", {"archived": "on"}),
            (f"{path}/members", {"username": "carla"}),
            (f"{path}/members/{self.id_of('ana')}/remove", {}),
            (f"{path}/read", {}),
            (f"{path}/messages/2/unread", {}),
            (path, {"body": "too much"}),
        ):
            with self.subTest(address):
                answer = self.refused(429, TOO_FAST, self.beto.post, address, fields)
                self.assertGreater(int(answer.headers["Retry-After"]), 1)
        self.assertEqual(self.carla.post(f"{path}/join").status, 302)
