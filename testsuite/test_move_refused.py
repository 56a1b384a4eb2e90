"""What is refused before anything is moved."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from models.database import database, open_database
from models.models import User, create_tables
from models.moving.move import Place
from testsuite.moving import MoveTest, fill
from testsuite.ports import free_ports
from testsuite.postgresql import PASSWORD, shared_server
from testsuite.servers import run_app


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
