"""Moving a site: the content is the same to the byte, whatever is killed; meanwhile it can be read, not written."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import cysqlite
import peewee

from models.database import database, open_database
from models.errors import CannotMove, ReadOnly
from models.models import BaseModel, EntryRow, Failure, Invitation, Membership, Room, Session, User, create_tables
from models.moving import move
from models.moving.move import Place
from models.passwords import NOBODYS, PasswordHash
from terminal import start_of
from testsuite.live import ROOT, TIMEOUT, FolderTest, add_user, environment, run_app, wait_for
from testsuite.mongodb import any_mongo, mongo_database, opened
from testsuite.ports import free_ports
from testsuite.postgresql import PASSWORD, PostgresqlServer, shared_server

ENTRY_COUNT = 2000
PURGED = (1, 700, 701, ENTRY_COUNT)  # the newest too: the head is beyond it
HOSTILE = (
    "olá \U0001f642 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u202eright to left \u05e9\u05dc\u05d5\u05dd",
    "e\u0301\u0323 combined",
    "' \" \\ ; -- \\N \t two\nlines\r",
    "long " * 1600,
    "NULL",
    '{"json": [1, 2]} %s ? $1 \\u0000',
)
SLOWLY = ("models.moving.tables:BATCH_ROWS=1", "models.moving.mongo_table:BATCH_ROWS=1")


def fill(path: str, entries: int = ENTRY_COUNT) -> None:
    """Make a site that is hard to copy."""
    create_tables(path)
    ids = []
    for number, name in enumerate(("Ana", "Ünïcode \U0001f642", "\u05e9\u05dc\u05d5\u05dd", "o'quote \\\"")):
        user = User(username=name, password=PasswordHash(f"hash {number}"), email=f"{number}@example.org")
        user.save()
        ids.append(user.id)
    User.update(removed_at=1795372200.123456, password=NOBODYS, is_admin=True).where(User.id == ids[3]).execute()
    Room.create(slug="attic", name="Ático", description=HOSTILE[3])
    Membership.create(room="attic", user=ids[0])
    for number in range(5):
        Session.create(token_hash=f"{number:064}", user=ids[0], device=HOSTILE[number][:200])
    Session.delete().where(Session.token_hash == f"{4:064}").execute()  # its number must not be used again
    Session.update(ended_at=0.1 + 0.2).where(Session.token_hash == f"{3:064}").execute()
    Invitation.create(token="t", made_by=ids[0])
    Failure.create(key="account 1", at=1e-7)
    rows = [
        (room, seq, kind, target, ids[seq % 4], HOSTILE[seq % len(HOSTILE)], seq * 0.1 + 1.8e9, f"{room} {seq}")
        for room, last, kind, target in (("attic", 9, "edit", 1), ("lobby", entries, "post", None))
        for seq in range(1, last + 1)
    ]
    with database.atomic():
        for some in peewee.chunked(rows, 500):
            EntryRow.insert_many(some, EntryRow._meta.sorted_fields).execute()
        EntryRow.delete().where(EntryRow.room == "lobby", EntryRow.seq << PURGED).execute()
        Room.update(head=entries).where(Room.slug == "lobby").execute()
        Room.update(head=9).where(Room.slug == "attic").execute()
    database.close()


def content(path: str) -> dict[str, list[str]]:
    """Return what is in the tables of a SQLite file, by the types and bytes that are stored there."""
    found = {}
    with contextlib.closing(cysqlite.connect(path)) as connection:
        for table in (*move.TABLES, "sqlite_sequence"):
            where = "WHERE name NOT IN ('checked_at', 'read_only', 'failure')" if table[0] == "s" else ""
            where = "" if table == "session" else where
            found[table] = sorted(repr(tuple(row)) for row in connection.execute(f'SELECT * FROM "{table}" {where}'))
    return found


class MoveTest(FolderTest):
    """A test that moves sites about."""

    def path(self, name: str) -> str:
        return str(Path(self.folder) / name)

    def postgresql(self) -> str:
        return self.enterContext(shared_server().fresh_database())

    def mongo(self) -> str:
        return self.enterContext(mongo_database(self.enterContext(any_mongo())))

    def source(self, entries: int = ENTRY_COUNT) -> str:
        path = self.path("source.db")
        fill(path, entries)
        return path

    def move(self, here: Place, there: Place) -> str:
        """Move by the command; return what it said."""
        ran = self.run_move(here, there)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout

    def run_move(self, here: Place, there: Place) -> subprocess.CompletedProcess[str]:
        return run_app(self.folder, *words(here, there))

    def refused(self, here: Place, there: Place) -> str:
        """Return the line by which a move is refused."""
        ran = self.run_move(here, there)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""), ran.stderr)
        self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
        self.assertNotIn("secret", ran.stderr)
        return ran.stderr.strip()

    def begin(self, here: Place, there: Place) -> subprocess.Popen[str]:
        """Begin to move, row by row."""
        program = [sys.executable, "-W", "error", str(ROOT / "testsuite" / "altered.py"), *SLOWLY, "--"]
        process = subprocess.Popen(
            [*program, *words(here, there)],
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        assert process.stdout is not None
        self.addCleanup(process.stdout.close)
        return process

    def stop_in_the_middle(self, here: Place, there: Place, count: Callable[[], int], how: int) -> str:
        """Begin to move, and end that by a signal once some entries are there; return what was said."""
        process = self.begin(here, there)
        wait_for(lambda: process.poll() is not None or count() > 20, "some entries are there")
        process.send_signal(how)
        said, _ = process.communicate(timeout=20)
        self.assertTrue(20 < count() < ENTRY_COUNT, said)
        return said


def words(here: Place, there: Place) -> list[str]:
    """Return the command line that moves."""
    before, after = [f"--database={here.database}"], [f"--to_database={there.database}"]
    if here.mongo:
        before.append(f"--mongo={here.mongo}")
    if there.mongo:
        after.append(f"--to_mongo={there.mongo}")
    return [*before, "move", *after]


def entries_in(path: str) -> int:
    """Return how many entries are in a SQLite file by now."""
    if not Path(path).exists():
        return 0
    with contextlib.closing(cysqlite.connect(path)) as connection, contextlib.suppress(cysqlite.OperationalError):
        return int(connection.execute_scalar("SELECT count(*) FROM entry"))
    return 0


class CopyTest(MoveTest):
    needs = ("postgres", "mongodb")

    def test_from_engine_to_engine_and_back_it_is_the_same_to_the_byte(self) -> None:
        source, back = self.source(), self.path("back.db")
        way = [Place(source), Place(self.postgresql())]
        way += [Place(self.postgresql(), self.mongo()), Place(back)]
        checksums = set()
        for here, there in itertools.pairwise(way):
            said = self.move(here, there)
            checksums.add(tuple(line for line in said.splitlines() if "SHA-256" in line))
        self.assertEqual(content(back), content(source))
        (lines,) = checksums
        self.assertEqual(len(lines), len(move.CONTENT))
        self.assertIn(f"entry: {ENTRY_COUNT - len(PURGED) + 9:,} rows, the same on both sides", "".join(lines))

    def test_every_table_is_moved_or_known_as_state(self) -> None:
        models = set(BaseModel.__subclasses__())
        self.assertEqual({*move.CONTENT, *move.STATE}, models)
        self.assertEqual(len(move.CONTENT) + len(move.STATE), len(models))
        create_tables(self.path("empty.db"))
        tables = {model._meta.table_name for model in models}
        self.assertEqual(
            {name for name in database.get_tables() if name != "sqlite_sequence"} - tables, {"schema_migration"}
        )
        columns = {
            model._meta.table_name: {field.column_name for field in model._meta.sorted_fields} for model in models
        }
        for table, known in columns.items():
            self.assertEqual({column.name for column in database.get_columns(table)}, known)
        database.close()

    def test_a_row_that_is_not_the_same_is_found_out_and_the_site_goes_on(self) -> None:
        source, target = self.source(), self.postgresql()
        steps = move.move(Place(source), Place(target))
        with self.assertRaisesRegex(CannotMove, "the table entry is not the same on both sides"):
            for step in steps:
                if isinstance(step, move.TableMatches) and step.table == "user":
                    shared_server().sql("UPDATE entry SET body = body || ' ' WHERE seq = 77", target.rpartition("/")[2])
        open_database(source)
        User.update(email="new@example.org").where(User.username == "Ana").execute()
        database.close()
        self.assertIn("a move to it was not finished", run_app(self.folder, f"--database={target}", "migrate").stderr)
        said = self.move(Place(source), Place(target))  # from the beginning: the site was written to
        self.assertNotIn("already", said)


class WhereTest(MoveTest):
    needs = ("postgres", "mongodb")

    def test_two_servers_that_only_the_query_names(self) -> None:
        other = PostgresqlServer()
        self.addCleanup(other.close)
        other.start()
        source, there = self.postgresql(), shared_server()
        name = source.rpartition("/")[2]
        other.sql(f"CREATE DATABASE {name}")
        query = f"host=127.0.0.1&user=prosa&password={quote(PASSWORD)}"
        here, there_url = (f"postgresql:///{name}?{query}&port={server.port}" for server in (there, other))
        add_user(self.folder, "ana", f"--database={here}")
        self.assertIn("All is there", self.move(Place(here), Place(there_url)))
        self.assertEqual(other.sql('SELECT username FROM "user"', name), [("ana",)])

    def test_where_to_may_stand_in_the_environment_or_in_a_file(self) -> None:
        source, log = self.source(10), self.mongo()
        for way, name in (("environment", "first.db"), ("file", "second.db")):
            with self.subTest(way):
                target, env = self.path(name), {}
                if way == "environment":
                    env = {"PROSA_TO_DATABASE": target, "PROSA_TO_MONGO": log}
                else:
                    Path(self.path("options.py")).write_text(f"to_database = {target!r}")
                ran = run_app(self.folder, f"--database={source}", *CONFIG[way], "move", env=env)
                self.assertIn(f"--database={target}", ran.stdout, ran.stderr)
                self.assertEqual(run_app(self.folder, f"--database={source}", "move", "--cancel").returncode, 0)


CONFIG: dict[str, list[str]] = {"environment": [], "file": ["--config=options.py"]}


class TerminalTest(MoveTest):
    def test_on_a_terminal_a_bar_shows_how_far_it_is_and_how_fast(self) -> None:
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        command = [sys.executable, "-W", "error", str(ROOT / "app.py")]
        with os.fdopen(its, "wb") as terminal:
            moving = [*command, *words(Place(self.source(100)), Place(self.path("target.db")))]
            process = subprocess.Popen(moving, cwd=self.folder, env=environment(), stdout=terminal, stderr=terminal)
        self.addCleanup(process.wait)
        said = b""
        with contextlib.suppress(OSError):  # EIO: nobody is at the other end any more
            while some := os.read(ours, 4096):
                said += some
        self.assertEqual(process.wait(TIMEOUT), 0, said)
        self.assertRegex(said.decode(), r"copying: 100%\|.*\| 1[0-9]{2}/1[0-9]{2} \[.*rows/s\]")

    def test_no_password_is_printed(self) -> None:
        for url in ("postgresql://me:secret@nowhere.example/prosa", "postgresql://me:se@cret@nowhere.example/prosa"):
            self.assertEqual(start_of(Place(url)), "python app.py --database=postgresql://me:***@nowhere.example/prosa")
        there = Place("postgresql://nowhere.example/prosa?user=me&password=secret&sslmode=require", "mongodb://a:b@c/d")
        self.assertEqual(
            start_of(there),
            "python app.py --database=postgresql://nowhere.example/prosa?user=me&password=***&sslmode=require "
            "--mongo=mongodb://a:***@c/d",
        )


class KilledTest(MoveTest):
    needs = ("mongodb",)

    def test_a_killed_move_goes_on_where_it_was(self) -> None:
        source, target = self.source(), self.path("target.db")
        here, there = Place(source), Place(target)
        self.stop_in_the_middle(here, there, lambda: entries_in(target), signal.SIGKILL)
        self.go_on(here, there, entries_in(target))
        self.assertEqual(content(target), content(source))

    def test_with_the_log_on_a_mongodb_too(self) -> None:
        source, back = self.source(), self.path("back.db")
        here, there = Place(source), Place(self.path("people.db"), self.mongo())
        with opened(there.mongo) as mongo:
            self.stop_in_the_middle(here, there, lambda: mongo.entries.count_documents({}), signal.SIGKILL)
            self.go_on(here, there, mongo.entries.count_documents({}))
        self.move(there, Place(back))
        self.assertEqual(content(back), content(source))

    def go_on(self, here: Place, there: Place, entries: int) -> None:
        """Fail unless the next try goes on from so many entries, while the site has stayed read-only."""
        with self.assertRaises(ReadOnly):
            open_database(here.database)
            User.update(email="new@example.org").execute()
        database.close()
        already = int(self.move(here, there).split(" of ")[0].replace(",", ""))
        self.assertGreaterEqual(already, entries)

    def test_a_move_that_is_asked_to_stop_lets_the_site_go_on(self) -> None:
        source, target = self.source(), self.path("target.db")
        for how in (signal.SIGTERM, signal.SIGINT):
            said = self.stop_in_the_middle(Place(source), Place(target), lambda: entries_in(target), how)
            self.assertIn("The move was stopped. The site can be written to again.", said)
            open_database(source)
            User.update(email=str(how)).execute()
            database.close()
            Path(target).unlink()

    def test_a_second_try_that_is_stopped_before_it_begins_says_that_the_site_is_still_read_only(self) -> None:
        source, target = self.source(), self.path("target.db")
        self.stop_in_the_middle(Place(source), Place(target), lambda: entries_in(target), signal.SIGKILL)
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
            process = self.begin(Place(source), Place(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/prosa"))
            with contextlib.closing(silent.accept()[0]):
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=20)
        self.assertEqual(said, "The move was stopped. The site is still read-only; move --cancel ends that.\n")

    def test_a_move_that_was_killed_when_the_old_place_was_left_is_finished_by_the_same_command(self) -> None:
        source, target = self.source(10), self.path("target.db")
        self.move(Place(source), Place(target))
        with contextlib.closing(cysqlite.connect(source)) as connection:
            name: str = connection.execute_scalar("SELECT value FROM setting WHERE name = 'read_only'")
        with contextlib.closing(cysqlite.connect(target)) as connection:  # as it is until the very end
            connection.execute("INSERT INTO setting (name, value) VALUES ('move_from', ?)", (name.split()[1] + " ",))
        self.assertIn("All is there.", self.move(Place(source), Place(target)))
        open_database(target)
        self.assertEqual(User.select().count(), 4)
        database.close()

    def test_after_a_kill_one_may_think_again(self) -> None:
        source, target = self.source(), self.path("target.db")
        self.stop_in_the_middle(Place(source), Place(target), lambda: entries_in(target), signal.SIGKILL)
        ran = run_app(self.folder, f"--database={source}", "move", "--cancel")
        self.assertEqual((ran.returncode, ran.stdout), (0, "The site can be written to again.\n"))
        open_database(source)
        User.update(email="new@example.org").execute()
        database.close()
        self.assertNotIn("already", self.move(Place(source), Place(target)))


class RefusedTest(MoveTest):
    """Bad input: one clear line without a password, exit code 2, and a site that can be written to."""

    needs = ("postgres", "mongodb")

    def test_a_place_that_is_in_use_or_is_none(self) -> None:
        source, other, (port,) = self.source(10), self.path("other.db"), free_ports(1)
        fill(other, 10)
        for there, why in (
            (Place(other), "there are people or entries already"),
            (Place("./source.db"), "this is the database that the site is in"),
            (Place(""), "--to_database=URL"),
            (Place("mysql://me:secret@127.0.0.1/prosa"), "a database of the kind 'mysql'"),
            (Place(f"postgresql://me:secret@127.0.0.1:{port}/prosa"), "Connection refused"),
            (Place(self.path("new.db"), "mongodb://me:secret@"), "cannot use the URL of the MongoDB"),
            (Place(self.path("new.db"), f"mongodb://me:secret@127.0.0.1:{port}/"), "does not answer"),
        ):
            with self.subTest(there):
                self.assertIn(why, self.refused(Place(source), there))
        open_database(source)
        User.update(email="new@example.org").execute()
        database.close()

    def test_a_word_that_it_does_not_know_is_told_without_a_password(self) -> None:
        for word in ("--too_database=postgresql://me:secret@nowhere.example/prosa", "postgresql://me:secret@x/prosa"):
            ran = run_app(self.folder, "move", word)
            self.assertEqual((ran.returncode, ran.stdout), (2, ""))
            self.assertIn("unrecognized", ran.stderr)
            self.assertNotIn("secret", ran.stderr)

    def test_the_same_database_by_another_name(self) -> None:
        source, server = self.postgresql(), shared_server()
        name = source.rpartition("/")[2]
        query = f"port={server.port}&user=prosa&password={quote(PASSWORD)}"
        Path(self.path("link.db")).hardlink_to(self.source(10))
        for here, there in (
            (source, f"postgresql:///{name}?host=127.0.0.1&{query}"),
            (source, f"postgresql://localhost/{name}?{query}"),
            (self.path("source.db"), self.path("link.db")),
        ):
            with self.subTest(there):
                self.assertIn("this is the database that the site is in", self.refused(Place(here), Place(there)))

    def test_a_database_of_a_newer_version(self) -> None:
        source, newer = self.source(10), self.path("newer.db")
        create_tables(newer)
        database.execute_sql("UPDATE schema_migration SET name = '9999_later' WHERE name LIKE '0002%'")
        database.close()
        self.assertIn("a newer version of the program", self.refused(Place(source), Place(newer)))

    def test_a_mongodb_that_has_entries(self) -> None:
        source, log = self.source(10), self.mongo()
        first = Place(self.path("first.db"), log)
        self.move(Place(source), first)
        self.assertIn(
            "there are entries already in mongodb://",
            self.refused(Place(source), Place(self.path("second.db"), log)),
        )
        self.assertIn("was moved already", self.refused(Place(source), Place(self.path("second.db"))))
        self.assertIn("the log is in this MongoDB already", self.refused(first, Place(self.path("third.db"), log)))
