"""Members and sessions made straight in the tables, where a test needs more than the forms give quickly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tornado.web import create_signed_value

from models import sessions
from models.database import database, open_database
from models.models import User
from models.passwords import PasswordHash
from testsuite.clients import Client
from testsuite.tables import address

SECRET = "a secret of the tests that is longer than thirty-two bytes"


@contextmanager
def tables(folder: str) -> Iterator[None]:
    """Use the tables of the site in `folder`, from this process."""
    open_database(address(folder))
    with database.connection_context():
        yield
    database.close()


def make_crowd(folder: str, count: int) -> list[str]:
    """Make `count` members of the lobby, who sign in only by `signed_in`; return their names."""
    names = [f"member {number:04}" for number in range(count)]
    with tables(folder):
        for name in names:
            User(username=name, password=PasswordHash("no password has this hash")).save()
    return names


def signed_in(folder: str, url: str, names: Iterable[str]) -> list[Client]:
    """Return clients of these members on a server that was given SECRET, without the cost of a password each."""
    clients = [Client(url) for _ in names]
    with tables(folder):
        for name, client in zip(names, clients, strict=True):
            token = sessions.open_session(User.get(User.username == name).id)
            client.cookies["session"] = create_signed_value(SECRET, "session", token).decode()
    return clients
