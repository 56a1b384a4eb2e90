"""The command line: commands, options and where they come from, and failures that say why in one line."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path

from commands import COMMAND_HELP
from testsuite.cases import FolderTest
from testsuite.clients import PASSWORD, Client
from testsuite.servers import ROOT, environment, run_app
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

    def test_the_name_of_a_removed_member_says_the_same_to_both(self) -> None:
        self.assert_done(self.run_app("adduser", "Ana  Maria", "a@b", stdin=PASSWORD))
        self.assert_done(self.run_app("passwd", "ana   maria", stdin=PASSWORD))
        sql(self.folder, "UPDATE user SET removed_at = 1")
        for words in (("adduser", "Ana Maria", "a@b"), ("passwd", "Ana  Maria")):
            self.assert_refused(self.run_app(*words, stdin=PASSWORD), "Somebody who was removed had this name")

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

    def test_help_is_no_failure_and_lists_the_commands(self) -> None:
        ran = self.run_app("--port=abc", "--help", "adduser")
        self.assert_done(ran)
        self.assertIn("--database", ran.stdout)
        for name, what in COMMAND_HELP.items():
            self.assertRegex(ran.stdout, f"(?m)^  {name} +{what}$")
        for name, word in (("adduser", "EMAIL"), ("passwd", "NAME"), ("migrate", "usage"), ("move", "--to_database")):
            ran = self.run_app("--database=none.db", name, "--help")
            self.assert_done(ran)
            self.assertIn(word, ran.stdout)
        self.assertFalse((Path(self.folder) / "none.db").exists())

    def test_a_command_that_nobody_has_is_told_which_there_are(self) -> None:
        self.assert_refused(self.run_app("nonsense"), "nonsense", *COMMAND_HELP)


class FailureTest(CommandTest):
    def test_a_port_in_use_is_said_in_one_line(self) -> None:
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
            port = taken.getsockname()[1]
            self.assert_refused(self.run_app(f"--port={port}"), str(port))
        self.assertEqual(self.start(f"--database={self.folder}/other.db").wait().stop(), 0)

    def test_an_address_that_is_not_this_machines_is_said_in_one_line(self) -> None:
        for address in ("192.0.2.1", "999.1.1.1", "no such host", "x" * 70, "a..b"):
            with self.subTest(address):
                self.assert_refused(self.run_app("--port=0", f"--address={address}"), address)

    def test_a_database_that_cannot_be_opened_is_said_in_one_line(self) -> None:
        rubbish = self.write("rubbish.db", "This is no database, " * 500)
        for path in ("missing/people.db", ".", rubbish, "/dev/null/people.db", "/proc/people.db"):
            with self.subTest(path):
                self.assert_refused(self.run_app("--port=0", f"--database={path}"), path)
                self.assert_refused(self.run_app(f"--database={path}", "migrate"), path)
        self.assertEqual(Path(rubbish).read_text(), "This is no database, " * 500)

    def test_a_disk_that_is_full_is_said_and_not_what_failed_after_it(self) -> None:
        for options in ((), ("--database=other.db",)):
            self.assert_refused(self.run_on_a_full_disk(*options, "migrate"), "disk")
            self.assert_refused(self.run_on_a_full_disk(*options, "--port=0"), "disk")
        self.assert_done(self.run_app("migrate"))

    def run_on_a_full_disk(self, *words: str) -> Run:
        """Run app.py where every file is full after one block."""
        command = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", sys.executable, str(ROOT / "app.py"), *words]
        env = environment(folder=self.folder)
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=60
        )

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

    def test_what_means_a_database_to_other_programs_makes_no_file_and_is_not_repeated(self) -> None:
        for url in (
            "host=127.0.0.1 password=SECRET dbname=x",
            " dbname = x password=SECRET",
            "postgresql:SECRET@host/x",
            "postgresql:/u:SECRET@host/x",
            "postgres//u:SECRET@host/x",
            "//u:SECRET@host/x",
            "u:SECRET@host/x",
            "file:SECRET.db?mode=ro",
            "sqlite:SECRET.db",
            "mysql:SECRET",
        ):
            with self.subTest(url):
                self.assert_keeps_secret(self.run_app(f"--database={url}", "migrate"))
        self.assert_keeps_secret(self.run_app("--port=0", env={"PROSA_DATABASE": url}))
        self.assert_keeps_secret(self.run_app("move", f"--to_database={url}"))
        self.assertEqual([path.name for path in Path(self.folder).iterdir() if "SECRET" in path.name], [])
        self.assert_done(self.run_app("--database=./a=b:c.db", "migrate"))

    def assert_keeps_secret(self, ran: Run) -> None:
        self.assert_refused(ran)
        self.assertNotIn("SECRET", ran.stderr)

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
            ("--address=", "address"),
            ("--site_name=", "site_name"),
            ("--site_name= \u3164\u200b", "site_name"),
            ("--site_name=" + "x" * 101, "site_name"),
            ("--fetch_url=nowhere", "fetch_url"),
            ("--transports=carrier-pigeon", "transports"),
            ("--transports=websocket,xhr", "transports"),
        ):
            with self.subTest(option):
                self.assert_refused(self.run_app("--database=x.db", option, "migrate"), word)


class DebugTest(CommandTest):
    """docs/security.rst 21: debug refuses to run where others could reach it."""

    def test_debug_stays_on_this_machine(self) -> None:
        for address in ("0.0.0.0", "", "::", "192.0.2.1", "example.org"):
            with self.subTest(address):
                self.assert_refused(self.run_app("--port=0", "--debug", f"--address={address}"), "debug")
        self.assert_refused(self.run_app("--port=0", "--address=0.0.0.0", env={"PROSA_DEBUG": "1"}), "debug")
        self.assert_refused(self.run_app(f"--config={self.write('options', 'debug = True')}", "--address=::"), "debug")
        for address in ("127.0.0.1", "localhost"):
            self.assertTrue(self.start("--debug", f"--address={address}").wait().url)
