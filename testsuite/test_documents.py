"""The documents tell the truth: each command, snippet, session and transcript in them is tried."""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import re
import subprocess
import sys
import tempfile
import unittest
from typing import Any

from controllers.realtime import protocol
from models import errors
from models.errors.base import Refusal
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Chat
from testsuite.documents import DOCUMENTS, Block, Document, find_excerpt
from testsuite.newcomer import Terminal, copy_project
from testsuite.servers import ROOT

# How a block is proven goes by its language; "figures" are what `make bench` has printed, "text" is a drawing
# (test_architecture.py), "curl" is typed by test_api_documents.py, "sh" by test_webhook_examples.py.
EXCERPTS = {"python", "html", "javascript", "nginx", "ini", "yaml"}
PROVEN = EXCERPTS | {"console", "curl", "pycon", "wscat", "figures", "text", "sh"}

# Run so by the test of the commands, which is itself a part of what they run.
INSTEAD = {
    "make test": "make --dry-run test",
    "make check": "make --dry-run check",
    "make lint": "make --dry-run lint",
    "python -m unittest tests": "python -m unittest tests -k TestTornadoHandlers",
}

TELL_OPTIONS = """
import app, json, sys
print(json.dumps({name: str(value) for name, value in app.options.group_dict(app.__file__).items()}))
"""

VARYING_FIELDS = {"at", "process"}  # fields of which only the kind can be foretold


def blocks(*kinds: str, documents: tuple[str, ...] = DOCUMENTS) -> list[Block]:
    """Return the blocks of these kinds."""
    return [block for path in documents for block in Document(path).blocks() if block.kind in kinds]


class Documents(unittest.TestCase):
    def test_each_block_is_of_a_kind_that_is_proven(self) -> None:
        for path in DOCUMENTS:
            for block in Document(path).blocks():
                self.assertIn(block.kind, PROVEN, block.name)

    def test_what_they_link_and_name_exists(self) -> None:
        for path in DOCUMENTS:
            for file in Document(path).files():
                self.assertTrue(file.exists(), f"{path} names {file}")

    def test_their_snippets_stand_in_the_files(self) -> None:
        snippets = blocks(*EXCERPTS)
        self.assertGreater(len(snippets), 10)
        for block in snippets:
            self.assertEqual(find_excerpt(block), "", block.name)

    def test_a_snippet_that_is_not_in_its_file_is_found_out(self) -> None:
        right = "# app.py\nclass App(tornado.web.Application):\n...\n    super().__init__("
        self.assertEqual(find_excerpt(Block("", "python", right)), "")
        for wrong in (
            right.replace("App", "Application"),
            right.replace("app.py", "missing.py"),
            right.replace("# app.py\n", ""),
            "# app.py\nsuper().__init__(\n...\nclass App(tornado.web.Application):",
        ):
            self.assertNotEqual(find_excerpt(Block("", "python", wrong)), "")

    def test_their_sessions_at_the_prompt_go_as_shown(self) -> None:
        for path in DOCUMENTS:
            session = "\n\n".join(block.text for block in blocks("pycon", documents=(path,)))
            if session:
                tried = at_the_prompt(session)
                self.assertEqual(tried.returncode, 0, tried.stdout + tried.stderr)

    def test_a_session_that_goes_otherwise_is_found_out(self) -> None:
        self.assertEqual(at_the_prompt(">>> 1 + 1\n2").returncode, 0)
        self.assertNotEqual(at_the_prompt(">>> 1 + 1\n3").returncode, 0)

    def test_both_readmes_show_the_same(self) -> None:
        english, portuguese = Document("README.rst"), Document("README.pt-BR.rst")
        self.assertEqual(
            [(block.kind, block.text) for block in portuguese.blocks()],
            [(block.kind, block.text) for block in english.blocks()],
        )
        self.assertEqual(portuguese.pictures(), english.pictures())
        self.assertEqual(
            [row[:2] for row in portuguese.table("Opção", "Padrão")],
            [row[:2] for row in english.table("Option", "Default")],
        )

    def test_the_options_are_those_of_the_program(self) -> None:
        shown = {row[0]: row[1] for row in Document("README.rst").table("Option", "Default")}
        self.assertEqual(shown, {f"--{name.replace('_', '-')}": default for name, default in options().items()})

    def test_the_protocol_names_every_message_and_refusal(self) -> None:
        described = Document("docs/protocol.rst")
        self.assertEqual({row[0] for row in described.table("Client sends")}, set(protocol.REQUIRED_FIELDS))
        self.assertLessEqual({row[0] for row in described.table("Code", "Meaning")}, refusals(Refusal))


