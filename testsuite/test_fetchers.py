"""The three fetchers, against a real upstream server that behaves well, badly, slowly or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from testsuite.cases import FolderTest, SiteTest, add_members
from testsuite.clients import Answer, Client
from testsuite.upstream import Upstream, endless, gives, leads, padded, says
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

FETCHERS = ("/async", "/gen", "/stuff/")
MEBIBYTE = 1024 * 1024


class FetcherTest(SiteTest):
    """A site whose fetchers ask `upstream`."""

    upstream: Upstream

    @classmethod
    def setUpClass(cls) -> None:
        cls.upstream = Upstream()
        cls.addClassCleanup(cls.upstream.close)
        cls.options = (f"--fetch_url={cls.upstream.url}",)
        super().setUpClass()

    def setUp(self) -> None:
        self.beto = self.client("beto")

    def all_three(self) -> list[Answer]:
        """Ask the three fetchers at the same moment."""
        with ThreadPoolExecutor(len(FETCHERS)) as threads:
            return list(threads.map(self.beto.get, FETCHERS))

    def assert_refused(self, answers: list[Answer], status: int) -> None:
        """Check that each is a JSON error with this status that tells nothing of the inside."""
        for path, answer in zip(FETCHERS, answers, strict=True):
            with self.subTest(path):
                self.assertEqual(answer.status, status)
                self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))
                error = answer.json()["error"]
                self.assertEqual(error["status"], status)
                self.assertTrue(error["message"])
                for inside in ("Traceback", ".py", "Error", "127.0.0.1"):
                    self.assertNotIn(inside, answer.text)


class AnswersTest(FetcherTest):
    """docs/security.rst 19: a fetch neither swells nor wanders, whatever the other site says."""

    def test_each_gives_what_the_upstream_says_in_its_own_form(self) -> None:
        said = {"olá": [1, 2.5, None, True], "deep": {"er": "</script>"}}
        self.upstream.behave = gives(json.dumps(said).encode())
        answers = self.all_three()
        self.assertEqual([answer.status for answer in answers], [200] * 3)
        found = [answer.json() for answer in answers]
        self.assertEqual(found, [{"do_something_with_response": said}, said, {"k1": said, "k2": said}])
        for answer in answers:
            self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))

    def test_signed_out_they_answer_401_and_ask_nobody(self) -> None:
        self.upstream.behave = gives(b"{}")
        self.assertEqual([answer.status for answer in self.all_three()], [200] * 3)
        before = len(self.upstream.asked)
        for path in FETCHERS:
            answer = self.client().get(path)
            self.assertEqual((answer.status, answer.json()["error"]["status"]), (401, 401))
        self.assertEqual(len(self.upstream.asked), before)

    def test_no_address_is_taken_from_the_request(self) -> None:
        self.upstream.behave = gives(b"{}")
        before = len(self.upstream.asked)
        self.assertEqual(self.beto.get("/gen?url=http://127.0.0.1:1/").status, 200)
        self.assertEqual(self.upstream.asked[before:], ["GET /data HTTP/1.1"])

    def test_what_is_no_json_object_is_502(self) -> None:
        for body in (
            b"",
            b"<html>",
            b"{",
            b"{} {}",
            b"[1]",
            b'"text"',
            b"null",
            b"7",
            b"\xff\xfe{}",
            b'{"x": "\xff"}',
            b"[" * 100_000,
            b'{"x":' * 100_000,
            b'{"x": ' + b"9" * 10_000 + b"}",
            b'{"x": NaN}',
        ):
            with self.subTest(body[:20]):
                self.upstream.behave = gives(body)
                self.assert_refused(self.all_three(), 502)

    def test_an_upstream_that_does_not_speak_http_is_502(self) -> None:
        for answer in (
            b"",
            b"hello\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
            b"\0" * 100,
            b"HTTP/1.1 2",
        ):
            with self.subTest(answer):
                self.upstream.behave = says(answer)
                self.assert_refused(self.all_three(), 502)

    def test_an_error_of_the_upstream_is_502(self) -> None:
        for status in ("500 Oh", "404 Not Found", "401 Unauthorized", "304 Not Modified", "429 Slow Down"):
            with self.subTest(status):
                self.upstream.behave = gives(b"{}", status)
                self.assert_refused(self.all_three(), 502)

    def test_a_redirect_is_502_and_not_followed(self) -> None:
        for status in ("301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"):
            before = len(self.upstream.asked)
            self.upstream.behave = leads("/elsewhere", status)
            self.assert_refused(self.all_three(), 502)
            # The last of them answers as soon as one of its two fetches has failed.
            wait_for(lambda before=before: len(self.upstream.asked) >= before + 4, "all were asked")  # type: ignore[misc]
            self.assertEqual(self.upstream.asked[before:], ["GET /data HTTP/1.1"] * 4)

    def test_one_mebibyte_is_taken_and_more_is_502(self) -> None:
        self.upstream.behave = gives(padded(MEBIBYTE))
        self.assertEqual([answer.status for answer in self.all_three()], [200] * 3)
        self.upstream.behave = gives(padded(MEBIBYTE + 1))
        self.assert_refused(self.all_three(), 502)
        self.upstream.behave = says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
        self.assert_refused(self.all_three(), 502)

    def test_an_answer_without_end_is_502(self) -> None:
        self.upstream.behave = endless
        self.assert_refused(self.all_three(), 502)
        self.upstream.behave = says(b"HTTP/1.1 200 OK\r\n" + b"X-Y: " + b"z" * 5_000_000)
        self.assert_refused(self.all_three(), 502)


class SlowUpstreamTest(FetcherTest):
    """docs/security.rst 19: a fetch ends in time, and delays no other request."""

    is_long = True

    def test_stuff_has_two_fetches_under_way_at_once_and_waits_for_the_slower(self) -> None:
        both, slower_may_go = threading.Barrier(2), threading.Event()
        quick_sent = threading.Event()

        def behave(connection: socket.socket) -> None:
            is_second = both.wait(TIMEOUT_SECONDS) == 1  # never over if the second fetch waited for the first
            if is_second:
                slower_may_go.wait(TIMEOUT_SECONDS)
            gives(b'{"slow": true}' if is_second else b'{"slow": false}')(connection)
            quick_sent.set()

        self.upstream.behave = behave
        with ThreadPoolExecutor(1) as threads:
            answered = threads.submit(self.beto.get, "/stuff/")
            self.assertTrue(quick_sent.wait(TIMEOUT_SECONDS))
            self.assertEqual(self.client().get("/healthz").status, 200)
            self.assertFalse(answered.done())
            slower_may_go.set()
            answer = answered.result()
        self.assertEqual(answer.status, 200)
        self.assertEqual(sorted(found["slow"] for found in answer.json().values()), [False, True])

    def test_one_of_the_two_failing_fails_the_whole(self) -> None:
        turns = iter((gives(b"{}"), gives(b"oops")))
        lock = threading.Lock()

        def behave(connection: socket.socket) -> None:
            with lock:
                turn = next(turns)
            turn(connection)

        self.upstream.behave = behave
        self.assertEqual(self.beto.get("/stuff/").status, 502)

    def test_a_silent_upstream_is_504_after_five_seconds_and_holds_nobody_else_up(self) -> None:
        over = threading.Event()
        self.addCleanup(over.set)
        trickle = threading.Event()

        def behave(connection: socket.socket) -> None:
            if "/data" in self.upstream.asked[-1] and trickle.is_set():
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            over.wait(TIMEOUT_SECONDS)

        for is_trickling in (False, True):
            if is_trickling:
                trickle.set()
            before = len(self.upstream.asked)
            self.upstream.behave = behave
            with ThreadPoolExecutor(1) as threads:
                answered = threads.submit(self.all_three)
                wait_for(lambda before=before: len(self.upstream.asked) == before + 4, "all were asked")  # type: ignore[misc]
                self.assertEqual(self.beto.get("/rooms/lobby").status, 200)
                self.assertFalse(answered.done())
                self.assert_refused(answered.result(), 504)


@contextlib.contextmanager
def port_of_nobody() -> Iterator[int]:
    """Hold a port without listening on it."""
    with contextlib.closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


class DownTest(SiteTest):
    @classmethod
    def setUpClass(cls) -> None:
        cls.options = (f"--fetch_url=http://127.0.0.1:{cls.enterClassContext(port_of_nobody())}/",)
        super().setUpClass()

    def test_an_upstream_that_is_down_is_502(self) -> None:
        answers = list(map(partial(self.client("beto").get), FETCHERS))
        self.assertEqual([answer.status for answer in answers], [502] * 3)
        self.assertEqual([answer.json()["error"]["status"] for answer in answers], [502] * 3)


class DefaultTest(SiteTest):
    def test_without_an_option_they_fetch_this_process_own_health(self) -> None:
        beto = self.client("beto")
        health = beto.get("/healthz").json()
        self.assertEqual(health["status"], "ok")
        self.assertEqual(beto.get("/async").json(), {"do_something_with_response": health})
        self.assertEqual(beto.get("/gen").json(), health)
        self.assertEqual(beto.get("/stuff/").json(), {"k1": health, "k2": health})


class TlsTest(FolderTest):
    """docs/security.rst 19: over HTTPS the other site must prove that it has the URL's name."""

    needs = ("openssl",)

    def certificate(self, name: str) -> ssl.SSLContext:
        """Return what a server needs that is called `name`, as it says itself."""
        key, certificate = Path(self.folder) / f"{name}.key", Path(self.folder) / f"{name}.pem"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
        command += ["-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(command, check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context

    def test_only_a_certificate_for_the_name_by_somebody_trusted_will_do(self) -> None:
        upstream = Upstream()
        self.addCleanup(upstream.close)
        own, others, unknown = (self.certificate(name) for name in ("localhost", "example.org", "localhost.test"))
        trusted = Path(self.folder) / "trusted.pem"
        trusted.write_text(
            "".join((Path(self.folder) / f"{name}.pem").read_text() for name in ("localhost", "example.org"))
        )
        add_members(self.folder, ("ana",))
        server = self.start(
            f"--fetch_url=https://localhost:{upstream.port}/", env={"SSL_CERT_FILE": os.fspath(trusted)}
        )
        ana = Client(server.wait().url).sign_in("ana")

        def ask(context: ssl.SSLContext) -> Answer:
            upstream.tls = context
            return ana.get("/gen")

        self.assertEqual((ask(own).status, ask(own).json()), (200, {}))
        self.assertEqual([ask(others).status, ask(unknown).status], [502, 502])
        self.assertEqual(ask(own).status, 200)
