"""Warnings are errors: in the tests, and in the programs that they start."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

from testsuite.cases import FolderTest
from testsuite.servers import ROOT, Server, run_app

WARNS = "import warnings\nwarnings.warn('this will go away', DeprecationWarning)\n"
LEAKS = "import socket\nleaked = socket.socket()\ndel leaked\n"  # Python tells of this where nothing can be raised
STARTS = re.compile(r"\[\s*sys\.executable,\s*(\S+\s+\S+)")


class WarningsTest(FolderTest):
    """docs/security.rst 27: the whole suite, servers and commands too, runs with warnings as errors."""

    def write(self, text: str) -> str:
        """Write a file of options, which is a program, and return its option."""
        path = Path(self.folder) / "options"
        path.write_text(text, encoding="utf-8")
        return f"--config={path}"

    def test_a_command_that_warns_fails(self) -> None:
        self.assertEqual(run_app(self.folder, self.write("site_name = 'Ours'"), "migrate").returncode, 0)
        ran = run_app(self.folder, self.write(WARNS), "migrate")
        self.assertEqual(ran.returncode, 2)
        self.assertIn("this will go away", ran.stderr)

    def test_a_server_that_warns_fails(self) -> None:
        self.assertTrue(self.start(self.write("site_name = 'Ours'")).wait().url)
        with self.assertRaisesRegex(AssertionError, "this will go away"):
            self.start(self.write(WARNS)).wait()

    def test_a_server_that_leaks_is_found_out_when_it_stops(self) -> None:
        for text, leaks in ((LEAKS, True), ("site_name = 'Ours'", False)):
            server = Server(self.folder, self.write(text)).wait()
            if leaks:
                with self.assertRaisesRegex(AssertionError, "ResourceWarning"):
                    server.stop()
            else:
                self.assertEqual(server.stop(), 0)


class EveryStartTest(unittest.TestCase):
    """docs/security.rst 27: no test starts a Python that keeps its warnings to itself.

    Its other half, pip-audit, is `make audit`: it needs the Python Package Index's data, which a test cannot count on.
    """

    def test_every_python_is_started_with_warnings_as_errors(self) -> None:
        starts = [
            (path.name, started)
            for path in (*(ROOT / "testsuite").glob("*.py"), ROOT / "tests.py")
            for started in STARTS.findall(path.read_text(encoding="utf-8"))
        ]
        self.assertGreater(len(starts), 5)
        self.assertEqual([start for start in starts if start[1] != '"-W", "error",'], [])

    def test_make_test_runs_the_suite_so_and_make_audit_asks_about_all_that_is_installed(self) -> None:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        self.assertIn("python -W error -m testsuite.runner\n", makefile)
        self.assertRegex(makefile, r"\naudit: .*\n\t.* pip-audit --strict .* -r requirements-dev.lock\n")
