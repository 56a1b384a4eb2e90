"""What a process writes: one short line for a request, and no secret in any of them."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import socket
import unittest
from collections.abc import Callable
from urllib.parse import quote

from tornado.log import LogFormatter

from controllers.web.logs import shorten_record
from testsuite.cases import FolderTest, SiteTest, add_user
from testsuite.clients import PASSWORD, Client
from testsuite.servers import Server
from testsuite.tables import sql
from testsuite.waiting import TIMEOUT_SECONDS

LINE = re.compile(r"^\[[DIWEC] \d{6} \d\d:\d\d:\d\d [\w.]+:\d+\] .*\n$")


class OutputTest(SiteTest):
    """docs/security.rst 20: each line of the log is one line of at most 1 KiB, without any secret.

    The server is of one test, so that all that it wrote can be read once it has stopped.
    """

    options = ("--messages_per_second=0",)

    def setUp(self) -> None:
        self.own = Server(self.folder, *self.options)
        self.addCleanup(self.own.stop)
        self.servers.insert(0, self.own)
        self.addCleanup(self.servers.remove, self.own)
        self.own.wait()

    def written(self) -> list[str]:
        """Stop the server and return the lines that it wrote after it began to listen."""
        self.assertEqual(self.own.stop(), 0)
        return self.own.lines[1:]

    def test_a_request_is_one_line(self) -> None:
        client = self.client("beto")
        self.assertEqual(client.get("/nothing-here").status, 404)
        lines = self.written()
        self.assertEqual([line for line in lines if not LINE.match(line)], [])
        self.assertEqual(len([line for line in lines if "404 GET /nothing-here" in line]), 1)

    def test_no_password_cookie_token_or_message_is_logged(self) -> None:
        beto, ana = self.client("beto"), self.client("ana")
        secrets = [PASSWORD, quote(PASSWORD), beto.cookies["session"], beto.cookies["_xsrf"], "wrong guess", "guess2"]
        self.client().post("/login", {"username": "beto", "password": "wrong guess"})
        self.client().get("/login?username=beto&password=guess2")
        beto.post("/rooms/lobby", {"body": "between ourselves", "nonce": "n-o-n-c-e"})
        beto.post("/rooms/lobby", {"body": "between ourselves" * 1000})
        beto.request("POST", "/rooms/lobby", "body=between+ourselves")
        chat = self.chat("beto")
        chat.post("tell nobody")
        chat.until("ack")
        chat.socket.send('{"type": "post", "room": 7, "body": "tell nobody"}')
        chat.until("error")
        ana.post("/members/invitations")
        ((invitation,),) = sql(self.folder, "SELECT token FROM invitation")
        for path in (
            f"/join/{invitation}",
            f"/join/{invitation}x",
            f"/join/{invitation}/",
            f"/setup?token={invitation}",
        ):
            self.client().get(path)
            self.client().request("POST", path, "password=guess3")  # without the form's token
            self.client().request("BREW", path)
        token = {"X_Xsrftoken": beto.cookies["_xsrf"], "Content_Type": "application/x-www-form-urlencoded"}
        self.assertEqual(beto.request("POST", "/login", "username=beto&password=guess4%ff", **token).status, 400)
        self.assertEqual(beto.request("POST", f"/join/{invitation}", "password=guess5%ff", **token).status, 400)
        lines = self.written()
        self.assertTrue(any("POST /login" in line for line in lines))
        for secret in (*secrets, "between", "tell nobody", "n-o-n-c-e", invitation, "guess3", "guess4", "guess5"):
            with self.subTest(secret):
                self.assertEqual([line for line in lines if secret in line], [])

    def test_a_cookie_that_is_broken_or_of_another_make_is_not_logged(self) -> None:
        session = self.client("beto").cookies["session"]
        for cookie in ("c29tZWJvZHk=|1700000000|0123456789abcdef", session[:-9], f"{session}x"):
            self.assertEqual(self.client().get("/rooms", Cookie=f"session={cookie}").status, 302)
        for cookie in (f"{session}\x01", f"{session}\x7f", "x" * 30_000 + "\x01"):
            self.send(f"GET / HTTP/1.1\r\nHost: {self.own.port}\r\nCookie: session={cookie}\r\n\r\n")
        lines = self.written()
        self.assertEqual(len([line for line in lines if "Malformed HTTP message" in line]), 3)
        for secret in (session[:40], session[-60:-9], "c29tZWJvZHk", "xxxx"):
            self.assertEqual([line for line in lines if secret in line], [])

    def send(self, request: str) -> None:
        """Send bytes that no client would send, and wait until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.own.port), TIMEOUT_SECONDS) as connection:
            connection.sendall(request.encode())
            with contextlib.suppress(ConnectionError):  # it need not read to the end what it has refused
                while connection.recv(65536):
                    pass

    def test_what_went_wrong_inside_is_told_without_the_query(self) -> None:
        ana = self.client("ana")
        sql(
            self.folder,
            "INSERT INTO invitation (token, made_by_id, made_at) SELECT 'x', id, ? FROM user LIMIT 1",
            "z\n" * 4000,
        )
        try:
            self.assertEqual(ana.get("/members?token=a-secret").status, 500)
        finally:
            sql(self.folder, "DELETE FROM invitation")
        lines = self.written()
        self.assertEqual(len([line for line in lines if "GET /members failed" in line]), 1)
        self.assertTrue(any("Traceback" in line for line in lines))
        self.assertEqual([line for line in lines if "a-secret" in line or len(line) > 1024 or line == "z\n"], [])

    def test_a_long_or_broken_name_gives_one_line_of_at_most_1_kib(self) -> None:
        client = self.client("beto")
        for name in ("a\nb\r\n[E 700101 00:00:00 app:1] forged", "x" * 16_000, "\x1b[31m\x07\x85\u2028"):
            self.assertEqual(self.client().post("/login", {"username": name, "password": "wrong"}).status, 403)
        self.assertEqual(self.client().post("/login", {"username": "x" * 200_000, "password": "wrong"}).status, 413)
        self.assertEqual(client.get("/" + "x" * 30_000).status, 431)
        for path in ("/" + "x" * 15_000, "/%0aforged", "/%1b%5b31m", "/rooms/a%0d%0aforged", "/join/a%0aforged"):
            self.assertEqual(client.get(path).status, 404)
        self.assertEqual(client.get("/login", X_Real_Ip="1.2.3.4\tforged", Referer="x" * 15_000).status, 302)
        self.send("X" * 30_000 + " / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.send("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: " + "9" * 30_000 + "\r\n\r\n")
        large = "POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1048596\r\n\r\nusername="
        self.send(large + "x" * 1_048_587)
        chat = self.chat("beto")
        chat.socket.send('{"type": "' + "x" * 30_000 + '\\nforged"}')
        chat.until("error")
        lines = self.written()
        self.assertTrue(any("GET /xxx" in line for line in lines))
        self.assertTrue(any(" XXX" in line for line in lines))
        for line in lines:
            self.assertLessEqual(len(line.encode()), 1024)
            self.assertRegex(line, LINE)
            self.assertNotRegex(line[:-1], r"[\x00-\x1f\x7f-\x9f\u2028]")
        self.assertEqual([line for line in lines if line.startswith(("forged", "[E"))], [])


class LineTest(unittest.TestCase):
    """docs/security.rst 20: whatever is logged, from wherever, is cut and plain."""

    def logged(self, write: Callable[[logging.Logger], None], name: str = "controllers.somewhere") -> list[str]:
        """Return the lines that reach the terminal."""
        terminal = io.StringIO()
        handler = logging.StreamHandler(terminal)
        handler.setFormatter(LogFormatter(color=False))
        handler.addFilter(shorten_record)
        logger = logging.Logger(name)
        logger.addHandler(handler)
        write(logger)
        return terminal.getvalue().splitlines()

    def test_a_message_is_one_line_without_signs_that_a_terminal_obeys(self) -> None:
        for text in ("plain", "a\nb\r\n\x1b[2J\x85\u2028\u202e", "é" * 1_000_000, "\n" * 1_000_000, "\ud800"):
            with self.subTest(text[:9]):
                (line,) = self.logged(lambda log, text=text: log.warning("%s", text))  # type: ignore[misc]
                self.assertRegex(line + "\n", LINE)
                self.assertLessEqual(len(line.encode()), 1024)
                self.assertTrue(line.isprintable())
        self.assertTrue(self.logged(lambda log: log.warning("%d %s", 7, "olá"))[0].endswith("7 olá"))

    def test_a_traceback_has_short_and_plain_lines_too(self) -> None:
        def fail(log: logging.Logger) -> None:
            try:
                raise ValueError("x" * 1_000_000 + "\x1b")
            except ValueError:
                log.exception("it failed")

        lines = self.logged(fail)
        self.assertIn("Traceback", lines[1])
        self.assertTrue(all(line.startswith("    ") for line in lines[1:]))
        self.assertLessEqual(max(len(line) for line in lines), 1024)

    def test_what_tornado_quotes_is_left_out(self) -> None:
        for said, kept in (
            ("Invalid header value 'a secret'", "value ..."),
            ('Tampered cookie b"a secret"', "cookie ..."),
        ):
            (line,) = self.logged(lambda log, said=said: log.info(said), "tornado.general")  # type: ignore[misc]
            self.assertTrue(line.endswith(kept), line)
        self.assertTrue(self.logged(lambda log: log.info("it's ours"))[0].endswith("it's ours"))


class TerminalTest(FolderTest):
    def test_the_set_up_token_is_printed_once_and_never_logged(self) -> None:
        server = self.start().wait()
        path = server.setup_path
        token = path.partition("=")[2]
        browser = Client(server.url)
        self.assertEqual(browser.get(path).status, 200)
        fields = {"username": "ana", "email": "a@example.org", "password": PASSWORD, "again": PASSWORD}
        self.assertEqual(browser.post(path, fields).status, 302)
        self.assertEqual(browser.get(path).status, 400)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(len([line for line in server.lines if token in line]), 1)

    def test_a_command_repeats_no_password(self) -> None:
        done = add_user(self.folder, "ana", password="a password of mine")
        self.assertEqual(done.returncode, 0)
        self.assertNotIn("a password of mine", done.stdout + done.stderr)
