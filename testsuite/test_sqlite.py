"""Which SQLite the site uses, and what it does where that one must not be trusted with a write-ahead log."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

import cysqlite

from models.engines.sqlite import Sqlite
from models.engines.sqlite_file import DatabaseFile, FileIdentity
from testsuite.cases import FolderTest, SiteTest
from testsuite.clients import Chat
from testsuite.servers import Server
from testsuite.tables import WITHOUT_WAL, sql

FIRST_SAFE = "playhouse.cysqlite_ext:CySqliteDatabase.server_version=(3, 51, 3)"
POST_COUNT = 100


def says_old(server: Server) -> list[str]:
    """Return the lines in which a process speaks of its SQLite."""
    return [line for line in server.lines if "SQLite" in line]


class Libraries(FolderTest):
    """docs/security.rst 25: the SQLite in use is checked, and is the only one."""

    def test_a_process_with_a_library_that_may_lose_commits_says_so_in_one_line(self) -> None:
        server = self.start(altered=[WITHOUT_WAL]).wait()
        self.assertEqual(len(says_old(server)), 1, server.lines)
        self.assertIn("SQLite 3.51.2 may lose commits", says_old(server)[0])
        self.assertEqual(sql(self.folder, "PRAGMA journal_mode"), [("delete",)])  # truncate is a connection's own
        self.assertFalse(Path(self.folder, "people.db-wal").exists())

    def test_a_process_with_a_good_one_keeps_a_write_ahead_log_and_silence(self) -> None:
        for altered in ([], [FIRST_SAFE]):
            with self.subTest(altered=altered):
                server = self.start(altered=altered).wait()
                self.assertEqual(says_old(server), [])
                self.assertEqual(sql(self.folder, "PRAGMA journal_mode"), [("wal",)])
                server.stop()

    def test_a_database_with_a_write_ahead_log_loses_it(self) -> None:
        self.start().wait().stop()
        self.assertEqual(sql(self.folder, "PRAGMA journal_mode"), [("wal",)])
        self.start(altered=[WITHOUT_WAL]).wait()
        self.assertEqual(sql(self.folder, "PRAGMA journal_mode"), [("delete",)])

    def test_the_systems_sqlite_is_never_beside_it(self) -> None:
        server = self.start().wait()
        mapped = Path(f"/proc/{server.process.pid}/maps").read_text()
        self.assertIn("cysqlite", mapped)
        self.assertEqual([line for line in mapped.splitlines() if "_sqlite3" in line or "libsqlite3" in line], [])


class FirstConnection(unittest.TestCase):
    def test_the_files_beside_a_new_database_stay_while_the_connection_that_made_it_is_open(self) -> None:
        engine = Sqlite(str(Path(self.enterContext(tempfile.TemporaryDirectory())) / "people.db"))
        side_files = engine.file.side_files

        def while_another_has_it_open() -> dict[str, FileIdentity]:
            with contextlib.closing(cysqlite.connect(engine.database)) as other:
                other.execute("CREATE TABLE other (id)")
                return side_files()

        with mock.patch.object(engine.file, "side_files", while_another_has_it_open):
            engine.connect()
        self.addCleanup(engine.close)
        engine.verify_file()

    def test_what_a_gone_database_has_left_is_set_aside_before_another_process_can_open_a_new_one(self) -> None:
        path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "people.db"
        Path(f"{path}-wal").write_text("of a database that is gone")
        rename = Path.replace

        def where_nobody_else_can_create_one(old: Path, new: str) -> Path:
            self.assertFalse(path.exists())
            folder = os.open(path.parent, os.O_RDONLY)
            self.addCleanup(os.close, folder)
            self.assertRaises(BlockingIOError, fcntl.flock, folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return rename(old, new)

        with mock.patch.object(Path, "replace", where_nobody_else_can_create_one):
            DatabaseFile(str(path))
        self.assertEqual({file.name for file in path.parent.iterdir()}, {"people.db", "people.db-wal.stale"})


class WithoutWriteAheadLog(SiteTest):
    """docs/security.rst 25: all is well without a write-ahead log, only slower."""

    altered = (WITHOUT_WAL,)
    processes = 2

    def test_two_processes_hear_each_other_and_make_one_order(self) -> None:
        chats = [self.chat("ana"), self.chat("beto", server=1)]
        writers = [threading.Thread(target=post_all, args=(chat,)) for chat in chats]
        for writer in writers:
            writer.start()
        heard = [[(entry["seq"], entry["nonce"]) for entry in chat.entries(2 * POST_COUNT)] for chat in chats]
        for writer in writers:
            writer.join()
        self.assertEqual(heard[0], heard[1])
        first = chats[0].head
        self.assertEqual([seq for seq, _ in heard[0]], list(range(first + 1, first + 2 * POST_COUNT + 1)))
        self.assertEqual(sql(self.folder, "PRAGMA journal_mode"), [("delete",)])

    def test_a_sign_out_at_one_process_is_heard_at_the_other(self) -> None:
        carla = self.client("carla")
        there = self.listen(self.elsewhere(carla, 1))
        self.assertEqual(carla.post("/logout").status, 302)
        self.assertEqual(there.until_closed(), 4008)

    def test_pages_and_forms_work(self) -> None:
        ana = self.client("ana", server=1)
        beto = self.chat("beto")
        self.assertEqual(ana.post("/rooms/lobby", {"body": "by form", "nonce": "form"}).status, 302)
        beto.until("entry", nonce="form")
        self.assertIn("by form", ana.get("/rooms/lobby").text)
        self.assertEqual(ana.get("/healthz").status, 200)


def post_all(chat: Chat) -> None:
    """Post many messages."""
    for number in range(POST_COUNT):
        chat.post(f"{number}")
