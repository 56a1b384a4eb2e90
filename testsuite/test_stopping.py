"""SIGTERM: nothing that was begun is lost, the chat's clients are sent elsewhere one after the other, and it ends."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from testsuite.cases import FolderTest, add_members
from testsuite.clients import Chat, Client
from testsuite.mongodb import mongo_server
from testsuite.polling import Xhr, begin
from testsuite.tables import locked, sql
from testsuite.upstream import Upstream
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

END_SECONDS = 10.0  # within which a process ends
SPREAD_SECONDS = 1.0  # over which its clients are sent elsewhere
CLIENT_COUNT = 60
POST_COUNT = 1000


class Stopping(FolderTest):
    """docs/security.rst 22: SIGTERM drains within 10 s."""

    is_long = True

    def setUp(self) -> None:
        super().setUp()
        add_members(self.folder, ("ana",))
        options = ("--messages_per_second=0", "--connections_per_member=0")
        self.server = self.start(*options, altered=["models.logs.together:MAX_WISHES=1"]).wait()
        self.ana = Client(self.server.url).sign_in("ana")

    def chat(self) -> Chat:
        """Return a chat client, closed at the end of the test."""
        chat = self.ana.chat()
        self.addCleanup(chat.close)
        return chat

    def stop(self) -> None:
        """Stop the process in peace; fail if it takes too long."""
        began = time.monotonic()
        self.assertEqual(self.server.stop(), 0)
        self.assertLess(time.monotonic() - began, END_SECONDS)

    def test_clients_are_sent_elsewhere_spread_over_a_second(self) -> None:
        chats = [self.chat() for _ in range(CLIENT_COUNT)]
        with ThreadPoolExecutor(CLIENT_COUNT) as threads:
            endings = [threads.submit(ending, chat) for chat in chats]
            self.stop()
            codes, times = zip(*(ended.result() for ended in endings), strict=True)
        self.assertEqual(set(codes), {1012})
        self.assertGreater(max(times) - min(times), SPREAD_SECONDS / 2)

    def test_one_client_does_not_keep_the_process(self) -> None:
        chat = self.chat()
        with ThreadPoolExecutor() as threads:
            ended = threads.submit(ending, chat)
            self.stop()
            self.assertEqual(ended.result()[0], 1012)

    def test_what_was_begun_is_finished(self) -> None:
        chat = self.chat()
        with locked(self.folder):
            nonces = [chat.post(f"on the way {number}") for number in range(10)]
            chat.send("ping")
            chat.until("pong")  # all of them have arrived, and each one waits for the one before it
            self.server.process.send_signal(signal.SIGTERM)
            self.assertEqual(chat.until_closed(), 1012)
        self.assertEqual(self.server.process.wait(TIMEOUT_SECONDS), 0)
        stored = [nonce for (nonce,) in sql(self.folder, "SELECT nonce FROM entry ORDER BY seq")]
        self.assertEqual(stored, nonces)

    def test_it_ends_in_time_while_another_process_holds_the_database(self) -> None:
        chat = self.chat()
        nonce = chat.until("ack", nonce=chat.post("before"))["nonce"]
        with locked(self.folder):
            for number in range(POST_COUNT):
                chat.post(f"in vain {number}")
            self.stop()
        self.assertEqual(sql(self.folder, "SELECT nonce FROM entry"), [(nonce,)])
        chat.until_closed()
        self.assertEqual([message["nonce"] for message in chat.heard if message["type"] == "ack"], [nonce])


class CutOff(FolderTest):
    """What cannot be finished in time is answered 503, not 500: another process may do it."""

    needs = ("mongodb",)

    def setUp(self) -> None:
        super().setUp()
        add_members(self.folder, ("ana",))

    def test_a_page(self) -> None:
        over = threading.Event()

        def keep_silent(_: socket.socket) -> None:
            over.wait(TIMEOUT_SECONDS)

        upstream = Upstream()
        self.addCleanup(upstream.close)
        upstream.behave = keep_silent
        server = self.start(f"--fetch_url={upstream.url}", altered=["app:STOP_TIMEOUT_SECONDS=0.5"]).wait()
        ana = Client(server.url).sign_in("ana")
        with ThreadPoolExecutor() as threads:
            answers = [threads.submit(ana.get, path) for path in ("/async", "/gen", "/stuff/")]
            wait_for(lambda: len(upstream.asked) == 4, "all are under way")
            self.assertEqual(server.stop(), 0)
            over.set()
            self.assertEqual([answer.result().status for answer in answers], [503] * 3)

    def test_what_a_polling_client_sends_while_a_mongodb_stands_still(self) -> None:
        with mongo_server() as mongodb:
            server = self.start(f"--mongo={mongodb.url}").wait()
            ana = Client(server.url).sign_in("ana")
            chat, poller = ana.chat(), Xhr(ana)
            self.addCleanup(chat.close)
            self.addCleanup(poller.close)
            poller.until("hello")
            with mongodb.paused():
                chat.post("what the process waits for")
                join = json.dumps([json.dumps({"type": "join", "room": "lobby"})])
                sending = begin(ana, "POST", poller.place + poller.sending, join)
                for _ in range(2):
                    chat.send("ping")
                    chat.until("pong")  # what came before is under way
                began = time.monotonic()
                self.assertEqual(server.stop(), 0)
                self.assertLess(time.monotonic() - began, END_SECONDS)
                with contextlib.closing(sending):
                    self.assertEqual(sending.getresponse().status, 503)
            mongodb.kill()  # it takes its time after that


def ending(chat: Chat) -> tuple[int, float]:
    """Return the code with which a connection ends, and when."""
    return chat.until_closed(), time.monotonic()
