"""The people of a room: letting in, removing, leaving, outsiders; and writing to people, without a script."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlencode

from models.rooms import MAX_LISTED_PEOPLE
from testsuite.clients import Answer, Chat, Client
from testsuite.room_case import NO_ROOM, NOBODY, NOT_YOURS, STAYS, RoomCase, at_once
from testsuite.roompage import form, make_room, rows
from testsuite.tables import add_crowd

OF_A_ROOM = [  # every address of it: how it is asked for, and how it ends
    ("GET", ""),
    ("GET", "?at=1"),
    ("GET", "/settings"),
    ("GET", "/messages/1"),
    ("GET", "/messages/1/history"),
    *(("POST", rest) for rest in ("", "/settings", "/join", "/leave", "/archive", "/members", "/members/1/remove")),
    *(("POST", f"/messages/1/{deed}") for deed in ("edit", "delete", "react", "unread")),
    ("POST", "/read"),
]
PEOPLE = "Choose one to seven other people."


class PeopleTest(RoomCase):
    """docs/security.rst 28: who is let in, put out, and leaves, and what others learn of the room: nothing."""

    def setUp(self) -> None:
        super().setUp()
        self.path = make_room(self.beto, f"Room of {self._testMethodName[-40:]}", "closed")

    def notes(self) -> str:
        """Return what the room's notes tell, in English."""
        return " ".join(" ".join(row.text for row in rows(self.beto.get(self.path))).split())

    def test_whoever_is_in_a_closed_room_lets_others_in_once(self) -> None:
        for _ in range(2):
            answer = self.beto.post(f"{self.path}/members", {"username": "CARLA"})
            self.assertEqual((answer.status, answer.location), (302, f"{self.path}/settings"))
        self.assertEqual(self.notes().count("let carla in"), 1)
        self.assertEqual(self.carla.post(f"{self.path}/members", {"username": "dora maar"}).status, 302)
        self.assertIn("Dora Maar", self.beto.get(f"{self.path}/settings").text)

    def test_a_name_that_nobody_has_is_refused_beside_its_field(self) -> None:
        for name in ("nobody here", "", "x" * 3000):
            answer = self.refused(404, NOBODY, self.beto.post, f"{self.path}/members", {"username": name})
            self.assertIn('id="username-error">Nobody has this name.<', answer.text)
            self.assertEqual(form(answer, f"{self.path}/members")["username"], name)

    def test_who_is_put_out_is_out_at_once(self) -> None:
        self.beto.post(f"{self.path}/members", {"username": "carla"})
        self.assertEqual(self.carla.post(self.path, {"body": "what carla wrote"}).status, 302)
        removal = self.removal("carla")
        self.assertEqual(self.beto.post(removal).location, f"{self.path}/settings")
        self.assertIn("removed carla from the room", self.notes())
        self.assertIn("what carla wrote", self.notes())
        self.assertEqual(self.carla.get(self.path).status, 404)
        self.assertNotIn(self.path, self.carla.get("/rooms").text + self.carla.get("/new").text)
        self.refused(404, NO_ROOM, self.carla.post, self.path, {"body": "let me in"})
        self.refused(404, NOBODY, self.beto.post, removal)

    def removal(self, name: str) -> str:
        """Return the address of the form that removes somebody, from the page of settings."""
        page = self.beto.get(f"{self.path}/settings").text
        found = re.search(rf'action="([^"]+/remove)">(?:(?!</form>).)*Remove {name}', page, re.DOTALL)
        assert found, f"{name} cannot be removed"
        return found[1]

    def test_a_closed_room_that_one_has_left_is_shut_and_another_looks_after_it(self) -> None:
        self.beto.post(f"{self.path}/members", {"username": "carla"})
        self.assertEqual(self.beto.post(f"{self.path}/leave").location, "/rooms")
        self.assertEqual(self.beto.get(self.path).status, 404)
        self.assertEqual(self.beto.post(f"{self.path}/join").status, 404)
        self.assertIn("left the room", self.carla.get(self.path).text)
        self.assertIn("Archive the room", self.carla.get(f"{self.path}/settings").text)

    def test_for_outsiders_it_does_not_exist_by_any_address(self) -> None:
        old = self.path
        self.path = self.beto.post(f"{old}/settings", {"name": "Undercroft"}).location.removesuffix("/settings")
        self.beto.post(self.path, {"body": "hidden words"})
        for path in (old, self.path):
            for method, rest in OF_A_ROOM:
                with self.subTest(f"{method} {rest}"):
                    ask: Callable[[str], Answer] = self.ana.get if method == "GET" else self.ana.post
                    found = self.refused(404, NO_ROOM, ask, path + rest)
                    self.assertEqual(found.text.replace(path, "/rooms/nowhere"), ask(f"/rooms/nowhere{rest}").text)
        self.assertNotIn("ndercroft", self.ana.get("/rooms").text + self.ana.get("/new").text)


