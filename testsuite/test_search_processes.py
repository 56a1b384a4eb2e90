"""Search at three processes, on each engine: all find the same, at once, wherever it was written."""

from __future__ import annotations

import functools
import itertools
import re
import secrets
import signal
import time
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlencode

import psycopg

from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.mongodb import OnMongodb, opened
from testsuite.postgresql import OnPostgresql
from testsuite.room_case import RoomCase
from testsuite.roompage import make_room
from testsuite.servers import Server
from testsuite.tables import address, logs, sql
from testsuite.talking import do, say
from testsuite.unindexed import forget_rows, forget_words
from testsuite.waiting import together, wait_for

CLAIM_SECONDS = 4.0
FILL_TIMEOUT_SECONDS = 60.0  # for a claim to be over, and for a busy machine to fill what is left bit by bit
ONE_MORE = 30  # hundredths of a log: more than a process may still have asked its server to fill when it was killed


class Hit(NamedTuple):
    """A message that was found."""

    room: str
    seq: int
    body: str


def find(client: Client, typed: str) -> list[Hit]:
    """Return all that a client finds, newest first, from all pages."""
    api, hits, older = Api(client), list[Hit](), ""
    while True:
        page = api.get(f"search?{urlencode({'q': typed, 'limit': 50, **({'older': older} if older else {})})}")
        hits += [Hit(one["room"], one["message"]["seq"], one["message"]["body"]) for one in page["hits"]]
        older = page["older"]
        if not older:
            return hits


class Search(RoomCase):
    """docs/security.rst 28 and 30: what is in one's own rooms is found as it is, at once and by every process."""

    processes = 3

    def setUp(self) -> None:
        self.word = f"w{secrets.token_hex(6)}"  # which nobody has said before
        self.keepers = self.clients_everywhere("beto")
        self.seekers = self.clients_everywhere("carla")

    def say(self, chat: Chat, body: str, room: str = "lobby") -> Hit:
        """Post, and return what is to be found, as soon as the acknowledgement has come."""
        return Hit(room, say(chat, body, room=room), body)

    def assert_all_find(self, typed: str, *hits: Hit) -> None:
        """Expect that each process finds just these, newest first."""
        self.assertEqual([find(client, typed) for client in self.seekers], [[*hits]] * 3)

    def test_what_is_said_at_one_process_is_found_at_all_as_soon_as_it_is_acknowledged(self) -> None:
        chats, said = self.chats_everywhere("beto"), list[Hit]()
        for number in range(9):
            said.insert(0, self.say(chats[number % 3], f"{self.word} {number}"))
            self.assert_all_find(self.word, *said)

    def test_what_is_said_at_all_at_once_is_found_in_one_order_by_all(self) -> None:
        rooms = ["lobby", self.address(make_room(self.keepers[0], f"Attic {self.word}"))]
        self.seekers[0].post(f"/rooms/{rooms[1]}/join")
        chats = self.chats_everywhere("beto")

        def write(server: int) -> list[Hit]:
            """Say much at one process, and look for each of it at another one at once."""
            said, other = list[Hit](), self.seekers[(server + 1) % 3]
            for number in range(20):
                said.append(self.say(chats[server], f"{self.word} {server}x{number}", rooms[number % 2]))
                self.assertEqual(find(other, f'{self.word} "{server}x{number}"'), said[-1:])
            return said

        said = [*itertools.chain(*together(*(functools.partial(write, server) for server in range(3))))]
        found = find(self.seekers[0], self.word)
        self.assertEqual(sorted(found), sorted(said))
        for room in rooms:
            seqs = [hit.seq for hit in found if hit.room == room]
            self.assertEqual(seqs, sorted(seqs, reverse=True))
        self.assert_all_find(self.word, *found)

    def test_an_edit_or_a_deletion_at_one_process_is_seen_by_all_as_soon_as_it_is_acknowledged(self) -> None:
        chats = self.chats_everywhere("beto")
        for server in range(3):
            old, new = f"{self.word}old{server}", f"{self.word}new{server}"
            hit = self.say(chats[server], old)
            self.assert_all_find(self.word, hit)
            self.assertEqual(do(chats[(server + 1) % 3], "edit", hit.seq, body=new)["type"], "ack")
            self.assert_all_find(old)
            self.assert_all_find(new, Hit("lobby", hit.seq, new))
            self.assertEqual(do(chats[(server + 2) % 3], "delete", hit.seq)["type"], "ack")
            self.assert_all_find(self.word)

    def test_what_is_deleted_while_it_is_edited_elsewhere_is_found_by_nobody(self) -> None:
        chats = self.chats_everywhere("beto")
        for number in range(9):
            seq = self.say(chats[number % 3], f"{self.word} {number}").seq
            edit = functools.partial(do, chats[(number + 1) % 3], "edit", seq, body=f"{self.word} edited")
            _, deleted = together(edit, functools.partial(do, chats[(number + 2) % 3], "delete", seq))
            self.assertEqual(deleted["type"], "ack")
            self.assert_all_find(self.word)

    def test_who_leaves_a_room_at_one_process_finds_nothing_of_it_at_any(self) -> None:
        self.assert_taken_out(lambda room, server: self.seekers[server].post(f"{room}/leave"))

    def test_who_is_put_out_of_a_room_at_one_process_finds_nothing_of_it_at_any(self) -> None:
        remove = f"members/{self.id_of('carla')}/remove"
        self.assert_taken_out(lambda room, server: self.keepers[server].post(f"{room}/{remove}"))

    def assert_taken_out(self, take_out: Callable[[str, int], object]) -> None:
        """Let carla be taken out of a room at each process, and be let in again at another one."""
        room = make_room(self.keepers[0], f"Cellar {self.word}", "closed")
        address = self.address(room)
        hit = self.say(self.listen(self.keepers[0], room=address), self.word, address)
        for server in range(3):
            self.assertEqual(self.keepers[(server + 1) % 3].post(f"{room}/members", {"username": "carla"}).status, 302)
            self.assert_all_find(self.word, hit)
            self.assert_all_find(f"in:{address}", hit)
            take_out(room, server)
            self.assert_all_find(self.word)
            self.assert_all_find(f"in:{address}")
        self.assertEqual([find(keeper, self.word) for keeper in self.keepers], [[hit]] * 3)


