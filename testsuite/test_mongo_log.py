"""The log on MongoDB: what only this engine has."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import time
import unittest
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import pymongo
from pymongo.errors import ExecutionTimeout, ServerSelectionTimeoutError

from models.errors.messages import Deleted, UnknownTarget
from models.errors.stores import CannotOpen, Unavailable
from models.logs import mongo_upgrade
from models.logs.base import Draft, Entry, Head, RoomLog
from models.logs.mongo import MongoLog
from models.logs.mongo_append import MongoAppender
from models.logs.mongo_changes import NEW_ENTRIES, RETRY_SECONDS
from models.logs.mongo_documents import SCHEMA_VERSION
from models.logs.mongo_errors import raising_unavailable
from models.refusals import RefusalLogger
from models.tasks import body_of_deed, body_of_new
from testsuite import log_case
from testsuite.appender import open_log
from testsuite.mongodb import MongoServer, mongo_server, opened, refusing
from testsuite.ports import free_ports
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

SHORT_TIMEOUT_SECONDS = 1.5  # for an append
REFUSAL = "WARNING:models.logs.mongo:MongoDB refused: Document failed validation"


class Refusing(unittest.TestCase):
    def test_the_same_failure_is_logged_once_however_many_seconds_were_left(self) -> None:
        refusal_logger = RefusalLogger(logging.getLogger("models.logs.mongo"))
        with self.assertLogs("models.logs.mongo") as logged:
            for left in (0.1, 0.02):
                for error in (
                    ExecutionTimeout(f"operation would exceed time limit, remaining timeout:{left} <= network time"),
                    ServerSelectionTimeoutError(f"refused, Timeout: {left}s, Topology Description: <...>"),
                ):
                    with self.assertRaises(Unavailable), raising_unavailable(refusal_logger):
                        raise error
        lines = [record.getMessage() for record in logged.records]
        self.assertEqual(lines, ["MongoDB refused: operation would exceed time limit", "MongoDB refused: refused"])


class MongoTest(log_case.OnMongodb):
    log: MongoLog


class MongoLogTest(MongoTest):
    async def test_drafts_that_wait_are_inserted_together(self) -> None:
        await self.fill(1000)
        entries = await self.everything()
        self.assertEqual([entry.seq for entry in entries], list(range(1, 1001)))
        self.assertLessEqual(len({entry.at for entry in entries}), 5)  # the entries of one insert have one time

    async def test_of_what_is_stored_together_the_newest_entry_of_each_room_rings(self) -> None:
        drafts = [self.draft(f"number {number}", room=("lobby", "attic")[number % 3 == 0]) for number in range(7)]
        async with self.log._database.entries.watch(NEW_ENTRIES, max_await_time_ms=50) as stream:
            await stream.try_next()
            await self.log._appender.append(drafts, time.monotonic())
            await self.log.append(self.draft("last"))
            told = list[tuple[str, int]]()
            while told[-1:] != [("lobby", 5)]:
                if change := await stream.try_next():
                    told.append((change["fullDocument"]["room"], change["fullDocument"]["seq"]))
        self.assertEqual(told, [("lobby", 4), ("attic", 3), ("lobby", 5)])

    async def test_a_message_that_was_purged_is_no_target_although_something_has_changed_it(self) -> None:
        for number, kind in enumerate(("post", "react", "edit")):
            await self.log.append(Draft("lobby", self.ana, "x", f"{number}", kind, 1 if number else None))
        with opened(self.url) as database:
            database["entries"].delete_one({"seq": 1})
            database["entries"].update_one({"seq": 3}, {"$set": {"is_pending": True}})
            for kind in ("react", "delete", "post"):
                with self.assertRaises(UnknownTarget):
                    await self.log.append(Draft("lobby", self.ana, "x", kind, kind, 1))
            await self.log._targets.settle_pending()
            self.assertEqual(database["entries"].count_documents({"is_pending": True}), 0)

    async def test_a_change_of_a_task_that_has_taken_effect_is_not_pending_for_ever(self) -> None:
        await self.log.append(Draft("lobby", self.ana, body_of_new("a task", "", ""), "0", "task_made"))
        for number, kind in enumerate(("task_done", "task_removed"), 1):
            await self.log.append(Draft("lobby", self.ana, body_of_deed("", None), f"{number}", kind, 1))
            with opened(self.url) as database:  # the process died before it said so
                database["entries"].update_one({"seq": 1 + number}, {"$set": {"is_pending": True}})
                self.assertTrue(await self.log._targets.settle_pending())
                self.assertFalse(await self.log._targets.settle_pending())
                database["entries"].update_one({"seq": 1 + number}, {"$set": {"is_pending": True}})
        with opened(self.url) as database:
            database["entries"].delete_one({"seq": 1})
        async with asyncio.timeout(TIMEOUT_SECONDS):
            self.assertEqual(await self.log.mentions_beyond(self.ana, {"lobby": 0}), {})

    async def test_an_edit_that_is_in_the_log_counts_although_its_process_has_not_settled_it(self) -> None:
        await self.log.append(self.draft("nobody"))
        async with self.unsettled(self.log._targets, Draft("lobby", self.ana, "@beto", "edit", "edit", 1)) as other:
            self.assertEqual(await other.mentions_beyond(self.beto, {"lobby": 0}), {"lobby": [1]})

    async def test_so_does_a_change_of_a_task(self) -> None:
        await self.log.append(Draft("lobby", self.ana, body_of_new("a task", "ana", ""), "0", "task_made"))
        done = Draft("lobby", self.ana, body_of_deed("ana", None), "1", "task_done", 1)
        async with self.unsettled(self.log._targets.tasks, done) as other:
            self.assertEqual([state.is_done for state in await other.task_states("lobby")], [True])
            self.assertEqual(await other.tasks_given_to("ana", ["lobby"], 9), [])
            self.assertEqual(await other.count_tasks_given_to("ana", ["lobby"]), 0)

    async def test_what_two_processes_delete_at_the_same_moment_was_deleted_once(self) -> None:
        await self.fill(2)
        both, store = asyncio.Barrier(2), MongoAppender._store

        async def store_what_both_have_checked(*given: Any) -> Any:
            await both.wait()
            return await store(*given)

        ours, theirs = (Draft("lobby", self.ana, "", nonce, "delete", 1) for nonce in ("ours", "theirs"))
        with mock.patch.object(MongoAppender, "_store", store_what_both_have_checked):
            async with open_log(self.address) as other:
                deleting = self.log.append(ours), other.append(theirs)
                outcomes = await asyncio.gather(*deleting, return_exceptions=True)
        self.assertEqual({type(one) for one in outcomes}, {Entry, Deleted})
        self.assertEqual(await self.log.deleted_beyond({"lobby": 0}), {"lobby": [1]})

    @contextlib.asynccontextmanager
    async def unsettled(self, settling: object, draft: Draft) -> AsyncIterator[RoomLog]:
        """Store a change that does not take effect while the context lasts; yield the log as another process has it."""
        go_on = asyncio.Event()

        async def wait(room: str, seq: int) -> None:
            await go_on.wait()

        with mock.patch.object(settling, "settle", wait), opened(self.url) as database:
            changing = asyncio.ensure_future(self.log.append(draft))
            stored = lambda: database["entries"].find_one({"seq": 2})  # noqa: E731
            await asyncio.to_thread(wait_for, stored, "the change is stored")
            try:
                async with open_log(self.address) as other:
                    yield other
            finally:
                go_on.set()
            await changing

    async def answers(self) -> dict[str, list[int]]:
        """Return where ana is answered, as a process knows it that starts now."""
        async with open_log(self.address) as other:
            return await other.answers_beyond(self.ana, {"lobby": 0})

    async def test_answers_of_the_version_before_say_whom_they_answer_once_a_process_starts(self) -> None:
        await self.fill(3)
        for number, (author, target) in enumerate(((self.beto, 1), (self.beto, 2), (self.ana, 1), (self.beto, 3))):
            await self.log.append(Draft("lobby", author, "an answer", f"answer {number}", "post", target))
        with opened(self.url) as database, mock.patch.object(mongo_upgrade, "BATCH_ENTRIES", 2):
            database["entries"].delete_one({"seq": 2})
            deleted_there = {"$set": {"body": ""}, "$unset": {"reply_to": ""}}
            database["entries"].update_one({"seq": 7}, deleted_there)
            database["entries"].update_many({"seq": {"$in": [4, 5, 6]}}, {"$unset": {"answers": ""}})
            self.assertEqual(await self.log.answers_beyond(self.ana, {"lobby": 0}), {})
            database["settings"].update_one({"_id": "schema"}, {"$set": {"version": SCHEMA_VERSION - 1}})
            self.assertEqual(await self.answers(), {"lobby": [4]})
            said = {one["seq"]: one.get("answers") for one in database["entries"].find({"seq": {"$gt": 3}})}
            self.assertEqual(said, {4: self.ana, 5: mongo_upgrade.NOBODY, 6: self.ana, 7: self.ana})

    async def test_a_process_of_the_version_before_that_still_runs_stores_no_post_that_nobody_would_find(self) -> None:
        await self.fill(1)
        with opened(self.url) as database:
            database["settings"].update_one({"_id": "schema"}, {"$set": {"version": SCHEMA_VERSION - 1}})
            await self.answers()
            post = database["entries"].find_one({}, {"_id": 0}) or {}
            note = {**post, "kind": "note", "seq": 3, "nonce": "note"}
            del note["words"], post["words"]
            with self.assertRaisesRegex(pymongo.errors.WriteError, "validation"):
                database["entries"].insert_one({**post, "seq": 2, "nonce": "post"})
            database["entries"].insert_one(note)

    async def test_pages_are_whole_although_entries_were_purged_in_the_middle(self) -> None:
        await self.fill(100)
        with opened(self.url) as database:
            database["entries"].delete_many({"seq": {"$gte": 11, "$lte": 60}})
        kept = [*range(1, 11), *range(61, 101)]
        self.assertEqual([entry.seq for entry in await self.log.after("lobby", 5, 10)], kept[5:15])
        self.assertEqual([entry.seq for entry in await self.log.before("lobby", 66, 10)], kept[5:15][::-1])
        self.assertEqual([entry.seq for entry in await self.log.before("lobby", None, 45)], kept[5:][::-1])

    async def test_entries_of_another_log_are_restored_as_they_are_however_often(self) -> None:
        entries = [
            dataclasses.replace(entry, at=entry.seq / 8, nonce=f"old {entry.nonce}")
            for entry in await self.fill(4, "attic")
        ]
        restored = [dataclasses.replace(entry, room="lobby") for entry in entries]
        for some in (restored[:2], restored, restored[3:], []):
            await self.log.restore(some, {"lobby": Head(9, 9, 9)})
        self.assertEqual(await self.everything(), restored)
        self.assertEqual(await self.log.head("lobby"), Head(9, 9, 9))
        self.assertEqual((await self.log.append(self.draft("next"))).seq, 10)

    async def test_what_refuses_to_write_is_noticed_by_the_check(self) -> None:
        await self.log.check()
        with opened(self.url) as database:
            database.command("collMod", "settings", validator={"no": "entry"})
        with self.assertRaises(Unavailable), self.assertLogs("models", "WARNING"):
            await self.log.check()

    async def test_what_is_logged_of_a_refusal_has_no_message_in_it(self) -> None:
        await self.fill(1)
        with refusing(self.url), self.assertLogs("models", "WARNING") as logged, self.assertRaises(Unavailable):
            await self.log.append(self.draft("a secret between us"))
        self.assertEqual(logged.output, [REFUSAL])

    async def test_nothing_is_refused_for_good_because_of_what_could_not_be_stored(self) -> None:
        await self.fill(1)
        deletions = [Draft("lobby", self.ana, "", nonce, "delete", 1) for nonce in ("once", "once", "again")]
        with refusing(self.url), self.assertLogs("models", "WARNING"):
            outcomes = await asyncio.gather(*map(self.log.append, deletions), return_exceptions=True)
        self.assertEqual([type(one) for one in outcomes], [Unavailable] * 3)
        self.assertEqual((await self.log.append(deletions[0])).seq, 2)

    async def test_a_refusal_that_is_over_when_its_reason_is_asked_for_is_not_for_good(self) -> None:
        refuses_some = self.log._database.refuses_some
        moving = contextlib.ExitStack()
        moving.enter_context(refusing(self.url))
        self.addCleanup(moving.close)

        async def asked_too_late() -> bool:
            moving.close()
            return await refuses_some()

        with (
            mock.patch.object(self.log._database, "refuses_some", asked_too_late),
            self.assertLogs("models", "WARNING"),
            self.assertRaises(Unavailable),
        ):
            await self.log.append(self.draft("in between"))
        self.assertEqual((await self.log.append(self.draft("in between"))).seq, 1)

    async def test_why_it_refuses_is_said_once_and_not_for_every_message(self) -> None:
        with refusing(self.url), self.assertLogs("models", "WARNING") as logged:
            for number in range(3):
                with self.assertRaises(Unavailable):
                    await self.log.append(self.draft(f"refused {number}"))
        self.assertEqual(logged.output, [REFUSAL])

    async def test_the_doorbell_says_nothing_of_a_database_of_people_that_is_away(self) -> None:
        with (
            mock.patch.object(self.log._heads, "_read", side_effect=Unavailable),
            self.assertNoLogs("models", "WARNING"),
        ):
            async with self.listening():
                await asyncio.sleep(2 * RETRY_SECONDS)
        async with self.listening() as heard:
            await self.fill(1)
            await self.until(lambda: heard.get("lobby") == Head(1, 1, 1))


class Killed(unittest.TestCase):
    """A MongoDB that is killed while a query is not read to its end."""

    needs = ("mongodb",)

    def test_what_the_driver_cannot_do_behind_our_back_is_said_in_one_line(self) -> None:
        with mongo_server() as server, pymongo.MongoClient[Any](server.url, serverSelectionTimeoutMS=100) as client:
            client.prosa.entries.insert_many([{} for _ in range(5)])
            found = client.prosa.entries.find(batch_size=2)
            next(found)
            with self.assertLogs(level="WARNING") as logged:
                server.kill()
                del found
                wait_for(lambda: logged.output, "it is said")
        self.assertRegex(
            logged.output[0], r"^WARNING:models.logs.mongo_errors:MongoDB refused: 127.0.0.1:\d+: .*refused$"
        )


class Standalone(log_case.LogTest):
    """A MongoDB that is no replica set."""

    needs = ("mongodb",)

    def setUp(self) -> None:
        super().setUp()
        self.server = self.enterContext(mongo_server("--standalone"))

    @property
    def address(self) -> str:
        return f"{self.people} {self.server.url}"

    async def test_it_is_asked_ten_times_a_second_and_one_line_says_so(self) -> None:
        with self.assertLogs("models", "WARNING") as logged:
            async with self.listening() as heard, open_log(self.address) as other:
                await self.until(lambda: bool(logged.output))
                for number in range(1, 6):
                    await other.append(self.draft(f"there {number}"))
                    await self.until(lambda n=number: heard.get("lobby") == Head(n, n, n))  # type: ignore[misc]
        line = "this MongoDB is no replica set and has no change streams: asking it every 0.1 s"
        self.assertEqual(logged.output, [f"WARNING:models.logs.mongo_changes:{line}"])


class CannotBeOpened(log_case.LogTest):
    """Bad input: one clear line, and no password in it."""

    needs = ("mongodb",)
    server: MongoServer

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = cls.enterClassContext(mongo_server())
        with pymongo.MongoClient[dict[str, object]](cls.server.url) as client:
            client["prosa"].command("createUser", "ana", pwd="correct", roles=["readWrite"])
        cls.server.stop()
        cls.server.start("--auth")

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # and do not open the log, as the tests do that

    async def refused(self, url: str) -> str:
        """Fail unless the log cannot be opened; return the line that says why."""
        with self.assertRaises(CannotOpen) as refused:
            async with open_log(f"{self.people} {url}"):
                pass
        line = str(refused.exception)
        self.assertNotIn("secret", line)
        self.assertNotIn("\n", line)
        return line

    async def test_an_address_that_is_none(self) -> None:
        for url in (
            "mysql://me:secret@127.0.0.1/prosa",
            "mongodb://",
            "mongodb://me:secret@127.0.0.1:port/prosa",
            "mongodb://me:se/secret@127.0.0.1/prosa",
            "mongodb://me:%secret@127.0.0.1/prosa",
            "mongodb://me:secret@[::1/prosa",
            "mongodb://me:secret@127.0.0.1/prosa?tls=maybe",
        ):
            with self.subTest(url=url):
                self.assertEqual(
                    await self.refused(url),
                    "cannot use the URL of the MongoDB: give mongodb://HOST:PORT/DATABASE, and in a name or a password "
                    "%3A for a colon, %2F for a slash, %40 for an @ and %25 for a %",
                )

    async def test_a_server_that_is_down(self) -> None:
        (port,) = free_ports(1)
        self.assertEqual(
            await self.refused(f"mongodb://me:secret@127.0.0.1:{port}/prosa"),
            f"cannot open the database 'prosa' of the MongoDB at 127.0.0.1:{port}: it does not answer",
        )

    async def test_wrong_credentials(self) -> None:
        for name in ("ana", "beto"):
            self.assertEqual(
                await self.refused(f"mongodb://{name}:secret@127.0.0.1:{self.server.port}/prosa"),
                f"cannot open the database 'prosa' of the MongoDB at 127.0.0.1:{self.server.port}: "
                "it does not know this name with this password",
            )

    async def test_no_credentials(self) -> None:
        self.assertEqual(
            await self.refused(self.server.url),
            f"cannot open the database 'prosa' of the MongoDB at 127.0.0.1:{self.server.port}: "
            "it wants a name and a password that may read and write there",
        )

    async def test_the_right_ones_open_it(self) -> None:
        url = f"mongodb://ana:correct@127.0.0.1:{self.server.port}/prosa"
        async with open_log(f"{self.people} {url}") as log:
            await log.check()


class Newer(MongoTest):
    """A database that a newer version has made."""

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # and do not open the log, as the test does that

    async def test_a_database_of_a_newer_version_is_left_alone(self) -> None:
        with opened(self.url) as database:
            database["settings"].insert_one({"_id": "schema", "version": SCHEMA_VERSION + 1})
            with self.assertRaises(CannotOpen) as refused:
                async with open_log(self.address):
                    pass
            self.assertEqual(database.list_collection_names(), ["settings"])
            self.assertRegex(
                str(refused.exception),
                f"^cannot open the database '{database.name}' of the MongoDB at [0-9.a-z:, ]+: "
                rf"it is of a newer version \({SCHEMA_VERSION + 1}; this program knows {SCHEMA_VERSION}\)$",
            )
