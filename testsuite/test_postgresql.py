"""PostgreSQL as the people's database: what cannot be opened, connections that come back, and the doorbell."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import unittest
from collections.abc import AsyncIterator, Callable
from functools import partial
from unittest import mock

import peewee
import psycopg

from models import members, settings
from models.database import appending, execute, open_database, writing
from models.engines.base import Doorbell
from models.engines.postgresql import SERVER_SETTINGS
from models.engines.postgresql_doorbell import PostgresqlDoorbell
from models.engines.postgresql_url import BAD_URL
from models.errors.stores import Unavailable
from models.logs.base import Head
from models.stores import Stores
from testsuite.cases import FolderTest, add_user
from testsuite.clients import Client
from testsuite.pooler import Pooler
from testsuite.ports import free_ports
from testsuite.postgresql import OnPostgresql, shared_server
from testsuite.servers import run_app
from testsuite.tables import address, sql
from testsuite.waiting import TIMEOUT_SECONDS, together


class CannotBeOpened(FolderTest):
    """Bad input: one clear line without a password, and exit code 2, of the site and of its commands."""

    needs = ("postgres",)

    def refused(self, url: str) -> str:
        """Return the line that the site and its commands end with."""
        lines = set()
        for words in ([], ["migrate"]):
            ended = run_app(self.folder, f"--database={url}", "--port=0", *words)
            self.assertEqual((ended.returncode, ended.stdout), (2, ""), ended.stderr)
            lines.add(ended.stderr)
        (line,) = lines
        self.assertEqual(line.count("\n"), 1)
        self.assertNotIn("secret", line)
        return line.strip()

    def test_a_kind_that_it_does_not_know(self) -> None:
        self.assertEqual(
            self.refused("mysql://me:secret@127.0.0.1/prosa"),
            "cannot use a database of the kind 'mysql': give a path, sqlite:///path, "
            "or postgresql://user:password@host/name",
        )

    def test_an_address_that_is_none(self) -> None:
        for url in (
            "postgresql://me:secret@127.0.0.1",
            "postgresql://me:secret@127.0.0.1/",
            "postgresql://me:secret@127.0.0.1:port/prosa",
            "postgresql://me:secret@[::1/prosa",
            "postgresql://me:secret@127.0.0.1/prosa?nonsense=1",
        ):
            with self.subTest(url=url):
                self.assertEqual(self.refused(url), BAD_URL)

    def test_a_password_that_cuts_the_address_in_two(self) -> None:
        for url in (
            "postgresql://me:se@cret@127.0.0.1/prosa",
            "postgresql://me:@secret@127.0.0.1/prosa",
            "postgresql://me:12/secret@127.0.0.1/prosa",
            "postgresql://me:sec/ret@127.0.0.1/prosa",
            "postgresql://me:sec%ret@127.0.0.1/prosa",
            "postgresql://me:12?secret@127.0.0.1/prosa",
            "postgresql:/me:secret@127.0.0.1/prosa",
            "POSTGRESQL://me:secret@127.0.0.1/prosa",
        ):
            with self.subTest(url=url):
                line = self.refused(url)
                self.assertNotRegex(line, "cret|sec|ret@")
        for url in ("sqlite://me:secret@127.0.0.1/prosa", "mongodb:/me:secret@127.0.0.1/prosa"):
            with self.subTest(url=url):
                self.assertIn("give a path", self.refused(url))

    def test_several_servers_that_are_down(self) -> None:
        first, second = free_ports(2)
        for hosts in (f"127.0.0.1:{first},127.0.0.2:{second}", f"127.0.0.1:{first},[::1]:{second}"):
            self.assertEqual(
                self.refused(f"postgresql://me:secret@{hosts}/prosa?target_session_attrs=read-write"),
                f"cannot open the database postgresql://{hosts}/prosa: Connection refused",
            )
        self.assertIn(
            f"postgresql://127.0.0.1:{first}/prosa: Connection refused",
            self.refused(f"postgresql:///prosa?host=127.0.0.1&port={first}&user=me&password=secret"),
        )

    def test_a_database_that_cannot_keep_every_letter(self) -> None:
        server = shared_server()
        for encoding in ("LATIN1", "SQL_ASCII"):
            name = f"test_{encoding.lower()}"
            server.sql(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0")
            self.addCleanup(server.sql, f"DROP DATABASE {name} WITH (FORCE)")
            self.assertEqual(
                self.refused(server.url(name)),
                f"cannot use the database postgresql://{server.address}/{name}: it cannot keep every letter, since its "
                f"encoding is {encoding}; make one with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0",
            )

    def test_a_pooler_that_changes_connections_between_transactions(self) -> None:
        pooler = Pooler(shared_server().port)
        self.addCleanup(pooler.close)
        with shared_server().fresh_database() as url:
            self.assertIn(
                ": a pooler stands before it that changes connections between transactions, and LISTEN is lost; let it "
                "pool by session, or give the address of PostgreSQL itself",
                self.refused(url.replace(f":{shared_server().port}/", f":{pooler.port}/")),
            )

    def test_a_server_that_is_down(self) -> None:
        (port,) = free_ports(1)
        self.assertEqual(
            self.refused(f"postgresql://me:secret@127.0.0.1:{port}/prosa"),
            f"cannot open the database postgresql://127.0.0.1:{port}/prosa: Connection refused",
        )

    def test_wrong_credentials(self) -> None:
        server = shared_server()
        self.assertEqual(
            self.refused(server.url(password="secret")),
            f"cannot open the database postgresql://{server.address}/postgres: password authentication failed "
            'for user "prosa"',
        )

    def test_a_database_that_is_not_there(self) -> None:
        server = shared_server()
        self.assertEqual(
            self.refused(server.url("nowhere")),
            f'cannot open the database postgresql://{server.address}/nowhere: database "nowhere" does not exist',
        )

    def test_a_database_of_a_newer_version(self) -> None:
        with shared_server().fresh_database() as url:
            made = run_app(self.folder, f"--database={url}", "migrate")
            self.assertEqual(made.returncode, 0, made.stderr)
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("INSERT INTO schema_migration (name, applied) VALUES ('9999_later', now())")
            self.assertIn("a newer version of the program has made it (9999_later)", self.refused(url))


class Opening(OnPostgresql, FolderTest):
    """Several processes that begin at once, and several servers of which one answers."""

    def test_of_several_servers_the_one_is_used_that_may_be_written_to(self) -> None:
        (away,) = free_ports(1)
        url = address(self.folder).replace("@127.0.0.1:", f"@127.0.0.1:{away},127.0.0.1:")
        server = self.start(f"--database={url}?target_session_attrs=read-write", "--logging=warning").wait()
        self.assertEqual(add_user(self.folder, "ana", f"--database={url}").returncode, 0)
        chat = Client(server.url).sign_in("ana").chat()
        self.addCleanup(chat.close)
        sql(self.folder, "DELETE FROM session")  # from outside: so it listens there, too
        self.assertEqual(chat.until_closed(5), 4008)

    def test_six_at_once_make_one_schema_and_one_secret(self) -> None:
        ended = together(*[partial(run_app, self.folder, "migrate") for _ in range(6)])
        self.assertEqual([one.returncode for one in ended], [0] * 6, [one.stderr for one in ended])
        self.assertEqual(sql(self.folder, "SELECT slug FROM room"), [("lobby",)])
        servers = [self.start("--logging=warning") for _ in range(3)]
        self.assertEqual(len({server.wait().setup_path for server in servers}), 1)


class Connections(OnPostgresql, unittest.IsolatedAsyncioTestCase):
    """The connections of one process: what they wait for has an end, and they come back by themselves."""

    folder = "of connections"

    def setUp(self) -> None:
        self.enterContext(self.database(self.folder))
        self.open()

    def open(self) -> None:
        """Open the database with the settings as they are now."""
        open_database(address(self.folder))

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # it would call the server's answers slow
        self.rings = 0

    @contextlib.asynccontextmanager
    async def stores(self) -> AsyncIterator[Stores]:
        """Open the stores of a process."""
        stores = Stores()
        try:
            yield stores
        finally:
            await stores.close()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[Doorbell]:
        """Let a doorbell watch, and count its rings: one that it begins with, and one once it listens."""
        async with self.stores() as stores:

            async def count() -> None:
                async for _ in stores.doorbell.rings():
                    self.rings += 1

            tasks = [asyncio.create_task(stores.doorbell.watch()), asyncio.create_task(count())]
            try:
                await self.until(lambda: self.rings == 2)
                yield stores.doorbell
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def until(self, what: Callable[[], bool]) -> None:
        """Return once `what` is true."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    def hang_up(self) -> None:
        """End all connections to the database, as a server does that is restarted."""
        name = address(self.folder).rpartition("/")[2]
        shared_server().sql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}'")

    async def test_the_doorbell_hears_what_others_commit(self) -> None:
        with mock.patch.object(PostgresqlDoorbell, "POLL_SECONDS", 1000.0):
            async with self.listening() as doorbell:
                people = doorbell.people_version()
                sql(self.folder, "UPDATE room SET head = 1")
                await self.until(lambda: self.rings == 3)
                self.assertEqual((await doorbell.grown(None)).heads, {"lobby": Head(1)})
                sql(self.folder, "INSERT INTO process (id, beat_at, version) VALUES ('p', 0, 0)")
                sql(self.folder, "UPDATE process SET version = 1")
                await self.until(lambda: self.rings == 4)
                self.assertEqual(doorbell.people_version(), people)
                sql(self.folder, "UPDATE room SET name = 'Hall'")
                await self.until(lambda: self.rings == 5)
                self.assertNotEqual(doorbell.people_version(), people)

    async def test_rooms_whose_transactions_end_in_another_order_than_they_began_are_all_named(self) -> None:
        columns = "name, description, kind, made_at, head, posts, lines"
        sql(self.folder, f"INSERT INTO room (slug, address, {columns}) SELECT 'attic', 'attic', {columns} FROM room")
        with (
            mock.patch.object(PostgresqlDoorbell, "POLL_SECONDS", 1000.0),
            psycopg.connect(address(self.folder)) as late,
        ):
            async with self.listening() as doorbell:
                late.execute("UPDATE room SET head = 1 WHERE slug = 'attic'")
                sql(self.folder, "UPDATE room SET head = 1 WHERE slug = 'lobby'")
                await self.until(lambda: self.rings == 3)
                mark, heads = await doorbell.grown((await doorbell.grown(None)).mark - 1)
                self.assertEqual(heads, {"lobby": Head(1)})
                late.commit()
                await self.until(lambda: self.rings == 4)
                mark, heads = await doorbell.grown(mark)
                self.assertEqual(heads, {"attic": Head(1)})
                self.assertEqual((await doorbell.grown(mark)).heads, {})

    async def test_what_this_process_has_appended_is_known_and_does_not_ring_before_the_slow_look(self) -> None:
        for head, poll_seconds in ((5, 1000.0), (6, 0.05)):
            with self.subTest(poll_seconds), mock.patch.object(PostgresqlDoorbell, "POLL_SECONDS", poll_seconds):
                self.rings = 0
                async with self.listening() as doorbell, self.stores() as stores:
                    mark = (await doorbell.grown(None)).mark
                    await stores.write(execute, "UPDATE room SET head = ?, posts = 4, lines = 3", head)
                    async with asyncio.timeout(TIMEOUT_SECONDS):
                        while not (found := (await doorbell.grown(mark)).heads):  # noqa: ASYNC110 - is no event
                            await asyncio.sleep(0.002)
                    self.assertEqual(found, {"lobby": Head(head, 4, 3)})
                    if poll_seconds < 1:
                        await self.until(lambda: self.rings == 3)
                    self.assertEqual(self.rings, 2 + (poll_seconds < 1))

    async def test_a_lost_ring_is_found_by_the_slow_look(self) -> None:
        with mock.patch.object(PostgresqlDoorbell, "POLL_SECONDS", 0.05):
            async with self.listening() as doorbell:
                sql(self.folder, "ALTER TABLE room DISABLE TRIGGER ALL")
                people = doorbell.people_version()
                sql(self.folder, "UPDATE room SET head = 1")
                await self.until(lambda: self.rings == 3)
                self.assertEqual(doorbell.people_version(), people)
                sql(self.folder, "UPDATE setting SET value = '1000' WHERE name = 'people_version'")
                await self.until(lambda: self.rings == 4)
                self.assertNotEqual(doorbell.people_version(), people)

    async def test_a_doorbell_whose_connection_was_ended_comes_back_and_has_missed_nothing(self) -> None:
        with mock.patch.multiple(PostgresqlDoorbell, POLL_SECONDS=1000.0, RETRY_SECONDS=0.05):
            async with self.listening():
                with self.assertLogs("models.engines.postgresql_doorbell", "WARNING") as logged:
                    sql(self.folder, "ALTER TABLE room DISABLE TRIGGER ALL")
                    sql(self.folder, "UPDATE room SET head = 1")
                    self.hang_up()
                    await self.until(lambda: self.rings == 3)
                self.assertEqual(len(logged.output), 1)
                sql(self.folder, "ALTER TABLE room ENABLE TRIGGER ALL")
                sql(self.folder, "UPDATE room SET head = 2")
                await self.until(lambda: self.rings == 4)

    async def test_a_look_needs_no_thread_and_sees_all_that_was_committed_before(self) -> None:
        with mock.patch.object(PostgresqlDoorbell, "POLL_SECONDS", 0.01):
            async with self.listening() as doorbell:
                versions = set()
                with mock.patch.object(doorbell, "_read", side_effect=AssertionError):
                    for head in range(1, 20):
                        sql(self.folder, f"UPDATE room SET head = {head}, name = 'Hall {head}'")
                        doorbell.head_seen("lobby")  # which is looked at from now on
                        found = await asyncio.gather(*(doorbell.look() for _ in range(8)))
                        self.assertEqual((len(set(found)), doorbell.head_seen("lobby")), (1, head))
                        versions.update(found)
                self.assertEqual(len(versions), 19)

    async def test_a_look_goes_on_where_the_connection_that_listens_was_ended(self) -> None:
        with mock.patch.multiple(PostgresqlDoorbell, POLL_SECONDS=1000.0, RETRY_SECONDS=1000.0):
            async with self.listening() as doorbell:
                before = await doorbell.look()
                with self.assertLogs("models.engines.postgresql_doorbell", "WARNING"):
                    self.hang_up()
                    self.assertEqual(await doorbell.look(), before)
                sql(self.folder, "UPDATE room SET name = 'Hall'")
                self.assertNotEqual(await doorbell.look(), before)

    async def test_what_fails_in_a_batch_is_told_at_its_end_and_nothing_of_it_stays(self) -> None:
        def fail() -> None:
            with self.assertRaises(peewee.DataError), appending():
                execute("UPDATE room SET head = 7")
                execute("SELECT 1 / (head - head) FROM room WHERE slug = ?", "lobby")
                execute("UPDATE room SET posts = ?", 7)

        def succeed() -> None:
            with appending():
                execute("UPDATE room SET lines = lines + ?", 1)

        def hang_up() -> None:
            with appending():
                execute("UPDATE room SET head = 7")
                execute("SELECT head FROM room").fetchall()
                self.hang_up()
                execute("SELECT head FROM room").fetchall()

        async with self.stores() as stores:
            with self.assertNoLogs("psycopg"):
                for _ in range(12):  # from the sixth time on psycopg prepares a statement
                    await stores.write(fail)
                    await stores.write(succeed)
                with self.assertRaises(Unavailable), self.assertLogs("models.engines.workers", "WARNING"):
                    await stores.write(hang_up)
        self.assertEqual(sql(self.folder, "SELECT head, posts, lines FROM room"), [(0, 0, 12)])

    async def test_a_connection_that_was_ended_costs_nobody_an_answer(self) -> None:
        async with self.stores() as stores:
            for _ in range(3):
                await asyncio.gather(*(stores.read(members.list_members) for _ in range(8)))
                await stores.write(settings.check_health)
                self.hang_up()

    async def test_who_waits_for_a_lock_waits_for_an_end(self) -> None:
        with mock.patch.dict(SERVER_SETTINGS, lock_timeout=200):
            self.open()
        async with self.stores() as stores:
            await stores.write(settings.check_health)
            with psycopg.connect(address(self.folder)) as other:
                other.execute("SELECT * FROM setting FOR UPDATE")
                with self.assertRaises(Unavailable), self.assertLogs("models.engines.workers", "WARNING"):
                    await stores.write(settings.check_health)
            await stores.write(settings.check_health)

    async def test_who_stops_in_the_middle_of_a_transaction_loses_its_locks(self) -> None:
        with mock.patch.dict(SERVER_SETTINGS, idle_in_transaction_session_timeout=200):
            self.open()
        has_begun, go_on = threading.Event(), threading.Event()

        def stop_within() -> None:
            with writing():
                has_begun.set()
                go_on.wait(TIMEOUT_SECONDS)
                settings.check_health()

        async with self.stores() as stopping, self.stores() as other:
            stopped = asyncio.create_task(stopping.write(stop_within))
            await self.until(has_begun.is_set)
            await other.write(settings.check_health)
            with self.assertRaises(Unavailable), self.assertLogs("models.engines.workers", "WARNING"):
                go_on.set()
                await stopped
            await stopping.write(settings.check_health)

    async def test_a_text_that_the_server_cannot_keep_finds_nobody(self) -> None:
        async with self.stores() as stores:
            self.assertIsNone(await stores.read(members.find_member, "a\0b"))
