"""Four processes on one database, behind the real Nginx with the site's own configuration."""

from __future__ import annotations

import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.jar import Jar
from testsuite.nginx import Nginx
from testsuite.polling import ALL_TRANSPORTS, HTTP_TRANSPORTS, Jsonp, SockJS, Xhr, XhrStreaming, close_code
from testsuite.servers import Server
from testsuite.survivor import Survivor
from testsuite.tables import locked, sql
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

RECONNECT_SECONDS = 2.0  # in which clients are back on another process


class BehindNginxTest(SiteTest):
    """A test with clients that come through Nginx, and reconnect when processes end."""

    needs = ("nginx",)
    options = ("--messages_per_second=0", "--xheaders")
    nginx: Nginx

    def through_nginx(self, member: str) -> Client:
        """Return a client of `member` that comes through Nginx."""
        return Client(self.nginx.url).sign_in(member)

    def survivors(self, head: int) -> list[Survivor]:
        """Start clients of several transports with the cursor `head`; most of them post."""
        members = [self.through_nginx(member) for member in self.members]
        survivors = [Survivor(client, Chat, head, writes=True) for client in members * 3]
        survivors += [Survivor(client, Xhr, head, writes=True) for client in members]
        survivors += [Survivor(client, XhrStreaming, head) for client in members]
        for survivor in survivors:
            survivor.start()
        return survivors

    def progress(self, survivors: list[Survivor]) -> None:
        """Wait until each writer has further acknowledgements, and each client further entries."""
        goals = {survivor: (len(survivor.acknowledged) + 3, survivor.cursor + 20) for survivor in survivors}

        def late() -> list[str]:
            return [str(one) for one, goal in goals.items() if not one.has_reached(*goal)]

        try:
            wait_for(lambda: not late(), "everybody goes on")
        except AssertionError as error:
            raise AssertionError(f"stuck: {late()}") from error

    def settled(self, survivors: list[Survivor]) -> int:
        """Let them write nothing more; return a head that all have read up to.

        Whoever had a message under way has seen it acknowledged.
        """
        for survivor in survivors:
            survivor.writes = False
        last = int(sql(self.folder, "SELECT head FROM room WHERE slug = 'lobby'")[0][0])
        for survivor in survivors:
            survivor.last = last
        self.chat("ana").post("wakes those who have everything")
        for survivor in survivors:
            survivor.join(TIMEOUT_SECONDS)
            self.assertFalse(survivor.is_alive(), f"{survivor.cursor} of {last}")
        return last

    def check(self, survivors: list[Survivor], first: int, last: int) -> None:
        """Fail unless each client heard every entry once, in order, and was never away for long."""
        acknowledged = {nonce: seq for survivor in survivors for nonce, seq in survivor.acknowledged.items()}
        stored = {nonce: seq for nonce, seq in acknowledged.items() if seq <= last}
        for survivor in survivors:
            seqs = [entry["seq"] for entry in survivor.entries if entry["seq"] <= last]
            self.assertEqual(seqs, list(range(first + 1, last + 1)))
            heard = {entry["nonce"]: entry["seq"] for entry in survivor.entries if entry["seq"] <= last}
            self.assertEqual(heard, stored)
            self.assertLess(max(survivor.outages, default=0.0), RECONNECT_SECONDS)
        self.assertGreater(sum(len(survivor.outages) for survivor in survivors), 4)


class FourTest(BehindNginxTest):
    """A test with four processes and Nginx before them."""

    processes = 4

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.nginx = Nginx(cls.folder, [server.port for server in cls.servers])
        cls.addClassCleanup(cls.nginx.stop)


