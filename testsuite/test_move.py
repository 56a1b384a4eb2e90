"""Moving a site: the content is the same to the byte, from each engine to each other."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from unittest import mock
from urllib.parse import quote

from models.database import database, open_database
from models.errors.stores import CannotMove
from models.logs import mongo_errors
from models.models import BaseModel, User, create_tables
from models.moving import move, tables
from models.moving.move import Place
from terminal import start_command
from testsuite.cases import add_user
from testsuite.mongodb import opened
from testsuite.moving import ATTIC, ENTRY_COUNT, OF_ANOTHER, PURGED, MoveTest, content, words
from testsuite.postgresql import PASSWORD, PostgresqlServer, shared_server
from testsuite.servers import ROOT, environment, run_app
from testsuite.waiting import TIMEOUT_SECONDS


class CopyTest(MoveTest):
    """docs/security.rst 30: what was deleted does not come back."""

    needs = ("postgres", "mongodb")

    def test_from_engine_to_engine_and_back_it_is_the_same_to_the_byte(self) -> None:
        source, back = self.source(), self.path("back.db")
        mongo = self.mongo()
        way = [Place(source), Place(self.postgresql()), Place(self.postgresql(), mongo), Place(back)]
        checksums = set()
        for here, there in itertools.pairwise(way):
            said = self.move(here, there)
            checksums.add(tuple(line for line in said.splitlines() if "SHA-256" in line))
        self.assertEqual(content(back), content(source))
        with opened(mongo) as database_there:
            made = list(database_there["entries"].find({"task": {"$exists": True}}))
            states = [(one["seq"], one["task"]["version"], one["task"]["is_done"]) for one in made]
            self.assertEqual(states, [(10, 12, False), (16, 16, True)])
            self.assertIsNone(database_there["entries"].find_one({"is_pending": True}))
            answers = database_there["entries"].find({"answers": 1, "author_id": {"$ne": 1}})
            self.assertEqual([one["body"] for one in answers], [OF_ANOTHER])
        self.assertEqual([len(content(back)[table]) for table in ("task", "answer")], [2, 1])
        self.assertFalse(any(b"gone soon" in Path(file).read_bytes() for file in (source, back)))
        (lines,) = checksums
        self.assertEqual(len(lines), len(tables.CONTENT))
        self.assertIn(
            f"entry: {ENTRY_COUNT - len(PURGED) + len(ATTIC) + 1:,} rows, the same on both sides", "".join(lines)
        )

    def test_every_table_is_moved_or_known_as_state(self) -> None:
        models = set(BaseModel.__subclasses__())
        known = (*tables.CONTENT, *tables.STATE, *tables.INDEXES)
        self.assertEqual((set(known), len(known)), (models, len(models)))
        create_tables(self.path("empty.db"))
        names = {model._meta.table_name for model in models}
        others = {name for name in database.get_tables() if name != "sqlite_sequence"} - names
        self.assertEqual({name for name in others if not name.startswith("search")}, {"schema_migration"})
        columns = {
            model._meta.table_name: {field.column_name for field in model._meta.sorted_fields} for model in models
        }
        for table, known_columns in columns.items():
            found = {column.name for column in database.get_columns(table)}
            self.assertEqual(found, known_columns | tables.STATE_COLUMNS.get(table, set()))
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
        said = self.move(Place(source), Place(target))  # from the start, since the site was written to
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

    def test_an_answer_of_a_mongodb_may_take_longer_than_while_people_wait(self) -> None:
        with mock.patch.object(mongo_errors, "ANSWER_TIMEOUT_SECONDS", 1e-9):
            steps = list(move.move(Place(self.source(10)), Place(self.path("people.db"), self.mongo())))
        self.assertIn("entry", [step.table for step in steps if isinstance(step, move.TableMatches)])


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
        with contextlib.suppress(OSError):  # EIO: the process has closed its end
            while some := os.read(ours, 4096):
                said += some
        self.assertEqual(process.wait(TIMEOUT_SECONDS), 0, said)
        self.assertRegex(said.decode(), r"copying: 100%\|.*\| 1[0-9]{2}/1[0-9]{2} \[.*rows/s\]")

    def test_no_password_is_printed(self) -> None:
        for url in ("postgresql://me:secret@nowhere.example/prosa", "postgresql://me:se@cret@nowhere.example/prosa"):
            self.assertEqual(
                start_command(Place(url)), "python app.py --database=postgresql://me:***@nowhere.example/prosa"
            )
        there = Place("postgresql://nowhere.example/prosa?user=me&password=secret&sslmode=require", "mongodb://a:b@c/d")
        self.assertEqual(
            start_command(there),
            "python app.py --database=postgresql://nowhere.example/prosa?user=me&password=***&sslmode=require "
            "--mongo=mongodb://a:***@c/d",
        )