class CrowdTest(RoomCase):
    """A room full of people is shown in part, and everything is done there as in any other."""

    crowd = 10_000

    def setUp(self) -> None:
        super().setUp()
        self.path = make_room(self.beto, "Stadium")
        add_crowd(self.folder, self.address(self.path), self.crowd)

    def test_ten_thousand_people_are_in_one_room(self) -> None:
        self.assertIn(f"{self.crowd + 1} members<", self.carla.get("/rooms").text)
        self.assertEqual(self.carla.post(f"{self.path}/join").location, self.path)
        chat = self.listen(self.ana, join=False)
        self.assertEqual(self.beto.post(f"{self.path}/members", {"username": "ana"}).status, 302)
        self.until_told(chat, is_in=True)
        self.assertEqual(self.beto.post(self.path, {"body": "attention, @room"}).status, 302)
        self.assertEqual(chat.until("mention", room=self.address(self.path))["author"], "beto")
        self.assertIn("attention, ", self.carla.get(self.path).text)
        settings = self.beto.get(f"{self.path}/settings").text
        self.assertEqual(settings.count('/remove"'), MAX_LISTED_PEOPLE - 1)  # of beto himself there is none
        self.assertIn(f"and {self.crowd + 3 - MAX_LISTED_PEOPLE} more", settings)
        self.assertEqual(self.beto.post(f"{self.path}/members/{self.id_of('ana')}/remove").status, 302)
        self.until_told(chat, is_in=False)
        self.assertEqual(self.ana.get(self.path).status, 404)
        self.assertEqual(self.beto.post(f"{self.path}/leave").status, 302)
        self.assertIn("left the room", self.carla.get(self.path).text)

    def until_told(self, chat: Chat, is_in: bool) -> None:
        """Wait until a member hears that they are in the room, or not any more."""
        while (self.address(self.path) in {one["room"] for one in chat.until("rooms")["rooms"]}) != is_in:
            pass


class UnlistedTest(RoomCase):
    """Of a room with more people than its page lists."""

    members = (*RoomCase.members, "zoe")

    def setUp(self) -> None:
        super().setUp()
        self.path = make_room(self.beto, "Stadium")
        add_crowd(self.folder, self.address(self.path), MAX_LISTED_PEOPLE)

    def test_who_is_not_in_the_list_is_removed_by_name(self) -> None:
        people, last = f"{self.path}/members", "zoe"
        self.assertEqual(self.beto.post(people, {"username": last}).status, 302)
        self.assertNotIn(last, self.beto.get(f"{self.path}/settings").text)
        for name in ("nobody here", "Dora Maar", "", "x" * 3000):
            answer = self.refused(404, NOBODY, self.beto.post, people, {"removed": name})
            self.assertIn('id="removed-error">Nobody has this name.<', answer.text)
            self.assertIn(f'name="removed" type="text" value="{name}"', answer.text)
            self.assertNotIn('id="username-error"', answer.text)
        self.assertEqual(self.carla.post(f"{self.path}/join").status, 302)
        self.assertNotIn('name="removed"', self.carla.get(f"{self.path}/settings").text)
        self.refused(403, NOT_YOURS, self.carla.post, people, {"removed": last})
        self.refused(404, NO_ROOM, self.client("Dora Maar").post, people, {"removed": last})
        self.assertEqual(self.beto.post(people, {"removed": "ZOE"}).location, f"{self.path}/settings")
        told = " ".join(row.text for row in rows(self.carla.get(self.path)))
        self.assertIn("removed zoe from the room", " ".join(told.split()))
        self.assertEqual(self.client(last).get(self.path).status, 404)
        self.refused(404, NOBODY, self.beto.post, people, {"removed": last})


