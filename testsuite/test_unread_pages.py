"""What is new, by the pages and forms alone: numbers beside rooms, the page of it, and read positions."""

from __future__ import annotations

import re
from collections.abc import Callable

from models.names import tint
from testsuite.clients import Client
from testsuite.room_case import NO_ROOM, RoomCase
from testsuite.roompage import make_room, rows
from testsuite.waiting import wait_for

NO_MESSAGE = "There is no such message in this room."


def parts_of_new(client: Client) -> dict[str, list[str]]:
    """Return the parts of the page of what is new: the rooms and the first words of their messages, by heading."""
    page = client.get("/new").text
    found = {}
    for part in re.findall(r'<section class="(?:to-oneself|new-room)".*?</section>', page, re.DOTALL):
        (heading,) = re.findall(r"<h2[^>]*>(.*?)</h2>", part, re.DOTALL)
        words = re.findall(r'<p class="where">.*?<bdi>(.*?)</bdi>|class=\'body\'[^>]*><p>(.*?)</p>', part)
        found[re.sub("<[^>]*>", "", heading)] = [re.sub("<[^>]*>", "", "".join(one)) for one in words]
    return found


class UnreadTest(RoomCase):
    """Beto and carla in a room of beto's; carla has seen it."""

    def setUp(self) -> None:
        super().setUp()
        for client in (self.beto, self.carla):
            client.post("/read")
        self.room = make_room(self.beto, f"Room of {self._testMethodName[-40:]}")
        self.carla.post(f"{self.room}/join")
        self.carla.get(self.room)

    def say(self, *bodies: str, **fields: str) -> int:
        """Let beto write; return the number of the last message."""
        for body in bodies:
            self.assertEqual(self.beto.post(self.room, {"body": body, **fields}).status, 302)
        return rows(self.beto.get(self.room))[-1].seq

    def counts(self, client: Client, room: str = "") -> tuple[str, str]:
        """Return what the sidebar says of the room: its mark, and the number."""
        slug = self.address(room or self.room)
        page = client.get("/members").text
        found = re.search(rf'<li class="place([^"]*)" data-room="{slug}">(.*?)</li>', page, re.DOTALL)
        assert found, f"no {slug} in the sidebar"
        number = re.search(r'class="(count[^"]*)">(\d+)', found[2])
        return (number[1], number[2]) if number else (found[1].strip(), "")

    def total(self, client: Client) -> str:
        """Return the number beside the link to what is new."""
        found = re.search(r'class="new"[^>]*>[^<]*<span class="count">(\d+)', client.get("/members").text)
        return found[1] if found else ""

    def test_each_change_shows_in_the_sidebar_at_the_next_look(self) -> None:
        direct = self.address(self.carla.post("/direct", {"username": "beto"}).location)
        self.carla.get(f"/rooms/{direct}")  # or it would count as seen a second later, which is a change, too

        def sidebar(**headers: str) -> tuple[str, ...]:
            """Return the navigation of carla's page, without its spaces, and its rooms in their order."""
            page = self.carla.get("/members", **headers).text
            found = "".join(page[page.index('id="places"') : page.index("</nav>")].split())
            return (found, *re.findall(r'data-room="([^"]*)"', found))

        changes: list[Callable[[], object]] = [
            lambda: self.say("something new"),
            lambda: self.carla.post(f"{self.room}/read"),
            lambda: self.beto.post(f"{self.room}/settings", {"name": "Renamed", "description": ""}),
            lambda: self.carla.post(f"{self.room}/settings", {"own": "on", "pinned": "on"}),
            lambda: self.carla.post(f"{self.room}/settings", {"own": "on", "muted": "on"}),
            lambda: self.carla.post(f"{self.room}/leave"),
        ]
        before = sidebar()
        self.assertEqual(sidebar(), before)
        for number, change in enumerate(changes):
            change()
            after = sidebar()
            self.assertNotEqual(after, before, number)
            before = after
        self.assertNotEqual(sidebar(Accept_Language="pt-BR"), before)
        self.assertEqual(sidebar(), before)
        online = f'data-room="{direct}"><ahref="/rooms/{direct}"><spanclass="picturetint-{tint("beto")}present"'
        self.assertNotIn(online, before[0])
        self.chat("beto")
        wait_for(lambda: online in sidebar()[0], "beto is online")

    def test_messages_of_others_count_and_ones_own_do_not(self) -> None:
        self.say("one", "two", "three")
        self.assertEqual(self.counts(self.carla), ("count", "3"))
        self.assertEqual(self.counts(self.beto), ("", ""))
        self.assertEqual((self.total(self.carla), self.total(self.beto)), ("3", ""))
        listed = self.carla.get("/rooms").text
        self.assertRegex(listed, rf'href="{self.room}">(?:(?!</a>).)*class="count">3<')

    def test_who_comes_into_a_room_for_the_first_time_finds_nothing_new(self) -> None:
        self.say("before ana came")
        self.ana.post(f"{self.room}/join")
        self.assertEqual(self.counts(self.ana), ("", ""))
        self.ana.get(self.room)
        self.say("after she came")
        self.assertEqual(self.counts(self.ana), ("count", "1"))

    def test_without_a_script_reading_is_told_by_the_form(self) -> None:
        self.say("one", "two")
        self.assertEqual(self.carla.get(self.room).status, 200)
        self.assertEqual(self.counts(self.carla), ("count", "2"))
        self.assertEqual(self.carla.post(f"{self.room}/read").location, self.room)
        self.assertEqual(self.counts(self.carla), ("", ""))

    def test_up_to_a_message_only_what_is_after_it_stays_new(self) -> None:
        first = self.say("one")
        self.say("two", "three")
        self.carla.post(f"{self.room}/read", {"seq": str(first)})
        self.assertEqual(self.counts(self.carla), ("count", "2"))
        self.carla.post(f"{self.room}/read", {"seq": "1"})
        self.assertEqual(self.counts(self.carla), ("count", "2"), "a read position never goes back by itself")

    def test_a_number_that_is_none_reads_to_the_end_and_one_of_the_future_no_further(self) -> None:
        for seq in ("", "x", "-1", "9" * 30):
            self.say("something")
            self.carla.post(f"{self.room}/read", {"seq": seq})
            self.assertEqual(self.counts(self.carla), ("", ""), seq)
        self.carla.post(f"{self.room}/read", {"seq": "999999999"})
        self.say("later")
        self.assertEqual(self.counts(self.carla), ("count", "1"))

    def test_mentions_are_numbers_of_their_own_until_they_are_read(self) -> None:
        self.carla.post("/read")  # in the rooms of other tests
        self.say("hello", "@carla look", "@room all of you")
        self.assertEqual(self.counts(self.carla), ("count mentions", "2"))
        self.carla.post(f"{self.room}/settings", {"own": "on", "muted": "on"})
        self.assertEqual(self.counts(self.carla), ("count mentions", "2"))
        self.assertEqual(self.total(self.carla), "2", "of a muted room only what names one counts")
        self.carla.post("/read")
        self.assertEqual(self.counts(self.carla), ("muted", ""))

    def test_what_was_deleted_is_new_no_more(self) -> None:
        seq = self.say("one", "two @carla")
        self.beto.post(f"{self.room}/messages/{seq}/delete")
        self.assertEqual(self.counts(self.carla), ("count", "1"))

    def test_the_page_of_what_is_new_shows_the_first_of_each_room_and_where_to_read_on(self) -> None:
        first = self.say("number one")
        self.say("number two", "number three", "number four")
        page = self.carla.get("/new").text
        self.assertEqual(re.findall(r"number (\w+)", page), ["one", "two", "three"])
        self.assertIn("4 new messages", page)
        self.assertIn(f'href="{self.room}?at={first}"', page)
        self.assertIn("Read on", page)
        self.assertEqual(self.carla.post("/read").location, "/new")
        page = self.carla.get("/new").text
        self.assertIn("Nothing is new. You have read everything.", page)
        self.assertIn('<a class="button" href="/rooms">', page)

    def test_what_names_a_member_comes_first_the_newest_at_the_top_and_each_leads_to_its_place(self) -> None:
        other = make_room(self.beto, f"Other {self._testMethodName[-30:]}")
        self.carla.post(f"{other}/join")
        self.carla.post("/read")
        names = [re.search("<h1.*?<bdi>(.*?)</bdi>", self.beto.get(room).text) for room in (self.room, other)]
        here, there = (found[1] for found in names if found)
        first = self.say("@carla one")
        self.beto.post(other, {"body": "@room two"})
        self.say("@carla three", "four")
        self.assertEqual(
            parts_of_new(self.carla),
            {
                "You were named": [here, "@carla three", there, "@room two", here, "@carla one"],
                there: [],
                here: ["four"],
            },
        )
        self.assertIn(f'<p class="where"><a href="{self.room}?at={first}#m{first}">', self.carla.get("/new").text)
        self.assertNotIn("Read on", self.carla.get("/new").text)
        self.beto.post(f"{self.room}/messages/{first}/delete")
        self.assertNotIn("@carla one", str(parts_of_new(self.carla)))
        self.carla.post(f"{other}/read")
        self.assertEqual(parts_of_new(self.carla), {"You were named": [here, "@carla three"], here: ["four"]})

    def test_replies_to_a_member_are_a_part_of_their_own_unless_they_name_them(self) -> None:
        self.carla.post(self.room, {"body": "a question"})
        question = str(rows(self.carla.get(self.room))[-1].seq)
        self.say("old answer", target=question)
        self.carla.post("/read")
        seq = self.say("an answer", "@carla yes", target=question)
        self.say("no answer")
        self.carla.post(f"{self.room}/read", {"seq": str(seq - 2)})
        parts = parts_of_new(self.carla)
        room = next(reversed(parts))
        self.assertEqual(
            parts, {"You were named": [room, "@carla yes"], "Replies to you": [room, "an answer"], room: ["no answer"]}
        )
        self.carla.post(f"{self.room}/messages/{question}/delete")
        self.assertEqual(parts_of_new(self.carla), parts)
        self.beto.post(f"{self.room}/messages/{seq - 1}/delete")
        self.assertNotIn("Replies to you", parts_of_new(self.carla))
        self.assertEqual(parts_of_new(self.beto), {})

    def test_of_a_muted_room_only_what_names_a_member_is_shown(self) -> None:
        self.carla.post(self.room, {"body": "a question"})
        question = str(rows(self.carla.get(self.room))[-1].seq)
        self.carla.post(f"{self.room}/settings", {"own": "on", "muted": "on"})
        self.say("an answer", target=question)
        self.assertEqual(parts_of_new(self.carla), {})
        self.say("@carla look")
        parts = parts_of_new(self.carla)
        room = next(reversed(parts))
        self.assertEqual(parts, {"You were named": [room, "@carla look"], room: []})
        self.assertEqual(self.carla.post(f"{self.room}/read").status, 302)
        self.assertEqual(parts_of_new(self.carla), {})

    def test_at_most_twenty_that_name_a_member_are_shown(self) -> None:
        self.say(*(f"@carla {number}" for number in range(22)))
        named, room = parts_of_new(self.carla).values()
        self.assertEqual(named[1::2], [f"@carla {number}" for number in range(21, 1, -1)])
        self.assertEqual(room, ["@carla 0", "@carla 1"])

    def test_what_a_member_writes_is_not_said_to_themselves(self) -> None:
        self.carla.post(self.room, {"body": "@room hello"})
        seq = rows(self.carla.get(self.room))[-1].seq
        self.carla.post(f"{self.room}/messages/{seq}/unread")
        self.assertEqual(list(parts_of_new(self.carla).values()), [["@room hello"]])

    def test_nothing_is_shown_of_a_room_that_a_member_was_put_out_of(self) -> None:
        self.say("@carla a secret")
        self.assertIn("a secret", self.carla.get("/new").text)
        self.carla.post(f"{self.room}/leave")
        self.assertNotIn("a secret", self.carla.get("/new").text)

    def test_marked_as_unread_it_is_new_again_with_all_that_came_after(self) -> None:
        seq = self.say("one")
        self.say("two", "three")
        self.carla.post("/read")
        self.assertEqual(self.carla.post(f"{self.room}/messages/{seq}/unread").location, "/new")
        self.assertEqual(self.counts(self.carla), ("count", "3"))
        marked = rows(self.carla.get(self.room))
        self.assertIn(seq, [row.seq for row in marked])

    def test_only_who_is_in_the_room_marks_anything_there(self) -> None:
        seq = self.say("one")
        for path in (f"{self.room}/read", f"{self.room}/messages/{seq}/unread"):
            self.refused(404, NO_ROOM, self.ana.post, path)
        self.assertEqual(self.counts(self.carla), ("count", "1"))
