"""`python app.py demo`: a site with people and messages to look at; and `console`, its models at a prompt."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
import unittest
from itertools import pairwise
from pathlib import Path

import demo
from testsuite.cases import FolderTest, add_user
from testsuite.clients import PASSWORD, Client
from testsuite.mongodb import OnMongodb
from testsuite.postgresql import OnPostgresql
from testsuite.servers import ROOT, environment, run_app
from testsuite.tables import sql
from testsuite.waiting import TIMEOUT_SECONDS

DAY_SECONDS = 86400.0
ENGLISH = re.compile(r"\b(the|and|is|it's|we|you|they|for|with|that|not)\b", re.IGNORECASE)
PORTUGUESE = re.compile(r"\b(que|não|uma?|para|pra|eu|com|está|mais|foi|isso|gente)\b", re.IGNORECASE)


class Conversation(unittest.TestCase):
    def test_it_is_in_both_languages_and_everybody_takes_part(self) -> None:
        messages = demo.read_conversation()
        self.assertGreater(len(messages), 300)
        for words in (ENGLISH, PORTUGUESE):
            self.assertGreater(sum(bool(words.search(message.body)) for message in messages), 100)
        authors = [message.author for message in messages]
        self.assertEqual(len(set(authors)), 7)
        self.assertGreater(min(map(authors.count, authors)), 30)

    def test_it_goes_on_for_days_and_never_back(self) -> None:
        messages = demo.read_conversation()
        self.assertEqual({message.day for message in messages}, set(range(1, 11)))
        for earlier, later in pairwise((message.day, message.time) for message in messages):
            self.assertLessEqual(earlier, later)

    def test_it_shows_what_a_message_can_be(self) -> None:
        bodies = [message.body for message in demo.read_conversation()]
        for kind in (r"```\w+\n", r"\*\*\w", r"`\w", r"(?m)^- ", r"(?m)^1\. ", r"(?m)^> ", r"https://", r"^👍$"):
            self.assertTrue(any(re.search(kind, body) for body in bodies), kind)
        self.assertGreater(max(map(len, bodies)), 500)
        self.assertLess(min(map(len, bodies)), 4)


class Filled(FolderTest):
    def test_a_newcomer_sees_a_living_site(self) -> None:
        filled = run_app(self.folder, "demo")
        self.assertEqual((filled.returncode, filled.stderr), (0, ""))
        count, names, password = re.fullmatch(
            r"7 people have written (\d+) messages here\.\nSign in as (.+); the password of each is (\w+)\n",
            filled.stdout,
        ).groups()  # type: ignore[union-attr]
        server = self.start().wait()
        self.assertEqual(server.setup_path, "")
        for name in names.replace(" (administrator)", "").split(", "):
            client = Client(server.url).sign_in(name, password)
        page = client.get("/rooms/lobby").text
        self.assertIn("role a conversa para cima", page)
        self.assertIn("new site", page)
        self.assertIn("Bem-vindos à sala nova", client.get("/rooms/lobby?before=10").text)
        self.assertIn("<pre", client.get("/rooms/lobby?before=20").text)
        chat = client.chat()
        self.addCleanup(chat.close)
        self.assertEqual(chat.head, int(count))
        self.assertEqual(chat.until("ack", nonce=chat.post("what is new is numbered on"))["seq"], int(count) + 1)
        self.assertEqual(Client(server.url).sign_in("Ana", password).post("/members/invitations").status, 302)
        self.assertEqual(run_app(self.folder, "demo").returncode, 2)


class FilledOnPostgresql(OnPostgresql, Filled):
    pass


class FilledOnMongodb(OnMongodb, Filled):
    pass


class Filling(FolderTest):
    def test_all_was_written_until_yesterday(self) -> None:
        self.assertEqual(run_app(self.folder, "demo").returncode, 0)
        now = time.time()
        ats = [at for (at,) in sql(self.folder, "SELECT at FROM entry ORDER BY seq")]
        self.assertEqual(ats, sorted(ats))
        self.assertTrue(now - 11 * DAY_SECONDS < ats[0] < now - 9 * DAY_SECONDS, now - ats[0])
        self.assertTrue(now - 2 * DAY_SECONDS < ats[-1] < now, now - ats[-1])

    def test_a_site_that_has_people_is_refused_and_stays_as_it_is(self) -> None:
        self.assertEqual(add_user(self.folder, "ana").returncode, 0)
        refused = run_app(self.folder, "demo")
        self.assertEqual((refused.returncode, refused.stdout), (2, ""))
        self.assertRegex(refused.stderr, r"^demo fills an empty site, and there are people .*\n$")
        self.assertEqual(sql(self.folder, 'SELECT username FROM "user"'), [("ana",)])
        Client(self.start().wait().url).sign_in("ana", PASSWORD)


class Console(FolderTest):
    def type(self, text: str) -> subprocess.CompletedProcess[str]:
        """Type at the prompt until ^D, at a terminal."""
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "wb", buffering=0) as keys, os.fdopen(theirs, "rb") as terminal:
            keys.write(text.encode() + b"\x04")
            return subprocess.run(
                [sys.executable, "-W", "error", str(ROOT / "app.py"), "--database=named.db", "console"],
                cwd=self.folder,
                env=environment(None, self.folder),
                stdin=terminal,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )

    def test_the_models_are_at_hand_on_the_named_database_until_ctrl_d(self) -> None:
        self.assertFalse((Path(self.folder) / "people.db").exists())
        typed = self.type(
            "User(username='Bob', password='1234', email='bob@bob.com').save()\n"
            "print('mail to', User.get(User.username == 'Bob').email)\n"
            "[room.slug for room in Room.select()]\n"
        )
        self.assertEqual(typed.returncode, 0, typed.stdout)
        self.assertIn("^D leaves", typed.stdout)
        self.assertIn("mail to bob@bob.com", typed.stdout)
        self.assertIn("['lobby']", typed.stdout)
        self.assertTrue((Path(self.folder) / "named.db").exists())
        self.assertFalse((Path(self.folder) / "people.db").exists())
