"""A MongoDB for the tests: the one of MONGODB_URL, or SecantusDB, a server with MongoDB's wire protocol and storage
engine, which is started in a temporary folder."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pymongo
from pymongo.errors import PyMongoError

from models.logs.mongo_database import MATCHES_NOTHING
from testsuite.database_server import DatabaseServer
from testsuite.needs import need
from testsuite.ports import free_ports
from testsuite.tables import logs
from testsuite.waiting import wait_for

PROGRAM = Path(sys.executable).parent / "secantusd-py"
PING_TIMEOUT_MS = 500  # for one question whether it is there


class MongoServer(DatabaseServer):
    """A running SecantusDB."""

    def __init__(self, folder: str, *options: str) -> None:
        (self.port,) = free_ports(1)
        self.url = f"mongodb://127.0.0.1:{self.port}/"
        self._folder = Path(folder)
        self.start(*options)

    def start(self, *options: str) -> None:
        need("mongodb")
        data = self._folder / "mongodb"
        with (self._folder / "mongodb.log").open("ab") as output:
            self._process = subprocess.Popen(
                # Without --sync-on-commit it acknowledges what the disk does not have, whatever the client asks for.
                [str(PROGRAM), f"--port={self.port}", f"--storage-path={data}", "--sync-on-commit", *options],
                cwd=self._folder,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_for(self._answers, "MongoDB does not answer")

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            raise AssertionError(f"MongoDB ended:\n{(self._folder / 'mongodb.log').read_text(errors='replace')}")
        with pymongo.MongoClient[Any](self.url, serverSelectionTimeoutMS=PING_TIMEOUT_MS) as client:
            try:
                client.admin.command("ping")
            except PyMongoError:
                return False
            return True

    def _was_killed(self) -> None:
        """Accept it: under load SecantusDB does not always stop; then it is killed, as systemd does."""


@contextlib.contextmanager
def mongo_server(*options: str) -> Iterator[MongoServer]:
    """Run a new server."""
    with tempfile.TemporaryDirectory() as folder:
        server = MongoServer(folder, *options)
        try:
            yield server
        finally:
            server.stop()


@contextlib.contextmanager
def any_mongo() -> Iterator[str]:
    """Yield the URL of the server of MONGODB_URL, or of a new one, for tests that do not stop or change the server."""
    need("mongodb")
    if url := os.environ.get("MONGODB_URL"):
        yield url
    else:
        with mongo_server() as server:
            yield server.url


@contextlib.contextmanager
def mongo_database(url: str) -> Iterator[str]:
    """Yield the URL of a new database on the server `url`, and drop it afterwards."""
    name = f"prosa_{secrets.token_hex(6)}"
    yield urlsplit(url)._replace(path=f"/{name}").geturl()
    with pymongo.MongoClient[Any](url) as client:
        client.drop_database(name)


@contextlib.contextmanager
def opened(url: str) -> Iterator[pymongo.database.Database[Any]]:
    """Yield the database of `url`, over a connection beside the site's."""
    with pymongo.MongoClient[Any](url) as client:
        yield client.get_default_database()


@contextlib.contextmanager
def refusing(url: str) -> Iterator[None]:
    """Make the log of `url` refuse all entries during the block."""
    with opened(url) as database:
        database.command("collMod", "entries", validator=MATCHES_NOTHING)
        try:
            yield
        finally:
            database.command("collMod", "entries", validator={})


class OnMongodb:
    """Put before a test with a site: its log is on a MongoDB, in a database of its own."""

    needs = ("mongodb",)

    @classmethod
    @contextlib.contextmanager
    def database(cls, folder: str) -> Iterator[None]:
        """Make the database for the log of the site in `folder`."""
        with any_mongo() as server, mongo_database(server) as url:
            logs[folder] = url
            try:
                yield
            finally:
                del logs[folder]
