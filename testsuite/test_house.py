"""The house's own documents: what cites them finds what it cites."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path

from testsuite.documents import Document
from testsuite.servers import ROOT
from testsuite.test_architecture import tracked
from testsuite.waiting import TIMEOUT_SECONDS

LISTS = ("docs/security.rst", "docs/sockjs.rst")
CITING = (
    "*.py",
    "testsuite/*.py",
    "bench/**/*.py",
    "faults/*.py",
    "controllers/**/*.py",
    "models/**/*.py",
    "views/**/*",
)
NUMBERS = r" (\d+(?:, \d+)*(?: and \d+)?)"
DOCUMENT = re.compile(r"[\w./-]+\.(?:md|rst)\b")  # as a comment names one


def citing() -> dict[str, str]:
    """Return the texts that may cite a document, by their names."""
    paths = {path for pattern in CITING for path in ROOT.glob(pattern) if path.is_file()}
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths - {Path(__file__)}}


class Citations(unittest.TestCase):
    maxDiff = None

    def test_each_number_is_proven_by_the_tests_that_the_list_names(self) -> None:
        for path in LISTS:
            named = {row[0]: set(re.split(r",\s+", row[-1])) for row in Document(path).table("Number")}
            self.assertEqual(cited(path), named, f"change the list in {path} or what cites it")

    def test_a_document_that_is_cited_is_in_the_repository(self) -> None:
        for name, text in citing().items():
            for document in DOCUMENT.findall(text):
                found = (ROOT / document).is_file() or (ROOT / name).with_name(document).is_file()
                self.assertTrue(found, f"{name} cites {document}")

    def test_a_list_is_cited_by_its_file_and_not_in_other_words(self) -> None:
        for name, text in citing().items():
            self.assertNotRegex(text, r"Lines? \d+(, \d+)*( and \d+)? of|\b(SECURITY|SOCKJS|DESIGN|LOOKS) \d", name)


class Makefile(unittest.TestCase):
    def test_its_head_names_every_target_by_who_needs_it(self) -> None:
        head, body = (ROOT / "Makefile").read_text(encoding="utf-8").split("\n\n", 1)
        targets = re.search(r"^\.PHONY: (.+)$", body, re.MULTILINE)
        assert targets is not None
        described = re.findall(r"^#   make ([\w-]+) ", head, re.MULTILINE)
        steps = re.findall(r"^# Steps of these: ([\w-]+) \(.*\) and ([\w-]+) \(.*\)\.$", head, re.MULTILINE)
        self.assertEqual(
            sorted([*described, *steps[0]]), sorted(targets[1].split()), "tell of it in the Makefile's head"
        )
        readers = re.findall(r"^# For those who (\w+)", head, re.MULTILINE)
        self.assertEqual(readers, ["run", "develop", "release"])


class Habits(unittest.TestCase):
    def test_the_files_are_as_editorconfig_has_an_editor_write_them(self) -> None:
        for path in map(Path, tracked()):
            if path.suffix != ".png":
                text = (ROOT / path).read_bytes().decode("utf-8")
                self.assertNotRegex(text, r"[ \t\r]\n", path)
                self.assertTrue(path.name == "Makefile" or "\t" not in text, f"{path} has a tab")
                self.assertTrue(
                    path.parent.name == "modules" or text[-1:] in ("", "\n"), f"{path} has no last line end"
                )

    def test_the_hooks_before_a_commit_find_what_is_wrong(self) -> None:
        project = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (project / ".venv").symlink_to(sys.prefix)
        shutil.copy(ROOT / ".pre-commit-config.yaml", project)
        (project / "pyproject.toml").write_text('[tool.mypy]\nstrict = true\npackages = ["example"]\n')
        subprocess.run(["git", "init", "--quiet"], cwd=project, check=True, timeout=TIMEOUT_SECONDS)
        for text, outcome in (("import os\nnumber: str = (1)\n", "Failed"), ('text: str = "1"\n', "Passed")):
            (project / "example.py").write_text(text)
            self.assertEqual(re.findall(r"\.(Passed|Failed)$", hooks(project), re.MULTILINE), [outcome] * 3)


def hooks(project: Path) -> str:
    """Return what the hooks say of a project."""
    subprocess.run(["git", "add", "--all"], cwd=project, check=True, timeout=TIMEOUT_SECONDS)
    ran = subprocess.run(
        [".venv/bin/pre-commit", "run", "--all-files", "--color=never"],
        cwd=project,
        env={**os.environ, "PRE_COMMIT_HOME": str(project / ".git" / "hooks-cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout


def cited(path: str) -> dict[str, set[str]]:
    """Return which files cite each number of a list."""
    found = defaultdict(set)
    for name, text in citing().items():
        for numbers in re.findall(re.escape(path) + NUMBERS, text):
            for number in re.findall(r"\d+", numbers):
                found[number].add(name)
    return dict(found)
