"""Members with sessions, and logs of any length: made through the models, in a process of its own.

`python -m bench.people --database=... [--mongo=...] --secret=... --members=1000 --entries=50` prints a JSON list
of the members' session cookies. It ends before the server starts: only one process at a time holds the database,
and its threads and locks stay out of the load.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from tornado.web import create_signed_value

from bench.chats import body
from controllers.web.cookies import SESSION_COOKIE, cookie_mark
from models import passwords, sessions, settings
from models.database import database, writing
from models.engines.base import Row
from models.models import EntryRow, Membership, Room, User, create_tables
from models.moving.mongo_table import MongoTableCopy
from models.names import fold

LOBBY = "lobby"
MESSAGE_INTERVAL_SECONDS = 20.0  # between two messages of the log
COLUMNS = ("room", "seq", "kind", "target", "author", "body", "at", "nonce")
ROWS_PER_STATEMENT = 2000
ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 300


def make(home: Sequence[str], secret: str, members: int, entries: int = 0, rooms: int = 0) -> list[str]:
    """Make a site where the options `home` say, and return its members' Cookie headers."""
    command = [sys.executable, "-m", "bench.people", *home, f"--secret={secret}"]
    command += [f"--members={members}", f"--entries={entries}", f"--rooms={rooms}"]
    made = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS)
    cookies: list[str] = json.loads(made.stdout)
    return cookies


def add_members(count: int) -> None:
    """Store `count` members of the lobby, all with the same password."""
    password = passwords.hash_password("correct horse battery")
    names = [f"member{number:05d}" for number in range(count)]
    users = [
        {"username": name, "folded": fold(name), "password": password, "email": f"{name}@localhost"} for name in names
    ]
    for start in range(0, count, ROWS_PER_STATEMENT):
        User.insert_many(users[start : start + ROWS_PER_STATEMENT]).execute()
    rows = [{"room": LOBBY, "user": user.id} for user in User.select(User.id)]
    for start in range(0, count, ROWS_PER_STATEMENT):
        Membership.insert_many(rows[start : start + ROWS_PER_STATEMENT]).execute()


def add_rooms(count: int) -> None:
    """Make `count` rooms with every member in each."""
    slugs = [f"room{number}" for number in range(count)]
    for slug in slugs:
        Room.create(slug=slug, name=slug)
    rows = [{"room": slug, "user": user.id} for slug in slugs for user in User.select(User.id)]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        Membership.insert_many(rows[start : start + ROWS_PER_STATEMENT]).execute()


def entries(count: int, authors: int) -> Iterator[list[Row]]:
    """Yield batches of rows of the lobby's log: the members post in turn, at equal intervals until now."""
    began = time.time() - count * MESSAGE_INTERVAL_SECONDS
    for start in range(1, count + 1, ROWS_PER_STATEMENT):
        yield [
            (
                LOBBY,
                seq,
                "post",
                None,
                seq % authors + 1,
                body(f"entry-{seq:07d}"),
                began + seq * MESSAGE_INTERVAL_SECONDS,
                f"log{seq}",
            )
            for seq in range(start, min(start + ROWS_PER_STATEMENT, count + 1))
        ]


def add_entries(count: int, authors: int) -> None:
    """Fill the lobby's log in the database."""
    fields = [getattr(EntryRow, name) for name in COLUMNS]
    for rows in entries(count, authors):
        EntryRow.insert_many(rows, fields=fields).execute()
    Room.update(head=count).where(Room.slug == LOBBY).execute()


def add_documents(url: str, count: int, authors: int) -> None:
    """Fill the lobby's log in a MongoDB."""
    with closing(MongoTableCopy(url)) as table:
        for rows in entries(count, authors):
            table.add(rows)
        table.save_heads({LOBBY: count})


def open_sessions(secret: str) -> list[str]:
    """Sign every member in and return the Cookie headers."""
    tokens = [sessions.open_session(user.id) for user in User.select(User.id).order_by(User.id)]
    name = f"{SESSION_COOKIE}_{cookie_mark(settings.site_id())}"
    return [f"{name}={create_signed_value(secret, SESSION_COOKIE, token).decode()}" for token in tokens]


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--mongo", default="")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--members", type=int, default=1000)
    parser.add_argument("--entries", type=int, default=0)
    parser.add_argument("--rooms", type=int, default=0)
    arguments = parser.parse_args()
    create_tables(arguments.database)
    with database.connection_context(), writing():
        add_members(arguments.members)
        add_rooms(arguments.rooms)
        if not arguments.mongo:
            add_entries(arguments.entries, arguments.members)
        cookies = open_sessions(arguments.secret)
    if arguments.mongo:
        with database.connection_context():
            add_documents(arguments.mongo, arguments.entries, arguments.members)
    json.dump(cookies, sys.stdout)


if __name__ == "__main__":
    main()
