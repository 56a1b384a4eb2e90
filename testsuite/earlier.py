"""A site as the release before had it: migrations 0000 to 0004, or a log on MongoDB of schema 1."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from itertools import chain

import peewee
from playhouse.migrations import Runner

from models.database import ENGINES, MIGRATIONS, URL_SCHEME, database, execute, placeholders
from models.engines.base import Row
from models.presence import LocalPresence
from testsuite.mongodb import opened

LAST_MIGRATION = "0004_lookalikes"
MEMBERS = ("ana", "beto", "carla")
ROOMS = (("attic", False), ("garden", True))  # beside the lobby: slug, and whether it is open
BATCH_ROWS = 2000
ADD_ENTRIES = "INSERT INTO entry (room_id, seq, kind, target, author_id, body, at, nonce) VALUES {}"
SET_PRESENCE = """
    INSERT INTO presence (process_id, room_id, user_id, connections, typing_until) VALUES (?, ?, ?, ?, {now} + ?)
    ON CONFLICT (process_id, room_id, user_id) DO UPDATE
    SET connections = excluded.connections, typing_until = excluded.typing_until
"""
ONLINE = """
    SELECT room_id, username FROM presence JOIN "user" ON "user".id = user_id JOIN process ON process.id = process_id
    WHERE beat_at BETWEEN {now} - 10 AND {now} + 10 ORDER BY folded
"""
FIELDS = ("room", "seq", "kind", "target", "author_id", "body", "at", "nonce")  # of a document


@contextlib.contextmanager
def opened_before(url: str) -> Iterator[None]:
    """Open the database at `url` as that release did: without the migrations that came later."""
    scheme = URL_SCHEME.match(url)
    database.initialize(ENGINES[scheme[1] if scheme else "sqlite"](url))
    with database.connection_context():
        database.lift_timeouts()
        yield


def migrate_to(last: str) -> None:
    """Run the migrations up to the one of this name."""
    runner = Runner(database.obj, str(MIGRATIONS))  # type: ignore[no-untyped-call]
    runner.up(last)  # type: ignore[no-untyped-call]


def make_site(url: str, entries: int) -> None:
    """Make a site at `url` with so many posts in each room, of which ana is in all, beto and carla in the lobby."""
    with opened_before(url), database.writing():
        migrate_to(LAST_MIGRATION)
        _add_people()
        for room in ("lobby", *dict(ROOMS)):
            for rows in peewee.chunked(_posts(room, entries), BATCH_ROWS):
                execute(ADD_ENTRIES.format(placeholders(8, len(rows))), *chain.from_iterable(rows))
            execute("UPDATE room SET head = ? WHERE slug = ?", entries, room)


def make_mongo_log(url: str, counts: dict[str, int]) -> None:
    """Make a log at `url` with so many posts in each room; one was purged, and one room's head was not stored yet."""
    with opened(url) as mongo:
        mongo.settings.insert_one({"_id": "schema", "version": 1})
        mongo.entries.create_index([("room", 1), ("seq", 1)], unique=True)
        mongo.entries.create_index([("author_id", 1), ("nonce", 1)], unique=True)
        for room, count in counts.items():
            mongo.entries.insert_many([dict(zip(FIELDS, row, strict=True)) for row in _posts(room, count)])
        mongo.entries.delete_one({"room": "lobby", "seq": 7})
        mongo.heads.insert_one({"_id": "lobby", "head": counts["lobby"]})


def _add_people() -> None:
    for number, name in enumerate(MEMBERS, 1):
        execute(
            """
            INSERT INTO "user" (id, username, folded, password, email, join_date, is_admin, skeleton, folded_skeleton)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            *(number, name, name, "hash", f"{name}@example.org", "2026-01-02 03:04:05", number == 1, name, name),
        )
        execute("INSERT INTO membership (user_id, room_id) VALUES (?, 'lobby')", number)
        execute("INSERT INTO session (token_hash, user_id, opened_at) VALUES (?, ?, 1.8e9)", f"{number:064}", number)
    database.set_last_id("user", len(MEMBERS))
    for slug, is_open in ROOMS:
        execute(
            "INSERT INTO room (slug, name, description, is_open, head) VALUES (?, ?, 'Old', ?, 0)",
            *(slug, slug.title(), is_open),
        )
        execute("INSERT INTO membership (user_id, room_id) VALUES (1, ?)", slug)


def _posts(room: str, count: int) -> Iterator[Row]:
    for seq in range(1, count + 1):
        yield room, seq, "post", None, seq % len(MEMBERS) + 1, f"{room} {seq} @ana", 1.7e9 + seq, f"{room} {seq}"


# --- presence, as a process of the version before 0012_presence writes and reads it


def report_presence(process: str, changed: Collection[LocalPresence]) -> list[Row]:
    """Let such a process report what has changed; return who is online for it: rooms with names."""
    now = database.now
    with database.writing():
        execute(f"DELETE FROM process WHERE NOT beat_at BETWEEN {now} - 60 AND {now} + 60")
        if execute("SELECT version FROM process WHERE id = ?", process).fetchone() is None:
            execute(f"INSERT INTO process (id, beat_at, version) VALUES (?, {now}, 0)", process)
        execute(f"UPDATE process SET beat_at = {now}, version = version + ? WHERE id = ?", int(bool(changed)), process)
        for one in changed:
            execute(SET_PRESENCE.format(now=now), process, *one)
        execute("DELETE FROM presence WHERE process_id = ? AND connections = 0", process)
    found: list[Row] = execute(ONLINE.format(now=now)).fetchall()
    return found