class Balanced(FourTest):
    """All is well."""

    def test_members_at_two_processes_see_each_other(self) -> None:
        ana, beto = self.chat("ana", server=0), self.chat("beto", server=3)
        for reader in (ana, beto):
            reader.until("presence", online=["ana", "beto"], count=2)
        there, back = ana.post("from the first"), beto.post("from the last")
        self.assertEqual(beto.until("entry", nonce=there)["author"], "ana")
        self.assertEqual(ana.until("entry", nonce=back)["author"], "beto")

    def test_a_session_that_one_process_began_is_good_at_all_of_them(self) -> None:
        ana = self.through_nginx("ana")
        for server in self.servers:
            there = Client(server.url)
            there.cookies = Jar(ana.cookies)
            self.assertEqual(there.get("/rooms/lobby").status, 200)
        self.assertEqual(ana.post("/logout").status, 302)
        for server in self.servers:
            there = Client(server.url)
            there.cookies = Jar(ana.cookies)
            self.assertEqual(there.get("/rooms/lobby").status, 302)

    def test_websockets_through_nginx_are_spread_over_the_processes(self) -> None:
        client = self.through_nginx("ana")
        chats = [client.chat() for _ in range(24)]
        for chat in chats:
            self.addCleanup(chat.close)
        processes = Counter(chat.heard[0]["process"] for chat in chats)
        self.assertGreaterEqual(len(processes), 3)
        nonce = chats[0].post("to everybody")
        self.assertEqual(len({chat.until("entry", nonce=nonce)["seq"] for chat in chats}), 1)

    def test_every_session_of_a_polling_transport_stays_at_one_process(self) -> None:
        client, processes = self.through_nginx("beto"), set()
        for kind in HTTP_TRANSPORTS:
            for _ in range(4):
                with self.subTest(transport=kind.__name__):
                    chat = kind(client).join()
                    self.addCleanup(chat.close)
                    for number in range(5):
                        nonce = chat.post(f"one of many requests {number}")
                        self.assertEqual(chat.until("entry", nonce=nonce)["author"], "beto")
                    processes |= {message["process"] for message in chat.heard if message["type"] == "hello"}
        self.assertGreaterEqual(len(processes), 3)

    def test_every_transport_works_through_nginx(self) -> None:
        ana, beto = self.through_nginx("ana"), self.chat("beto", server=2)
        for kind in ALL_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                chat = kind(ana).join()
                self.addCleanup(chat.close)
                beto.until("entry", nonce=chat.post("through the door"))
                chat.until("entry", nonce=beto.post("and back"))

    def test_pages_and_forms_work_through_nginx(self) -> None:
        carla, ana = self.through_nginx("carla"), self.chat("ana", server=1)
        self.assertEqual(carla.post("/rooms/lobby", {"body": "by form", "nonce": "nginx-form"}).status, 302)
        ana.until("entry", nonce="nginx-form")
        self.assertIn("by form", carla.get("/rooms/lobby").text)


class Failing(FourTest):
    """docs/security.rst 22: processes that end, behind Nginx.

    No acknowledged message is lost, and clients are back at once.
    """

    needs = ("quiet",)

    def test_a_process_that_stops_sends_its_clients_elsewhere(self) -> None:
        """docs/sockjs.rst 25: a process that stops ends every session with 1012."""
        server = self.replacement()
        client = Client(server.url).sign_in("ana")
        chats: list[Chat] = [client.chat(), *[kind(client).join() for kind in ALL_TRANSPORTS]]
        with ThreadPoolExecutor(len(chats)) as threads:
            endings = [threads.submit(close_code, chat) for chat in chats]
            polls = [chat for chat in chats if isinstance(chat, Xhr | Jsonp)]
            wait_for(lambda: all(map(has_only_to_wait, polls)), "the polls wait")
            client.get("/healthz")
            self.assertEqual(server.stop(), 0)
            self.assertEqual({ending.result(TIMEOUT_SECONDS) for ending in endings}, {1012})
        for chat in chats:
            chat.close()

    def replacement(self) -> Server:
        """Return one more process."""
        server = Server(self.folder, *self.options)
        self.addCleanup(server.stop)
        return server.wait()

    def test_nothing_is_lost_or_doubled_when_processes_stop_and_die(self) -> None:
        head = self.chat("ana").head
        survivors = self.survivors(head)
        for number, how in ((1, signal.SIGTERM), (2, signal.SIGKILL), (1, signal.SIGKILL), (3, signal.SIGTERM)):
            self.progress(survivors)
            self.restart(number, how)
        self.progress(survivors)
        self.check(survivors, head, self.settled(survivors))

    def restart(self, number: int, how: signal.Signals) -> None:
        """End a process, and start another on its port."""
        old = self.servers[number]
        port = old.port
        old.stop(how)
        self.servers[number] = Server(self.folder, *self.options, port=port).wait()


def has_only_to_wait(poll: SockJS) -> bool:
    """Tell whether a poll waits for its answer, and all that follows a join has come: another would find no process."""
    heard = {message["type"] for message in poll.heard}
    return poll.answer is None and poll.stream is not None and heard >= {"rooms", "joined", "presence"}


class Obedient(SiteTest):
    """The clients of these tests do what docs/protocol.rst demands of one."""

    altered = (
        "models.engines.sqlite:BUSY_TIMEOUT_SECONDS=1",
        "controllers.realtime.channel:MAX_REPLAY_ENTRIES=15",
        "controllers.realtime.entry_cache:MAX_TEXTS=5",
        "controllers.messages:PAGE_MESSAGES=10",
    )

    def test_they_lose_nothing_that_is_refused_for_now_or_too_much_to_be_sent(self) -> None:
        writer, late = Survivor(self.client("ana"), Chat, 0, writes=True), Survivor(self.client("beto"), Xhr, 0)
        writer.last = 18  # more than are replayed
        with locked(self.folder):
            writer.start()
            wait_for(lambda: writer.refusals, "it is told that nothing can be stored just now")
        writer.join(TIMEOUT_SECONDS)
        late.last = max(writer.acknowledged.values())
        late.start()
        late.join(TIMEOUT_SECONDS)
        self.assertEqual(late.gaps, 1)
        self.assertEqual([entry["seq"] for entry in late.entries], list(range(1, late.last + 1)))
        self.assertEqual({entry["nonce"]: entry["seq"] for entry in late.entries}, writer.acknowledged)
        self.assertEqual(writer.entries, late.entries[: len(writer.entries)])
