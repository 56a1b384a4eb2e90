"""Tests with an empty folder, or with a running site, and the accounts there."""

from __future__ import annotations

import atexit
import contextlib
import functools
import shutil
import subprocess
import tempfile
import unittest
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from models import passwords
from testsuite.clients import PASSWORD, Chat, Client
from testsuite.jar import Jar
from testsuite.servers import Env, Server, run_app
from testsuite.tables import add_accounts, address, cheap_hash, elsewhere

Hash = Callable[[str], passwords.PasswordHash]


def add_user(folder: str, name: str, *options: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
    """Run `app.py adduser`; options that begin with --database go before the command."""
    before = [option for option in options if option.startswith("--database")]
    after = [option for option in options if option not in before]
    return run_app(folder, *before, "adduser", name, "somebody@example.org", *after, stdin=password)


def add_members(folder: str, members: tuple[str, ...], hash_password: Hash = cheap_hash) -> None:
    """Make the accounts of the site in `folder`, of which ana is the administrator's."""
    if folder in elsewhere:
        add_accounts(elsewhere[folder], members, PASSWORD, hash_password)
    else:
        shutil.copytree(_site_with(members, hash_password), folder, dirs_exist_ok=True)


@functools.cache
def _site_with(members: tuple[str, ...], hash_password: Hash) -> str:
    """Return a folder with a database that has these members, for copies."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    add_accounts(address(folder.name), members, PASSWORD, hash_password)
    return folder.name


class FolderTest(unittest.TestCase):
    """A test in an empty folder, that starts the servers it wants; they stop at its end."""

    fresh = False  # whether they import the site themselves, as `python app.py` does
    folder: str

    def setUp(self) -> None:
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(self.database(self.folder))

    @classmethod
    def database(cls, folder: str) -> contextlib.AbstractContextManager[None]:
        """Make the database of the site in `folder`, if it is not a file there."""
        return contextlib.nullcontext()

    def start(self, *options: str, env: Env = None, altered: Sequence[str] = ()) -> Server:
        """Start a process, without waiting until it listens."""
        server = Server(self.folder, *options, env=env, altered=altered, fresh=self.fresh)
        self.addCleanup(server.stop)
        return server


class ProcessesTest(unittest.TestCase):
    """A test with clients of the processes in `servers`, which are of one site."""

    servers: list[Server]

    def client(self, member: str = "", server: int = 0) -> Client:
        """Return a client, signed in if a member is named."""
        client = Client(self.servers[server].wait().url)
        return client.sign_in(member) if member else client

    def chat(self, member: str, server: int = 0, **how: Any) -> Chat:
        """Return a chat client of `member`, closed at the end of the test."""
        return self.listen(self.client(member, server), **how)

    def listen(self, client: Client, **how: Any) -> Chat:
        """Return a chat client with a client's cookies, closed at the end of the test."""
        chat = client.chat(**how)
        self.addCleanup(chat.close)
        return chat

    def elsewhere(self, client: Client, server: int) -> Client:
        """Return a client of another process with the same cookies."""
        other = self.client(server=server)
        other.cookies = Jar(client.cookies)
        return other

    def clients_everywhere(self, member: str) -> list[Client]:
        """Return a client of a member at each process, all with the cookies of one sign-in."""
        first = self.client(member)
        return [first, *(self.elsewhere(first, server) for server in range(1, len(self.servers)))]

    def chats_everywhere(self, member: str, **how: Any) -> list[Chat]:
        """Return a chat client of a member at each process, closed at the end of the test."""
        return [self.listen(client, **how) for client in self.clients_everywhere(member)]


class SiteTest(ProcessesTest):
    """A test with a running site of its own: members ana (administrator), beto and carla in the lobby.

    `options` are the server's, `altered` are limits of its own that it shall have (testsuite/altered.py);
    `processes` says how many of it run on the one database. `fresh` ones import the site themselves, and passwords
    are hashed as dearly as by any site.
    """

    fresh = False
    options: tuple[str, ...] = ("--messages_per_second=0",)
    altered: tuple[str, ...] = ()
    processes = 1
    members: tuple[str, ...] = ("ana", "beto", "carla")

    folder: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.enterClassContext(running(cls))

    @classmethod
    def database(cls, folder: str) -> contextlib.AbstractContextManager[None]:
        """Make the database of the site in `folder`, if it is not a file there."""
        return contextlib.nullcontext()

    @property
    def server(self) -> Server:
        """The first process."""
        return self.servers[0]


@contextlib.contextmanager
def running(test: type[SiteTest]) -> Iterator[None]:
    """Run the servers of a test class, with its members."""
    with tempfile.TemporaryDirectory() as folder, test.database(folder):
        test.folder = folder
        add_members(folder, test.members, passwords.hash_password if test.fresh else cheap_hash)
        test.servers = [
            Server(folder, *test.options, altered=test.altered, fresh=test.fresh) for _ in range(test.processes)
        ]
        try:
            for server in test.servers:
                server.wait()
            yield
        finally:
            for server in test.servers:
                server.stop()