class DirectTest(RoomCase):
    """Writing to one person, or to several."""

    members = (*RoomCase.members, *(f"friend {number}" for number in range(8)))

    def test_the_same_people_always_come_to_the_same_room(self) -> None:
        room = self.ana.post("/direct", {"username": "beto"}).location
        self.assertRegex(room, r"^/rooms/d-\w+$")
        self.assertEqual(self.beto.post("/direct", {"username": "ANA"}).location, room)
        group = write_to(self.ana, "carla", "beto").location
        self.assertEqual(write_to(self.carla, "beto", "ana", "carla").location, group)
        self.assertNotEqual(group, room)
        self.assertEqual(self.carla.get(room).status, 404)
        self.assertIn(">beto, carla</bdi>", self.ana.get("/rooms").text)
        self.assertIn(">ana, beto</bdi>", self.carla.get("/rooms").text)

    def test_two_who_write_to_each_other_at_once_meet(self) -> None:
        answers = at_once(
            (self.carla.post, "/direct", {"username": "Dora Maar"}),
            (self.client("Dora Maar").post, "/direct", {"username": "carla"}),
        )
        self.assertEqual(answers[0].location, answers[1].location)
        self.assertEqual([answer.status for answer in answers], [302, 302])

    def test_there_is_a_way_to_everybody_but_oneself(self) -> None:
        path = make_room(self.beto, "To write from")
        self.carla.post(f"{path}/join")
        for page in ("/members", f"{path}/settings"):
            text = self.beto.get(page).text
            self.assertIn('aria-label="Write to carla"', text)
            self.assertNotIn('aria-label="Write to beto"', text)

    def test_too_many_too_few_or_nobody_are_refused_and_the_boxes_stay_ticked(self) -> None:
        friends = [f"friend {number}" for number in range(8)]
        self.ana.get("/members")
        for names, status, sentence in (
            ([], 400, PEOPLE),
            (["ana"], 400, PEOPLE),
            (friends, 400, PEOPLE),
            (["ana", *friends], 400, PEOPLE),  # nobody is left out in silence
            (["beto", "nobody here"], 404, NOBODY),
            (["beto", ""], 404, NOBODY),
            (["x" * 9000], 404, NOBODY),
        ):
            answer = self.refused(status, sentence, write_to, self.ana, *names)
            ticked = re.findall(r'name="username" value="([^"]+)" checked', answer.text)
            self.assertEqual(sorted(ticked), sorted({*names} & {*friends, "beto"}))
        self.assertEqual(write_to(self.ana, *friends[:7]).status, 302)

    def test_nobody_leaves_it_or_lets_others_in(self) -> None:
        path = self.ana.post("/direct", {"username": "Dora Maar"}).location
        self.refused(400, STAYS, self.ana.post, f"{path}/leave")
        for rest, fields in (
            ("members", {"username": "beto"}),
            ("settings", {"name": "Ours"}),
            ("archive", {"archived": "on"}),
            ("members/4/remove", {}),
        ):
            self.refused(403, NOT_YOURS, self.ana.post, f"{path}/{rest}", fields)
        page = self.ana.get(f"{path}/settings").text
        for words in ("Let in", "Leave this room", "Archive", 'name="name"', "/remove"):
            self.assertNotIn(words, page)


def write_to(client: Client, *names: str) -> Answer:
    """Tick people on the page of members and press the button."""
    fields = [("_xsrf", client.xsrf), *(("username", name) for name in names)]
    return client.request("POST", "/direct", urlencode(fields), Content_Type="application/x-www-form-urlencoded")
