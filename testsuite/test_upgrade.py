"""A site of the release before is brought up to date: nothing is lost, everything is counted, on every engine."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from pymongo.collection import Collection
from pymongo.errors import WriteError

from models import memberships, reads, rooms
from models.database import MIGRATIONS, as_tuples, database, execute, open_database
from models.engines.base import PEOPLE_VERSION_QUERY
from models.errors.stores import CannotOpen, ReadOnly
from models.logs.base import Draft, Head
from models.logs.mongo_documents import SCHEMA_VERSION
from models.logs.sql_append import append
from models.models import Address, Membership, Room, Session, User, create_tables
from models.moving.tables import TABLES
from models.read_only import turn_off, turn_on
from testsuite import log_case
from testsuite.appender import appenders, open_log
from testsuite.cases import FolderTest
from testsuite.earlier import MEMBERS, make_mongo_log, make_site, migrate_to, opened_before
from testsuite.mongodb import opened
from testsuite.postgresql import shared_server
from testsuite.servers import ROOT, run_app
from testsuite.waiting import together, wait_for

ENTRIES = 300


def close() -> None:
    """Close this thread's connection to the database that is open now."""
    database.close()


def people_version() -> str:
    """Return what grows with each change of people."""
    found: tuple[str] = execute(PEOPLE_VERSION_QUERY).fetchone()
    return found[0]