def options() -> dict[str, str]:
    """Return the program's own options with their defaults."""
    told = subprocess.run(
        [sys.executable, "-W", "error", "-c", TELL_OPTIONS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found: dict[str, str] = json.loads(told.stdout)
    return found


def refusals(kind: type[Refusal]) -> set[str]:
    """Return the codes of all refusals."""
    for module in pkgutil.iter_modules(errors.__path__, f"{errors.__name__}."):
        importlib.import_module(module.name)
    return {kind.code}.union(*(refusals(special) for special in kind.__subclasses__()))


def at_the_prompt(session: str) -> subprocess.CompletedProcess[str]:
    """Try a session at the Python prompt, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "doctest", "/dev/stdin"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            input=session + "\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


class Transcripts(SiteTest):
    members = ("ana",)

    def test_a_client_hears_what_the_protocol_says(self) -> None:
        transcripts = blocks("wscat")
        self.assertGreater(len(transcripts), 5)
        for block in transcripts:
            with self.subTest(block.name):
                self.play(block.text)

    def test_an_answer_that_is_not_given_is_found_out(self) -> None:
        self.assertTrue(fits({"type": "joined", "head": 3}, {"type": "joined", "head": 3}))
        self.assertTrue(fits({"html": "<p>...</p>", "at": 1.5}, {"html": "<p>x</p>", "at": 7.25}))
        for other in ({"type": "joined", "head": 4}, {"type": "joined"}, {"type": "joined", "head": 3, "more": 1}):
            self.assertFalse(fits({"type": "joined", "head": 3}, other))

    def play(self, transcript: str) -> None:
        """Send the lines that begin with ">" and wait for each that begins with "<"; others may come between."""
        chat = Chat(self.client("ana"))
        self.addCleanup(chat.close)
        for line in transcript.splitlines():
            if line.startswith("> "):
                chat.socket.send(line[2:])
            else:
                self.assertEqual(line[:2], "< ")
                self.hear(chat, json.loads(line[2:]))
        chat.close()

    def hear(self, chat: Chat, expected: dict[str, Any]) -> None:
        """Return once what is expected has come."""
        heard: list[dict[str, Any]] = []
        while not heard or not fits(expected, heard[-1]):
            try:
                heard.append(chat.receive(timeout=5))
            except TimeoutError:
                self.fail(f"{expected} did not come, but {heard}")


def fits(expected: dict[str, Any], heard: dict[str, Any]) -> bool:
    """Tell whether a message is what was expected; in a text, "..." stands for anything."""
    if expected.keys() != heard.keys():
        return False
    return all(_value_fits(name, value, heard[name]) for name, value in expected.items())


def _value_fits(name: str, expected: Any, heard: Any) -> bool:
    if name in VARYING_FIELDS:
        return type(heard) is type(expected)
    if isinstance(expected, str) and isinstance(heard, str):
        return re.fullmatch(re.escape(expected).replace(r"\.\.\.", "(?s:.*)"), heard) is not None
    return bool(expected == heard)


class Commands(unittest.TestCase):
    """Everything that a reader is told to type, in a fresh copy of the project with nothing installed."""

    needs = ("registries", "openssl")

    def test_the_commands_do_what_the_documents_say(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            project = copy_project(folder)
            for path in (path for path in DOCUMENTS if path != "README.pt-BR.rst"):  # which shows the same
                terminal = Terminal(project, PASSWORD + "\n")
                for block in blocks("console", documents=(path,)):
                    with self.subTest(block.name):
                        terminal.type(block.text, INSTEAD)
            terminal = Terminal(project, "")
            terminal.type("$ make --question setup\n", {})  # a second start installs nothing
            serving = terminal.serve("make run")
            try:
                serving.wait()
            finally:
                serving.stop()

    def test_a_command_that_prints_something_else_is_found_out(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            terminal = Terminal(ROOT, "")
            terminal.type("$ echo one two\none ...\n", {})
            for wrong in ("$ echo one two\none three\n", "$ false\n", f"$ ls {folder}/missing\n"):
                with self.assertRaises(AssertionError):
                    terminal.type(wrong, {})
