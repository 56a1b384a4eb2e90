"""A move that is killed continues where it stopped; one that is stopped leaves a site that can be written to."""

from __future__ import annotations

import contextlib
import signal
import socket
from pathlib import Path
from typing import Any

import cysqlite

from models.database import database, open_database
from models.errors.stores import ReadOnly
from models.models import User
from models.moving.move import Place
from testsuite.mongodb import opened
from testsuite.moving import MoveTest, content, entries_in
from testsuite.servers import run_app


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

    def test_a_deletion_whose_process_was_killed_before_the_text_was_gone_is_moved_without_the_text(self) -> None:
        here, back = Place(self.path("people.db"), self.mongo()), self.path("back.db")
        self.move(Place(self.source(10)), here)
        with opened(here.mongo) as mongo:
            self.assertEqual(mongo.entries.count_documents({"is_pending": True}), 0)  # nothing is done twice
            deletion: Any = mongo.entries.find_one_and_update({"kind": "delete"}, {"$set": {"is_pending": True}})
            post = {"room": deletion["room"], "seq": deletion["target"]}
            mongo.entries.update_one(post, {"$set": {"body": "rare words", "line": 1}})
            self.move(here, Place(back))
            self.assertEqual([one["body"] for one in mongo.entries.find(post)], [""])
        self.assertFalse(b"rare words" in Path(back).read_bytes())
        self.assertEqual(content(back), content(self.path("source.db")))

    def go_on(self, here: Place, there: Place, entries: int) -> None:
        """Fail unless the site is read-only still, and the next move continues after at least `entries` rows."""
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
            process = self.start_move(
                Place(source), Place(f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/prosa")
            )
            with contextlib.closing(silent.accept()[0]):
                process.send_signal(signal.SIGINT)
                said, _ = process.communicate(timeout=20)
        self.assertEqual(said, "The move was stopped. The site is still read-only; move --cancel ends that.\n")

    def test_a_move_that_was_killed_when_the_old_place_was_left_is_finished_by_the_same_command(self) -> None:
        source, target = self.source(10), self.path("target.db")
        self.move(Place(source), Place(target))
        with contextlib.closing(cysqlite.connect(source)) as connection:
            name: str = connection.execute_scalar("SELECT value FROM setting WHERE name = 'read_only'")
        with contextlib.closing(cysqlite.connect(target)) as connection:  # as before the last step
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
