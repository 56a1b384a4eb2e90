"""The log on SQLite: drafts that wait are committed together, and numbers are never used again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
import threading
import time
from pathlib import Path
from unittest.mock import patch

import cysqlite
from peewee import chunked

from app import TEMPLATES_FOLDER
from controllers.web.rendering import MessageRenderer
from models.database import database, writing
from models.engines.sqlite import BUSY_TIMEOUT_SECONDS
from models.engines.workers import WorkerPool
from models.errors.messages import TooManyChanges, UnknownTarget
from models.errors.stores import Unavailable
from models.logs.base import Draft, Head
from models.logs.sql_append import append
from models.messages import load
from models.rules import MAX_CHANGES, MAX_EMOJI
from testsuite import log_case
from testsuite.appender import open_log
from testsuite.tables import add_crowd, locked, sql
from testsuite.waiting import TIMEOUT_SECONDS

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24  # in a write-ahead log (sqlite.org/fileformat2.html, 4)
CROWD = 400


def commits(path: str) -> int:
    """Return the number of transactions in the write-ahead log: the last frame of each has the size of the database."""
    wal = Path(path + "-wal").read_bytes()
    page_size, salt = struct.unpack(">8xI4x8s", wal[:24])
    starts = range(HEADER_BYTES, len(wal), FRAME_HEADER_BYTES + page_size)
    frames = [struct.unpack(">4xI8s", wal[start : start + 16]) for start in starts]
    return sum(1 for size, frame_salt in frames if size and frame_salt == salt)


class SqlLogTest(log_case.LogTest):
    is_long = True

    async def test_drafts_that_wait_are_committed_together(self) -> None:
        await self.fill(1)
        before = commits(self.people)
        for n in range(5):
            await self.log.append(self.draft(f"alone {n}"))
        self.assertEqual(commits(self.people), before + 5)
        await asyncio.gather(*(self.log.append(self.draft(f"together {n}")) for n in range(1000)))
        self.assertLessEqual(commits(self.people), before + 5 + 5)
        self.assertEqual(len(await self.everything()), 1006)

    async def test_of_40_000_reactions_a_message_takes_as_many_as_it_can_show(self) -> None:
        post = await self.log.append(self.draft("popular"))
        add_crowd(self.folder, "lobby", CROWD)
        members = [member_id for (member_id,) in sql(self.folder, "SELECT id FROM user WHERE email = 'crowd'")]
        emoji = [chr(0x1F600 + number) for number in range(80)]
        wanted = itertools.product(range(40_000 // CROWD), members)
        drafts = [
            Draft("lobby", member_id, emoji[number % 80], f"{number}", "react", post.seq)
            for number, member_id in wanted
        ]
        self.assertEqual(len(drafts), 40_000)
        outcomes = await asyncio.gather(*map(self.log.append, drafts), return_exceptions=True)
        refused = [one for one in outcomes if isinstance(one, TooManyChanges)]
        self.assertEqual(len(refused), 40_000 - MAX_CHANGES)
        message = (await load(self.log, "lobby", [post.seq]))[post.seq]
        self.assertLessEqual(len(message.reactions), MAX_EMOJI)
        self.assertLess(len(MessageRenderer(str(TEMPLATES_FOLDER)).render(message)), 50_000)
        await self.log.append(Draft("lobby", self.ana, "", "n", "delete", post.seq))
        self.assertEqual((await load(self.log, "lobby", [post.seq]))[post.seq].reactions, ())

    async def test_the_head_never_falls_although_entries_are_purged(self) -> None:
        await self.fill(5)
        sql(self.folder, "DELETE FROM entry WHERE seq >= 4")
        self.assertEqual(await self.log.head("lobby"), Head(5, 5, 5))
        self.assertEqual((await self.log.append(self.draft("next"))).seq, 6)

    async def test_a_message_that_was_purged_is_no_target_although_something_has_changed_it(self) -> None:
        for number, kind in enumerate(("post", "react", "edit")):
            await self.log.append(Draft("lobby", self.ana, "x", f"{number}", kind, 1 if number else None))
        sql(self.folder, "DELETE FROM entry WHERE seq = 1")
        for kind in ("react", "delete", "post"):
            with self.assertRaises(UnknownTarget):
                await self.log.append(Draft("lobby", self.ana, "x", kind, kind, 1))

    async def test_a_post_that_was_deleted_twice_in_the_log_that_was_moved_here_was_deleted_once(self) -> None:
        await self.fill(3)
        for seq in (1, 2):
            await self.log.append(Draft("lobby", self.ana, "", f"delete {seq}", "delete", seq))
        sql(self.folder, "UPDATE entry SET target = 1 WHERE kind = 'delete'")
        self.assertEqual(await self.log.deleted_beyond({"lobby": 0}), {"lobby": [1]})

    async def test_who_waits_in_line_for_a_locked_database_waits_no_longer_than_the_first(self) -> None:
        with contextlib.closing(WorkerPool("writer", database.obj)) as worker, locked(self.folder):
            began = time.monotonic()
            outcomes = await asyncio.gather(*(worker.run(write) for _ in range(5)), return_exceptions=True)
            self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 5)
            self.assertLess(time.monotonic() - began, 2 * BUSY_TIMEOUT_SECONDS)

    async def test_nor_does_a_message_behind_another_one(self) -> None:
        with locked(self.folder):
            first = asyncio.create_task(self.log.append(self.draft("first")))
            await asyncio.sleep(0)  # so that it is written alone
            await asyncio.sleep(0)
            began = time.monotonic()
            later = [self.log.append(self.draft(f"{n}")) for n in range(5)]
            outcomes = await asyncio.gather(first, *later, return_exceptions=True)
            self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 6)
            self.assertLess(time.monotonic() - began, 1.5 * BUSY_TIMEOUT_SECONDS)

    async def test_what_has_waited_for_too_long_is_not_begun(self) -> None:
        has_begun, go_on = threading.Event(), threading.Event()

        def occupy_the_thread() -> bool:
            has_begun.set()
            return go_on.wait(TIMEOUT_SECONDS)

        with contextlib.closing(WorkerPool("writer", database.obj)) as worker:
            first = asyncio.create_task(worker.run(occupy_the_thread))
            await asyncio.to_thread(has_begun.wait, TIMEOUT_SECONDS)
            with patch("models.engines.workers.QUEUE_TIMEOUT_SECONDS", 0.0):
                second = asyncio.create_task(worker.run(write))
                await asyncio.sleep(0)  # it is queued
                go_on.set()
                self.assertTrue(await first)
                with self.assertRaises(Unavailable):
                    await second


class Erasure(log_case.LogTest):
    """docs/security.rst 30: the text of a deleted message is in no file of the database any more."""

    def left(self, *words: str) -> list[str]:
        """Return which of the words are in some file beside the database or in it."""
        written = b"".join(path.read_bytes() for path in Path(self.folder).iterdir())
        return [word for word in words if word.encode() in written]

    def deletion(self, seq: int, room: str = "lobby") -> Draft:
        return Draft(room, self.ana, "", f"delete {room} {seq}", "delete", seq)

    async def test_a_post_its_edits_and_whom_it_mentions_are_gone_soon(self) -> None:
        words = ["unheardof", "changedonce", "thirdtext"]  # words that the search index has, too
        await self.fill(50)
        post = await self.log.append(self.draft(f"{words[0]} @beto", nonce="n"))
        for word in words[1:]:
            edit = Draft("lobby", self.ana, f"{word} @beto " + "and more " * 500, word[::-1], "edit", post.seq)
            await self.log.append(edit)
        await self.fill(50, "attic")
        self.assertEqual(self.left(*words), words)
        await self.log.append(self.deletion(post.seq))
        await self.until(lambda: not self.left(*words))
        self.assertEqual(sql(self.folder, "SELECT * FROM mention"), [])

    async def test_of_a_thousand_texts_among_others_none_is_left(self) -> None:
        rooms = ("lobby", "attic")
        bodies = {(room, n): f"text-{room}-{n:04d} " + "x" * (n * 37 % 900) for n in range(1500) for room in rooms}
        drafts = [Draft(room, self.ana, body, f"{room} {n}") for (room, n), body in bodies.items()]
        entries = [entry for some in chunked(drafts, 20) for entry in await asyncio.gather(*map(self.log.append, some))]
        gone = entries[::3]
        await asyncio.gather(*(self.log.append(self.deletion(entry.seq, entry.room)) for entry in gone))
        await self.until(lambda: Path(f"{self.people}-wal").stat().st_size == 0)
        self.assertEqual(self.left(*(entry.body.split()[0] for entry in gone)), [])
        kept = {entry.body.split()[0] for entry in entries} - {entry.body.split()[0] for entry in gone}
        self.assertEqual(len(self.left(*kept)), len(kept))

    async def test_a_reader_that_still_needs_it_puts_it_off_and_no_append(self) -> None:
        post = await self.log.append(self.draft("rare-post", nonce="n"))
        with contextlib.closing(cysqlite.connect(self.people)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT body FROM entry").fetchall()
            with (
                patch("models.logs.sql.WIPE_SECONDS", 0.01),
                patch.object(database.obj, "wipe_deleted", side_effect=database.wipe_deleted) as wipe,
            ):
                await self.log.append(self.deletion(post.seq))
                await self.until(lambda: wipe.call_count > 3)
                self.assertEqual(self.left("rare-post"), ["rare-post"])
                await self.fill(3)
                reader.execute("ROLLBACK")
                await self.until(lambda: not self.left("rare-post"))

    async def test_what_a_killed_process_has_left_is_gone_when_the_next_one_has_started(self) -> None:
        post = await self.log.append(self.draft("rare-post", nonce="n"))
        self.with_models(lambda: append([self.deletion(post.seq)], time.monotonic()))
        self.assertEqual(self.left("rare-post"), ["rare-post"])
        async with open_log(self.address):
            await self.until(lambda: not self.left("rare-post"))  # at once, unless somebody reads older pages


def write() -> None:
    """Hold the write lock for a moment."""
    with writing():
        pass
