"""The set-up: the lock files, and what `make` says where it may not install."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from testsuite.newcomer import Terminal
from testsuite.servers import ROOT

LOCKS = {"requirements.lock": "requirements.txt", "requirements-dev.lock": "requirements-dev.txt"}
NOBODY = 65534


def requirements(path: str) -> dict[str, str]:
    """Return the names in a file of requirements, each with the rest of its line or lines."""
    text = re.sub(r"(^| )#.*$|\\\n", "", (ROOT / path).read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = re.findall(r"^([\w-]+)(.*)$", text, re.MULTILINE)
    return {name: rest for name, rest in found if name != "-r"}


class Locks(unittest.TestCase):
    def test_every_requirement_has_an_upper_bound(self) -> None:
        for path in LOCKS.values():
            for name, bounds in requirements(path).items():
                self.assertRegex(bounds, r"==|<", name)

    def test_every_package_is_pinned_with_hashes(self) -> None:
        for lock, asked in LOCKS.items():
            pinned = requirements(lock)
            self.assertLessEqual(requirements(asked).keys(), pinned.keys())
            for name, rest in pinned.items():
                self.assertRegex(rest, r"^==\S+ .*--hash=sha256:[0-9a-f]{64}", name)

    def test_the_developers_packages_hold_those_of_the_site(self) -> None:
        # Without the conditions: what the site needs on some systems only, a developer may need on all.
        ours, theirs = (
            {name: re.sub(r" ; .*?(?= --hash)", " ", rest) for name, rest in requirements(lock).items()}
            for lock in LOCKS
        )
        for name, pinned in ours.items():
            self.assertEqual(pinned.split(), theirs.get(name, "").split(), name)

    def test_they_name_no_place(self) -> None:
        for lock in LOCKS:
            self.assertNotRegex((ROOT / lock).read_text(encoding="utf-8"), r"://|file:|--.*index|--find-links")
        packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
        self.assertGreater(len(packages), 5)
        for name, package in packages.items():
            self.assertNotIn("resolved", package, name)
            self.assertTrue(name == "" or package["integrity"], name)


class Make(unittest.TestCase):
    def test_who_may_not_install_is_told_in_one_line_what_is_missing(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(ROOT / "Makefile", folder)
            Path(folder).chmod(0o755)
            have = self.tools(folder, "sh")
            self.assertEqual((have.returncode, have.stderr), (0, ""))
            lack = self.tools(folder, "sh no-such-tool")
            self.assertNotEqual(lack.returncode, 0)
            line = "The tests need what is missing here: no-such-tool (apt-get install no-such-tool)\n"
            self.assertEqual(lack.stdout, "")
            self.assertEqual([told for told in lack.stderr.splitlines(keepends=True) if "make:" not in told], [line])

    def test_the_tests_get_their_packages_also_where_npm_is_told_to_leave_them_out(self) -> None:
        for target, wanted in (("test", "--include=dev"), ("run", "--omit=dev")):
            command = ["make", "--dry-run", "--always-make", f"node_modules/{target}.stamp"]
            said = subprocess.run(
                command, cwd=ROOT, env=Terminal(ROOT, "").env, capture_output=True, text=True, check=True
            )
            self.assertRegex(said.stdout, f"npm .* ci {wanted}\n")

    def test_a_proxy_of_the_machine_is_not_asked_for_what_runs_here(self) -> None:
        ask = "import testsuite, urllib.request; print(urllib.request.proxy_bypass('127.0.0.1:8888'))"
        env = {**Terminal(ROOT, "").env, "http_proxy": "http://127.0.0.1:9", "no_proxy": "example.org"}
        asked = subprocess.run(
            [sys.executable, "-W", "error", "-c", ask], cwd=ROOT, env=env, capture_output=True, text=True, check=True
        )
        self.assertIn(asked.stdout, ("1\n", "True\n"))

    def tools(self, folder: str, needed: str) -> subprocess.CompletedProcess[str]:
        """Look for tools as a user without root's rights."""
        return subprocess.run(
            ["make", "--no-print-directory", "tools", f"APT_TOOLS={needed}"],
            cwd=folder,
            env=Terminal(ROOT, "").env,
            user=NOBODY if os.geteuid() == 0 else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
