"""What measures the site: it knows the engines, and bench/RESULTS.rst is what it writes."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from bench import api, appends, chats, people, results, sites, tokens
from bench.chats import BODY_PREFIX
from bench.elsewhere import Elsewhere
from bench.engines import ENGINES, Engine
from bench.figures import BARE, PROSA, ROWS, Figures
from bench.load import Crowd
from bench.polls import Polls
from models.errors.stores import Unavailable
from models.logs.base import Draft
from testsuite.cases import FolderTest
from testsuite.crowd import SECRET
from testsuite.documents import Document
from testsuite.servers import ROOT
from testsuite.tables import sql
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

RESULTS = "bench/RESULTS.rst"
TITLES = [engine.title for engine in ENGINES.values()]


def bench(*options: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m bench`."""
    command = [sys.executable, "-W", "error", "-m", "bench", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


class Bench(unittest.TestCase):
    needs = ("postgres", "mongodb")

    def test_it_measures_a_site_on_each_engine(self) -> None:
        for name, engine in ENGINES.items():
            with self.subTest(name):
                measured = bench(f"--engine={name}", "--only=start", "--rounds=1")
                self.assertEqual(measured.returncode, 0, measured.stderr)
                self.assertTrue(measured.stdout.startswith(f"{engine.title}\n---"), measured.stdout)
                self.assertRegex(measured.stdout, r"(?m)^start to first answer +\d.* s ")
                self.assertNotIn("Traceback", measured.stderr)

    def test_an_engine_or_a_group_that_it_does_not_know_is_refused(self) -> None:
        for option in ("--engine=oracle", "--only=start,everything"):
            with self.subTest(option):
                refused = bench(option)
                self.assertEqual(refused.returncode, 2)
                self.assertIn(option.rpartition(",")[2].rpartition("=")[2], refused.stderr.splitlines()[-1])

    def test_make_hands_on_what_is_asked(self) -> None:
        for words, options in (
            ([], "--engine=sqlite"),
            (["ENGINE=postgresql", "ONLY=start"], "--engine=postgresql --only=start"),
        ):
            command = ["make", "--dry-run", "--no-print-directory", "bench", *words]
            said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
            self.assertEqual(said.stdout.splitlines()[-1].strip(), f".venv/bin/python -m bench {options}")


class Load(FolderTest):
    """What is measured, and how it is counted."""

    def make(self, members: int, **more: int) -> list[str]:
        """Make a site in the folder; return its members' cookies."""
        return people.make([f"--database={self.folder}/people.db"], SECRET, members, **more)

    def test_a_site_is_made_with_rooms_in_which_everybody_has_read_the_first_post(self) -> None:
        self.assertEqual(len(self.make(3, entries=5, rooms=2, said=4)), 3)
        heads = sql(self.folder, "SELECT slug, head, posts, lines, address FROM room ORDER BY slug")
        self.assertEqual(heads, [("lobby", 5, 5, 5, "lobby"), *((f"room{n}", 4, 4, 4, f"room{n}") for n in range(2))])
        logs = sql(self.folder, "SELECT room_id, COUNT(*), MAX(seq) FROM entry GROUP BY room_id ORDER BY room_id")
        self.assertEqual(logs, [("lobby", 5, 5), ("room0", 4, 4), ("room1", 4, 4)])
        read = sql(self.folder, "SELECT room_id, read_seq, COUNT(*) FROM membership GROUP BY room_id, read_seq")
        self.assertEqual(sorted(read), [("lobby", None, 3), ("room0", 1, 3), ("room1", 1, 3)])

    def test_a_frame_that_only_tells_of_a_message_is_not_counted(self) -> None:
        cookies = self.make(3)
        server = self.start(f"--cookie_secret={SECRET}").wait()
        heard: list[bytes] = []
        with Crowd(server.port, chats.prosa(cookies)) as crowd:
            crowd.join(3, TIMEOUT_SECONDS)
            crowd.quiet(TIMEOUT_SECONDS)
            sender, reader, _ = crowd.members
            crowd.listen(reader, lambda _, payload: heard.append(payload))
            before = crowd.frames([reader]), crowd.mass(reader)
            sender.send(sender.chat.frame(sender.chat.say(f"{BODY_PREFIX}once")))
            while not all(any(word in payload for payload in heard) for word in (b"activity", b"once")):
                self.assertTrue(crowd.read(TIMEOUT_SECONDS))
            others = [len(payload) for payload in heard if b"activity" not in payload]
            counted = crowd.frames([reader]) - before[0], crowd.mass(reader) - before[1]
            self.assertEqual(counted, (len(others), sum(others) - 2 * len(others)))

    def test_programs_that_wait_are_delivered_a_message(self) -> None:
        self.addCleanup(os.sched_setaffinity, 0, os.sched_getaffinity(0))
        cookies = self.make(3, entries=2)
        programs = [api.program(token) for token in tokens.make([f"--database={self.folder}/people.db"])]
        server = self.enterContext(sites.Server(sites.prosa([f"--database={self.folder}/people.db"], SECRET)))
        with Crowd(server.port, chats.prosa(cookies)) as crowd, Polls(server, programs) as polls:
            crowd.join(1, TIMEOUT_SECONDS)
            polls.start(2)
            for run in ("one", "two"):
                self.assertGreater(polls.deliver(crowd, run), 0)
        with Polls(server, programs) as late, self.assertRaisesRegex(ConnectionError, "answered at once"):
            late.start(2)

    def test_members_come_and_go_elsewhere_once_they_are_to(self) -> None:
        self.make(12)
        with Elsewhere([f"--database={self.folder}/people.db"], here=4, rooms_each=2) as elsewhere:
            joined = sql(
                self.folder, "SELECT count(*), count(DISTINCT room_id) FROM membership WHERE room_id <> 'lobby'"
            )
            self.assertEqual(joined, [(8, 8)])
            self.assertEqual(sql(self.folder, "SELECT count(*), min(user_id) FROM presence"), [(8, 5)])
            self.assertEqual(sql(self.folder, "SELECT DISTINCT version FROM process"), [(1,)])
            elsewhere.turn()
            changed = "SELECT DISTINCT connections FROM presence_change WHERE version > 1"
            wait_for(lambda: len(sql(self.folder, changed)) == 2, "some have left, and come again")
            self.assertGreater(elsewhere.cpu(), 0)


class Busy:
    """A log that refuses the first tries."""

    def __init__(self, tries: int) -> None:
        self.left = tries
        self.asked: list[str] = []  # the nonces

    async def append(self, draft: Draft) -> None:
        self.asked.append(draft.nonce)
        await asyncio.sleep(0)
        if self.left:
            self.left -= 1
            raise Unavailable


class Appending(unittest.IsolatedAsyncioTestCase):
    async def test_what_is_refused_for_a_moment_is_appended_again_and_counted_once(self) -> None:
        log: Any = Busy(tries=2)
        with mock.patch.multiple(appends, WARM_UP_SECONDS=0.0, MEASURED_SECONDS=0.1):
            rate = await appends.append_for_a_while(log, "lobby", 1, under_way=1)
        self.assertEqual(log.asked[:3], [log.asked[0]] * 3)
        self.assertEqual(len({*log.asked}), len(log.asked) - 2)
        self.assertAlmostEqual(rate * 0.1, len(log.asked) - 2, delta=1)


class Results(unittest.TestCase):
    def test_the_page_is_what_is_written(self) -> None:
        page = results.RESULTS_FILE.read_text(encoding="utf-8")
        for title in TITLES:
            part = results.part_of(page, title)
            self.assertNotEqual(part, "", title)
            self.assertEqual(results.page(page, title, part), page)

    def test_a_new_part_leaves_the_others_as_they_are(self) -> None:
        figures = Figures()
        figures.add("start", PROSA, 0.5)
        figures.add("start", BARE, 0.25)
        part = results.part(figures, Engine(Path()), 1)
        page = results.RESULTS_FILE.read_text(encoding="utf-8")
        changed = results.page(page, Engine.title, part)
        self.assertEqual(results.part_of(changed, Engine.title), part)
        for title in TITLES:
            if title != Engine.title:
                self.assertEqual(results.part_of(changed, title), results.part_of(page, title))
        self.assertEqual(results.page(changed, Engine.title, results.part_of(page, Engine.title)), page)

    def test_its_tables_have_the_rows_that_are_wanted(self) -> None:
        known = [(row.what or results.NOT_MEASURED, row.peer, row.wanted()) for row in ROWS]
        tables = Document(RESULTS).tables()
        self.assertEqual(len(tables), len(TITLES))
        for headings, *rows in tables:
            self.assertEqual(tuple(headings), results.HEADINGS)
            shown = [(what, peer, wanted) for what, _, peer, _, _, wanted, _ in rows]
            self.assertGreater(len(shown), 10)
            left = iter(known)
            for row in shown:
                self.assertIn(row, left)  # that is, after the one before

    def test_the_table_of_the_engines_shows_these_figures(self) -> None:
        measured = [{what: own.partition(" (")[0] for what, own, *_ in rows} for rows in Document(RESULTS).tables()]
        shown = Document("docs/scale.rst").table("What", *TITLES)
        self.assertGreater(len(shown), 10)
        for what, *figures in shown:
            self.assertEqual(figures, [engine.get(what, "left out") for engine in measured], what)
