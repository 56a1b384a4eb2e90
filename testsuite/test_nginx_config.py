"""deploy/nginx.conf in a real Nginx, before four small processes that answer with what reached them."""

from __future__ import annotations

import contextlib
import gzip
import json
import secrets
import socket
import tempfile
import threading
import unittest
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from testsuite.clients import Client
from testsuite.nginx import Nginx
from testsuite.servers import ROOT, Server
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

YEAR_SECONDS = 31_536_000
SECURITY = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy")
MAX_BODY_BYTES = 256 * 1024


class Echo(BaseHTTPRequestHandler):
    """Answers with its own port and the request's headers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer(self.headers.get("X-Test-Type", "application/json"))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer("application/json")

    def answer(self, kind: str) -> None:
        """Send what reached us."""
        port = self.server.server_address[1]  # type: ignore[index]
        heard = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"port": port, "headers": heard, "padding": "-" * 2000}).encode()
        self.send_response(int(self.headers.get("X-Test-Status", "200")))
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Streaming(BaseHTTPRequestHandler):
    """Writes a line, and another one when it may."""

    may_go_on = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"first\n")
        self.may_go_on.wait(TIMEOUT_SECONDS)
        self.wfile.write(b"second\n")

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Process(ThreadingHTTPServer):
    """A process's stand-in. When it stops, its connections end, as a process's do."""

    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", port), handler)
        self.sockets: list[socket.socket] = []

    def process_request(self, request: Any, client_address: Any) -> None:
        self.sockets.append(request)
        super().process_request(request, client_address)

    def end_connections(self) -> None:
        """End those that Nginx keeps open."""
        for connection in self.sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class Leaving(BaseHTTPRequestHandler):
    """Takes a request and goes away without an answer."""

    taken: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.taken.append(self.path)
        self.close_connection = True

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextlib.contextmanager
def upstream(port: int = 0, handler: type[BaseHTTPRequestHandler] = Echo) -> Iterator[int]:
    """Run a process's stand-in, on a free port if none is named; yield the port."""
    server = Process(port, handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.end_connections()
        server.server_close()
        thread.join()


class NginxTest(unittest.TestCase):
    """A test before Nginx and four upstreams."""

    needs = ("nginx",)
    ports: list[int]
    nginx: Nginx

    @classmethod
    def setUpClass(cls) -> None:
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.ports = [cls.enterClassContext(upstream()) for _ in range(4)]
        cls.nginx = Nginx(folder, cls.ports)
        cls.addClassCleanup(cls.nginx.stop)

    def setUp(self) -> None:
        self.client = Client(self.nginx.url)

    def heard(self, path: str, **headers: str) -> dict[str, str]:
        """Return the headers that reach the process when a client sends `headers`."""
        found: dict[str, str] = self.client.get(path, **headers).json()["headers"]
        return found

    def port(self, path: str) -> int:
        """Return the port to which a request is sent."""
        port: int = self.client.get(path).json()["port"]
        return port


class StaticFiles(NginxTest):
    def test_a_file_comes_from_disk_with_its_type(self) -> None:
        for path, file, kind in (
            ("/static/site.css", "views/statics/site.css", "text/css"),
            ("/static/chat.js", "views/statics/chat.js", "application/javascript"),
            ("/static/logo.svg", "views/statics/logo.svg", "image/svg+xml"),
            ("/static/vendor/sockjs.min.js", "node_modules/sockjs-client/dist/sockjs.min.js", "application/javascript"),
            ("/static/vendor/angular.min.js", "node_modules/angular/angular.min.js", "application/javascript"),
            ("/static/vendor/angular-csp.css", "node_modules/angular/angular-csp.css", "text/css"),
        ):
            with self.subTest(path):
                answer = self.client.get(path)
                self.assertEqual(answer.body, (ROOT / file).read_bytes())
                self.assertEqual(answer.headers["Content-Type"], f"{kind}; charset=utf-8")

    def test_a_versioned_file_is_kept_for_a_year(self) -> None:
        for path, file in (
            ("/static/v-0a1b/site.css", "views/statics/site.css"),
            ("/static/v-0a1b/live.js", "views/statics/live.js"),
            ("/static/vendor/v-0a1b/sockjs.min.js", "node_modules/sockjs-client/dist/sockjs.min.js"),
        ):
            answer = self.client.get(path)
            self.assertEqual(answer.body, (ROOT / file).read_bytes())
            self.assertEqual(answer.headers.get_all("Cache-Control"), [f"public, max-age={YEAR_SECONDS}, immutable"])

    def test_a_file_without_a_version_is_asked_for_again(self) -> None:
        for path in ("/static/site.css", "/static/site.css?/static/v-0a1b/", "/static/vendor/sockjs.min.js"):
            answer = self.client.get(path)
            self.assertEqual(answer.headers.get_all("Cache-Control"), ["no-cache"])
            again = self.client.get(path, If_None_Match=answer.headers["ETag"])
            self.assertEqual(again.status, 304)

    def test_a_missing_file_is_not_kept(self) -> None:
        answer = self.client.get("/static/v-0a1b/missing.css")
        self.assertEqual(answer.status, 404)
        self.assertNotIn("Cache-Control", answer.headers)

    def test_static_answers_carry_the_headers_of_the_processes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            server = Server(folder)
            try:
                own = Client(server.wait().url).get("/static/site.css").headers
            finally:
                server.stop()
        for path in ("/static/v-0a1b/site.css", "/static/vendor/sockjs.min.js", "/static/missing.css"):
            headers = self.client.get(path).headers
            for name in SECURITY:
                self.assertTrue(own[name])
                self.assertEqual(headers.get_all(name), own.get_all(name))

    def test_nothing_outside_the_two_folders_is_served(self) -> None:
        for path in (
            "/static/../templates/base.html",
            "/static/%2e%2e/templates/base.html",
            "/static/vendor/../../app.py",
            "/static/v-0a1b/../templates/base.html",
            "/static/v-0a1b/%2e%2e/templates/base.html",
            "/static/v-0a1b/v-0a1b/%2e%2e/%2e%2e/templates/base.html",
            "/static/vendor/v-0a1b/..%2f..%2f..%2fapp.py",
        ):
            answer = self.client.get(path)
            self.assertNotIn(b"{% block", answer.body)
            self.assertNotIn(b"class App", answer.body)

    def test_the_version_of_nginx_is_not_told(self) -> None:
        self.assertEqual(self.client.get("/static/site.css").headers["Server"], "nginx")

    def test_text_is_packed_but_not_what_streams(self) -> None:
        packed = self.client.get("/static/site.css", Accept_Encoding="gzip")
        self.assertEqual(gzip.decompress(packed.body), (ROOT / "views/statics/site.css").read_bytes())
        page = self.client.get("/rooms/lobby", Accept_Encoding="gzip", X_Test_Type="text/html")
        self.assertEqual(page.headers["Content-Encoding"], "gzip")
        stream = self.client.get("/chat/1/abc/xhr_streaming", Accept_Encoding="gzip", X_Test_Type="text/html")
        self.assertNotIn("Content-Encoding", stream.headers)


class Requests(NginxTest):
    def test_a_body_over_the_limit_is_refused(self) -> None:
        self.assertEqual(self.client.request("POST", "/rooms/lobby", b"x" * MAX_BODY_BYTES).status, 200)
        self.assertEqual(self.client.request("POST", "/rooms/lobby", b"x" * (MAX_BODY_BYTES + 1)).status, 413)

    def test_what_a_client_claims_about_its_address_is_replaced(self) -> None:
        claims = {"X_Forwarded_For": "203.0.113.7", "X_Real_IP": "203.0.113.7"}
        direct = Client(f"http://127.0.0.1:{self.ports[0]}").get("/", **claims).json()["headers"]
        self.assertEqual(direct["x-forwarded-for"], "203.0.113.7")
        for path in ("/", "/chat/1/abc/xhr"):
            heard = self.heard(path, **claims)
            self.assertEqual((heard["x-forwarded-for"], heard["x-real-ip"]), ("127.0.0.1", "127.0.0.1"))

    def test_what_a_client_claims_about_its_scheme_is_replaced(self) -> None:
        heard = self.heard("/", X_Forwarded_Proto="https", X_Scheme="https")
        self.assertEqual((heard["x-forwarded-proto"], heard["x-scheme"]), ("http", "http"))

    def test_the_host_arrives_with_its_port(self) -> None:
        self.assertEqual(self.heard("/")["host"], f"127.0.0.1:{self.nginx.port}")

    def test_an_upgrade_is_passed_on_and_other_connections_are_kept(self) -> None:
        upgrade = self.heard("/chat/websocket", Connection="Upgrade", Upgrade="websocket")
        self.assertEqual((upgrade["connection"], upgrade["upgrade"]), ("upgrade", "websocket"))
        self.assertNotIn("connection", self.heard("/"))

    def log_with(self, line: str) -> Callable[[], str]:
        """Return what returns the log once `line` is in it."""
        return lambda: log if line in (log := self.nginx.accesses()) else ""

    def test_what_a_chat_stream_writes_leaves_at_once(self) -> None:
        with tempfile.TemporaryDirectory() as folder, upstream(handler=Streaming) as port:
            nginx = Nginx(folder, [port])
            self.addCleanup(nginx.stop)
            with urllib.request.urlopen(f"{nginx.url}/chat/1/abc/xhr_streaming", timeout=5) as stream:
                self.assertEqual(stream.readline(), b"first\n")
                Streaming.may_go_on.set()
                self.assertEqual(stream.readline(), b"second\n")

    def test_the_log_keeps_no_invitation_and_no_token(self) -> None:
        self.client.get("/join/very-secret-invitation")
        self.client.get("/setup?token=very-secret-token")
        self.client.get("/members")
        log = wait_for(self.log_with('"GET /members" 200'), "the log is not written")
        self.assertIn('"GET /join/..." 200', log)
        self.assertIn('"GET /setup" 200', log)
        self.assertNotIn("very-secret", log)


class Balance(NginxTest):
    def test_a_session_stays_at_its_process_and_sessions_reach_all(self) -> None:
        reached = set()
        for _ in range(200):
            session = secrets.token_hex(4)
            first = self.port(f"/chat/{secrets.randbelow(1000):03}/{session}/xhr_streaming")
            again = self.port(f"/chat/{secrets.randbelow(1000):03}/{session}/xhr_send?t=1")
            self.assertEqual(again, first)
            reached.add(first)
        self.assertEqual(reached, set(self.ports))

    def test_other_requests_reach_all_processes(self) -> None:
        for path in ("/", "/chat/info", "/chat/websocket"):
            self.assertEqual({self.port(path) for _ in range(100)}, set(self.ports))

    def test_a_stopped_process_is_left_at_once_and_found_again_at_once(self) -> None:
        with contextlib.ExitStack() as running, tempfile.TemporaryDirectory() as folder, upstream() as second:
            first = running.enter_context(upstream())
            nginx = Nginx(folder, [first, second])
            self.addCleanup(nginx.stop)
            client = Client(nginx.url)
            sessions = [f"/chat/1/{secrets.token_hex(4)}/xhr" for _ in range(30)]

            def reached() -> list[int]:
                return [client.get(path).json()["port"] for path in sessions]

            before = reached()
            self.assertEqual(set(before), {first, second})
            running.close()
            self.assertEqual(set(reached()), {second})
            with upstream(first):
                self.assertEqual(reached(), before)

    def test_only_a_post_that_may_arrive_twice_is_handed_over_twice(self) -> None:
        with tempfile.TemporaryDirectory() as folder, upstream(handler=Leaving) as leaving, upstream() as staying:
            nginx = Nginx(folder, [leaving, staying])
            self.addCleanup(nginx.stop)
            client = Client(nginx.url)
            for path, statuses in (("/rooms/lobby", {200}), ("/members/invitations", {200, 502})):
                self.assertEqual({client.request("POST", path, b"x").status for _ in range(30)}, statuses)
                self.assertIn(path, Leaving.taken)
