"""The engines under test: where a site keeps everything, and the server that keeps it."""

from __future__ import annotations

import importlib.metadata
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from bench import sites
from testsuite.mongodb import MongoServer
from testsuite.postgresql import PostgresqlServer


@dataclass(frozen=True, slots=True)
class Home:
    """Where one site keeps everything."""

    database: str
    mongo: str = ""

    def options(self) -> list[str]:
        """Return the options that say so."""
        return [f"--database={self.database}", *([f"--mongo={self.mongo}"] if self.mongo else [])]


class Engine(ExitStack):
    """SQLite: files in `directory`. A context manager, as are those with a server."""

    title = "SQLite"
    about = "A file, which all processes of the site open."
    packages: tuple[str, ...] = ("cysqlite",)
    is_served = False

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    def home(self, name: str) -> Home:
        """Return an empty home."""
        return Home(str(self.directory / f"{name}.db"))

    def cpu(self) -> float:
        """Return the seconds of processor time that the server of the database has used so far."""
        return 0.0

    def server_version(self) -> list[str]:
        """Return what the server is, if there is one."""
        return []


class Postgresql(Engine):
    """PostgreSQL with everything in it."""

    title = "PostgreSQL"
    about = (
        "Debian's server as it comes, with every commit on disk. It may use both cores, beside the site and the load."
    )
    packages = ("psycopg",)
    is_served = True

    def __enter__(self) -> Self:
        with sites.both_cores():
            self._server = PostgresqlServer()
            self.callback(self._server.close)
            self._server.start()
        return self

    def home(self, name: str) -> Home:
        self._server.sql(f"CREATE DATABASE bench_{name}")
        return Home(self._server.url(f"bench_{name}"))

    def cpu(self) -> float:
        return sites.family_seconds(self._server.pid)

    def server_version(self) -> list[str]:
        ((version,),) = self._server.sql("SELECT split_part(version(), ' ', 2)")
        return [f"PostgreSQL {version}"]


class Mongodb(Engine):
    """SQLite for the people, and a MongoDB for the log: the one of MONGODB_URL, or SecantusDB."""

    title = "MongoDB"
    about = (
        "SecantusDB, unless MONGODB_URL names a mongod, with every commit on disk; people in a SQLite file. It may use "
        "both cores, beside the site and the load."
    )
    packages = ("cysqlite", "motor", "pymongo")
    is_served = True

    def __enter__(self) -> Self:
        self._url = os.environ.get("MONGODB_URL", "")
        self._server: MongoServer | None = None
        if not self._url:
            with sites.both_cores():
                self._server = MongoServer(str(self.directory))
            self.callback(self._server.stop)
            self._url = self._server.url
        return self

    def home(self, name: str) -> Home:
        return Home(super().home(name).database, urlsplit(self._url)._replace(path=f"/bench_{name}").geturl())

    def cpu(self) -> float:
        return sites.family_seconds(self._server.pid) if self._server else 0.0

    def server_version(self) -> list[str]:
        return [f"SecantusDB {importlib.metadata.version('secantusdb')}"] if self._server else []


ENGINES: dict[str, type[Engine]] = {"sqlite": Engine, "postgresql": Postgresql, "mongodb": Mongodb}