class SearchOnPostgresql(OnPostgresql, Search):
    pass


class SearchOnMongodb(OnMongodb, Search):
    pass


class Claim(NamedTuple):
    """Which process fills the index, and until when no other one does so."""

    process: str
    until: float


class Filling(SiteTest):
    """Three processes whose index has nothing of their log. They look often, and fill it little by little."""

    processes = 3
    altered = (
        "models.search.filler:LOOK_SECONDS=0.1",
        "models.search.filler:SHARE=0.5",
        "models.logs.sql_search:FILLED_ENTRIES=1",
        f"models.logs.sql_search:CLAIM_SECONDS={CLAIM_SECONDS}",
        "models.logs.mongo_search:FILLED_ENTRIES=30",
        f"models.logs.mongo_search:CLAIM_SECONDS={CLAIM_SECONDS}",
    )

    def setUp(self) -> None:
        self.word = f"w{secrets.token_hex(6)}"
        self.seekers = self.clients_everywhere("ana")
        rooms = ["lobby", make_room(self.seekers[0], f"Attic {self.word}").removeprefix("/rooms/")]
        chat, self.said = self.listen(self.seekers[0]), list[Hit]()
        for number in range(120):
            body, room = f"{self.word} {number}", rooms[number % 2]
            self.said.insert(0, Hit(room, say(chat, body, room=room), body))
        self.names = [client.get("/healthz").json()["process"] for client in self.seekers]
        self.before = self.claims()
        self.forget_index()

    def forget_index(self) -> None:
        """Let the index have nothing."""
        forget_rows(functools.partial(sql, self.folder))

    def claims(self) -> list[Claim]:
        """Return the newest claim, if there ever was one."""
        found = sql(self.folder, "SELECT value FROM setting WHERE name = 'search_filler'")
        return [Claim(process, float(until)) for process, until in (value.split() for (value,) in found)]

    def new_claim(self) -> Claim:
        """Return the newest claim, once there is one since the index was forgotten."""
        return wait_for(lambda: [one for one in self.claims() if one not in self.before], "a process fills it")[0]

    def done(self, client: Client) -> int:
        """Return how many hundredths of the log the index has, as a page says."""
        left = re.search(r"made ready for search: (\d+) % are done", client.get("/search").text)
        return int(left[1]) if left else 100

    def assert_one_at_a_time(self, earlier: Claim, later: Claim) -> None:
        if later.process != earlier.process:
            self.assertGreater(later.until, earlier.until + CLAIM_SECONDS - 0.1, "the earlier one was over")

    def assert_all_find_everything(self) -> None:
        self.assertEqual([self.done(client) for client in self.seekers], [100] * 3)
        self.assertEqual([find(client, self.word) for client in self.seekers], [self.said] * 3)

    def test_one_at_a_time_fills_it_and_then_all_find_everything(self) -> None:
        claims = [self.new_claim()]

        def is_filled() -> bool:
            claims.append(self.new_claim())
            return self.done(self.seekers[0]) == 100

        wait_for(is_filled, "the index is filled")
        for earlier, later in itertools.pairwise(claims):
            self.assert_one_at_a_time(earlier, later)
        self.assert_all_find_everything()

    def test_what_a_process_that_is_killed_has_left_is_filled_by_the_others(self) -> None:
        first = self.new_claim().process
        number = self.names.index(first)
        other = self.seekers[number - 1]
        wait_for(lambda: self.done(other) > 0, "it has begun")
        self.servers[number].stop(signal.SIGKILL)
        done = self.done(other)
        self.assertLess(done, 100 - ONE_MORE)
        self.servers[number] = Server(self.folder, *self.options, altered=self.altered)

        def is_filled() -> bool:
            now = self.done(other)
            if self.new_claim().process == first:
                self.assertLess(now, done + ONE_MORE, "the others wait while its claim lasts")
            return now == 100

        wait_for(is_filled, "the others fill the rest", FILL_TIMEOUT_SECONDS)
        self.seekers[number] = self.elsewhere(other, number)
        self.assert_all_find_everything()


class FillingOnPostgresql(OnPostgresql, Filling):
    def test_a_claim_that_is_made_meanwhile_counts(self) -> None:
        self.new_claim()
        with psycopg.connect(address(self.folder)) as server:
            server.execute("UPDATE setting SET value = value WHERE name = 'search_filler'")
            self.forget_index()
            wait_for(lambda: sql(self.folder, "SELECT 1 FROM pg_locks WHERE NOT granted"), "a process waits for it")
            made = Claim("another", time.time() + CLAIM_SECONDS)
            value = f"{made.process} {made.until}"
            server.execute("UPDATE setting SET value = %s WHERE name = 'search_filler'", [value])
        wait_for(lambda: self.claims() != [made], "a process fills the index once that claim is over")
        self.assert_one_at_a_time(made, *self.claims())


class FillingOnMongodb(OnMongodb, Filling):
    def setUp(self) -> None:
        self.mongo = self.enterContext(opened(logs[self.folder]))
        super().setUp()

    def forget_index(self) -> None:
        forget_words(logs[self.folder])

    def claims(self) -> list[Claim]:
        return [Claim(one["process"], one["until"]) for one in self.mongo["settings"].find({"_id": "filler"})]
