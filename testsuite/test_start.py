"""Starting, alone and with others, and what is said when something goes wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from controllers.web.http_status import status_text
from testsuite.cases import FolderTest, SiteTest, add_user
from testsuite.clients import Answer, Client
from testsuite.jar import Jar
from testsuite.servers import ROOT, environment
from testsuite.tables import locked, sql
from testsuite.waiting import TIMEOUT_SECONDS, together

# Opens the databases named on standard input, as every process does at its start.
OPENER = """
import sys
from models import settings
from models.database import database, open_database, with_retries
for path in sys.stdin:
    open_database(path.strip())
    sys.stdout.write(with_retries(settings.cookie_secret) + "\\n")
    sys.stdout.flush()
    database.close()
"""
INSIDE = ("Traceback", 'File "', ".py", str(ROOT), "sqlite", "SELECT", "peewee", "tornado", "Error:")


class FirstStartTest(FolderTest):
    fresh = True

    def test_it_says_where_to_set_up_and_where_it_listens_and_nothing_else(self) -> None:
        server = self.start().wait()
        self.assertEqual(len(server.lines), 2, server.lines)
        self.assertRegex(server.lines[0], r"^Set up: http://127\.0\.0\.1:\d+/setup\?token=[\w-]{43}\n$")
        self.assertRegex(server.lines[1], r"^Prosa listens on http://127\.0\.0\.1:\d+/\n$")

    def test_who_has_no_mongodb_loads_nothing_that_speaks_to_one(self) -> None:
        loading = "import app, sys; sys.exit(bool({'motor', 'pymongo', 'gridfs'} & {*sys.modules}))"
        command = [sys.executable, "-W", "error", "-c", loading]
        loaded = subprocess.run(command, cwd=ROOT, env=environment(), check=False, timeout=TIMEOUT_SECONDS)
        self.assertEqual(loaded.returncode, 0)

    def test_started_again_it_knows_its_members_and_their_cookies(self) -> None:
        self.assertEqual(add_user(self.folder, "ana").returncode, 0)
        first = self.start().wait()
        ana = Client(first.url).sign_in("ana")
        self.assertEqual(ana.post("/rooms/lobby", {"body": "remember"}).status, 302)
        self.assertEqual(first.stop(), 0)
        again = self.start().wait()
        self.assertEqual(len(again.lines), 1, again.lines)
        ana.url = again.url
        self.assertIn("remember", ana.get("/rooms/lobby").text)


class StartingTogetherTest(FolderTest):
    """docs/security.rst 24: eight processes that start at once on an empty directory, fifty times.

    The servers do it once here, since fifty times take minutes; opening the database is done fifty times.
    """

    needs = ("quiet",)  # they fill all cores
    is_long = True
    fresh = True

    def test_eight_processes_at_once_make_one_schema_and_one_secret(self) -> None:
        servers = [self.start() for _ in range(8)]
        for server in servers:
            server.wait()
        for server in servers:
            self.assertEqual([line.split(":")[0].split(" ")[0] for line in server.lines], ["Set", "Prosa"])
        self.assertEqual(len({server.setup_path for server in servers}), 1)
        self.assertEqual(len(sql(self.folder, "SELECT * FROM setting WHERE name = 'cookie_secret'")), 1)
        self.assertEqual(sql(self.folder, "SELECT slug FROM room"), [("lobby",)])
        self.assertEqual(add_user(self.folder, "ana").returncode, 0)
        ana = Client(servers[0].url).sign_in("ana")
        for server in servers:
            other = Client(server.url)
            other.cookies = Jar(ana.cookies)
            self.assertEqual(other.get("/rooms").status, 200)
            self.assertEqual(other.post("/rooms/lobby", {"body": f"from {server.port}"}).status, 302)
        self.assertEqual(sql(self.folder, "SELECT seq FROM entry ORDER BY seq"), [(seq,) for seq in range(1, 9)])

    def test_eight_openers_at_once_fifty_times_find_one_schema_and_one_secret(self) -> None:
        command = [sys.executable, "-W", "error", "-c", OPENER]
        openers = [
            subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=environment(),
            )
            for _ in range(8)
        ]
        try:
            for number in range(50):
                folder = Path(self.folder) / str(number)
                folder.mkdir()
                secrets = together(*(partial(self.open, opener, folder / "people.db") for opener in openers))
                self.assertEqual(len(set(secrets)), 1, secrets)
                self.assertEqual(len(secrets[0]), 44)
                self.assertEqual(sql(str(folder), "SELECT slug FROM room"), [("lobby",)])
        finally:
            for opener in openers:
                opener.communicate(timeout=TIMEOUT_SECONDS)

    def open(self, opener: subprocess.Popen[str], path: Path) -> str:
        """Let one process open a database; return the secret that it finds, or why it has ended."""
        assert opener.stdin is not None
        assert opener.stdout is not None
        assert opener.stderr is not None
        opener.stdin.write(f"{path}\n")
        opener.stdin.flush()
        return opener.stdout.readline() or opener.stderr.read()


class HealthTest(SiteTest):
    def test_it_is_well_while_it_can_write(self) -> None:
        answer = self.client().get("/healthz")
        self.assertEqual((answer.status, answer.json()["status"]), (200, "ok"))
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))

    def test_while_another_process_holds_the_database_it_says_503_and_stores_nothing(self) -> None:
        beto = self.client("beto")
        beto.get("/rooms/lobby")
        with locked(self.folder):
            health, posted = together(
                partial(self.client().get, "/healthz"),
                partial(beto.post, "/rooms/lobby", {"body": "keep me", "nonce": "n1"}),
            )
        self.assertEqual((health.status, health.json()["error"]["status"]), (503, 503))
        self.assertEqual(posted.status, 503)
        self.assertIn("keep me</textarea>", posted.text)
        self.assertEqual(sql(self.folder, "SELECT * FROM entry"), [])
        self.assertEqual(self.client().get("/healthz").status, 200)
        self.assertEqual(beto.post("/rooms/lobby", {"body": "keep me", "nonce": "n1"}).status, 302)


class Broken:
    """A site with unforeseen data in its database."""

    folder: str

    def break_invitations(self) -> None:
        """Store an invitation that cannot be read."""
        values = "SELECT 'token', id, 'once upon a time', NULL FROM user WHERE username = 'ana'"
        sql(self.folder, f"INSERT INTO invitation (token, made_by_id, made_at, ended_at) {values}")


class ErrorTest(Broken, SiteTest):
    """docs/security.rst 21: no answer tells of the program's inside."""

    def assert_quiet(self, answer: Answer, *statuses: int) -> None:
        """Check that an error says nothing of the inside."""
        self.assertIn(answer.status, statuses)
        self.assertEqual([inside for inside in INSIDE if inside in answer.text], [])

    def test_an_error_is_a_page_and_for_programs_json(self) -> None:
        ana = self.client("ana")
        page = ana.get("/nothing")
        self.assert_quiet(page, 404)
        self.assertIn("There is nothing at this address.", page.text)
        self.assertIn('href="/"', page.text)
        self.assertTrue(page.headers["Content-Type"].startswith("text/html"))
        answer = ana.get("/nothing", Accept="application/json")
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))
        told = {"code": "not_found", "status": 404, "message": "There is nothing at this address."}
        self.assertEqual(answer.json(), {"error": told})

    def test_an_errors_title_is_words_and_no_number(self) -> None:
        beto = self.client("beto")
        answers = {
            "Not found": beto.get("/nothing"),
            "Not allowed": beto.get("/members/1/remove"),
            "Invitation over": self.client().get("/join/over"),
            "That did not work": self.client().get("/setup"),
            "Not possible here": beto.request("PUT", "/login", X_Xsrftoken=beto.xsrf),
            "Too much": beto.request("POST", "/rooms/lobby", b"x" * 300_000),
            "Não encontrado": beto.get("/nothing", Accept_Language="pt"),
        }
        for title, answer in answers.items():
            self.assertIn(f"<title>{title} · Prosa</title>", answer.text)
            self.assertIn(f"<h1>{title}</h1>", answer.text)
        titles = [status_text(status)[0] for status in range(400, 600)]
        self.assertEqual([title for title in titles if re.search(r"\d", title)], [])
        self.assertEqual((status_text(418), status_text(599)), (status_text(400), status_text(500)))
        file = self.client().get("/static/nothing.js")
        self.assertEqual((file.status, file.text), (404, "There is nothing at this address.\n"))
        self.assertEqual(file.headers["Content-Type"], "text/plain; charset=UTF-8")

    def test_an_error_speaks_the_readers_language(self) -> None:
        answer = self.client().get("/nothing", Accept_Language="pt-BR,pt;q=0.9")
        self.assertIn('lang="pt-BR"', answer.text)
        self.assertNotIn("There is nothing at this address.", answer.text)

    def test_strange_requests_are_refused_without_a_word_about_the_inside(self) -> None:
        ana = self.client("ana")
        for path in (
            "/%ff",
            "/rooms/%00",
            "/rooms/LOBBY",
            "/rooms/" + "x" * 3000,
            "/rooms/..%2f..%2fapp.py",
            "/join/%2e%2e",
            "/static/../app.py",
            "/static/%2e%2e/%2e%2e/app.py",
            "/static/%2e%2e/templates/base.html",
            "/static//etc/passwd",
            "/static/vendor/%2e%2e/package.json",
            "/static/%00",
            "/static/",
            "/login?next=%ff%fe",
            "/setup?token=%ff",
            "/members/invitations/999999999999/end",
        ):
            with self.subTest(path):
                self.assert_quiet(ana.get(path), 302, 400, 403, 404)

    def test_strange_headers_and_bodies_are_refused_likewise(self) -> None:
        ana = self.client("ana")
        token = {"X-Xsrftoken": ana.cookies["_xsrf"]}
        for kind, body in (
            ("multipart/form-data", "x"),
            ("multipart/form-data; boundary=b", "--b\r\n\r\n"),
            ("multipart/form-data; boundary=" + "b" * 5000, "x"),
            ("application/x-www-form-urlencoded; charset=utf-7", "body=%ff"),
            ("application/x-www-form-urlencoded", "&" * 200_000),
            ("application/json", '{"body": "x"}'),
            ("", ""),
        ):
            with self.subTest(kind):
                answer = ana.request("POST", "/rooms/lobby", body, Content_Type=kind, **token)
                self.assert_quiet(answer, 400)
        for headers in (
            {"Accept-Language": ";q=x,,=,pt;q=nan"},
            {"Cookie": "\xff=\xfe; ;;=; a"},
            {"Accept": "application/json;;;"},
            {"Host": '"><script>'},
            {"If-None-Match": '"' * 100},
            {"Range": "bytes=9-1,x"},
            {"Authorization": "Basic x"},
        ):
            with self.subTest(headers):
                self.assert_quiet(self.client().get("/login", **headers), 200, 400)
                self.assert_quiet(self.client().get("/static/logo.svg", **headers), 200, 206, 400, 416)

    def test_methods_that_no_page_has_are_refused(self) -> None:
        ana = self.client("ana")
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
            with self.subTest(method):
                self.assert_quiet(ana.request(method, "/rooms/lobby"), 403, 405)

    def test_a_broken_database_is_an_error_without_its_words(self) -> None:
        ana = self.client("ana")
        self.break_invitations()
        try:
            self.assert_quiet(ana.get("/members"), 500)
            self.assert_quiet(ana.get("/members", Accept="application/json"), 500)
        finally:
            sql(self.folder, "DELETE FROM invitation")
        self.assertEqual(ana.get("/members").status, 200)
        sql(self.folder, "ALTER TABLE invitation RENAME TO elsewhere")
        try:
            self.assert_quiet(ana.get("/members"), 503)
        finally:
            sql(self.folder, "ALTER TABLE elsewhere RENAME TO invitation")
        self.assertEqual(ana.get("/members").status, 200)

    def test_a_broken_database_is_an_error_without_its_words_in_the_chat_too(self) -> None:
        chat = self.chat("ana")
        chat.until("ack", nonce=chat.post("well"))
        sql(self.folder, "ALTER TABLE entry RENAME TO elsewhere")
        try:
            chat.post("not well")
            error = chat.until("error")
            self.assertEqual(error["code"], "unavailable")
            self.assertEqual([inside for inside in INSIDE if inside in str(error)], [])
            for path in ("/chat/000/abcdefgh/jsonp", "/chat/000/abcdefgh/htmlfile"):
                self.assert_quiet(self.client("ana").get(path, Origin=self.server.url), 500)
        finally:
            sql(self.folder, "ALTER TABLE elsewhere RENAME TO entry")
        chat.until("ack", nonce=chat.post("well again"))


