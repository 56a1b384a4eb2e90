"""What the site does while a database server is away: the same for each kind of server."""

from __future__ import annotations

import signal
import tempfile
from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor

from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.servers import Server
from testsuite.tables import elsewhere, logs
from testsuite.waiting import wait_for


class Outage(SiteTest):
    """A server is killed, and later stopped, under two processes that share no file, and is started again each time."""

    signals: tuple[signal.Signals, ...]  # by which it is stopped
    unavailable_pages: tuple[str, ...]  # without it

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        other = cls.enterClassContext(tempfile.TemporaryDirectory())
        for addresses in (elsewhere, logs):
            if cls.folder in addresses:
                addresses[other] = addresses[cls.folder]
                cls.addClassCleanup(addresses.pop, other)
        cls.servers.append(Server(other, *cls.options))
        cls.addClassCleanup(cls.servers[1].stop)
        cls.servers[1].wait()

    @abstractmethod
    def stop_server(self, how: signal.Signals) -> None:
        """Stop the server by a signal."""

    @abstractmethod
    def start_server(self) -> None:
        """Start it again."""

    def test_pages_say_so_and_the_chat_goes_on_by_itself_without_a_hole(self) -> None:
        ana, beto = self.chat("ana"), self.chat("beto", server=1)
        page = self.client("carla", server=1)
        page.get("/rooms/lobby")
        beto.until("entry", nonce=ana.post("before"))
        for how in self.signals:
            self.stop_server(how)
            refused = ana.post(f"meanwhile {how.name}")
            self.assertEqual(ana.until("error", nonce=refused)["code"], "unavailable")
            self.check_pages(page)
            self.start_server()
            self.post_until_stored(ana, f"meanwhile {how.name}", refused)
            beto.until("entry", nonce=refused)
            wait_for(lambda: page.get("/healthz").status == 200, "it is well again")
            ana.until("entry", nonce=beto.post(f"after {how.name}"))
            self.assertIn(f"after {how.name}", page.get("/rooms/lobby").text)
            self.assertEqual(page.post("/rooms/lobby", {"body": "by form"}).status, 302)
        last = ana.post("the end")
        for chat in (ana, beto):
            chat.until("entry", nonce=last)
            heard = [message["seq"] for message in chat.heard if message["type"] == "entry"]
            self.assertEqual(heard, list(range(1, 9)))

    def check_pages(self, page: Client) -> None:
        """Check that pages are answered with 503 and a page of the site that says so."""
        form = {"body": "by form", "nonce": "n"}
        with ThreadPoolExecutor() as threads:  # each may have to wait for the server
            health = threads.submit(page.get, "/healthz")
            asked = [threads.submit(page.get, path) for path in self.unavailable_pages]
            asked.append(threads.submit(page.post, "/rooms/lobby", form))
        self.assertEqual(health.result().status, 503)
        for answer in (one.result() for one in asked):
            self.assertEqual(answer.status, 503)
            self.assertIn("/site.css", answer.text)
            self.assertIn("can’t store anything right now", answer.text)

    def post_until_stored(self, chat: Chat, body: str, nonce: str) -> None:
        """Send a message until it is acknowledged, as the page does."""

        def acknowledged() -> bool:
            chat.post(body, nonce=nonce)
            while (message := chat.receive()).get("nonce") != nonce or message["type"] == "entry":
                pass
            return bool(message["type"] == "ack")

        wait_for(acknowledged, "the message is stored")
