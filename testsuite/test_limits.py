"""Too large, too slow, too many: what is refused, without delaying the others."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import resource
import secrets
import socket
import threading
import time
import unittest
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from controllers.serving.connection_limits import client_key
from testsuite.cases import SiteTest
from testsuite.clients import Answer, Chat, Client
from testsuite.polling import FORM
from testsuite.servers import Server
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

MAX_BODY_BYTES = 256 * 1024
ANONYMOUS_SOCKETS = 2000
FEW_OPEN_FILES = 256  # that a process may have open, where it shall have few
MANY_CONNECTIONS = 300  # more than that
ASKS = b"GET /static/logo.svg HTTP/1.1\r\nHost: prosa\r\n\r\n"


def room_to_open(files: int) -> None:
    """Let this process have as many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, files), hard))


def knock(url: str, source: str = "") -> socket.socket:
    """Return a connection that has said nothing yet, from an address of this machine if one is named."""
    parts = urlsplit(url)
    return socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS, (source, 0) if source else None)


def has_ended(peer: socket.socket) -> bool:
    """Tell, without waiting, whether the server has hung up."""
    peer.setblocking(False)
    try:
        return peer.recv(65536) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class TooLarge(SiteTest):
    """docs/security.rst 16: what is too large is refused, and said to be."""

    def post(self, client: Client, path: str, body: bytes, chunked: bool, **headers: str) -> Answer:
        """Post a body, with its length or in chunks."""
        parts = urlsplit(client.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        given["Cookie"] = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        pieces = iter([body[start : start + 8192] for start in range(0, len(body), 8192)])
        with contextlib.closing(connection):
            connection.request("POST", path, pieces if chunked else body, given, encode_chunked=chunked)
            return Answer(connection.getresponse())

    def form(self, client: Client, size: int) -> bytes:
        """Return a form of exactly so many bytes that posts a message."""
        fields = urlencode({"_xsrf": client.cookies["_xsrf"], "body": "fits", "nonce": secrets.token_hex(8)})
        return f"{fields}&padding=".encode().ljust(size, b"x")

    def test_a_body_over_the_limit_is_a_page_that_says_so(self) -> None:
        ana = self.client("ana")
        ana.get("/rooms/lobby")
        for chunked in (False, True):
            for size, status in ((MAX_BODY_BYTES, 302), (MAX_BODY_BYTES + 1, 413), (20 * MAX_BODY_BYTES, 413)):
                with self.subTest(size=size, chunked=chunked):
                    answer = self.post(ana, "/rooms/lobby", self.form(ana, size), chunked, Content_Type=FORM)
                    self.assertEqual(answer.status, status)
                    if status == 413:
                        self.assertIn("That was too much at once.", answer.text)
                        self.assertIn("frame-ancestors 'none'", answer.headers["Content-Security-Policy"])

    def test_it_is_json_for_a_program_and_in_the_readers_language(self) -> None:
        body = bytes(MAX_BODY_BYTES + 1)
        for chunked in (False, True):
            answer = self.post(self.client(), "/login", body, chunked, Accept="application/json")
            told = {"code": "too_large", "status": 413, "message": "That was too much at once."}
            self.assertEqual(answer.json(), {"error": told})
            page = self.post(self.client(), "/login", body, chunked, Accept_Language="pt-BR")
            self.assertEqual(page.status, 413)
            self.assertIn('lang="pt-BR"', page.text)

    def test_the_connection_goes_on_after_it(self) -> None:
        parts = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        with contextlib.closing(connection):
            for status in (413, 403, 413, 403):
                body = b"body=x".ljust(MAX_BODY_BYTES + (status == 413), b"x")
                connection.request("POST", "/rooms/lobby", body, {"Content-Type": FORM})
                self.assertEqual(Answer(connection.getresponse()).status, status)

    def test_nothing_of_it_is_stored_or_kept(self) -> None:
        ana = self.client("ana")
        ana.get("/rooms/lobby")
        before = resident(self.server)
        body = self.form(ana, 64 * 1024 * 1024)
        for chunked in (False, True):
            self.assertEqual(self.post(ana, "/rooms/lobby", body, chunked, Content_Type=FORM).status, 413)
        self.assertLess(resident(self.server) - before, 16 * 1024, "KiB")
        self.assertNotIn("fits</", ana.get("/rooms/lobby?before=1").text)


class Flood(SiteTest):
    """docs/security.rst 16: 1,000 messages a second from one client delay no other."""

    needs = ("quiet",)
    options = ("--messages_per_second=50",)
    seconds = 4
    p99 = 0.25  # seconds

    def flood(self, chat: Chat, over: threading.Event) -> None:
        """Send a thousand messages a second until it is over."""
        began, sent = time.monotonic(), 0
        while not over.is_set():
            for _ in range(20):
                chat.post("me first")
            sent += 20
            over.wait(max(began + sent / 1000 - time.monotonic(), 0))

    def test_a_thousand_messages_a_second_are_slowed_down_and_another_member_does_not_notice(self) -> None:
        carla, ana = self.chat("carla"), self.chat("ana")
        over = threading.Event()
        flooding = threading.Thread(target=self.flood, args=(carla, over))
        flooding.start()
        try:
            waits = sorted(self.converse(ana))
        finally:
            over.set()
            flooding.join()
        carla.send("ping")
        carla.until("pong")
        codes = [message["code"] for message in carla.heard if message["type"] == "error"]
        self.assertEqual(set(codes), {"slow_down"})
        self.assertGreater(len(codes), 1000)
        self.assertLess(waits[int(len(waits) * 0.99)], self.p99)

    def converse(self, chat: Chat) -> list[float]:
        """Post in peace for some seconds; return how long each message took to come back, in seconds."""
        waits: list[float] = []
        ends = time.monotonic() + self.seconds
        pace = threading.Event()
        while time.monotonic() < ends:
            began = time.monotonic()
            chat.until("entry", nonce=chat.post("in peace"))
            waits.append(time.monotonic() - began)
            pace.wait(0.03)
        return waits


class Dribblers(SiteTest):
    """docs/security.rst 18: clients that say little, slowly, or nothing; for a while."""

    is_long = True
    altered = ("controllers.server:HEAD_TIMEOUT_SECONDS=4.0", "controllers.server:BODY_TIMEOUT_SECONDS=4.0")
    HEAD = b"GET /login HTTP/1.1\r\nHost: prosa\r\nX-Padding: "
    BODY = b"POST /login HTTP/1.1\r\nHost: prosa\r\nContent-Length: 100000\r\n\r\n"
    CHUNKS = b"POST /login HTTP/1.1\r\nHost: prosa\r\nTransfer-Encoding: chunked\r\n\r\n"

    def open(self, count: int, begin: bytes = b"") -> list[socket.socket]:
        """Return connections that have begun a request so."""
        peers = [knock(self.server.url) for _ in range(count)]
        for peer in peers:
            self.addCleanup(peer.close)
            peer.sendall(begin)
        return peers

    def assert_all_is_well(self) -> None:
        """Fail unless pages and chat answer."""
        self.assertEqual(self.client().get("/login").status, 200)
        ana, beto = self.chat("ana"), self.chat("beto")
        beto.until("entry", nonce=ana.post("undisturbed"))

    def test_two_thousand_silent_sockets_keep_nobody_out_and_end(self) -> None:
        room_to_open(ANONYMOUS_SOCKETS + 500)
        waiting = self.client("carla").chat()
        self.addCleanup(waiting.close)
        silent = self.open(ANONYMOUS_SOCKETS)
        self.assertFalse(has_ended(silent[-1]))
        self.assert_all_is_well()
        wait_for(lambda: all(map(has_ended, silent)), "the silent sockets end")
        waiting.until("entry", nonce=waiting.post("still here"))

    def test_requests_that_come_byte_by_byte_keep_nobody_out_and_end(self) -> None:
        slow = [*self.open(100, self.HEAD), *self.open(100, self.BODY), *self.open(100, self.CHUNKS)]
        over = threading.Event()
        dribbling = threading.Thread(target=self.dribble, args=(slow, over))
        dribbling.start()
        try:
            self.assertFalse(has_ended(slow[-1]))
            self.assert_all_is_well()
            wait_for(lambda: all(map(has_ended, slow)), "the slow ones end")
        finally:
            over.set()
            dribbling.join()

    def dribble(self, peers: list[socket.socket], over: threading.Event) -> None:
        """Send one byte on each, again and again."""
        while not over.wait(0.2):
            for peer in peers:
                with contextlib.suppress(OSError):
                    peer.send(b"1" if peer.fileno() % 2 else b"0")

    def test_who_waits_for_an_answer_may_wait_for_longer(self) -> None:
        ana = self.client("ana")
        parts = urlsplit(ana.url)
        poll = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
        self.addCleanup(poll.close)
        headers = {"Cookie": f"session={ana.cookies['session']}"}
        place = f"/chat/000/{secrets.token_hex(8)}"
        heard = b""
        while b"rooms" not in heard:  # after the opening frame and the greeting, perhaps together with it
            poll.request("POST", f"{place}/xhr", headers=headers)
            heard = poll.getresponse().read()
        poll.request("POST", f"{place}/xhr", headers=headers)
        silent = self.open(1)
        wait_for(lambda: has_ended(silent[0]), "a silent socket ends")
        joined = ana.request("POST", f"{place}/xhr_send", json.dumps([json.dumps({"type": "join", "room": "lobby"})]))
        self.assertEqual(joined.status, 204)
        self.assertIn(b"joined", poll.getresponse().read())


class FewFiles(SiteTest):
    """docs/security.rst 18: more connections than the process may have files open."""

    altered = (f"files={FEW_OPEN_FILES // 2},{FEW_OPEN_FILES}",)

    def test_a_process_takes_as_many_files_as_the_system_allows(self) -> None:
        found = re.search(
            r"Max open files\s+(\d+)\s+(\d+)", Path(f"/proc/{self.server.process.pid}/limits").read_text()
        )
        assert found is not None
        self.assertEqual(found.groups(), (str(FEW_OPEN_FILES), str(FEW_OPEN_FILES)))

    def crowd(self, count: int, source: str, asks: bytes = ASKS) -> list[socket.socket]:
        """Return connections from an address of this machine, which have asked something or are silent."""
        room_to_open(MANY_CONNECTIONS + 500)
        peers = [knock(self.server.url, source) for _ in range(count)]
        for peer in peers:
            self.addCleanup(peer.close)
            with contextlib.suppress(OSError):
                peer.sendall(asks)
        return peers

    def test_at_the_limit_new_ones_are_refused_and_those_who_are_in_stay(self) -> None:
        ana = self.client("ana")
        here, there = self.chat("ana"), self.chat("beto")
        crowd = self.crowd(MANY_CONNECTIONS, "127.0.0.1")
        wait_for(lambda: any(map(has_ended, crowd)), "those who are too many are hung up")
        for number in range(20):
            there.until("entry", nonce=here.post(f"still here {number}"))
        self.refused(ana)
        self.assertEqual(self.server.process.poll(), None)

        def complaints() -> list[str]:
            return [line for line in self.server.lines if "files may be open" in line]

        wait_for(complaints, "the log says so")  # after hundreds of lines about requests, which take a moment to come
        self.assertEqual(len(complaints()), 1, self.server.lines)
        self.assertEqual([line for line in self.server.lines if "Traceback" in line or "Too many" in line], [])
        for peer in crowd:
            peer.close()
        wait_for(lambda: answers(ana), "there is room again")
        there.until("entry", nonce=here.post("all the time"))

    def test_no_address_takes_the_places_of_the_others(self) -> None:
        """docs/security.rst 42: whatever a few addresses hold, a client from another one is served."""
        self.crowd(MANY_CONNECTIONS, "127.0.0.1")
        for number in range(4):
            self.crowd(MANY_CONNECTIONS // 4, f"127.0.1.{number}")
            carla = self.client()
            carla.source = f"127.0.2.{number}"
            self.assertEqual(carla.get("/login").status, 200)
        carla.sign_in("carla")
        self.assertEqual(carla.get("/rooms/lobby").status, 200)

    def test_silent_ones_make_room_for_those_who_ask_also_from_their_own_address(self) -> None:
        silent = self.crowd(MANY_CONNECTIONS, "127.0.3.1", b"")
        carla = self.client()
        for carla.source in ("127.0.3.1", "127.0.3.2"):
            carla.sign_in("carla")
            self.assertEqual(carla.get("/rooms/lobby").status, 200)
        self.assertFalse(has_ended(silent[-1]))
        self.assertTrue(has_ended(silent[0]), "the oldest go first")

    def refused(self, client: Client) -> None:
        """Fail unless a new connection is answered 503, as soon as a reserved place for such answers is free."""
        refusals: list[Answer] = []

        def is_refused() -> bool:
            with contextlib.suppress(OSError, http.client.HTTPException):
                refusals.append(client.get("/rooms/lobby", Accept="application/json"))
            return bool(refusals)

        wait_for(is_refused, "somebody is told")
        self.assertEqual((refusals[0].status, refusals[0].json()["error"]["status"]), (503, 503))
        self.assertEqual(refusals[0].headers["Connection"], "close")


class FewFilesBehindProxy(SiteTest):
    """With --xheaders all connections are the proxy's: it may have all of them."""

    altered = FewFiles.altered
    options = ("--xheaders",)

    def test_the_proxy_may_have_all_places(self) -> None:
        for number in range(FEW_OPEN_FILES // 2):
            peer = knock(self.server.url)
            self.addCleanup(peer.close)
            peer.sendall(ASKS)
            self.assertIn(b"200 OK", peer.recv(100), number)


class ClientKeys(unittest.TestCase):
    def test_a_connection_counts_for_its_address_or_its_network(self) -> None:
        for address, key in (
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::", "2001:db8:1:2::/64"),
            ("fe80::1%eth0", "fe80::/64"),
            ("", ""),
        ):
            self.assertEqual(client_key(address), key)


def answers(client: Client) -> bool:
    """Tell whether the site lets this client in."""
    try:
        return client.get("/rooms/lobby").status == 200
    except (OSError, http.client.HTTPException):
        return False


def resident(server: Server) -> int:
    """Return the memory of a process, in KiB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{server.process.pid}/status").read_text())
    return int(found[1]) if found else 0
