"""The real PostgreSQL for the tests: a server on a folder and a free port of its own, as an unprivileged user."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from testsuite.database_server import DatabaseServer
from testsuite.needs import need
from testsuite.ports import free_ports
from testsuite.tables import elsewhere
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

PASSWORD = "not the user's own"
PROGRAMS = Path("/usr/lib/postgresql/15/bin")  # where Debian has them
NO_SYNC = "-cfsync=off"  # where only the server is killed, not the machine: it recovers without syncing all its files
UNPRIVILEGED = "postgres"  # whom Debian's package makes; the server refuses root


class PostgresqlServer(DatabaseServer):
    """A PostgreSQL with `options`. `url` names its first database; each test makes itself one of its own."""

    ending = signal.SIGINT

    def __init__(self, *options: str) -> None:
        self._options = options
        self._user = UNPRIVILEGED if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
        self._folder = Path(tempfile.mkdtemp(prefix="prosa-postgresql-"))
        (self.port,) = free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._user)
        self._make()

    def url(self, name: str = "postgres", password: str = PASSWORD) -> str:
        """Return the address of a database."""
        return f"postgresql://prosa:{password.replace(' ', '%20')}@{self.address}/{name}"

    def _make(self) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        options = ["--username=prosa", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8"]
        command = [str(PROGRAMS / "initdb"), *options, "--no-locale", "--no-sync", str(self._folder / "data")]
        made = subprocess.run(command, user=self._user, capture_output=True, text=True, check=False)
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        need("postgres")
        options = [f"-p{self.port}", "-h127.0.0.1", f"-k{self._folder}", "-cmax_connections=200", *self._options]
        command = [str(PROGRAMS / "postgres"), "-D", str(self._folder / "data"), *options]
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            with (self._folder / "log").open("ab") as log:
                self._process = subprocess.Popen(command, user=self._user, stdout=log, stderr=log)
            wait_for(lambda: self._has_ended() or self._answers(), "PostgreSQL neither answers nor ends")
            if not self._has_ended():
                return
            self.stop()  # after a kill, those that it had started are still ending
            assert time.monotonic() < deadline, (self._folder / "log").read_text()

    def _has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def _answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.url(), connect_timeout=2):
            return True
        return False

    def close(self) -> None:
        """End it, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextlib.contextmanager
    def fresh_database(self) -> Iterator[str]:
        """Make an empty database, yield its address, and remove it with the connections that are left."""
        name = f"test_{secrets.token_hex(6)}"
        self.sql(f"CREATE DATABASE {name}")
        try:
            yield self.url(name)
        finally:
            self.sql(f"DROP DATABASE {name} WITH (FORCE)")

    def sql(self, statement: str, name: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement beside the site, and return what it finds."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@functools.cache
def _shared() -> PostgresqlServer:
    server = PostgresqlServer(NO_SYNC)
    atexit.register(server.close)
    server.start()
    return server


def shared_server() -> PostgresqlServer:
    """Return the server of this run of the tests, started at the first call."""
    need("postgres")
    return _shared()


class OnPostgresql:
    """Put before a test with a site: it keeps everything in a database of the shared server."""

    needs = ("postgres",)

    @classmethod
    @contextlib.contextmanager
    def database(cls, folder: str) -> Iterator[None]:
        """Make the database of the site in `folder`."""
        with shared_server().fresh_database() as url:
            elsewhere[folder] = url
            try:
                yield
            finally:
                del elsewhere[folder]