class OnSqlite(FolderTest):
    def url(self) -> str:
        """Return the address of an empty database."""
        return f"{self.folder}/people.db"

    def setUp(self) -> None:
        super().setUp()
        self.address = self.url()
        make_site(self.address, ENTRIES)
        self.addCleanup(close)

    def test_everything_is_there_and_counted(self) -> None:
        create_tables(self.address)
        self.assertEqual([user.username for user in User.select().order_by(User.id)], list(MEMBERS))
        self.assertEqual(Session.select().count(), len(MEMBERS))
        found = {room.slug: room for room in Room.select()}
        self.assertEqual(
            {slug: room.kind for slug, room in found.items()}, {"lobby": "open", "attic": "closed", "garden": "open"}
        )
        for slug, room in found.items():
            self.assertEqual((room.address, room.head, room.posts, room.lines), (slug, *(ENTRIES,) * 3))
            rows = execute(
                "SELECT seq, posts, lines, is_drawn, mentions, body FROM entry WHERE room_id = ? ORDER BY seq", slug
            )
            counted = [(seq, seq, seq, True, "", f"{slug} {seq} @ana") for seq in range(1, ENTRIES + 1)]
            self.assertEqual([(*row[:3], bool(row[3]), *row[4:]) for row in rows.fetchall()], counted)
        self.assertEqual(
            {tuple(row) for row in as_tuples(Address.select(Address.address, Address.room))},
            {(slug, slug) for slug in found},
        )
        self.assertEqual(Membership.select().count(), len(MEMBERS) + 2)
        self.assertEqual([room.slug for room in rooms.rooms_of(1)], ["attic", "garden", "lobby"])
        self.assertEqual(rooms.open_rooms(2), [rooms.OpenRoom("garden", "Garden", "Old", 1)])
        self.assertEqual(reads.positions_of(1), {})

    def test_answers_of_before_are_found_by_whom_they_answer(self) -> None:
        with opened_before(self.address), database.writing():
            migrate_to([path.stem for path in sorted(MIGRATIONS.glob("*.py")) if path.stem < "0011"][-1])
            execute("UPDATE entry SET target = 2 WHERE room_id = 'lobby' AND seq IN (3, 4, 5, 6)")  # 5 is of its author
            execute("UPDATE entry SET body = '' WHERE room_id = 'lobby' AND seq IN (2, 4)")
            execute("UPDATE entry SET kind = 'edit', target = 2 WHERE room_id = 'lobby' AND seq = 8")
        create_tables(self.address)
        found = execute("SELECT room_id, seq, user_id FROM answer ORDER BY seq").fetchall()
        self.assertEqual([tuple(row) for row in found], [("lobby", 3, 3), ("lobby", 6, 3)])

    def test_rooms_go_on_where_they_were(self) -> None:
        create_tables(self.address)
        post, edit, _ = append(
            [
                Draft("lobby", 2, "@ana", "n1"),
                Draft("lobby", 1, "edited", "n2", "edit", 3),
                Draft("lobby", 1, "", "n3", "delete", 3),
            ],
            time.monotonic(),
        )
        self.assertEqual([(one.seq, one.posts) for one in (post, edit)], [(301, 301), (302, 301)])  # type: ignore[union-attr]

    def test_what_changes_people_moves_their_version(self) -> None:
        create_tables(self.address)
        room = memberships.make_room(1, "New", "", "open")
        changes: tuple[Callable[[], object], ...] = (
            lambda: memberships.change_room(1, room.address, "Newer", ""),
            lambda: memberships.change_room(1, room.address, "Newer", "Described"),
            lambda: memberships.join(2, room.address),
            lambda: memberships.set_own(2, room.address, "none", is_muted=False, is_pinned=False),
            lambda: memberships.set_own(2, room.address, "none", is_muted=True, is_pinned=False),
            lambda: memberships.set_own(2, room.address, "none", is_muted=True, is_pinned=True),
            lambda: memberships.leave(1, room.address),
            lambda: memberships.archive(1, "garden", is_archived=True),
            lambda: User.update(email="new@example.org").execute(),
            lambda: Session.delete().where(Session.id == 1).execute(),
        )
        for number, change in enumerate(changes):
            before = people_version()
            change()
            self.assertNotEqual(people_version(), before, number)
        before = people_version()
        append([Draft("lobby", 1, "a post", "n")], time.monotonic())
        reads.move([reads.Move(1, "lobby", 3, 3)])
        self.assertEqual(people_version(), before)

    def test_several_processes_may_start_at_once(self) -> None:
        started = together(*(lambda: run_app(self.folder, f"--database={self.address}", "migrate") for _ in range(4)))
        self.assertEqual([(one.returncode, one.stderr) for one in started], [(0, "")] * 4)
        self.test_everything_is_there_and_counted()

    def test_a_process_of_the_release_before_that_still_runs_stores_nothing_that_is_not_counted(self) -> None:
        create_tables(self.address)
        columns = "room_id, seq, kind, target, author_id, body, at, nonce"
        with self.assertRaises(ReadOnly), database.writing():
            execute(f"INSERT INTO entry ({columns}) VALUES ('lobby', 301, 'post', NULL, 1, 'late', 1.5, 'n')")
        self.assertEqual(execute("SELECT max(seq) FROM entry").fetchone(), (ENTRIES,))

    def test_one_that_is_being_moved_is_left_alone_with_one_line_that_says_why(self) -> None:
        with opened_before(self.address):
            turn_on(table for table in TABLES if table not in ("address", "token", "hook"))
        with self.assertRaisesRegex(CannotOpen, "of an earlier version, and read-only since it was moved"):
            open_database(self.address)
        moved = run_app(self.folder, f"--database={self.address}", "move", "--to_database=new.db")
        self.assertEqual((moved.returncode, moved.stdout, moved.stderr.count("\n")), (2, "", 1), moved.stderr)
        with database.connection_context():
            self.assertEqual(execute("SELECT max(name) FROM schema_migration").fetchone(), ("0004_lookalikes",))

    def test_so_is_one_of_any_version_since(self) -> None:
        for path in sorted(MIGRATIONS.glob("*.py"))[6:-1]:
            with opened_before(self.address):
                turn_off(TABLES[:2] + TABLES[-1:])
                migrate_to(path.stem)
                turn_on(TABLES[:2] + TABLES[-1:])
            with self.subTest(path.stem), self.assertRaisesRegex(CannotOpen, "read-only since it was moved"):
                open_database(self.address)


class OnPostgresql(OnSqlite):
    needs = ("postgres",)

    def url(self) -> str:
        return self.enterContext(shared_server().fresh_database())

    def test_a_log_that_takes_longer_than_an_answer_may_is_brought_up_to_date_all_the_same(self) -> None:
        with opened_before(self.address):
            execute(
                "CREATE FUNCTION dawdle(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT $1 FROM pg_sleep(0.5)'"
            )
            execute("CREATE INDEX slow ON entry (dawdle(seq)) WHERE seq = 7")
        with mock.patch.dict("models.engines.postgresql.SERVER_SETTINGS", statement_timeout=400):
            self.test_everything_is_there_and_counted()


