"""What is new, at three processes, on each engine: all tell the same of it, wherever it was written or read."""

from __future__ import annotations

import functools
import itertools
import secrets
import signal

from testsuite.api import Api
from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.mongodb import OnMongodb
from testsuite.postgresql import OnPostgresql
from testsuite.roompage import make_room
from testsuite.servers import Server
from testsuite.talking import do, say
from testsuite.test_unread import expect_counts, shown
from testsuite.test_unread_pages import parts_of_new
from testsuite.waiting import together, wait_for


def heard_mentions(chat: Chat) -> list[int]:
    """Return which messages a client was told of because they name its member."""
    return [message["seq"] for message in chat.heard if message["type"] == "mention"]


class Activity(SiteTest):
    """Carla is connected at all three, and has joined nothing; she has seen the room in which beto writes."""

    processes = 3
    altered = ("controllers.realtime.activity:INTERVAL_SECONDS=0.1", "controllers.realtime.reads:WRITE_SECONDS=0.1")

    def setUp(self) -> None:
        self.beto, self.carla = self.clients_everywhere("beto"), self.clients_everywhere("carla")
        self.room = self.make_room("Attic")
        self.writers = [self.listen(client, join=False) for client in self.beto]
        self.readers = self.connect()
        for reader in self.readers:
            expect_counts(reader, 0, 0, self.room)

    def make_room(self, name: str) -> str:
        """Let beto make a closed room, and carla see it."""
        path = make_room(self.beto[0], f"{name} {secrets.token_hex(6)}", "closed")
        self.beto[0].post(f"{path}/members", {"username": "carla"})
        self.carla[0].post(f"{path}/read")
        return path.removeprefix("/rooms/")

    def connect(self) -> list[Chat]:
        """Return new connections of carla's, at each process."""
        return [self.listen(client, join=False) for client in self.carla]

    def assert_all_count(self, unread: int, mentions: int = 0) -> None:
        """Wait until so much is new for carla at each process: by connections, old and new, by pages and by the API."""
        for chat in (*self.readers, *self.connect()):
            expect_counts(chat, unread, mentions, self.room)
        for client in self.carla:
            wait_for(functools.partial(self.counts, client, unread, mentions), f"{unread} and {mentions} are new")

    def counts(self, client: Client, unread: int, mentions: int) -> bool:
        """Return whether pages and the API say so."""
        told = Api(client).get(f"rooms/{self.room}")
        is_shown = shown(client, self.room) == ((0, mentions) if mentions else (unread, 0))
        return is_shown and (told["unread"], told["mentions"]) == (unread, mentions)

    def test_what_is_said_at_one_process_is_told_at_all_to_members_who_have_not_joined_and_to_nobody_else(self) -> None:
        watched = self.make_room("Watched")
        for reader in self.readers:
            expect_counts(reader, 0, 0, watched)  # now it is among their rooms
        for client in self.beto:
            self.listen(client, room=watched)
        strangers = self.chats_everywhere("ana", join=False)
        for server, room in itertools.product(range(3), (self.room, watched)):
            seq = say(self.writers[server], "news", room=room)
            for reader in self.readers:
                told = reader.until("activity", room=room, head=seq)
                self.assertEqual((told["posts"], told["deleted"], told["edited"]), (server + 1, [], {}))
        last = say(self.writers[0], "for all")
        for chat in (*self.readers, *strangers):
            chat.until("activity", room="lobby", head=last)
        for stranger in strangers:
            self.assertNotIn(self.room, str(stranger.heard))
            self.assertNotIn(watched, str(stranger.heard))
        for reader in self.readers:
            self.assertNotIn("entry", [message["type"] for message in reader.heard])

    def test_what_is_read_at_one_process_is_read_at_all(self) -> None:
        self.beto[0].post(f"/rooms/{self.room}/members", {"username": "ana"})
        others = self.chats_everywhere("ana", join=False)
        seqs = [say(self.writers[0], f"number {number}", room=self.room) for number in range(5)]
        self.assert_all_count(5)
        for server in range(3):
            self.readers[server].send("read", room=self.room, seq=seqs[server])
            for reader in self.readers:
                reader.until("read", room=self.room, seq=seqs[server])
            self.assert_all_count(4 - server)
        self.readers[0].send("unread", room=self.room, seq=seqs[1])
        self.assert_all_count(4)
        self.carla[1].post(f"/rooms/{self.room}/read")
        for reader in self.readers:
            reader.until("read", room=self.room, seq=seqs[-1])
        self.assert_all_count(0)
        last = say(self.writers[2], "one more", room=self.room)
        for other in others:
            other.until("activity", room=self.room, head=last)
            self.assertNotIn("read", [message["type"] for message in other.heard], "that is carla's")

    def test_who_connects_while_much_is_said_at_all_processes_counts_right(self) -> None:
        def write(server: int) -> list[Chat]:
            """Say much at one process; connect carla at another one every now and then."""
            meanwhile = []
            for number in range(24):
                say(self.writers[server], f"{server} {number}", room=self.room)
                if number % 6 == 0:
                    meanwhile.append(self.listen(self.carla[(server + 1) % 3], join=False))
            return meanwhile

        self.readers += itertools.chain(*together(*(functools.partial(write, server) for server in range(3))))
        self.assert_all_count(72)

    def test_mentions_and_answers_are_counted_the_same_by_all(self) -> None:
        question = say(self.readers[0], "a question", room=self.room)
        said = {}
        for server, words in itertools.product(range(3), ("@carla look", "an answer", "@room", "no more")):
            answered = {"target": question} if words == "an answer" else {}
            said[f"{words} {server}"] = say(self.writers[server], f"{words} {server}", room=self.room, **answered)
        named = [f"{words} {server}" for server in (2, 1, 0) for words in ("@room", "@carla look")]
        self.assert_all_count(12, 6)
        self.assert_told(named, [f"an answer {server}" for server in (2, 1, 0)])
        for reader in self.readers:
            while heard_mentions(reader) != [said[body] for body in reversed(named)]:
                reader.receive()
        edited, deleted = said["@carla look 0"], said["an answer 2"]
        do(self.writers[1], "edit", edited, room=self.room, body="look")
        do(self.writers[0], "delete", deleted, room=self.room)
        self.readers = []
        self.assert_all_count(11, 5)
        self.assert_told(named[:-1], ["an answer 1", "an answer 0"])

    def assert_told(self, named: list[str], answers: list[str]) -> None:
        """Expect that the page of what is new begins with these messages, at each process."""
        for client in self.carla:
            parts = parts_of_new(client)
            self.assertEqual((parts["You were named"][1::2], parts["Replies to you"][1::2]), (named, answers))

    def test_what_is_deleted_at_one_process_is_new_at_none(self) -> None:
        bodies = ("one", "@carla two", "three", "four", "@room five")
        seqs = [say(self.writers[number % 3], body, room=self.room) for number, body in enumerate(bodies)]
        self.assert_all_count(5, 2)
        for server, left in enumerate(((4, 2), (3, 1), (2, 1))):
            do(self.writers[server], "delete", seqs[server], room=self.room)
            self.assert_all_count(*left)
        deletions = (functools.partial(do, writer, "delete", seqs[4], room=self.room) for writer in self.writers)
        answers = sorted(answer["type"] for answer in together(*deletions))
        self.assertEqual(answers, ["ack", "error", "error"])
        self.assert_all_count(1)

    def test_what_a_process_has_acknowledged_is_told_by_the_others_though_it_is_killed(self) -> None:
        say(self.writers[2], "the last words", room=self.room)
        self.servers[2].stop(signal.SIGKILL)
        self.servers[2] = Server(self.folder, *self.options, altered=self.altered)
        self.readers.pop()
        self.carla[2] = self.elsewhere(self.carla[0], 2)
        self.assert_all_count(1)


class ActivityOnPostgresql(OnPostgresql, Activity):
    pass


class ActivityOnMongodb(OnMongodb, Activity):
    pass
