"""The terminal: ^C, ^D, streams that are closed or full, letters that it does not have; one line, never a traceback."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import termios
from pathlib import Path

from testsuite.cases import FolderTest, add_members, add_user
from testsuite.clients import PASSWORD, Client
from testsuite.servers import ROOT, environment
from testsuite.tables import locked, sql
from testsuite.test_commands import CommandTest
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

PYTHON = [sys.executable, "-W", "error", str(ROOT / "app.py")]


class Streams(CommandTest):
    """A standard output that takes nothing: what cannot be told is not done."""

    is_long = True

    def run_so(self, redirection: str, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run app.py with its streams redirected as the shell is told."""
        return subprocess.run(
            ["bash", "-c", f'exec "$@" {redirection}', "bash", *PYTHON, *words],
            cwd=self.folder,
            env=environment(),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def test_a_server_that_cannot_say_where_it_listens_does_not_begin(self) -> None:
        for redirection, word in ((">/dev/full", "No space left"), (">&-", "closed")):
            with self.subTest(redirection):
                self.assert_refused(self.run_so(redirection, "--port=0"), "standard output", word)

    def test_an_account_that_nobody_is_told_of_is_not_made(self) -> None:
        for redirection in (">/dev/full", ">&-"):
            with self.subTest(redirection):
                ran = self.run_so(redirection, "adduser", "ana", "a@example.org", stdin=PASSWORD)
                self.assert_refused(ran, "standard output")
                self.assertEqual(sql(self.folder, "SELECT * FROM user"), [])

    def test_a_password_that_nobody_is_told_of_is_not_changed(self) -> None:
        self.assertEqual(add_user(self.folder, "ana").returncode, 0)
        before = sql(self.folder, "SELECT password FROM user")
        self.assert_refused(self.run_so(">/dev/full", "passwd", "ana", stdin="a new password"), "standard output")
        self.assertEqual(sql(self.folder, "SELECT password FROM user"), before)

    def test_a_move_that_nobody_can_follow_lets_the_site_go_on(self) -> None:
        self.assertEqual(add_user(self.folder, "ana").returncode, 0)
        for redirection, word in ((">/dev/full", "can be written to again"), (">&-", "closed")):
            ran = self.run_so(redirection, "move", "--to_database=there.db")
            self.assert_refused(ran, "standard output", word)
            self.assertEqual(add_user(self.folder, f"after {word}").returncode, 0)

    def test_help_that_cannot_be_shown_is_a_failure_in_one_line(self) -> None:
        for words in (["--help"], ["move", "--help"]):
            self.assert_refused(self.run_so(">/dev/full", *words), "standard output")

    def test_without_standard_streams_nothing_takes_their_place(self) -> None:
        self.assert_refused(self.run_so("<&-", "adduser", "ana", "a@example.org"), "standard input")
        ran = self.run_so("<&- 2>&- >&-", "adduser", "ana", "a@example.org")
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (2, "", ""))
        ran = self.run_so("2>&-", "adduser", "ana", "a@example.org", stdin=PASSWORD)
        self.assertEqual((ran.returncode, ran.stdout), (0, "ana can sign in now.\n"))

    def test_a_reader_who_has_gone_is_no_traceback(self) -> None:
        for words in (["--port=0"], ["adduser", "ana", "a@example.org"], ["--help"]):
            reading, writing = os.pipe()
            os.close(reading)
            ran = subprocess.run(
                [*PYTHON, *words],
                cwd=self.folder,
                env=environment(),
                input=PASSWORD,
                stdout=writing,
                stderr=subprocess.PIPE,
                text=True,
                timeout=60,
                check=False,
            )
            os.close(writing)
            self.assertEqual((ran.returncode, ran.stderr), (2, "cannot write to the standard output: Broken pipe\n"))
        self.assertEqual(sql(self.folder, "SELECT * FROM user"), [])

    def test_letters_that_the_terminal_does_not_have_are_spelt_out(self) -> None:
        for name, env in (("Éva 密", {"PYTHONIOENCODING": "latin-1"}), ("Éva 密2", {"LC_ALL": "C"})):
            command = [*PYTHON, "adduser", name, "a@example.org"]
            ran = subprocess.run(
                command,
                cwd=self.folder,
                env=environment(env),
                input=PASSWORD.encode(),
                capture_output=True,
                timeout=60,
                check=False,
            )
            self.assertEqual((ran.returncode, ran.stderr), (0, b""))
            self.assertIn(b"va ", ran.stdout)
        self.assertEqual(sql(self.folder, "SELECT username FROM user ORDER BY id"), [("Éva 密",), ("Éva 密2",)])

    def test_bytes_that_are_no_utf_8_are_no_password_name_or_address(self) -> None:
        for words in (("adduser", "ana\udcff", "a@example.org"), ("adduser", "ana", "a\udcff@example.org")):
            self.assert_refused(self.run_app(*words, stdin=PASSWORD), "UTF-8")
        self.assert_refused(self.run_app("passwd", "ana\udcff", stdin=PASSWORD), "UTF-8")
        for env in ({"PYTHONUTF8": "1"}, {"LC_ALL": "C"}):
            ran = subprocess.run(
                [*PYTHON, "adduser", "ana", "a@example.org"],
                cwd=self.folder,
                env=environment(env),
                input=b"correct horse \xff\xfe",
                capture_output=True,
                timeout=60,
                check=False,
            )
            self.assertEqual((ran.returncode, ran.stdout), (2, b""))
            self.assertEqual(ran.stderr, b"The password is not written in utf-8.\n")
        self.assertEqual(sql(self.folder, "SELECT * FROM user"), [])