class OnMongodb(log_case.OnMongodb):
    """The log of the release before on a MongoDB, with a hole in it."""

    count = 400
    batch = 20

    def setUp(self) -> None:
        super().setUp()
        make_mongo_log(self.url, {"lobby": self.count, "attic": 3})

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # and do not open the log, as the tests do that

    async def assert_all_is_counted(self) -> None:
        async with open_log(self.address) as log:
            entries = await log.after("lobby", 0, 1000)
            kept = [seq for seq in range(1, self.count + 1) if seq != 7]
            self.assertEqual([(e.seq, e.posts, e.lines, e.is_drawn) for e in entries], [(n, n, n, True) for n in kept])
            self.assertEqual([e.seq for e in await log.lines_before("lobby", None, 1000)], kept[::-1])
            self.assertEqual(await log.head("attic"), Head(3, 3, 3))
            self.assertEqual(await log.heads(), {"lobby": Head(*(self.count,) * 3), "attic": Head(3, 3, 3)})
            edit = await log.append(Draft("lobby", self.ana, "edited", "edit", "edit", 3))
            await log.append(Draft("lobby", self.ana, "", "delete", "delete", 6))
            self.assertEqual((edit.seq, edit.posts), (self.count + 1, self.count))
            self.assertNotIn(6, [e.seq for e in await log.lines_after("lobby", 0, 9)])

    async def test_everything_is_there_and_counted(self) -> None:
        with self.assertLogs("models", "WARNING") as logged:
            await self.assert_all_is_counted()
        self.assertIn("bringing the log on MongoDB up to date: 402 entries", logged.output[0])
        with opened(self.url) as mongo:
            self.assertEqual(mongo.settings.find_one({"_id": "schema"}), {"_id": "schema", "version": SCHEMA_VERSION})

    async def test_one_that_was_killed_in_the_middle_goes_on(self) -> None:
        with opened(self.url) as mongo:
            await asyncio.to_thread(self.kill_in_the_middle, mongo.entries)
        await self.assert_all_is_counted()

    def kill_in_the_middle(self, entries: Collection[Any]) -> None:
        """Open the log in another process, and kill that once some entries are counted."""

        def counted() -> int:
            return entries.count_documents({"lines": {"$exists": True}})

        alter = f"from models.logs import mongo_upgrade; mongo_upgrade.BATCH_ENTRIES = {self.batch}"
        program = (
            f"{alter}; import asyncio; from testsuite import appender; asyncio.run(appender.main({self.address!r}))"
        )
        process = subprocess.Popen([sys.executable, "-W", "error", "-c", program], cwd=ROOT, stderr=subprocess.DEVNULL)
        wait_for(lambda: counted() > self.batch, "some entries are counted")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertLess(counted(), self.count)

    async def test_several_processes_may_start_at_once(self) -> None:
        with appenders(2, self.address) as running:
            for number, one in enumerate(running):
                one.append(self.ana, [f"{number}"], [f"{number}"])
            seqs = [await asyncio.to_thread(one.outcomes) for one in running]
        self.assertEqual(sorted(seqs), [[self.count + 1], [self.count + 2]])

    async def test_what_one_process_has_changed_is_not_undone_by_another_that_is_late(self) -> None:
        await self.assert_all_is_counted()
        with opened(self.url) as mongo:
            before = list(mongo.entries.find())
            mongo.settings.update_one({"_id": "schema"}, {"$set": {"version": 1}})
            async with open_log(self.address) as log:
                self.assertEqual(await log.head("lobby"), Head(self.count + 2, self.count, self.count))
            self.assertEqual(list(mongo.entries.find()), before)

    async def test_a_process_of_the_release_before_that_still_runs_stores_nothing_that_is_not_counted(self) -> None:
        await self.assert_all_is_counted()
        late: dict[str, Any] = {"room": "lobby", "seq": 9999, "kind": "post", "author_id": 1, "nonce": "late"}
        with opened(self.url) as mongo, self.assertRaises(WriteError):
            mongo.entries.insert_one(late)