class DebugTest(Broken, SiteTest):
    """docs/security.rst 21: only with debug an answer tells of the inside."""

    options = ("--debug",)

    def test_in_debug_an_error_shows_where_it_comes_from(self) -> None:
        ana = self.client("ana")
        self.break_invitations()
        answer = ana.get("/members")
        self.assertEqual(answer.status, 500)
        self.assertIn("Traceback", answer.text)


class TemplatesTest(FolderTest):
    """Templates are read again at each request in debug only."""

    def setUp(self) -> None:
        super().setUp()
        self.templates = Path(self.folder) / "templates"
        shutil.copytree(ROOT / "views" / "templates", self.templates)
        add_user(self.folder, "ana")

    def serve(self, *options: str) -> Client:
        """Start a process with templates of its own; return a client of ana's."""
        server = self.start(*options, altered=(f"app:TEMPLATES_FOLDER={str(self.templates)!r}",)).wait()
        return Client(server.url).sign_in("ana")

    def change(self, template: str, old: str, new: str) -> None:
        """Change a template on disk."""
        file = self.templates / template
        text = file.read_text("utf-8")
        self.assertIn(old, text)
        file.write_text(text.replace(old, new), "utf-8")

    def test_in_debug_every_template_of_a_message_is_read_anew_and_without_it_none(self) -> None:
        debug, plain = self.serve("--debug"), self.serve()
        chats = [client.chat() for client in (debug, plain)]
        for chat in chats:
            self.addCleanup(chat.close)
        chats[0].until("ack", nonce=chats[0].post("before"))
        pages = [client.get("/rooms/lobby").text for client in (debug, plain)]
        self.assertNotIn("altered", "".join(pages))
        self.change("message.html", "class='message{%", "class='message altered{%")
        self.change("modules/rows.html", "<li data-author", "<!-- altered --><li data-author")
        seq = chats[0].until("ack", nonce=chats[0].post("after"))["seq"]
        for chat, client, is_changed in ((chats[0], debug, True), (chats[1], plain, False)):
            html, page = chat.until("entry", seq=seq)["html"], client.get("/rooms/lobby").text
            found = ["message altered" in html, "message altered" in page, "<!-- altered -->" in page]
            self.assertEqual(found, [is_changed] * 3)
