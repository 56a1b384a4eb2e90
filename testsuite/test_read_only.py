"""A running site while it is moved: it can be read but not written to, and loses nothing."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cysqlite

from models.database import database
from models.moving import move
from models.moving.move import Place
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Chat, Client
from testsuite.mongodb import any_mongo, mongo_database
from testsuite.postgresql import OnPostgresql
from testsuite.servers import Server, run_app
from testsuite.tables import address, sql
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

MOVED = "The site is being moved. Reading goes on; writing comes back in a moment."
MUDANCA = "O site está de mudança. Dá para ler; escrever, só daqui a pouco."


def post_until_refused(chat: Chat) -> list[str]:
    """Post messages until one is refused; return the nonces that were acknowledged."""
    acknowledged: list[str] = []
    while True:
        nonce = chat.post(f"number {len(acknowledged)}")
        while (said := chat.receive()).get("nonce") != nonce or said["type"] == "entry":
            pass
        if said["type"] == "error":
            return acknowledged
        acknowledged.append(nonce)


class ReadOnlyTest(SiteTest):
    """The site says that it is being moved, and what was typed is not lost."""

    mongo = ""

    def test_it_can_be_read_and_not_written_until_the_new_one_runs(self) -> None:
        ana, chat = self.client("ana"), self.chat("beto")
        chat.until("entry", nonce=chat.post("before"))
        target = str(Path(self.folder) / "moved.db")
        with contextlib.closing(move.move(Place(address(self.folder), self.mongo), Place(target))) as steps:
            next(steps)
            self.assert_read_only(ana)
            nonce = chat.post("meanwhile")
            self.assertEqual(chat.until("error", nonce=nonce)["code"], "unavailable")
            for _ in steps:
                pass
        database.close()
        self.assert_read_only(ana)  # or messages would be written that nobody reads any more
        self.move_on(ana, target, nonce)
        run_app(self.folder, f"--mongo={self.mongo}", "move", "--cancel")
        self.assertEqual(ana.post("/rooms/lobby", {"body": "after all"}).status, 302)

    def test_what_was_acknowledged_while_it_began_is_moved(self) -> None:
        target, chats = str(Path(self.folder) / "all.db"), [self.chat("beto") for _ in range(4)]
        with ThreadPoolExecutor() as threads:
            writers = [threads.submit(post_until_refused, chat) for chat in chats]
            wait_for(lambda: all(any(said["type"] == "ack" for said in chat.heard) for chat in chats), "they write")
            for _ in move.move(Place(address(self.folder), self.mongo), Place(target)):
                pass
            database.close()
            acknowledged = {nonce for writer in writers for nonce in writer.result(TIMEOUT_SECONDS)}
        with contextlib.closing(cysqlite.connect(target)) as connection:
            moved = {nonce for (nonce,) in connection.execute("SELECT nonce FROM entry")}
        self.assertGreaterEqual(moved, acknowledged)
        run_app(self.folder, f"--mongo={self.mongo}", "move", "--cancel")

    def assert_read_only(self, client: Client) -> None:
        self.assertIn("before", client.get("/rooms/lobby").text)
        for language, sentence in (("en", MOVED), ("pt-BR", MUDANCA)):
            answer = client.post("/rooms/lobby", {"body": "by form", "nonce": "form"}, Accept_Language=language)
            self.assertEqual(answer.status, 503)
            self.assertIn(sentence, answer.text)
            self.assertIn("by form", answer.text)
        fresh = {"current": PASSWORD, "password": "a new password", "again": "a new password"}
        form = {"username": "ana", "password": PASSWORD}
        for answer in (self.client().post("/login", form), client.post("/account", fresh)):
            self.assertEqual(answer.status, 503)
            self.assertIn(MOVED, answer.text)
        self.assertEqual(client.get("/healthz").json()["status"], "read-only")
        for statement in ("UPDATE user SET email = 'x'", "DELETE FROM session", "UPDATE setting SET value = 'x'"):
            with self.assertRaisesRegex(Exception, "prosa is read-only"):
                sql(self.folder, statement)

    def move_on(self, ana: Client, target: str, nonce: str) -> None:
        """Fail unless the new site has the sessions, and takes what the old one refused."""
        server = Server(self.folder, f"--database={target}")
        self.addCleanup(server.stop)
        moved = Client(server.wait().url)
        moved.cookies = ana.cookies
        self.assertIn("before", moved.get("/rooms/lobby").text)
        self.assertEqual(moved.post("/rooms/lobby", {"body": "meanwhile", "nonce": nonce}).status, 302)
        self.assertEqual(moved.get("/healthz").json()["status"], "ok")


class ReadOnlyOnPostgresqlTest(OnPostgresql, ReadOnlyTest):
    """The same on PostgreSQL."""


class ReadOnlyOnMongoTest(ReadOnlyTest):
    """The same with the log on a MongoDB."""

    needs = ("mongodb",)

    @classmethod
    def setUpClass(cls) -> None:
        cls.mongo = cls.enterClassContext(mongo_database(cls.enterClassContext(any_mongo())))
        cls.options = (*ReadOnlyTest.options, f"--mongo={cls.mongo}")
        super().setUpClass()
