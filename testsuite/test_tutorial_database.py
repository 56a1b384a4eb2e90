"""The tutorial's own database, with passwords that anybody can read, and what becomes of it."""

from __future__ import annotations

import contextlib
import datetime
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cysqlite
import peewee
from playhouse.cysqlite_ext import CySqliteDatabase

from testsuite.cases import FolderTest
from testsuite.clients import PASSWORD, Client
from testsuite.servers import ROOT, environment, run_app
from testsuite.tables import sql

SECRETS = ("hunter2-hunter2", "1234", "señor-密码-passe", "x" * 999 + "y", "a passphrase of before", "open sesame now")

# Does what a start does until its transaction is committed, and no more: as if it were killed there.
HALF_A_START = """
import os, sys
from models import database
migrate = database.migrate
database.migrate = lambda: os._exit(len(migrate()) == 0)
database.open_database(sys.argv[1])
"""


class TutorialUser(peewee.Model):
    """What the tutorial's models.py makes."""

    username = peewee.CharField(unique=True)
    password = peewee.CharField()
    email = peewee.CharField()
    join_date = peewee.DateTimeField(default=datetime.datetime.now)

    class Meta:
        table_name = "user"


@contextlib.contextmanager
def umask(mode: int) -> Iterator[None]:
    """Create files with this umask inside the block."""
    before = os.umask(mode)
    try:
        yield
    finally:
        os.umask(before)


class TutorialTest(FolderTest):
    """A test with the tutorial's database; `people` are its names with their passwords."""

    people: dict[str, str] = {"Bob": SECRETS[0], "ana": SECRETS[1], "Éva Ω": SECRETS[2], "long": SECRETS[3]}

    def setUp(self) -> None:
        super().setUp()
        self.path = Path(self.folder) / "people.db"
        self.enterContext(umask(0o022))
        self.copy = Path(self.folder) / "people-before-prosa.db"
        database = CySqliteDatabase(str(self.path))  # type: ignore[no-untyped-call]
        with database.bind_ctx([TutorialUser]), database:
            database.create_tables([TutorialUser])
            for name, password in self.people.items():
                TutorialUser.create(username=name, password=password, email=f"{name}@example.org")
            # A password of before and a member who is gone: nothing names them any more, but the file has them.
            gone = TutorialUser.create(username="gone", password=SECRETS[4], email="")
            changed = TutorialUser.create(username="changed", password=SECRETS[5], email="")
            for former in (gone, changed):
                former.delete_instance()

    def written(self) -> bytes:
        """Return all bytes that the site has written, but for the copy."""
        files = [file for file in Path(self.folder).iterdir() if file != self.copy]
        self.assertIn(self.path, files)
        return b"".join(file.read_bytes() for file in files)

    def assert_no_secret(self, written: bytes) -> None:
        for secret in (*SECRETS, *self.people.values()):
            if len(secret) > 4:  # four digits stand in many a number
                self.assertNotIn(secret.encode(), written)


