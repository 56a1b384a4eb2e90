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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

import pymongo
from tornado.web import create_signed_value

from bench.chats import body
from controllers.web.cookies import SESSION_COOKIE, cookie_mark
from models import passwords, sessions, settings
from models.database import database, writing
from models.engines.base import Row
from models.logs.base import POST, Head
from models.models import LOBBY, EntryRow, Membership, Room, User, create_tables
from models.moving.mongo_table import MongoTableCopy
from models.names import fold

MESSAGE_INTERVAL_SECONDS = 20.0  # between two messages of the log
ROWS_PER_STATEMENT = 2000
ROOT = Path(__file__).resolve().parent.parent
TIMEOUT_SECONDS = 300


def make(  # noqa: PLR0913, PLR0917 - all that a site may have
    home: Sequence[str], secret: str, members: int, entries: int = 0, rooms: int = 0, said: int = 0
) -> list[str]:
    """Make a site where the options `home` say, and return its members' Cookie headers."""
    command = [sys.executable, "-m", "bench.people", *home, f"--secret={secret}"]
    command += [f"--members={members}", f"--entries={entries}", f"--rooms={rooms}", f"--said={said}"]
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


def slugs(rooms: int) -> list[str]:
    """Return what the rooms beside the lobby are called."""
    return [f"room{number}" for number in range(rooms)]


def add_rooms(count: int, said: int) -> None:
    """Make `count` rooms with every member in each, who have read the first post, if anything is to be said there."""
    with writing():
        for slug in slugs(count):
            Room.create(slug=slug, name=slug, address=slug)
    read = {"read_seq": 1, "read_posts": 1} if said else {}
    ids = [user.id for user in User.select(User.id)]
    rows = [{"room": slug, "user": member_id, **read} for slug in slugs(count) for member_id in ids]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        with writing():  # each row moves the people's version, and many in one transaction are slow on PostgreSQL
            Membership.insert_many(rows[start : start + ROWS_PER_STATEMENT]).execute()


def entries(logs: Mapping[str, int], authors: int) -> Iterator[list[Row]]:
    """Yield batches of rows of rooms' logs: the members post in turn, at equal intervals until now."""
    every = chain.from_iterable(entries_of(room, count, authors) for room, count in logs.items())
    while batch := list(islice(every, ROWS_PER_STATEMENT)):
        yield batch


def entries_of(room: str, count: int, authors: int) -> Iterator[Row]:
    """Yield the rows of one room's log."""
    began = time.time() - count * MESSAGE_INTERVAL_SECONDS
    for seq in range(1, count + 1):
        at, nonce = began + seq * MESSAGE_INTERVAL_SECONDS, f"{room}-{seq}"
        yield room, seq, POST, None, seq % authors + 1, body(f"entry-{seq:07d}"), at, nonce, seq, seq, True, ""


def add_entries(logs: Mapping[str, int], authors: int) -> None:
    """Fill these rooms' logs in the database, each with so many posts."""
    for rows in entries(logs, authors):
        EntryRow.insert_many(rows, fields=EntryRow._meta.sorted_fields).execute()
    for room, count in logs.items():
        Room.update(head=count, posts=count, lines=count).where(Room.slug == room).execute()
    database.execute_sql("UPDATE room SET searched = head")  # nobody searches, and filling the index would disturb


def add_documents(url: str, logs: Mapping[str, int], authors: int) -> None:
    """Fill these rooms' logs in a MongoDB, each with so many posts."""
    with closing(MongoTableCopy(url)) as table:
        for rows in entries(logs, authors):
            table.add(rows)
        table.save_heads({room: Head(count, count, count) for room, count in logs.items()})
    with pymongo.MongoClient[dict[str, object]](url) as client:  # as above
        client.get_default_database()["heads"].update_many({}, {"$set": {"search_from": 1}})


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
    parser.add_argument("--said", type=int, default=0)
    arguments = parser.parse_args()
    logs = {LOBBY: arguments.entries, **dict.fromkeys(slugs(arguments.rooms), arguments.said)}
    create_tables(arguments.database)
    with database.connection_context():
        with writing():
            add_members(arguments.members)
        add_rooms(arguments.rooms, arguments.said)
        with writing():
            if not arguments.mongo:
                add_entries(logs, arguments.members)
            cookies = open_sessions(arguments.secret)
    if arguments.mongo:
        with database.connection_context():
            add_documents(arguments.mongo, logs, arguments.members)
    json.dump(cookies, sys.stdout)


if __name__ == "__main__":
    main()
