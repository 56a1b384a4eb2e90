"""The contract of the rooms' log, on every engine: SQLite, PostgreSQL, MongoDB."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any
from unittest import mock

import psycopg
import pymongo

from models.engines import postgresql_search
from models.engines.postgresql import SERVER_SETTINGS
from testsuite import contract_search, contract_served, log_case, log_contract
from testsuite.mongodb import mongo_server, refusing
from testsuite.postgresql import PostgresqlServer, shared_server
from testsuite.tables import locked, sql


class OnSqlite(log_contract.RoomLogContract):
    def blocked(self) -> contextlib.AbstractContextManager[None]:
        return locked(self.folder)

    def curse(self) -> None:
        refuse = "BEGIN SELECT RAISE(ABORT, 'so it is'); END"
        sql(self.folder, f"CREATE TRIGGER curse BEFORE INSERT ON entry WHEN NEW.body LIKE 'cursed%' {refuse}")


class OnPostgresql(log_contract.RoomLogContract):
    needs = ("postgres",)

    def people_url(self) -> str:
        self.enterContext(mock.patch.dict(SERVER_SETTINGS, lock_timeout=500))
        return self.enterContext(shared_server().fresh_database())

    @contextlib.contextmanager
    def blocked(self) -> Iterator[None]:
        with psycopg.connect(self.people) as other:
            other.execute("SELECT * FROM room FOR UPDATE")
            yield

    def curse(self) -> None:
        with psycopg.connect(self.people, autocommit=True) as other:
            other.execute("ALTER TABLE entry ADD CHECK (body NOT LIKE 'cursed%')")


class SearchedByIndex(contract_search.SearchContract):
    """On PostgreSQL, where so few of the newest messages are looked through that its index is asked."""

    needs = ("postgres",)

    def people_url(self) -> str:
        self.enterContext(mock.patch.multiple(postgresql_search, NEWEST_ROWS=2, MORE_ROWS=5))
        return self.enterContext(shared_server().fresh_database())


class OnMongodb(log_case.OnMongodb, log_contract.RoomLogContract):
    def blocked(self) -> contextlib.AbstractContextManager[None]:
        return refusing(self.url)

    def curse(self) -> None:
        with pymongo.MongoClient[dict[str, Any]](self.url) as client:
            rule = {"body": {"$not": {"$regex": "^cursed"}}}
            client.get_default_database().command("collMod", "entries", validator=rule)


class ServedByPostgresql(contract_served.ServedLogContract):
    needs = ("postgres",)

    def people_url(self) -> str:
        self.server = PostgresqlServer()
        self.addCleanup(self.server.close)
        self.server.start()
        return self.server.url()

    def stop_server(self) -> None:
        self.server.stop()

    def kill_server(self) -> None:
        self.server.stop(signal.SIGKILL)

    def start_server(self) -> None:
        self.server.start()


class ServedByMongodb(contract_served.ServedLogContract):
    needs = ("mongodb",)

    def setUp(self) -> None:
        super().setUp()
        self.server = self.enterContext(mongo_server())

    @property
    def address(self) -> str:
        return f"{self.people} {self.server.url}"

    def stop_server(self) -> None:
        self.server.stop()

    def kill_server(self) -> None:
        self.server.kill()

    def start_server(self) -> None:
        self.server.start()
