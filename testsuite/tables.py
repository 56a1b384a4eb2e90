"""The site's database as a test sees and changes it, beside the site."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import argon2
import cysqlite
import psycopg

from models import accounts
from models.database import database, writing
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash

# An alteration of the site: with a library that old, it makes no write-ahead log.
WITHOUT_WAL = "playhouse.cysqlite_ext:CySqliteDatabase.server_version=(3, 51, 2)"
CHEAP_HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
MAKE_CROWD = """
    WITH RECURSIVE crowd (number, name) AS (
        SELECT 0, 'crowd 0' UNION ALL SELECT number + 1, 'crowd ' || (number + 1) FROM crowd WHERE number + 1 < ?
    )
    INSERT INTO "user" (username, folded, password, email, join_date, is_admin)
    SELECT name, name, '', 'crowd', '2026-01-01 00:00:00', FALSE FROM crowd
"""
LET_SOME_IN = """
    INSERT INTO membership (room_id, user_id) SELECT ?, id FROM "user" WHERE email = 'crowd' AND mod(id, 20) = ?
"""
LOCK_TIMEOUT_SECONDS = 20.0  # for somebody else's transaction

elsewhere: dict[str, str] = {}  # folders of sites that have no file there: the address of their database
logs: dict[str, str] = {}  # folders of sites whose log is not in their database: the address of its MongoDB


def address(folder: str) -> str:
    """Return the database of the site in `folder`."""
    return elsewhere.get(folder, str(Path(folder) / "people.db"))


def sql(folder: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    """Run one statement on the site's database, beside the site. It is written for SQLite: `user` needs no quotes."""
    if folder in elsewhere:
        spelt = re.sub(r"\b(FROM|UPDATE) user\b", r'\1 "user"', statement.replace("?", "%s"))
        with psycopg.connect(address(folder), autocommit=True) as server:
            cursor = server.execute(spelt.encode(), values)
            return cursor.fetchall() if cursor.description else []
    with contextlib.closing(cysqlite.connect(address(folder), timeout=LOCK_TIMEOUT_SECONDS)) as connection:
        return [tuple(row) for row in connection.execute(statement, values)]


def forget_failures(folder: str) -> None:
    """Make all failed sign-ins as if they had never been."""
    sql(folder, "DELETE FROM failure")


def cheap_hash(password: str) -> PasswordHash:
    """Return a hash that takes a hundredth of the time of a site's own."""
    return PasswordHash(CHEAP_HASHER.hash(password))


def add_accounts(
    address: str, names: Sequence[str], password: str, hash_password: Callable[[str], PasswordHash] = cheap_hash
) -> None:
    """Make accounts in the database at `address`, as `adduser` does, which takes a second for each."""
    create_tables(address)
    for name in names:
        accounts.add_member(name, hash_password(password), "somebody@example.org", name == "ana")
    database.close()


def add_room(folder: str, slug: str, *members: str) -> None:
    """Make a room of the site for these members only."""
    create_tables(address(folder))
    with writing():
        room = Room.create(slug=slug, name=slug.title())
        for user in User.select().where(User.username << members):
            Membership.create(room=room, user=user)
    database.close()


def add_crowd(folder: str, room: str, count: int) -> None:
    """Make so many accounts with which nobody can sign in, as members of a room."""
    sql(folder, MAKE_CROWD, count)
    for part in range(20):  # a statement may take five seconds
        sql(folder, LET_SOME_IN, room, part)


@contextlib.contextmanager
def locked(folder: str, lock: str = "IMMEDIATE") -> Iterator[None]:
    """Hold the database's write lock, as another process may; an EXCLUSIVE one, without WAL, keeps readers out too.

    PostgreSQL has no such lock: there it is the lock of every room, which who posts waits for.
    """
    if folder in elsewhere:
        with psycopg.connect(address(folder)) as server:
            server.execute("SELECT * FROM room FOR UPDATE")
            yield
        return
    with contextlib.closing(cysqlite.connect(address(folder), timeout=LOCK_TIMEOUT_SECONDS)) as connection:
        connection.execute(f"BEGIN {lock}")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")
