"""The site with its log on MongoDB: tests that it passes on SQLite too, and what it does while the server is away."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import pymongo

from testsuite import (
    outage,
    test_changes,
    test_changes_refused,
    test_cursors,
    test_feeds,
    test_four_processes,
    test_removal,
    test_rooms,
    test_unread,
    test_unread_pages,
)
from testsuite.cases import FolderTest
from testsuite.mongodb import MongoServer, OnMongodb, mongo_server, opened
from testsuite.ports import free_ports
from testsuite.postgresql import OnPostgresql
from testsuite.servers import run_app
from testsuite.tables import logs
from testsuite.talking import THUMB, Stored, do, say


class RoomsOfOthersTest(OnMongodb, test_rooms.RoomsOfOthersTest):
    pass


class Replay(OnMongodb, test_cursors.Replay):
    pass


class Removal(OnMongodb, test_removal.Removal):
    pass


class StoredOnMongodb(OnMongodb):
    """Put before a test that looks at what is stored."""

    folder: str

    def entries(self) -> list[Stored]:
        """Return what is stored, in order."""
        with opened(logs[self.folder]) as database:
            found = list(database["entries"].find())
        stored = [
            Stored(one["room"], one["seq"], one["kind"], one.get("target"), one["body"], one.get("mentions") or [])
            for one in found
        ]
        return sorted(stored, key=lambda one: (one.room, one.seq))


class Changes(StoredOnMongodb, test_changes.Changes):
    stores_before_it_looks = True

    def test_a_reaction_stored_after_the_deletion_of_an_answer_tells_that_there_is_one_less(self) -> None:
        first = say(self.beto, "a question")
        answer = say(self.ana, "an answer", target=first)
        deletion = do(self.ana, "delete", answer)["seq"]
        self.store_late_reaction(deletion)
        for chat in (self.ana, self.carla, *(self.chat("beto", server=server, after=answer) for server in (0, 1))):
            react = chat.until("entry", seq=deletion + 1)
            self.assertEqual((react["kind"], react["target"], react["html"]), ("react", answer, ""))
            self.assertNotIn("1 reply", react["others"][str(first)])

    def store_late_reaction(self, deletion: int) -> None:
        """Store a reaction as a process does that has not seen the deletion, which was stored a moment before."""
        with opened(logs[self.folder]) as database:
            (deleted,) = database["entries"].find({"room": "lobby", "seq": deletion})
            late = {name: deleted[name] for name in deleted.keys() - {"_id", "deleted", "is_pending", "mark"}}
            late |= {"seq": deletion + 1, "kind": "react", "body": THUMB, "nonce": "a reaction that is late"}
            database["entries"].insert_one(late)


class ChangesRefused(StoredOnMongodb, test_changes_refused.Refused):
    pass


class Unread(StoredOnMongodb, test_unread.Unread):
    pass


class UnreadPages(OnMongodb, test_unread_pages.UnreadTest):
    pass


class Feeds(OnMongodb, test_feeds.Content):
    pass


class Balanced(OnMongodb, test_four_processes.Balanced):
    pass


class ServerAway(outage.Outage):
    """MongoDB is away, but not the PostgreSQL with people and rooms."""

    needs = ("mongodb", "postgres")
    signals = (signal.SIGKILL, signal.SIGTERM)
    unavailable_pages = ("/rooms/lobby",)
    mongodb: MongoServer

    @classmethod
    @contextlib.contextmanager
    def database(cls, folder: str) -> Iterator[None]:
        """Make the databases of the site in `folder`."""
        with OnPostgresql.database(folder), mongo_server() as cls.mongodb:
            logs[folder] = cls.mongodb.url
            try:
                yield
            finally:
                del logs[folder]

    def stop_server(self, how: signal.Signals) -> None:
        """End it. SecantusDB cannot start if it was killed soon after it made a table: a checkpoint has the tables."""
        with pymongo.MongoClient[Any](self.mongodb.url) as client:
            client.admin.command("fsync")
        self.mongodb.stop(how)

    def start_server(self) -> None:
        self.mongodb.start()


class CannotBeOpened(FolderTest):
    """Bad input: one clear line without a password, and exit code 2."""

    def test_an_address_that_is_none_and_a_server_that_is_down(self) -> None:
        (port,) = free_ports(1)
        for url, says in (
            ("http://me:secret@127.0.0.1/prosa", "cannot use the URL of the MongoDB"),
            ("mongodb://me:secret@127.0.0.1:port/prosa", "cannot use the URL of the MongoDB"),
            (f"mongodb://me:secret@127.0.0.1:{port}/prosa", f"at 127.0.0.1:{port}: "),
        ):
            with self.subTest(url=url):
                ended = run_app(self.folder, f"--mongo={url}", "--port=0")
                self.assertEqual((ended.returncode, ended.stdout), (2, ""), ended.stderr)
                self.assertIn(says, ended.stderr)
                self.assertEqual(ended.stderr.count("\n"), 1)
                self.assertNotIn("secret", ended.stderr)
