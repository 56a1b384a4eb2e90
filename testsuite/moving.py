"""Sites that are hard to copy, and a test that moves them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import cysqlite
import peewee

from models import memberships, reads, tasks
from models.database import database
from models.logs import sql_append
from models.logs.base import Draft
from models.models import EntryRow, Failure, Hook, Invitation, Membership, Room, Session, Token, User, create_tables
from models.moving import tables
from models.moving.move import Place
from models.notes import write_note
from models.passwords import DUMMY_HASH, PasswordHash
from models.reads import Move
from testsuite.cases import FolderTest
from testsuite.mongodb import any_mongo, mongo_database
from testsuite.postgresql import shared_server
from testsuite.servers import ROOT, environment, run_app
from testsuite.waiting import wait_for

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
ATTIC = (  # kind, target and body of the entries of a room
    ("post", None, "gone soon"),
    ("post", 1, "an answer to @ana and @room"),
    ("edit", 1, "gone @Ana, too"),
    ("react", 2, "\U0001f44d\U0001f3ff"),
    ("delete", 1, ""),
    ("note", None, write_note("renamed", "Ático")),
    ("edit", 2, "an answer to @Ünïcode \U0001f642 and @ANA"),
    ("post", None, "gone without a line"),
    ("delete", 8, ""),
    ("task_made", None, tasks.body_of_new("a task for \u05e9\u05dc\u05d5\u05dd", "Ana", "2026-12-31")),
    ("task_made", 2, tasks.body_of_new("gone soon, too", "", "")),
    ("task_changed", 10, tasks.body_of_change("a task", "Ana", "", "Ana", 10)),
    ("task_changed", 11, tasks.body_of_change("gone soon, as well", "", "", "", 11)),
    ("task_moved", 10, tasks.body_of_move("first")),
    ("task_removed", 11, tasks.body_of_deed("", None)),
    ("task_made", None, tasks.body_of_new("done", "Ana", "")),
    ("task_done", 16, tasks.body_of_deed("Ana", 16)),
)
OF_ANOTHER = "an answer of another member to the second of these"
SLOWLY = ("models.moving.tables:BATCH_ROWS=1", "models.moving.mongo_table:BATCH_ROWS=1")


def fill(path: str, entries: int = ENTRY_COUNT) -> None:
    """Make a site that is hard to copy."""
    create_tables(path)
    ids = []
    for number, name in enumerate(("Ana", "Ünïcode \U0001f642", "\u05e9\u05dc\u05d5\u05dd", "o'quote \\\"")):
        user = User(username=name, password=PasswordHash(f"hash {number}"), email=f"{number}@example.org")
        user.save()
        ids.append(user.id)
    User.update(removed_at=1795372200.123456, password=DUMMY_HASH, is_admin=True).where(User.id == ids[3]).execute()
    add_attic(*ids)
    for number in range(5):
        Session.create(token_hash=f"{number:064}", user=ids[0], device=HOSTILE[number][:200])
    Session.delete().where(Session.token_hash == f"{4:064}").execute()  # its number must not be used again
    Session.update(ended_at=0.1 + 0.2).where(Session.token_hash == f"{3:064}").execute()
    Invitation.create(token="t", made_by=ids[0])
    User.update(is_bot=True).where(User.id == ids[2]).execute()
    for number in range(3):
        Token.create(token_hash=f"{number:064}", user=ids[2], name=HOSTILE[number], scope="write", ends_at=0.1 + 0.2)
    Token.delete().where(Token.token_hash == f"{2:064}").execute()  # its number must not be used again
    for number, kind in enumerate(("in", "out", "out")):
        hook = Hook(
            room="lobby", bot=ids[2], kind=kind, name=HOSTILE[number], url=HOSTILE[3], cursor=number, made_by=ids[0]
        )
        hook.save()
    Hook.delete().where(Hook.id == hook.id).execute()  # its number must not be used again
    Failure.create(key="account 1", at=1e-7)
    rows = [
        ("lobby", seq, "post", None, ids[seq % 4], HOSTILE[seq % len(HOSTILE)], seq * 0.1 + 1.8e9, f"lobby {seq}")
        for seq in range(1, entries + 1)
    ]
    with database.atomic():
        for some in peewee.chunked(rows, 500):
            drawn = [(*row, row[1], row[1], True, "") for row in some]
            EntryRow.insert_many(drawn, EntryRow._meta.sorted_fields).execute()
        EntryRow.delete().where(EntryRow.room == "lobby", EntryRow.seq << PURGED).execute()
        Room.update(head=entries, posts=entries, lines=entries).where(Room.slug == "lobby").execute()
    database.close()


def add_attic(keeper: int, *others: int) -> None:
    """Make rooms of all kinds, with what members have there, and messages of which each kind has changed."""
    made = memberships.make_room(keeper, "Attic", "", "closed")
    attic = memberships.change_room(keeper, made.address, "Ático", HOSTILE[3])
    for number in others:
        Membership.create(room=attic.slug, user=number)
    memberships.archive(keeper, memberships.make_room(keeper, "Cellar", "", "open").address, is_archived=True)
    memberships.open_direct(keeper, ["ünïcode \U0001f642"])
    memberships.set_own(others[0], attic.address, "none", is_muted=True, is_pinned=True)
    reads.move([Move(keeper, attic.slug, 3, 2)])
    for number, (kind, target, body) in enumerate(ATTIC):
        sql_append.append([Draft(attic.slug, keeper, body, f"attic {number}", kind, target)], time.monotonic())
    sql_append.append([Draft(attic.slug, others[0], OF_ANOTHER, "of another", target=2)], time.monotonic())


def content(path: str) -> dict[str, list[str]]:
    """Return the rows of all tables of a SQLite file, sorted, with the types and bytes that are stored."""
    found = {}
    with contextlib.closing(cysqlite.connect(path)) as connection:
        for table in (*tables.TABLES, "mention", "answer", "task", "sqlite_sequence"):
            where = "WHERE name NOT IN ('checked_at', 'read_only', 'failure')" if table[0] == "s" else ""
            where = "" if table == "session" else where
            names = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
            columns = ", ".join(name for name in names if name not in tables.STATE_COLUMNS.get(table, ()))
            rows = connection.execute(f'SELECT {columns} FROM "{table}" {where}')
            found[table] = sorted(repr(tuple(row)) for row in rows)
    return found


class MoveTest(FolderTest):
    """A test that moves sites."""

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
        """Move by the command; return its output."""
        ran = self.run_move(here, there)
        self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        return ran.stdout

    def run_move(self, here: Place, there: Place) -> subprocess.CompletedProcess[str]:
        return run_app(self.folder, *words(here, there))

    def refused(self, here: Place, there: Place) -> str:
        """Fail unless a move is refused; return the line that says why."""
        ran = self.run_move(here, there)
        self.assertEqual((ran.returncode, ran.stdout), (2, ""), ran.stderr)
        self.assertEqual(ran.stderr.count("\n"), 1, ran.stderr)
        self.assertNotIn("secret", ran.stderr)
        return ran.stderr.strip()

    def start_move(self, here: Place, there: Place) -> subprocess.Popen[str]:
        """Start to move, slowly: row by row."""
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
        """Start to move, send a signal once some entries are copied; return the output."""
        process = self.start_move(here, there)
        wait_for(lambda: process.poll() is not None or count() > 20, "some entries are there")
        process.send_signal(how)
        said, _ = process.communicate(timeout=20)
        self.assertTrue(20 < count() < ENTRY_COUNT, said)
        return said


def words(here: Place, there: Place) -> list[str]:
    """Return the command line of a move."""
    before, after = [f"--database={here.database}"], [f"--to_database={there.database}"]
    if here.mongo:
        before.append(f"--mongo={here.mongo}")
    if there.mongo:
        after.append(f"--to_mongo={there.mongo}")
    return [*before, "move", *after]


def entries_in(path: str) -> int:
    """Return how many entries are in a SQLite file."""
    if not Path(path).exists():
        return 0
    with contextlib.closing(cysqlite.connect(path)) as connection, contextlib.suppress(cysqlite.OperationalError):
        return int(connection.execute_scalar("SELECT count(*) FROM entry"))
    return 0
