"""The database's files are taken away under a running site: nothing is promised that would be lost."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import tempfile
import threading
import unittest
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import cysqlite
from websockets.exceptions import ConnectionClosed

from models.database import database
from models.engines import sqlite
from models.engines.workers import WorkerPool
from models.errors.stores import Lost
from models.models import create_tables
from testsuite.cases import FolderTest, add_user
from testsuite.clients import PASSWORD, Chat, Client
from testsuite.servers import run_app
from testsuite.tables import WITHOUT_WAL, add_accounts, sql
from testsuite.waiting import TIMEOUT_SECONDS, together, wait_for

POST_COUNT = 20
MANY_POSTS = 20_000  # more than anybody posts in the quarter of a second until it is noticed


class LostTest(FolderTest):
    """A test that takes the database of a running site away."""

    altered: tuple[str, ...] = ()

    def setUp(self) -> None:
        super().setUp()
        self.home = Path(self.folder) / "home"
        self.home.mkdir()
        self.path = self.home / "people.db"
        self.option = f"--database={self.path}"
        self.assertEqual(add_user(self.folder, "ana", self.option).returncode, 0)

    def take_away(self, how: Callable[[], object], word: str, processes: int = 1) -> list[str]:
        """Post, take the file away, and post until the processes have ended; return the acknowledged nonces."""
        options = ("--messages_per_second=0", self.option)
        servers = [self.start(*options, altered=self.altered) for _ in range(processes)]
        chats = [Client(server.wait().url).sign_in("ana").chat() for server in servers]
        acknowledged = [self.posted(chat) for chat in chats for _ in range(POST_COUNT)]
        how()
        for server, chat in zip(servers, chats, strict=True):
            self.assertEqual(self.acknowledged_later(chat), [])
            chat.close()
            self.assertEqual(server.process.wait(20), 2)
            server.stop()
            told = [line for line in server.lines if line.startswith("[C")]
            self.assertEqual(len(told), 1, server.lines)
            self.assertIn(word, told[0])
            self.assertNotIn("Traceback", "".join(server.lines))
        return acknowledged

    def posted(self, chat: Chat) -> str:
        """Post and return the nonce once it is acknowledged."""
        nonce = chat.post("kept")
        chat.until("ack", nonce=nonce)
        return nonce

    def acknowledged_later(self, chat: Chat) -> list[str]:
        """Post until the server hangs up; return what it acknowledges, which it should not."""
        acknowledged: list[str] = []
        with contextlib.suppress(ConnectionClosed):
            for _ in range(MANY_POSTS):
                chat.post("lost")
                message = chat.receive()
                if message["type"] == "ack":
                    acknowledged.append(message["nonce"])
        self.assertIn(chat.until_closed(), (1012, 1006))
        return acknowledged

    def nonces(self, path: Path) -> list[str]:
        """Return what a database has, which is sound."""
        with contextlib.closing(cysqlite.connect(str(path))) as connection:
            self.assertEqual(list(connection.execute("PRAGMA integrity_check")), [("ok",)])
            return [nonce for (nonce,) in connection.execute("SELECT nonce FROM entry ORDER BY seq")]

    def backup(self) -> Path:
        """Make a backup as docs/deploy.rst shows it."""
        copy = Path(self.folder) / "backup.db"
        with contextlib.closing(cysqlite.connect(str(self.path))) as connection:
            connection.execute("VACUUM INTO ?", (str(copy),))
        return copy

    def assert_starts_anew(self) -> None:
        """Fail unless the next start opens what stands at the path, and can write there."""
        ran = run_app(self.folder, self.option, "adduser", "beto", "b@example.org", stdin=PASSWORD)
        self.assertEqual(ran.returncode, 0, ran.stderr)


class WithoutWriteAheadLog(LostTest):
    """A file that is not the one at its path takes no message: the same for an old SQLite."""

    altered: tuple[str, ...] = (WITHOUT_WAL,)

    def test_removed(self) -> None:
        self.take_away(self.path.unlink, "is gone")
        self.assertFalse(self.path.exists())
        self.assert_starts_anew()
        self.assertEqual(self.nonces(self.path), [])

    def test_moved_away_with_all_that_was_acknowledged(self) -> None:
        elsewhere = Path(self.folder) / "old.db"
        acknowledged = self.take_away(lambda: self.path.rename(elsewhere), "is gone", processes=2)
        self.assert_starts_anew()
        self.assertEqual(self.nonces(elsewhere), acknowledged)

    def test_a_backup_is_moved_to_its_place(self) -> None:
        copy = self.backup()
        before = self.nonces(copy)
        self.take_away(lambda: copy.replace(self.path), "another file", processes=2)
        self.assert_starts_anew()
        self.assertEqual(self.nonces(self.path), before)
        self.assertEqual(sql(self.folder + "/home", "SELECT username FROM user"), [("ana",), ("beto",)])

    def test_a_backup_is_written_over_it(self) -> None:
        copy = self.backup()
        self.take_away(lambda: shutil.copyfile(copy, self.path), "written over")
        self.assertEqual(self.nonces(self.path), [])
        self.assert_starts_anew()


class TakenAway(WithoutWriteAheadLog):
    """A file that is not the one at its path takes no message."""

    altered = ()

    def test_its_folder_is_moved_away(self) -> None:
        elsewhere = Path(self.folder) / "elsewhere"
        acknowledged = self.take_away(lambda: self.home.rename(elsewhere), "is gone")
        self.assertEqual(self.nonces(elsewhere / "people.db"), acknowledged)

    def test_a_link_leads_to_another(self) -> None:
        real, other = self.home / "real.db", self.backup()
        self.path.rename(real)
        self.path.symlink_to(real)

        def lead_elsewhere() -> None:
            self.path.unlink()
            self.path.symlink_to(other)

        acknowledged = self.take_away(lead_elsewhere, "another file")
        self.assertEqual(self.nonces(real), acknowledged)
        self.assertEqual(self.nonces(other), [])

    def test_it_is_emptied(self) -> None:
        self.take_away(lambda: os.truncate(self.path, 0), "written over")
        self.assert_starts_anew()

    def test_its_write_ahead_log_is_removed(self) -> None:
        acknowledged = self.take_away(self.path.with_name("people.db-wal").unlink, "-wal was taken", processes=2)
        self.assert_starts_anew()
        self.assertEqual(self.nonces(self.path), acknowledged)

    def test_its_index_is_removed(self) -> None:
        acknowledged = self.take_away(self.path.with_name("people.db-shm").unlink, "-shm was taken")
        self.assert_starts_anew()
        self.assertEqual(self.nonces(self.path), acknowledged)

    def test_nobody_is_connected(self) -> None:
        server = self.start(self.option).wait()
        self.path.unlink()
        self.assertEqual(server.process.wait(20), 2)


class HalfWritten(unittest.IsolatedAsyncioTestCase):
    """Another database, of which the beginning is written, is met by a reader before anybody has looked at the file."""

    async def asyncSetUp(self) -> None:
        self.path = Path(self.enterContext(tempfile.TemporaryDirectory())) / "people.db"
        add_accounts(str(self.path), ("ana",), PASSWORD)
        self.enterContext(mock.patch.dict(sqlite.PRAGMAS, journal_mode="truncate"))
        self.engine = sqlite.Sqlite(str(self.path))
        with self.engine.connection_context():
            self.engine.verify_file()

    def write_over(self) -> None:
        """Write the header of an older database, and nothing else of it yet."""
        content = self.path.read_bytes()
        self.path.write_bytes(content[:24] + bytes(len(content) - 24))

    async def test_the_doorbell_says_what_happened(self) -> None:
        reader = WorkerPool("reader", self.engine)
        self.addCleanup(reader.close)
        doorbell = self.engine.doorbell(reader.run)
        doorbell.people_version()
        self.write_over()
        with self.assertRaises(Lost), self.assertLogs("models", "CRITICAL"):
            doorbell.people_version()
        with self.assertRaises(Lost):
            await doorbell.grown(None)
        await doorbell.close()

    async def test_of_two_threads_that_find_it_out_one_says_so(self) -> None:
        both = threading.Barrier(2)

        def look(side_files: object) -> str:
            both.wait(TIMEOUT_SECONDS)
            return "the database is gone"

        def verify() -> None:
            with self.assertRaises(Lost):
                self.engine.file.verify({})

        with mock.patch.object(self.engine.file, "_why_lost", look), self.assertLogs("models", "CRITICAL") as logs:
            together(verify, verify)
        self.assertEqual(len(logs.records), 1)

    async def test_a_query_says_what_happened(self) -> None:
        reader = WorkerPool("reader", self.engine)
        self.addCleanup(reader.close)
        await reader.run(self.count_members)
        self.write_over()
        with self.assertRaises(Lost), self.assertLogs("models", "CRITICAL"):
            await reader.run(self.count_members)

    def count_members(self) -> int:
        ((count,),) = self.engine.execute_sql("SELECT count(*) FROM user").fetchall()
        return int(count)


class Modes(FolderTest):
    """docs/security.rst 43: what has messages or secrets in it is for its owner only."""

    fresh = True  # with the umask that is set here

    def test_what_is_made_is_for_its_owner_only_whatever_the_umask(self) -> None:
        before = os.umask(0)
        try:
            server = self.start("--database=new.db", "--log_file_prefix=new.log").wait()
        finally:
            os.umask(before)
        wait_for((Path(self.folder) / "new.db-shm").exists, "a connection is open")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in Path(self.folder).iterdir() if path.is_file()}
        self.assertEqual(modes, dict.fromkeys(("new.db", "new.db-wal", "new.db-shm", "new.log"), 0o600))
        self.assertEqual(server.lines, [line for line in server.lines if not line.startswith("[W")])

    def test_a_database_made_at_the_prompt_is_for_its_owner_only(self) -> None:
        before = os.umask(0)
        try:
            create_tables(f"{self.folder}/prompt.db")
            database.close()
        finally:
            os.umask(before)
        self.assertEqual(stat.S_IMODE((Path(self.folder) / "prompt.db").stat().st_mode), 0o600)

    def test_what_everybody_may_read_is_warned_of_and_a_group_is_not(self) -> None:
        self.assertEqual(run_app(self.folder, "migrate").stderr, "")
        path = Path(self.folder) / "people.db"
        for mode, warns in ((0o644, True), (0o602, True), (0o660, False), (0o640, False), (0o600, False)):
            path.chmod(mode)
            ran = run_app(self.folder, "migrate")
            self.assertEqual(ran.returncode, 0)
            self.assertEqual(len(ran.stderr.splitlines()), int(warns), ran.stderr)
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), mode)
            if warns:
                command = ran.stderr.partition(": ")[2].strip()
                subprocess.run(["sh", "-c", command], cwd=self.folder, check=True)
                self.assertEqual(run_app(self.folder, "migrate").stderr, "")

    def test_what_is_no_file_is_no_database(self) -> None:
        os.mkfifo(f"{self.folder}/fifo")
        for path in (f"{self.folder}/fifo", "/dev/zero", ":memory:"):
            ran = run_app(self.folder, f"--database={path}", "migrate")
            self.assertEqual((ran.returncode, len(ran.stderr.splitlines())), (2, 1), ran.stderr)
            self.assertIn("no file", ran.stderr)
