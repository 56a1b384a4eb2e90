"""What a process keeps of what members write is bounded in bytes, and drawing it never keeps the others waiting."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import unittest
from collections.abc import Coroutine
from typing import Any

import tornado.locale

from controllers.web.rendering import MessageRenderer, bodies_html
from models.logs.base import Entry
from models.messages import as_posted
from testsuite.cases import SiteTest
from testsuite.clients import Client
from testsuite.memory import resident
from testsuite.repetition import filled
from testsuite.servers import ROOT

MAX_BODY_CHARS = 8000
# A character outside of the basic plane makes each other one of the text take four bytes.
LARGE = (
    '"' * (MAX_BODY_CHARS - 1) + "😀",
    "http://a.co/" + "😀" * 5000,  # as JSON escapes them, more do not fit into a frame
    filled('*""""""""* ', MAX_BODY_CHARS - 1) + "😀",
    filled("- a\n", MAX_BODY_CHARS),
)
SLOW = filled("*_\\*", MAX_BODY_CHARS)


class LargeMessages(SiteTest):
    """docs/security.rst 41: caches and rings are bounded in bytes. To fill them takes a core for ten seconds."""

    needs = ("quiet",)
    posts = 700  # more than a ring and a page have
    growth = 100 * 1024  # KiB

    def test_the_largest_messages_grow_a_process_by_less_than_100_megabytes(self) -> None:
        ana, reader = self.chat("ana"), self.client("beto")
        before = resident(self.server.process.pid)
        for number, body in zip(range(self.posts), itertools.cycle(LARGE), strict=False):
            seq = ana.until("ack", nonce=ana.post(body))["seq"]
            if number % 50 == 49:
                self.read(reader, seq)
        self.assertLess(resident(self.server.process.pid) - before, self.growth, "KiB")
        late = self.chat("carla", after=seq - 2)
        self.assertEqual([entry["seq"] for entry in late.entries(2)], [seq - 1, seq])

    def read(self, reader: Client, seq: int) -> None:
        """Read the newest page and one of the past."""
        newest = reader.get("/rooms/lobby")
        self.assertIn(f'data-seq="{seq}"', newest.text)
        self.assertLess(len(newest.body), 3_000_000)
        self.assertEqual(reader.get(f"/rooms/lobby?before={seq - 20}").status, 200)


class SlowMessages(unittest.TestCase):
    """docs/security.rst 38: a page of the messages that take longest does not occupy the loop."""

    entries = tuple(
        Entry("lobby", seq, "post", None, 1, "ana", SLOW, 0.0, str(seq), seq, seq, is_drawn=True) for seq in range(50)
    )

    def test_the_loop_turns_while_a_page_of_them_is_drawn(self) -> None:
        renderer, page = MessageRenderer(str(ROOT / "views" / "templates")), [*map(as_posted, self.entries)]
        self.assertGreater(asyncio.run(self.turns(renderer.prerender(page))), 20)

    def test_it_turns_while_the_answers_of_a_message_or_what_is_new_are_drawn(self) -> None:
        renderer, page = MessageRenderer(str(ROOT / "views" / "templates")), [*map(as_posted, self.entries)]
        drawing = renderer.draw_rows(page, tornado.locale.get("en"), datetime.date.today())
        self.assertGreater(asyncio.run(self.turns(drawing)), 20)

    def test_it_turns_while_the_earlier_texts_of_a_message_are_drawn(self) -> None:
        self.assertGreater(asyncio.run(self.turns(bodies_html(self.entries))), 20)

    def test_no_page_draws_messages_in_one_go(self) -> None:
        for path in (ROOT / "controllers").glob("*.py"):
            self.assertNotRegex(path.read_text(encoding="utf-8"), r"\brender_rows\(|\bbody_html\(", path.name)

    async def turns(self, drawing: Coroutine[Any, Any, object]) -> int:
        """Return how often the loop turned meanwhile."""
        task, turns = asyncio.create_task(drawing), 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        await task
        return turns
