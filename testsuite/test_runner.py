"""The runner: what does not pass is seen, whatever becomes of it, and what a class starts it has said."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from testsuite.needs import TOOLS, find_tests, needs_of
from testsuite.servers import ROOT

ITSELF = ("pyproject.toml", *(f"testsuite/{name}.py" for name in ("__init__", "conftest", "needs", "runner")))
LOAD = """
def load_tests(loader, tests, pattern):
    tests.addTests(loader.discover("testsuite", "test_*.py", "."))
    return tests
"""
LIMITS = "runner.PROCESSES, runner.CHECK_PROCESSES, runner.QUIET_PROCESSES, runner.LIMIT_SECONDS = 2, 2, 1, 3"
ALTERED = f"from testsuite import runner; {LIMITS}; sys.exit(runner.main({{words}}))"
GOOD = """
import os, subprocess, sys, unittest
class Good(unittest.TestCase):
    def test_one(self):
        with self.subTest("a part \\ud800"):
            self.assertEqual(sys.warnoptions, ["error"])
    def test_what_it_starts_is_not_given_the_runners_environment(self):
        self.assertFalse({"PYTHONWARNINGS", "PYTHONPATH"} & os.environ.keys())
class Alone(unittest.TestCase):
    needs = ("quiet",)
    def test_it(self):
        self.assertEqual(os.environ["PYTEST_XDIST_WORKER_COUNT"], "1")
"""
BAD = """
import os, time, unittest, warnings
from testsuite.needs import need
class Bad(unittest.TestCase):
    def test_fails(self):
        self.fail()
    def test_fails_in_a_part(self):
        with self.subTest("a part \\ud800"):
            self.fail("\\ud800")
    def test_raises(self):
        raise ValueError
    def test_warns(self):
        warnings.warn("old", DeprecationWarning)
    def test_skips(self):
        self.skipTest("no time")
    def test_dies(self):
        os._exit(0)
    def test_hangs(self):
        time.sleep(1000)
    def test_starts_what_its_class_has_not_said(self):
        need("nginx")
    def test_after_all(self):
        pass
class BadSetUp(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        raise ValueError
    def test_it(self):
        pass
class BadEnd(unittest.TestCase):
    needs = ("quiet",)
    def setUp(self):
        self.addClassCleanup(os._exit, 1)
    def test_it(self):
        pass
class Hidden(unittest.TestCase):
    def it(self):
        pass
def load_tests(loader, tests, pattern):
    tests.addTest(Hidden("it"))
    return tests
"""
NGINX = """
import unittest
from testsuite.needs import need
class Nginx(unittest.TestCase):
    needs = ("nginx",)
    def test_it(self):
        need("nginx")
"""
FAILED = (
    "Bad.test_fails",
    "Bad.test_fails_in_a_part",
    "Bad.test_raises",
    "Bad.test_warns",
    "Bad.test_skips",
    "Bad.test_dies",
    "Bad.test_hangs",
    "Bad.test_starts_what_its_class_has_not_said",
    "BadSetUp.test_it",
    "BadEnd.test_it",
    "Hidden.it",
)


class Runner(unittest.TestCase):
    needs = ("quiet",)  # the tests that it runs have three seconds

    def run_on(self, *words: str, **modules: str) -> subprocess.CompletedProcess[str]:
        """Run the runner in a project whose tests are these modules."""
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "testsuite").mkdir()
        for name in ITSELF:
            shutil.copy(ROOT / name, folder / name)
        (folder / "tests.py").write_text(LOAD)
        for name, text in modules.items():
            (folder / "testsuite" / f"test_{name}.py").write_text(textwrap.dedent(text))
        command = [sys.executable, "-W", "error", "-c", f"import sys; {ALTERED.format(words=list(words))}"]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    def test_the_last_line_is_the_sum_of_all_processes(self) -> None:
        ran = self.run_on(good=GOOD, nginx=NGINX)
        self.assertEqual((ran.returncode, ran.stdout.splitlines()[-1]), (0, "4 passed, 0 failed"), ran.stdout)

    def test_whatever_did_not_pass_counts_as_failed_and_is_named_with_its_reason(self) -> None:
        ran = self.run_on(good=GOOD, bad=BAD)
        lines = ran.stdout.splitlines()
        self.assertEqual(ran.returncode, 1)
        self.assertEqual(lines[-1], f"4 passed, {len(FAILED)} failed", ran.stdout)
        reasons = dict(line.split(": ", 1) for line in lines[-1 - len(FAILED) : -1])
        self.assertEqual(reasons.keys(), {f"FAILED testsuite.test_bad.{name}" for name in FAILED})
        self.assertEqual(reasons["FAILED testsuite.test_bad.Bad.test_fails"], "AssertionError: None")
        self.assertEqual(reasons["FAILED testsuite.test_bad.Hidden.it"], "did not run")

    def test_a_module_that_cannot_be_read_fails(self) -> None:
        ran = self.run_on(good=GOOD, bad="import nothing_of_this_name")
        self.assertEqual(ran.returncode, 1)
        self.assertRegex(ran.stdout.splitlines()[-1], "^[0-3] passed, [1-9] failed$")

    def test_check_leaves_out_what_needs_something(self) -> None:
        ran = self.run_on("check", good=GOOD, nginx=NGINX)
        self.assertEqual((ran.returncode, ran.stdout.splitlines()[-1]), (0, "2 passed, 0 failed"), ran.stdout)


class Needs(unittest.TestCase):
    def test_a_class_needs_what_those_that_it_inherits_from_need(self) -> None:
        needed = {test.id(): needs_of(type(test)) for test in find_tests("testsuite.test_failures")}
        by_class = {name.split(".")[2]: needs for name, needs in needed.items()}
        self.assertEqual((by_class["BehindNginx"], by_class["Counted"]), ({"nginx"}, frozenset()))

    def test_they_are_known(self) -> None:
        for test in find_tests("tests"):
            self.assertLessEqual(needs_of(type(test)), {*TOOLS, "quiet"})
