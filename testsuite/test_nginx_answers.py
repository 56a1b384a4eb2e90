"""What the real Nginx answers by itself, as deploy/ says: shares for each address, and pages of ours."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import select
import socket
import tempfile
from urllib.parse import urlsplit

from playwright.sync_api import expect

from testsuite.browser import PHONE, BrowserTest
from testsuite.clients import Answer, Client
from testsuite.nginx import Nginx
from testsuite.ports import free_ports
from testsuite.servers import Server
from testsuite.test_nginx_config import MAX_BODY_BYTES, SECURITY, NginxTest
from testsuite.waiting import TIMEOUT_SECONDS

PAPER = {"light": "rgb(250, 248, 244)", "dark": "rgb(23, 22, 20)"}


class Shares(NginxTest):
    """What one address may take, and that others are served all the same."""

    def statuses(self, most: int, method: str, path: str, addresses: list[str]) -> list[int]:
        """Send requests on one connection, each from the next address, until one is refused; return all statuses."""
        parts = urlsplit(self.nginx.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, TIMEOUT_SECONDS)
        statuses = []
        with contextlib.closing(connection):
            for number in range(most):
                headers = {"X-Test-Address": addresses[number % len(addresses)]}
                connection.request(method, path, b"" if method == "POST" else None, headers)
                answer = connection.getresponse()
                page = answer.read().decode()
                statuses.append(answer.status)
                if answer.status != 200:
                    self.assertIn("<h1>That was too much</h1>", page)
                    break
        return statuses

    def test_passwords_are_tried_at_a_hundred_at_once_and_then_slowly(self) -> None:
        for number, path in enumerate(("/login", "/account", "/setup", "/join/abc")):
            with self.subTest(path):
                statuses = self.statuses(200, "POST", path, [f"192.0.2.{number}"])
                self.assertEqual(statuses[-1], 429)
                self.assertGreater(len(statuses), 100)
                self.assertEqual(self.statuses(50, "POST", path, [f"198.51.100.{number}"]), [200] * 50)
                self.assertEqual(self.statuses(50, "GET", path, [f"192.0.2.{number}"]), [200] * 50)

    def test_a_network_of_one_customer_is_one_address(self) -> None:
        for network in ("2001:db8:1:2:{:x}:5:6:7", "2001:db8:1::{:x}", "2001:db8::{:x}:1:2:3", "2001:db8:0:7:{:x}::"):
            with self.subTest(network):
                self.assertEqual(
                    self.statuses(200, "POST", "/login", [network.format(n) for n in range(1, 99)])[-1], 429
                )
        others = [f"2001:db8:{number:x}:ff::1" for number in range(1, 99)]
        self.assertEqual(self.statuses(200, "POST", "/login", others), [200] * 200)

    def test_a_thousand_pages_at_once_are_answered_and_files_are_not_counted(self) -> None:
        statuses = self.statuses(3000, "GET", "/rooms/lobby", ["192.0.2.100"])
        self.assertEqual(statuses[-1], 429)
        self.assertGreater(len(statuses), 1000)
        self.assertEqual(self.statuses(1500, "GET", "/static/site.css", ["192.0.2.100"]), [200] * 1500)

    def test_one_address_has_a_thousand_connections(self) -> None:
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as sockets:
            silent = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=2000))
            nginx = Nginx(folder, [silent.getsockname()[1]])
            self.addCleanup(nginx.stop)

            def ask(source: str) -> socket.socket:
                asked = socket.create_connection(("127.0.0.1", nginx.port), TIMEOUT_SECONDS, (source, 0))
                sockets.enter_context(asked).sendall(b"GET /chat/websocket HTTP/1.1\r\nHost: x\r\n\r\n")
                return asked

            taken = [ask("127.0.0.1") for _ in range(1000)]
            self.assertIn(b" 429 ", ask("127.0.0.1").recv(100))
            answers = select.poll()  # select() takes no descriptor above 1023
            for connection in (ask("127.0.0.2"), *taken):
                answers.register(connection, select.POLLIN)
            self.assertEqual(answers.poll(500), [])  # they go on waiting


class OwnPages(NginxTest):
    """What Nginx says where it answers by itself."""

    def test_while_no_process_answers_a_page_says_so_and_asks_again(self) -> None:
        for shipped in ("nginx.conf", "nginx-machines.conf", "nginx-containers.conf"):
            with self.subTest(shipped), tempfile.TemporaryDirectory() as folder:
                nginx = Nginx(folder, free_ports(2), shipped=shipped)
                try:
                    self.check_away(Client(nginx.url))
                finally:
                    nginx.stop()

    def check_away(self, client: Client) -> None:
        """Check what a client is told while no process answers."""
        for path in ("/", "/rooms/lobby", "/members"):
            answer = client.get(path)
            self.assertEqual((answer.status, answer.headers["Refresh"]), (502, "10"))
            self.assertIn("<h1>The site is away for a moment</h1>", answer.text)
            self.assertIn("O site saiu do ar por um momento", answer.text)
            self.check_headers(answer)
            sent = client.request("POST", path, b"x")
            self.assertEqual((sent.status, sent.text, sent.headers["Refresh"]), (502, answer.text, None))
        chat = client.request("POST", "/chat/1/abc/xhr", b"x")
        self.assertEqual((chat.status, chat.headers["Refresh"]), (502, None))
        self.assertLess(len(chat.body), 200)

    def check_headers(self, answer: Answer) -> None:
        """Check that a page of Nginx's own has the headers of all others, and may have its style and nothing else."""
        style = answer.text.partition("<style>")[2].partition("</style>")[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{digest}'; frame-ancestors 'none'"
        self.assertEqual(answer.headers.get_all("Content-Security-Policy"), [policy])
        for name in (*SECURITY, "Cache-Control"):
            self.assertEqual(len(answer.headers.get_all(name) or []), 1)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")

    def test_what_is_too_large_is_refused_by_a_page_that_stays(self) -> None:
        for status, answer in (
            (413, self.client.request("POST", "/rooms/lobby", b"x" * (MAX_BODY_BYTES + 1))),
            (413, self.client.request("POST", "/login", b"x" * (MAX_BODY_BYTES + 1))),
            (414, self.client.get("/?" + "x" * 9000)),
            (400, self.client.get("/", Cookie="a=" + "x" * 9000)),
        ):
            with self.subTest(status):
                self.assertEqual((answer.status, answer.headers["Refresh"]), (status, None))
                self.assertIn("<h1>That was too much</h1>", answer.text)
                self.check_headers(answer)

    def test_what_a_process_refuses_is_told_in_its_own_words(self) -> None:
        for status in (429, 500, 502, 503):
            answer = self.client.get("/members", X_Test_Status=str(status))
            self.assertEqual((answer.status, answer.json()["headers"]["x-test-status"]), (status, str(status)))


class Away(BrowserTest):
    """The only process stops, and comes back."""

    needs = ("nginx",)

    def test_the_page_comes_back_by_itself(self) -> None:
        self.tolerate("status of 502")
        nginx = Nginx(self.folder, [self.server.port])
        self.addCleanup(nginx.stop)
        self.server.stop()
        pages = [self.page(nginx.url, color_scheme=scheme, **PHONE) for scheme in ("light", "dark")]
        for page, scheme in zip(pages, ("light", "dark"), strict=True):
            page.goto("/members")
            expect(page.get_by_role("heading", name="The site is away for a moment")).to_be_visible()
            expect(page.locator("body")).to_have_css("background-color", PAPER[scheme])
            expect(page.get_by_text("O site saiu do ar por um momento")).to_be_in_viewport()
            self.shoot(page, f"away-{scheme}")
        self.servers[0] = Server(self.folder, *self.options, port=self.server.port).wait()
        for page in pages:
            expect(page.locator("#username")).to_be_visible()
