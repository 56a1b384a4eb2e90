"""The command line: commands, options and where they come from, and failures that say why in one line."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from testsuite.live import PASSWORD, Client, FolderTest, run_app
from testsuite.tables import sql

Run = subprocess.CompletedProcess[str]


class CommandTest(FolderTest):
    """A test that runs app.py to its end."""

    def run_app(self, *words: str, stdin: str = "", env: dict[str, str] | None = None) -> Run:
        return run_app(self.folder, *words, stdin=stdin, env=env)

    def assert_done(self, ran: Run) -> None:
        """Check that a command did its work without complaint."""
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))

    def assert_refused(self, ran: Run, *words: str) -> None:
        """Check that it failed in one line on standard error, which has these words."""
        self.assertEqual(ran.returncode, 2, ran)
        self.assertEqual(ran.stdout, "")
        self.assertEqual(len(ran.stderr.strip().splitlines()), 1, ran.stderr)
        self.assertNotIn("Traceback", ran.stderr)
        for word in words:
            self.assertIn(word, ran.stderr)

    def write(self, name: str, text: str) -> str:
        """Write a file in the folder and return its path."""
        path = Path(self.folder) / name
        path.write_text(text)
        return str(path)


class PeopleTest(CommandTest):
    def test_adduser_makes_a_member_and_with_admin_an_administrator(self) -> None:
        self.assert_done(self.run_app("adduser", "ana", "ana@example.org", "--admin", stdin=PASSWORD + "\n"))
        self.assert_done(self.run_app("adduser", "beto", "beto@example.org", stdin=PASSWORD))
        found = sql(self.folder, "SELECT username, email, is_admin FROM user ORDER BY username")
        self.assertEqual(found, [("ana", "ana@example.org", 1), ("beto", "beto@example.org", 0)])
        server = self.start().wait()
        self.assertEqual(server.setup_path, "")
        for name, status in (("ana", 302), ("beto", 403)):
            client = Client(server.url).sign_in(name)
            self.assertEqual(client.get("/rooms/lobby").status, 200)
            self.assertEqual(client.post("/members/invitations").status, status)

    def test_passwd_changes_the_password_beside_a_running_server(self) -> None:
        self.assert_done(self.run_app("adduser", "Ana", "ana@example.org", stdin=PASSWORD))
        server = self.start().wait()
        client = Client(server.url).sign_in("ana")
        self.assert_done(self.run_app("passwd", "ana", stdin="a new password\n"))
        self.assertEqual(client.get("/").location, "/login")
        Client(server.url).sign_in("ana", "a new password")
        answer = Client(server.url).post("/login", {"username": "ana", "password": PASSWORD})
        self.assertEqual(answer.status, 403)

    def test_a_password_keeps_its_spaces_and_signs(self) -> None:
        self.assert_done(self.run_app("adduser", "ana", "a@example.org", stdin="  señor 密码  \r\n"))
        Client(self.start().wait().url).sign_in("ana", "  señor 密码  ")

    def test_a_name_that_is_taken_in_whatever_spelling_is_refused(self) -> None:
        self.assert_done(self.run_app("adduser", "Ana", "a@example.org", stdin=PASSWORD))
        for name in ("Ana", "ana", " ANA "):
            self.assert_refused(self.run_app("adduser", name, "b@example.org", stdin=PASSWORD), "already has this name")
        self.assertEqual(sql(self.folder, "SELECT email FROM user"), [("a@example.org",)])

    def test_what_no_form_would_take_is_refused(self) -> None:
        for name, email, password, word in (
            ("ana", "a@example.org", "short12", "8 to 1,000"),
            ("ana", "a@example.org", "", "8 to 1,000"),
            ("ana", "a@example.org", "x" * 1001, "8 to 1,000"),
            ("ana", "nowhere", PASSWORD, "e-mail"),
            ("", "a@example.org", PASSWORD, "name"),
            ("x" * 41, "a@example.org", PASSWORD, "name"),
            ("a\u200bna", "a@example.org", PASSWORD, "name"),
        ):
            with self.subTest((name, email, password[:10])):
                self.assert_refused(self.run_app("adduser", name, email, stdin=password), word)
        self.assertEqual(sql(self.folder, "SELECT * FROM user"), [])

    def test_nobody_elses_password_can_be_set(self) -> None:
        self.assert_done(self.run_app("adduser", "ana", "a@example.org", stdin=PASSWORD))
        before = sql(self.folder, "SELECT password FROM user")
        self.assert_refused(self.run_app("passwd", "nobody", stdin=PASSWORD), "Nobody has this name")
        self.assert_refused(self.run_app("passwd", "ana", stdin="short"), "8 to 1,000")
        self.assertEqual(sql(self.folder, "SELECT password FROM user"), before)

    def test_migrate_brings_a_database_up_to_date_as_often_as_one_likes(self) -> None:
        for _ in range(2):
            self.assert_done(self.run_app("migrate"))
            self.assertEqual(sql(self.folder, "SELECT slug FROM room"), [("lobby",)])

    def test_commands_that_nobody_has_or_that_lack_something_are_refused(self) -> None:
        for words in (
            ("dance",),
            ("adduser",),
            ("adduser", "ana"),
            ("adduser", "ana", "a@example.org", "more"),
            ("adduser", "ana", "a@example.org", "--root"),
            ("passwd",),
            ("passwd", "ana", "beto"),
            ("migrate", "now"),
            ("", ""),
        ):
            with self.subTest(words):
                self.assert_refused(self.run_app(*words, stdin=PASSWORD))
        self.assert_done(self.run_app("migrate"))

    def test_help_is_no_failure(self) -> None:
        ran = self.run_app("--help")
        self.assertEqual(ran.returncode, 0)
        self.assertIn("--database", ran.stdout + ran.stderr)


class FailureTest(CommandTest):
    def test_a_port_in_use_is_said_in_one_line(self) -> None:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
            self.assert_refused(self.run_app(f"--port={port}"), str(port))
        self.assertEqual(self.start(f"--database={self.folder}/other.db").wait().stop(), 0)

    def test_an_address_that_is_not_this_machines_is_said_in_one_line(self) -> None:
        for address in ("192.0.2.1", "999.1.1.1", "no such host"):
            with self.subTest(address):
                self.assert_refused(self.run_app("--port=0", f"--address={address}"), address)

    def test_a_database_that_cannot_be_opened_is_said_in_one_line(self) -> None:
        rubbish = self.write("rubbish.db", "This is no database, " * 500)
        for path in ("missing/people.db", ".", rubbish, "/dev/null/people.db", "/proc/people.db"):
            with self.subTest(path):
                self.assert_refused(self.run_app("--port=0", f"--database={path}"), path)
                self.assert_refused(self.run_app(f"--database={path}", "migrate"), path)
        self.assertEqual(Path(rubbish).read_text(), "This is no database, " * 500)

    def test_a_database_of_something_else_is_left_alone(self) -> None:
        sql(self.folder, "CREATE TABLE user (id INTEGER PRIMARY KEY, nickname TEXT)")
        sql(self.folder, "INSERT INTO user VALUES (1, 'ana')")
        self.assert_refused(self.run_app("--port=0"), "people.db")
        self.assertEqual(sql(self.folder, "SELECT * FROM user"), [(1, "ana")])
        self.assertEqual(sql(self.folder, "SELECT name FROM sqlite_master WHERE name = 'room'"), [])

    def test_a_database_url_that_means_nothing_is_said_in_one_line(self) -> None:
        for url in (
            "",
            "mysql://localhost/people",
            "sqlite://",
            "sqlite:///",
            "http://example.org/x.db",
            "://",
            "postgresql://",
        ):
            with self.subTest(url):
                self.assert_refused(self.run_app("--port=0", f"--database={url}"))
        self.assert_done(self.run_app("--database=sqlite:///by-url.db", "migrate"))
        self.assertTrue((Path(self.folder) / "by-url.db").exists())

    def test_options_that_do_not_exist_or_have_no_such_value_are_said_in_one_line(self) -> None:
        for option, word in (
            ("--prot=1", "prot"),
            ("--port=abc", "port"),
            ("--port=", "port"),
            ("--port=70000", "port"),
            ("--port=-1", "port"),
            ("--port", "port"),
            ("--max_message=long", "max_message"),
            ("--max_message=0", "max_message"),
            ("--max_message=9001", "max_message"),
            ("--messages_per_second=fast", "messages_per_second"),
            ("--messages_per_second=-1", "messages_per_second"),
            ("--messages_per_second=nan", "messages_per_second"),
            ("--connections_per_member=-1", "connections_per_member"),
            ("--fetch_url=nowhere", "fetch_url"),
            ("--transports=carrier-pigeon", "transports"),
            ("--transports=websocket,xhr", "transports"),
        ):
            with self.subTest(option):
                self.assert_refused(self.run_app("--database=x.db", option, "migrate"), word)


class DebugTest(CommandTest):
    """Line 21 of what the site withstands: debug refuses to run where others could reach it."""

    def test_debug_stays_on_this_machine(self) -> None:
        for address in ("0.0.0.0", "", "::", "192.0.2.1", "example.org"):
            with self.subTest(address):
                self.assert_refused(self.run_app("--port=0", "--debug", f"--address={address}"), "debug")
        self.assert_refused(self.run_app("--port=0", "--address=0.0.0.0", env={"PROSA_DEBUG": "1"}), "debug")
        self.assert_refused(self.run_app(f"--config={self.write('options', 'debug = True')}", "--address=::"), "debug")
        for address in ("127.0.0.1", "localhost"):
            self.assertTrue(self.start("--debug", f"--address={address}").wait().url)


class OptionsTest(CommandTest):
    def site_name(self, *options: str, env: dict[str, str] | None = None) -> str:
        """Return what a server that is started so calls itself."""
        with self.running(*options, env=env) as lines:
            return lines[-1].partition(" listens on ")[0]

    @contextlib.contextmanager
    def running(self, *options: str, env: dict[str, str] | None = None) -> Iterator[list[str]]:
        server = self.start(*options, env=env).wait()
        try:
            yield server.lines
        finally:
            server.stop()

    def test_the_command_line_beats_the_environment_which_beats_the_file(self) -> None:
        config = self.write("prosa.conf", "site_name = 'From the file'\nmax_message = 77\n")
        env = {"PROSA_SITE_NAME": "From the environment"}
        self.assertEqual(self.site_name(), "Prosa")
        self.assertEqual(self.site_name(f"--config={config}"), "From the file")
        self.assertEqual(self.site_name(f"--config={config}", env=env), "From the environment")
        option = "--site_name=From the command line"
        self.assertEqual(self.site_name(f"--config={config}", option, env=env), "From the command line")
        self.assertEqual(self.site_name(env={"PROSA_CONFIG": config}), "From the file")

    def test_every_option_of_a_file_and_of_the_environment_counts(self) -> None:
        config = self.write("prosa.conf", "database = 'from-file.db'\nmax_message = 3\n")
        self.assert_done(self.run_app(f"--config={config}", "adduser", "ana", "a@example.org", stdin=PASSWORD))
        self.assertTrue((Path(self.folder) / "from-file.db").exists())
        server = self.start(f"--config={config}", env={"PROSA_CONNECTIONS_PER_MEMBER": "1"}).wait()
        ana = Client(server.url).sign_in("ana")
        self.assertEqual(ana.post("/rooms/lobby", {"body": "four"}).status, 400)
        self.assertEqual(ana.post("/rooms/lobby", {"body": "abc"}).status, 302)

    def test_wrong_ones_from_a_file_or_the_environment_are_said_in_one_line(self) -> None:
        for text in ("port = 'abc'", "port = ", "import nothing_of_this_name", "1 / 0"):
            with self.subTest(text):
                config = self.write("bad.conf", text)
                self.assert_refused(self.run_app(f"--config={config}", "migrate"), "bad.conf")
        config = self.write("bad.conf", "port = None")
        self.assert_refused(self.run_app(f"--config={config}", "migrate"), "port")
        self.assert_refused(self.run_app("--config=missing.conf", "migrate"), "missing.conf")
        self.assert_refused(self.run_app(f"--config={self.folder}", "migrate"), self.folder)
        self.assert_refused(self.run_app("migrate", env={"PROSA_PORT": "abc"}), "port")
        good = self.write("good.conf", "port = 9000\n")
        self.assert_done(self.run_app(f"--config={good}", "migrate"))

    def test_it_listens_on_ipv6_too(self) -> None:
        server = self.start("--address=::1").wait()
        self.assertTrue(server.url.startswith("http://[::1]:"))
        self.assertEqual(Client(server.url).get("/login").status, 200)

    def test_it_stops_when_asked_and_says_nothing(self) -> None:
        server = self.start().wait()
        said = len(server.lines)
        self.assertEqual(server.stop(), 0)
        self.assertEqual(server.lines[said:], [])
