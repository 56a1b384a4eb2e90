"""The heads of the rooms on MongoDB, and their newest entries and marks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from unittest import mock

import pymongo

from models.logs import mongo_append, mongo_upgrade
from models.logs.base import Draft, Entry, Head
from models.logs.mongo_documents import SCHEMA_VERSION, EntryDocument, Query
from testsuite.appender import open_log
from testsuite.mongodb import opened
from testsuite.talking import THUMB
from testsuite.test_mongo_log import SHORT_TIMEOUT_SECONDS, MongoTest
from testsuite.waiting import wait_for


class Heads(MongoTest):
    async def test_the_head_never_falls_although_entries_are_purged(self) -> None:
        await self.fill(5)
        with opened(self.url) as database:
            wait_for(lambda: database["heads"].find_one({"_id": "lobby", "head": 5}), "the head is noted")
            database["entries"].delete_many({"seq": {"$gte": 4}})
        async with open_log(self.address) as other:
            self.assertEqual(await other.head("lobby"), Head(5, 5, 5))
            self.assertEqual((await other.append(self.draft("next"))).seq, 6)

    async def test_heads_are_stored_although_it_is_long_since_the_append_that_began_to_store_them(self) -> None:
        save = self.log._heads._save

        async def save_late(entries: Mapping[str, Entry]) -> None:
            await asyncio.sleep(1.1 * SHORT_TIMEOUT_SECONDS)
            await save(entries)

        with (
            mock.patch.object(mongo_append, "ANSWER_TIMEOUT_SECONDS", SHORT_TIMEOUT_SECONDS),
            mock.patch.object(self.log._heads, "_save", save_late),
            opened(self.url) as database,
        ):
            await self.fill(3)
            stored = lambda: database["heads"].find_one({"_id": "lobby", "head": 3})  # noqa: E731
            await asyncio.to_thread(wait_for, stored, "the head is stored")

    async def test_the_newest_mark_of_each_room_is_found(self) -> None:
        await asyncio.gather(self.fill(3), self.fill(2, "attic"))
        for seq, draft in enumerate(
            (
                self.draft("@ana"),
                self.change("edit", 2, "edited"),
                self.change("delete", 3),
                self.change("react", 1, THUMB),
            ),
            4,
        ):
            await self.log.append(draft)
            marked = {"lobby": min(seq, 6), "attic": 0, "cellar": 0}
            self.assertEqual(await self.log.marked(["lobby", "attic", "cellar"]), marked)

    async def test_when_the_newest_entry_was_appended_is_stored_with_the_head(self) -> None:
        await asyncio.gather(self.fill(3), self.fill(2, "attic"))
        times = {room: (await self.log.before(room, None, 1))[0].at for room in ("lobby", "attic")}
        with opened(self.url) as database:
            for room, seq in (("lobby", 3), ("attic", 2)):
                stored = lambda room=room, seq=seq: database["heads"].find_one({"_id": room, "newest.seq": seq})  # noqa: E731
                await asyncio.to_thread(wait_for, stored, "the head is stored")
            with self.counting_queries() as asked:
                self.assertEqual(await self.log.newest_at([*times, "cellar"]), times)
                self.assertEqual(asked, ["cellar"])
                old = {"seq": 2, "at": 1.0}  # a process of the version before has stored the head since
                database["heads"].update_one({"_id": "lobby"}, {"$set": {"newest": old}})
                self.assertEqual(await self.log.newest_at([*times]), times)
                self.assertEqual(asked, ["cellar", "lobby"])

    def change(self, kind: str, target: int, body: str = "") -> Draft:
        """Return a change of one of ana's messages in the lobby."""
        return Draft("lobby", self.ana, body, f"{kind} {target}", kind, target)

    @contextlib.contextmanager
    def counting_queries(self) -> Iterator[list[str]]:
        """Yield a list of the rooms about which the entries are asked, one by one."""
        asked: list[str] = []
        ask = self.log._all

        async def note_and_ask(queries: list[Query]) -> list[list[EntryDocument]]:
            asked.extend(query["room"] for query in queries)
            return await ask(queries)

        with mock.patch.object(self.log, "_all", note_and_ask):
            yield asked

    async def test_marks_of_the_version_before_are_found_and_processes_of_it_that_still_run_store_no_others(
        self,
    ) -> None:
        await self.fill(3)
        for draft in (self.draft("@beto"), self.change("delete", 2), self.change("edit", 3, "edited")):
            await self.log.append(draft)
        with opened(self.url) as database, mock.patch.object(mongo_upgrade, "BATCH_ENTRIES", 2):
            database["settings"].update_one({"_id": "schema"}, {"$set": {"version": SCHEMA_VERSION - 1}})
            self.assertEqual(database["entries"].update_many({}, {"$unset": {"mark": ""}}).modified_count, 3)
            async with open_log(self.address) as other:
                self.assertEqual([one["mark"] for one in database["entries"].find({"mark": {"$gt": 0}})], [4, 5, 6])
                post = database["entries"].find_one({"seq": 1}, {"_id": 0}) or {}
                marks: list[dict[str, object]] = [{"mentions": ["beto"]}, {"kind": "edit"}, {"kind": "delete"}]
                for number, mark in enumerate(marks):
                    with self.assertRaisesRegex(pymongo.errors.WriteError, "validation"):
                        database["entries"].insert_one({**post, **mark, "seq": 7, "nonce": f"mark {number}"})
                database["entries"].insert_one({**post, "seq": 7, "nonce": "no mark"})
                for seq, change in enumerate((self.change("edit", 1, "@beto"), self.change("delete", 1)), 8):
                    self.assertEqual((await other.append(change)).seq, seq)
                    self.assertEqual(await other.marked(["lobby"]), {"lobby": seq})