class Upgraded(TutorialTest):
    """docs/security.rst 7: the tutorial's database is upgraded, and no plain text is left."""

    def test_everybody_signs_in_with_the_password_they_had(self) -> None:
        server = self.start().wait()
        self.assertEqual(server.setup_path, "")
        for name, password in self.people.items():
            with self.subTest(name):
                member = Client(server.url).sign_in(name, password)
                self.assertEqual(member.post("/rooms/lobby", {"body": "still here"}).status, 302)
                wrong = Client(server.url).post("/login", {"username": name, "password": password[:-1]})
                self.assertEqual(wrong.status, 403)
        found = sql(self.folder, "SELECT username, email, is_admin FROM user")
        self.assertEqual(found, [(name, f"{name}@example.org", 0) for name in self.people])
        ((joined,),) = sql(self.folder, "SELECT join_date FROM user WHERE username = 'Bob'")
        self.assertEqual(datetime.datetime.fromisoformat(joined).date(), datetime.datetime.now().date())

    def test_no_password_is_left_in_any_file_or_line(self) -> None:
        before = self.written()
        for secret in SECRETS:
            self.assertIn(secret.encode(), before)
        server = self.start().wait()
        self.assert_no_secret(self.written())
        self.assertGreater(self.path.stat().st_size, 0)
        for name, password in self.people.items():
            Client(server.url).sign_in(name, password)
        self.assert_no_secret(self.written())
        self.assertEqual(server.stop(), 0)
        self.assert_no_secret(self.written() + "".join(server.lines).encode())

    def test_a_copy_as_it_was_is_for_its_owner_only_and_is_told_of_in_one_line(self) -> None:
        before = sql(self.folder, "SELECT * FROM user")
        server = self.start().wait()
        told = [line for line in server.lines if str(self.copy.resolve()) in line]
        self.assertEqual(len(told), 1, server.lines)
        self.assertIn("delete it once all is well", told[0])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in Path(self.folder).iterdir()}
        self.assertEqual(modes, dict.fromkeys(modes, 0o600))
        with contextlib.closing(cysqlite.connect(str(self.copy))) as copy:
            self.assertEqual([tuple(row) for row in copy.execute("SELECT * FROM user")], before)
        self.assertEqual(server.stop(), 0)
        again = self.start().wait()
        self.assertEqual(len(again.lines), 1, again.lines)

    def test_a_file_that_has_the_copys_name_is_left_alone(self) -> None:
        self.copy.write_text("mine")
        self.assertEqual(run_app(self.folder, "migrate").returncode, 0)
        self.assertEqual(self.copy.read_text(), "mine")
        self.assertTrue(self.copy.with_name("people-before-prosa2.db").exists())

    def test_four_processes_that_start_at_once_upgrade_it_once(self) -> None:
        servers = [self.start() for _ in range(4)]
        for server in servers:
            Client(server.wait().url).sign_in("Bob", self.people["Bob"])
        self.assert_no_secret(self.written())
        told = [line for server in servers for line in server.lines if "plain text" in line]
        self.assertEqual(len(told), 1, told)
        self.assertEqual(len(list(Path(self.folder).glob("*before-prosa*"))), 1)

    def test_a_start_that_is_killed_before_it_has_wiped_the_file_is_made_good_by_the_next(self) -> None:
        half = [sys.executable, "-W", "error", "-c", HALF_A_START, str(self.path)]
        subprocess.run(half, cwd=ROOT, env=environment(), check=True, timeout=60, capture_output=True)
        self.assertTrue(any(secret.encode() in self.written() for secret in SECRETS))
        with contextlib.closing(cysqlite.connect(str(self.path))) as another:  # keeps SQLite from tidying up by itself
            another.execute("SELECT * FROM user").fetchall()
            server = self.start().wait()
            self.assert_no_secret(self.written())
        Client(server.url).sign_in("Bob", self.people["Bob"])


class Renamed(TutorialTest):
    """docs/security.rst 7: members whose names must change keep their accounts."""

    people = {
        "bob ": SECRETS[0],
        "BOB": SECRETS[0],
        "Bob": SECRETS[0],
        "al\u200bice": SECRETS[2],
        "": SECRETS[3],
        "x" * 60: SECRETS[0],
        "nobody knows": "",
    }

    def test_they_get_a_name_and_the_log_says_which(self) -> None:
        server = self.start().wait()
        names = ["bob 3", "BOB", "Bob 2", "al ice", "member 5", "x" * 40, "nobody knows"]
        self.assertEqual([name for (name,) in sql(self.folder, "SELECT username FROM user ORDER BY id")], names)
        for name, (old, password) in zip(names, self.people.items(), strict=True):
            with self.subTest(old):
                told = [line for line in server.lines if repr(old)[:20] in line and repr(name) in line]
                self.assertEqual(len(told), 0 if name == old and password else 1, server.lines)
                if password:
                    Client(server.url).sign_in(name, password)

    def test_who_had_no_password_gets_in_with_none_until_there_is_one(self) -> None:
        server = self.start().wait()
        answer = Client(server.url).post("/login", {"username": "nobody knows", "password": ""})
        self.assertEqual(answer.status, 403)
        self.assertEqual(run_app(self.folder, "passwd", "nobody knows", stdin=PASSWORD).returncode, 0)
        Client(server.url).sign_in("nobody knows")


class Refused(TutorialTest):
    """docs/security.rst 7: what is not quite the tutorial's database is not touched."""

    def assert_left_alone(self, change: str) -> None:
        sql(self.folder, change)
        before = sql(self.folder, "SELECT * FROM user")
        refused = run_app(self.folder, "--port=0")
        self.assertEqual((refused.returncode, len(refused.stderr.splitlines())), (2, 1), refused.stderr)
        self.assertIn("people.db", refused.stderr)
        self.assertEqual(sql(self.folder, "SELECT * FROM user"), before)
        self.assertEqual(sql(self.folder, "SELECT name FROM sqlite_master WHERE name = 'room'"), [])
        self.assertFalse(self.copy.exists())

    def test_with_another_column(self) -> None:
        self.assert_left_alone("ALTER TABLE user ADD COLUMN nickname TEXT")

    def test_with_another_table(self) -> None:
        self.assert_left_alone("CREATE TABLE todo (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES user (id))")

    def test_where_no_copy_can_be_made(self) -> None:
        (Path(self.folder) / ".people.db-copying").mkdir()
        self.assert_left_alone("UPDATE user SET email = ''")