class Prompt(FolderTest):
    """Input typed at a pseudo-terminal."""

    def setUp(self) -> None:
        super().setUp()
        self.terminal, self.theirs = pty.openpty()
        self.addCleanup(os.close, self.terminal)
        self.addCleanup(os.close, self.theirs)

    def type(self, *typed: str, words: tuple[str, ...] = ("adduser", "ana", "a@example.org")) -> tuple[int, str]:
        """Run a command and type, each time at a prompt; return its exit code, and what was shown after that."""
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", AT_A_TERMINAL, *PYTHON, *words],
            cwd=self.folder,
            env=environment(),
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            start_new_session=True,
        )
        for one in typed:
            self.until(": ")
            os.write(self.terminal, one.encode())
        self.assertIsNotNone(process.wait(TIMEOUT_SECONDS))
        os.write(self.theirs, b"\0")
        return process.returncode, self.until("\0")

    def until(self, end: str) -> str:
        """Return what is shown up to here."""
        shown = ""
        while not shown.endswith(end):
            shown += os.read(self.terminal, 1).decode()
        return shown

    def echoes(self) -> bool:
        """Tell whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.theirs)[3] & termios.ECHO)

    def test_a_password_is_asked_for_twice_and_not_shown(self) -> None:
        code, shown = self.type(PASSWORD + "\n", PASSWORD + "\n")
        self.assertEqual((code, shown), (0, "\r\nana can sign in now.\r\n\0"))

    def test_ctrl_c_is_one_line_and_leaves_the_terminal_as_it_was(self) -> None:
        for typed in (("\x03",), (PASSWORD + "\n", "half a pass\x03")):
            code, shown = self.type(*typed)
            self.assertEqual((code, shown.strip("\r\n\0")), (130, "Stopped."))
            self.assertTrue(self.echoes())
        self.assertEqual(sql(self.folder, "SELECT * FROM user"), [])

    def test_ctrl_d_is_no_password(self) -> None:
        code, shown = self.type("\x04")
        self.assertEqual((code, shown.strip("\r\n\0")), (2, "No password was given."))
        self.assertTrue(self.echoes())

    def test_two_passwords_are_not_the_same(self) -> None:
        code, shown = self.type(PASSWORD + "\n", PASSWORD + "x\n")
        self.assertEqual((code, shown.strip("\r\n\0")), (2, "The two passwords are not the same."))


# Makes the terminal that it has its own, as a login does, and becomes what it is told.
AT_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Signals(FolderTest):
    def begin(self, *words: str, ignored: bool = False) -> subprocess.Popen[str]:
        """Start app.py, whose SIGHUP is ignored or not, whatever the tests' own is."""
        how = "--ignore-signal=HUP" if ignored else "--default-signal=HUP"
        process = subprocess.Popen(
            ["env", how, *PYTHON, *words],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.kill)
        return process

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Return its exit code, and what it said on standard error."""
        _, said = process.communicate(timeout=TIMEOUT_SECONDS)
        return process.returncode, said

    def serve(self, ignored: bool = False) -> tuple[subprocess.Popen[str], Client]:
        """Start a server; return it with a client that is signed in."""
        add_members(self.folder, ("ana",))
        server = self.begin("--port=0", "--logging=error", ignored=ignored)
        assert server.stdout is not None
        url = server.stdout.readline().split(" listens on ")[1].strip().rstrip("/")
        return server, Client(url).sign_in("ana")

    def test_a_terminal_that_is_closed_ends_a_server_in_peace(self) -> None:
        server, ana = self.serve()
        with contextlib.closing(ana.chat()) as chat:
            server.send_signal(signal.SIGHUP)
            self.assertEqual(chat.until_closed(), 1012)
        self.assertEqual(self.end(server), (0, ""))

    def test_nohup_keeps_a_server(self) -> None:
        server, ana = self.serve(ignored=True)
        server.send_signal(signal.SIGHUP)
        self.assertEqual(ana.get("/rooms/lobby").status, 200)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(self.end(server), (0, ""))

    def test_a_command_that_waits_ends_at_once_in_one_line(self) -> None:
        add_members(self.folder, ("ana",))
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
            for words in (("migrate",), ("--port=0",)):
                with self.subTest((number, words)), locked(self.folder):
                    process = self.begin(*words)
                    wait_for(lambda process=process: self.has_open(process, "people.db"), "it waits")  # type: ignore[misc]
                    process.send_signal(number)
                    self.assertEqual(self.end(process), (code, "Stopped.\n"))

    def has_open(self, process: subprocess.Popen[str], name: str) -> bool:
        """Tell whether a process has this file open."""
        return any(link.endswith(name) for link in links_of(process))

    def test_ctrl_c_while_it_still_loads_its_modules_is_no_traceback(self) -> None:
        process = self.begin("--port=0")
        maps = Path(f"/proc/{process.pid}/maps")
        wait_for(lambda: "_asyncio" in maps.read_text(), "it loads")
        process.send_signal(signal.SIGINT)
        code, said = self.end(process)
        self.assertIn(code, (0, 130))
        self.assertNotIn("Traceback", said)


def links_of(process: subprocess.Popen[str]) -> list[str]:
    """Return what files a process has open."""
    found = []
    for link in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(str(link.readlink()))
    return found
