"""A connection is a cursor: whatever happens to it, its reader gets every entry once and in order."""

from __future__ import annotations

import contextlib
import itertools
import random
import socket
import threading
from urllib.parse import urlsplit

from websockets.sync.client import connect

from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.memory import resident
from testsuite.standstill import standing_still
from testsuite.tables import locked, sql
from testsuite.waiting import TIMEOUT_SECONDS

MAX_REPLAYED_ENTRIES = 500  # beyond that there is a gap
LONG_BODY = "long " * 1600  # 8,000 characters, which are 16 KB of an entry


class Replay(SiteTest):
    """Readers that reconnect with their cursor."""

    processes = 2

    def test_what_was_missed_comes_from_the_process_that_has_it_at_hand(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto")
        cursor = beto.head
        beto.close()
        post_all(ana, 40)
        again = self.chat("beto", after=cursor)
        self.assertEqual(seqs(again, 40), list(range(cursor + 1, cursor + 41)))

    def test_what_was_missed_comes_from_the_log_where_it_is_not_at_hand(self) -> None:
        ana = self.chat("ana")
        head = post_all(ana, 40)
        fresh = self.chat("beto", server=1, after=head - 40)
        self.assertEqual(seqs(fresh, 40), list(range(head - 39, head + 1)))

    def test_what_is_said_during_a_replay_comes_after_it(self) -> None:
        ana = self.chat("ana")
        head = post_all(ana, 300)
        for server in (0, 1):
            with self.subTest(server=server):
                late = self.chat("beto", server=server, after=head - 200)
                post_all(ana, 20)
                self.assertEqual(seqs(late, 220), list(range(head - 199, head + 21)))
                head += 20

    def test_a_reader_of_the_other_process_hears_everything_at_once(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto", server=1)
        for _ in range(20):
            nonce = ana.post("to the other side")
            self.assertEqual(beto.until("entry")["nonce"], nonce)

    def test_a_join_at_an_idle_process_begins_at_the_newest_head(self) -> None:
        ana = self.chat("ana")
        head = post_all(ana, 1)
        beto = self.chat("beto", server=1)
        self.assertEqual(beto.head, head)
        nonce = ana.post("from here on")
        self.assertEqual(beto.until("entry")["nonce"], nonce)

    def test_writers_at_both_processes_make_one_order(self) -> None:
        authors = [self.chat("ana"), self.chat("beto", server=1)]
        for author in authors:
            for number in range(100):
                author.post(f"{number}")
        orders = [[(entry["seq"], entry["nonce"]) for entry in author.entries(200)] for author in authors]
        self.assertEqual(orders[0], orders[1])
        first = orders[0][0][0]
        self.assertEqual([seq for seq, _ in orders[0]], list(range(first, first + 200)))

    def test_an_entry_posted_by_form_reaches_the_live_readers_of_every_process(self) -> None:
        readers = [self.chat("ana"), self.chat("beto", server=1)]
        answer = self.client("carla").post("/rooms/lobby", {"body": "by *form*", "nonce": "form-1"})
        self.assertEqual(answer.status, 302)
        entries = [reader.until("entry", nonce="form-1") for reader in readers]
        self.assertEqual(entries[0], entries[1])
        self.assertEqual((entries[0]["author"], entries[0]["body"]), ("carla", "by *form*"))

    def test_a_form_that_is_sent_twice_posts_once(self) -> None:
        ana, carla = self.chat("ana"), self.client("carla")
        for _ in range(2):
            self.assertEqual(carla.post("/rooms/lobby", {"body": "twice", "nonce": "form-2"}).status, 302)
        carla.post("/rooms/lobby", {"body": "next", "nonce": "form-3"})
        self.assertEqual([entry["nonce"] for entry in ana.entries(2)], ["form-2", "form-3"])

    def test_a_cursor_beyond_the_head_is_taken_for_the_head(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto", after=10**9)
        nonce = ana.post("from here on")
        self.assertEqual(beto.until("entry")["nonce"], nonce)

    def test_a_reader_who_changes_processes_all_the_time_has_no_hole_and_no_double(self) -> None:
        clients = [self.client("beto", server) for server in (0, 1)]
        writers = [self.chat("ana"), self.chat("carla", server=1)]
        first = writers[0].head
        threads = [threading.Thread(target=post_all, args=(writer, 200)) for writer in writers]
        for thread in threads:
            thread.start()
        got = wander(clients, first, first + 400)
        for thread in threads:
            thread.join()
        self.assertEqual(got, list(range(first + 1, first + 401)))


class Gap(SiteTest):
    """Readers that have missed more entries than are replayed."""

    processes = 2

    def test_more_than_is_replayed_is_a_gap(self) -> None:
        ana = self.chat("ana")
        head = post_all(ana, MAX_REPLAYED_ENTRIES + 1)
        for server in (0, 1):
            with self.subTest(server=server):
                whole = self.chat("beto", server=server, after=head - MAX_REPLAYED_ENTRIES)
                self.assertEqual(
                    seqs(whole, MAX_REPLAYED_ENTRIES), list(range(head - MAX_REPLAYED_ENTRIES + 1, head + 1))
                )
                late = self.chat("carla", server=server, after=head - MAX_REPLAYED_ENTRIES - 1)
                gap = late.until("gap")
                self.assertEqual((gap["room"], gap["from"], gap["to"]), ("lobby", head - MAX_REPLAYED_ENTRIES, head))
                head = post_all(ana, 1)
                self.assertEqual(late.until("entry")["seq"], head)
                self.assertEqual([message["seq"] for message in late.heard if message["type"] == "entry"], [head])


class SlowReaders(SiteTest):
    """docs/sockjs.rst 16: nothing is queued for slow readers, and nothing is lost."""

    processes = 2
    options = ("--messages_per_second=0",)
    sleepers = 8  # at each process
    entries = 400  # of 16 KB: what the sleepers of one process miss would be 51 MB

    def test_slow_readers_cost_no_memory_and_get_everything_once_they_read(self) -> None:
        clients = [self.client("beto", server) for server in (0, 1)]
        sleepers = [Sleeper(client) for client in clients for _ in range(self.sleepers)]
        for sleeper in sleepers:
            self.addCleanup(sleeper.close)
        ana, carla = self.chat("ana"), self.chat("carla", server=1)
        before = [resident(server.process.pid) for server in self.servers]
        expected = list(range(ana.head + 1, ana.head + self.entries + 1))
        post_all(ana, self.entries, LONG_BODY)
        self.assertEqual(seqs(carla, self.entries), expected)
        for server, size in zip(self.servers, before, strict=True):
            self.assertLess(resident(server.process.pid) - size, 30 * 1024, "KiB")
        for sleeper in sleepers:
            self.assertEqual(seqs(sleeper, self.entries), expected)

    def test_a_room_that_grows_by_much_at_once_closes_nobodys_connection(self) -> None:
        sleeper = Sleeper(self.client("beto", 1))
        self.addCleanup(sleeper.close)
        ana = self.chat("ana")
        with contextlib.ExitStack() as stack:
            with locked(self.folder):  # so that it does not stand still with the lock in its hands
                stack.enter_context(standing_still(self.servers[1].process.pid))
            head = post_all(ana, self.entries, LONG_BODY)
        self.assertEqual(seqs(sleeper, self.entries), list(range(head - self.entries + 1, head + 1)))

    def test_a_slow_reader_does_not_hold_up_the_others(self) -> None:
        sleeper = Sleeper(self.client("beto"))
        self.addCleanup(sleeper.close)
        ana = self.chat("ana")
        post_all(ana, 300, LONG_BODY)
        for _ in range(10):
            nonce = ana.post("quick")
            self.assertEqual(ana.until("entry", nonce=nonce)["body"], "quick")

    def test_a_reader_that_slept_for_too_long_is_told_of_the_gap(self) -> None:
        sleeper = Sleeper(self.client("beto"))
        self.addCleanup(sleeper.close)
        ana = self.chat("ana")
        head = post_all(ana, 2 * MAX_REPLAYED_ENTRIES, LONG_BODY)
        got = 0
        while (message := sleeper.receive())["type"] != "gap":
            got = message.get("seq", got) if message["type"] == "entry" else got
        self.assertEqual(message["from"], got + 1)
        self.assertLessEqual(message["to"], head)
        self.assertEqual(seqs(sleeper, head - message["to"]), list(range(message["to"] + 1, head + 1)))


class Purged(SiteTest):
    """The newest entries were removed: the room keeps its head, and goes on."""

    processes = 2

    def test_a_process_that_opens_the_room_later_goes_on_behind_what_is_gone(self) -> None:
        head = post_all(self.chat("ana"), 20, "short")
        sql(self.folder, "DELETE FROM entry WHERE seq > ?", head - 2)
        reader, late = self.chat("beto", server=1, after=head), self.chat("beto", server=1, after=head - 5)
        lost = self.chat("beto", server=1, after=head - 2)
        self.assertEqual(reader.head, head)
        self.assertEqual(seqs(late, 3), [head - 4, head - 3, head - 2])
        writer = self.chat("carla", server=1)
        nonce = writer.post("goes on")
        self.assertEqual(writer.until("ack", nonce=nonce)["seq"], head + 1)
        for chat in (reader, late, lost):
            self.assertEqual(seqs(chat, 1), [head + 1])
        self.assertIn("goes on", self.client("beto", server=1).get("/rooms/lobby").text)


class Sleeper(Chat):
    """A member of the lobby with a small receive buffer; reads only when told to."""

    def __init__(self, client: Client) -> None:
        parts = urlsplit(client.url)
        self.heard = []
        self._open = contextlib.ExitStack()
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        narrow.connect((parts.hostname, parts.port))
        self.socket = self._open.enter_context(
            connect(
                f"ws://{parts.netloc}/chat/websocket",
                sock=narrow,
                additional_headers={"Cookie": f"session={client.cookies['session']}"},
                open_timeout=TIMEOUT_SECONDS,
                compression=None,
                max_queue=1,
                ping_interval=None,
                close_timeout=0.1,
            )
        )
        self.send("join", room="lobby")
        self.head = self.until("joined")["head"]


def post_all(chat: Chat, count: int, body: str = "one of many") -> int:
    """Post many messages, a few at once; return the last seq."""
    for _ in range(count // 20):
        for _ in range(20):
            chat.post(body)
        last = [chat.until("ack")["seq"] for _ in range(20)][-1]
    for _ in range(count % 20):
        last = chat.until("ack", nonce=chat.post(body))["seq"]
    return int(last)


def seqs(chat: Chat, count: int) -> list[int]:
    """Return the seqs of the next entries."""
    return [entry["seq"] for entry in chat.entries(count)]


def wander(clients: list[Client], cursor: int, last: int) -> list[int]:
    """Read from `cursor` to `last`, hanging up again and again; return the seqs that came."""
    chance, got = random.Random(1), list[int]()
    for client in itertools.cycle(clients):
        if got and got[-1] >= last:
            break
        chat = client.chat(after=got[-1] if got else cursor)
        wanted = min(chance.randrange(1, 40), last - (got[-1] if got else cursor))
        got.extend(seqs(chat, wanted))
        chat.close()
    return got
