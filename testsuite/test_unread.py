"""What is new: counts, mentions and read positions, the same on all devices and processes, and never stuck."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from testsuite.clients import Answer, Chat, Client
from testsuite.tables import sql
from testsuite.talking import THUMB, Talking, do, say
from testsuite.waiting import wait_for


class Place:
    """A room as a client counts it, from the messages of the server alone (docs/protocol.rst)."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.posts, self.head = told["posts"], told["head"]
        self.read, self.read_posts = told["read"] or 0, told["read_posts"] or 0
        self.deleted, self.mentions = set(told["deleted"]), set(told["mentions"])

    def take(self, message: dict[str, Any]) -> None:
        """Follow an `activity`, `mention` or `read` message."""
        if message["type"] == "activity":
            self.posts, self.head = message["posts"], message["head"]
            self.deleted |= {seq for seq in message["deleted"] if seq > self.read}
            self.mentions -= set(message["deleted"])
        elif message["type"] == "mention" and message["seq"] > self.read:
            self.mentions.add(message["seq"])
        elif message["type"] == "read":
            self.read, self.read_posts = message["seq"], message["posts"]
            self.deleted = {seq for seq in self.deleted if seq > self.read}
            self.mentions = {seq for seq in self.mentions if seq > self.read}

    @property
    def unread(self) -> int:
        """How many posts are new."""
        return int(self.posts - self.read_posts - len(self.deleted))


def expect_counts(chat: Chat, unread: int, mentions: int, room: str = "lobby") -> None:
    """Wait until a client counts so many by all that it has heard since the last `rooms`."""
    while True:
        places = [number for number, one in enumerate(chat.heard) if one["type"] == "rooms"]
        told = {one["room"]: one for one in chat.heard[places[-1]]["rooms"]} if places else {}
        if room in told:
            place = Place(told[room])
            for message in chat.heard[places[-1] + 1 :]:
                if message.get("room") == room:
                    place.take(message)
            if (place.unread, len(place.mentions)) == (unread, mentions):
                return
        chat.receive()


def rooms_told(chat: Chat) -> set[str]:
    """Return the rooms that a client has, by the last list of them that it has heard."""
    told: list[dict[str, Any]] = [one["rooms"] for one in chat.heard if one["type"] == "rooms"][-1]
    return {room["room"] for room in told}


def shown(client: Client, room: str = "lobby") -> tuple[int, int]:
    """Return the numbers of unread messages and of mentions that the sidebar shows for a room."""
    page = client.get("/members").text
    item = re.search(rf'data-room="{room}">(.*?)</li>', page, re.DOTALL)
    assert item, room
    found = re.search(r'class="count( mentions)?">(\d+)', item[1])
    return (0, 0) if not found else (0, int(found[2])) if found[1] else (int(found[2]), 0)


class Unread(Talking):
    def setUp(self) -> None:
        super().setUp()
        for member in ("beto", "carla"):
            self.client(member).post("/rooms/lobby/read")

    def test_what_others_say_is_new_and_what_one_says_oneself_is_not(self) -> None:
        carla = self.client("carla")
        for number in range(3):
            say(self.beto, f"number {number}")
        wait_for(lambda: shown(carla) == (3, 0), "three are new")
        expect_counts(self.carla, 3, 0)
        say(self.carla, "mine")
        wait_for(lambda: shown(carla) == (0, 0), "nothing is new")
        expect_counts(self.carla, 0, 0)

    def test_the_position_is_one_for_all_devices_and_processes(self) -> None:
        phone, desk = self.chat("carla"), self.chat("carla", server=1)
        seqs = [say(self.beto, f"number {number}") for number in range(4)]
        expect_counts(phone, 4, 0)
        phone.send("read", room="lobby", seq=seqs[1])
        for chat in (phone, desk):
            chat.until("read", room="lobby", seq=seqs[1])
        for server in (0, 1):
            client = self.client("carla", server=server)
            wait_for(lambda client=client: shown(client) == (2, 0), "two are new")  # type: ignore[misc]
        desk.send("read", room="lobby", seq=seqs[0])  # never back
        phone.send("read", room="lobby", seq=10**9)
        desk.until("read", room="lobby", seq=seqs[-1])
        self.assertEqual(
            [one["seq"] for one in desk.heard if one["type"] == "read" and one["seq"] >= seqs[0]], [seqs[1], seqs[-1]]
        )

    def test_mark_as_unread_sets_it_back_everywhere(self) -> None:
        seqs = [say(self.beto, f"number {number}") for number in range(3)]
        self.client("carla").post("/rooms/lobby/read")
        desk = self.chat("carla", server=1)
        self.carla.send("unread", room="lobby", seq=seqs[1])
        for chat in (self.carla, desk):
            chat.until("read", room="lobby", seq=seqs[1] - 1)
        for server in (0, 1):
            client = self.client("carla", server=server)
            wait_for(lambda client=client: shown(client) == (2, 0), "two are new again")  # type: ignore[misc]
        self.client("carla").post(f"/rooms/lobby/messages/{seqs[0]}/unread")
        expect_counts(self.carla, 3, 0)
        expect_counts(self.chat("carla"), 3, 0)

    def test_deleting_what_is_new_lowers_the_count_and_what_was_read_does_not(self) -> None:
        read = say(self.beto, "read before")
        self.client("carla").post("/rooms/lobby/read")
        seqs = [say(self.beto, f"number {number}") for number in range(3)]
        wait_for(lambda: shown(self.client("carla")) == (3, 0), "three are new")
        for seq in (seqs[1], read):
            do(self.beto, "delete", seq)
        expect_counts(self.carla, 2, 0)
        wait_for(lambda: shown(self.client("carla")) == (2, 0), "two are new")
        wait_for(lambda: shown(self.client("carla", server=1)) == (2, 0), "two are new there, too")

    def test_who_is_named_is_told_and_sees_the_number_of_mentions(self) -> None:
        seq = say(self.beto, "ask @carla, or @room")
        told = self.carla.until("mention", room="lobby")
        self.assertEqual((told["seq"], told["author"], told["excerpt"]), (seq, "beto", "ask @carla, or @room"))
        self.assertEqual(self.ana.until("mention")["seq"], seq)  # everybody
        self.assertEqual([one for one in self.beto.heard if one["type"] == "mention"], [])
        client = self.client("carla")
        wait_for(lambda: shown(client) == (0, 1), "one mention")
        edited = do(self.beto, "edit", seq, body="ask @ana")["seq"]
        wait_for(lambda: shown(client) == (1, 0), "it names her no more")
        activity = self.carla.until("activity", head=edited)
        self.assertEqual(activity["edited"], {str(seq): ["ana"]})
        again = say(self.beto, "@carla @Carla @CARLA")
        wait_for(lambda: shown(client) == (0, 1), "a message counts once")
        do(self.beto, "delete", again)
        wait_for(lambda: shown(client) == (1, 0), "it is gone")

    def test_a_room_that_was_not_joined_is_followed_too(self) -> None:
        room = self.client("ana").post("/rooms", {"name": "Attic", "kind": "closed"}).location
        key = room.removeprefix("/rooms/")
        self.client("ana").post(f"{room}/members", {"username": "carla"})
        told = self.carla.until("rooms")
        while key not in {one["room"] for one in told["rooms"]}:
            told = self.carla.until("rooms")
        seq = say(self.ana, "up here, @carla", room=key)
        self.assertEqual(self.carla.until("mention", room=key)["seq"], seq)
        expect_counts(self.carla, 1, 1, key)
        there = self.client("carla", server=1)
        wait_for(lambda: shown(there, key) == (0, 1), "it is new there, once her position in the new room is known")
        carla = self.client("carla")
        wait_for(lambda: "up here, " in carla.get("/new").text, "it is on the page of what is new")
        carla.post(f"{room}/settings", {"own": "on", "notify": "none", "muted": "on"})
        say(self.ana, "muted", room=key)
        self.assertEqual(shown(carla, key), (0, 1))
        self.assertEqual(carla.post("/read").location, "/new")
        self.assertEqual(shown(carla, key), (0, 0))
        self.assertIn("Nothing is new.", carla.get("/new").text)

    def test_who_is_put_out_hears_and_sees_nothing_more_at_any_process(self) -> None:
        self.assert_out(self.put_out)

    def test_who_leaves_hears_and_sees_nothing_more_at_any_process(self) -> None:
        self.assert_out(lambda room: self.client("carla").post(f"{room}/leave"))

    def put_out(self, room: str) -> Answer:
        member_id = int(sql(self.folder, "SELECT id FROM user WHERE username = ?", "carla")[0][0])
        self.assertIn(f"/members/{member_id}/remove", self.client("ana").get(f"{room}/settings").text)
        return self.client("ana").post(f"{room}/members/{member_id}/remove")

    def assert_out(self, take_out: Callable[[str], Answer]) -> None:
        """Let carla be taken out of a room, in which she has written and is named; she is out at once everywhere.

        docs/security.rst 28.
        """
        ana = self.client("ana")
        room = ana.post("/rooms", {"name": "Cellar", "kind": "closed"}).location
        key = room.removeprefix("/rooms/")
        ana.post(f"{room}/members", {"username": "carla"})
        chats = [self.chat("carla", server=server, room=key) for server in (0, 1)]
        seq = say(chats[0], "hers", room=key)
        say(self.ana, "new to @carla", room=key)
        pages = [self.client("carla", server=server) for server in (0, 1)]
        for page in pages:
            wait_for(lambda page=page: shown(page, key) == (0, 1), "she is named")  # type: ignore[misc]
        self.assertEqual(take_out(room).status, 302)
        for page in pages:
            self.assert_no_pages(page, room, seq)
        for chat in chats:
            self.assertEqual(chat.until("error")["code"], "not_member")
            while key in rooms_told(chat):  # not any more, or the list is still to come
                chat.until("rooms")
        say(self.ana, "for nobody else, @carla", room=key)
        last = say(self.ana, "for everybody")
        for chat in chats:
            chat.until("activity", room="lobby", head=last)
            self.assertEqual([one for one in chat.heard if "nobody else" in str(one)], [])
            self.assert_no_room(chat, key, seq)
        self.assertNotIn("carla", ana.get(f"{room}/people?q=car").text)

    def assert_no_pages(self, client: Client, room: str, seq: int) -> None:
        """Expect that there is no such room, whatever is asked of it, and that no list or count has it."""
        message = f"{room}/messages/{seq}"
        asked = [client.get(path) for path in (room, f"{room}?at={seq}", f"{room}?before=99", f"{room}/settings")]
        asked += [client.get(path) for path in (message, f"{message}/history", f"{room}/people?q=a")]
        asked += [
            client.post(path, {"body": "x"}) for path in (room, f"{room}/read", f"{room}/join", f"{message}/edit")
        ]
        asked += [client.post(f"{message}/{deed}", {"emoji": THUMB}) for deed in ("delete", "react", "unread")]
        self.assertEqual([answer.status for answer in asked], [404] * len(asked))
        for path in ("/rooms", "/new", "/members"):
            self.assertNotIn(room.removeprefix("/rooms/"), client.get(path).text)

    def test_after_anything_at_all_the_numbers_are_those_of_a_recount(self) -> None:
        chance = random.Random(7)
        written = {"beto": [], "ana": []}  # type: dict[str, list[int]]
        chats = {"beto": self.beto, "ana": self.ana}
        desk = self.chat("carla", server=1)
        for _ in range(60):
            name = chance.choice(["beto", "ana"])
            chat, own = chats[name], written[name]
            deed = chance.choice(["say", "say", "mention", "edit", "delete", "react", "read", "unread"])
            if deed in ("say", "mention") or not own:
                own.append(say(chat, "hello @carla" if deed == "mention" else "hello"))
            elif deed == "edit":
                do(chat, "edit", chance.choice(own), body=chance.choice(["now @carla", "now nobody"]))
            elif deed == "delete":
                do(chat, "delete", own.pop(chance.randrange(len(own))))
            elif deed == "react":
                do(chat, "react", chance.choice(own), emoji=THUMB)
            else:
                self.carla.send(deed, room="lobby", seq=chance.choice(own))
        say(self.beto, "the last")
        for server in (0, 1):
            client = self.client("carla", server=server)
            wait_for(lambda client=client: self.matches(shown(client)), "the page counts as a recount does")  # type: ignore[misc]
        for chat in (self.carla, desk, self.chat("carla")):
            expect_counts(chat, *self.recount())

    def matches(self, shown: tuple[int, int]) -> bool:
        unread, mentions = self.recount()
        return shown == ((0, mentions) if mentions else (unread, 0))

    def recount(self) -> tuple[int, int]:
        """Return how many posts after carla's position are not deleted, and how many of them name her, one by one."""
        position = sql(
            self.folder,
            'SELECT read_seq FROM membership JOIN "user" ON id = user_id WHERE username = ? AND room_id = ?',
            "carla",
            "lobby",
        )[0][0]
        posts = [
            one
            for one in self.entries()
            if (one.room, one.kind) == ("lobby", "post") and one.body and one.seq > position
        ]
        return len(posts), sum("carla" in one.mentions for one in posts)
