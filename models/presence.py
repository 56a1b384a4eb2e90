"""Presence: which members are connected to which rooms, and which are typing. Each process writes its own rows.

All times are by the database's clock, since the clocks of machines differ; functions take and return durations.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from peewee import SQL

from models.database import as_tuples, database, execute, writing
from models.models import PresenceRow, Process, User

SILENCE_SECONDS = 10.0  # without a heartbeat, after which a process counts as dead
DELETE_SECONDS = 60.0  # without a heartbeat, after which its rows are deleted
GRACE_SECONDS = 5.0  # for a member to reconnect before the others are told that they have left
UPSERT = """
    INSERT INTO presence (process_id, room_id, user_id, connections, typing_until) VALUES (?, ?, ?, ?, {now} + ?)
    ON CONFLICT (process_id, room_id, user_id) DO UPDATE
    SET connections = excluded.connections, typing_until = excluded.typing_until
"""


@dataclass(frozen=True, slots=True)
class LocalPresence:
    """A member in a room at one process; without connections they have left. `typing_for` in seconds."""

    room: str
    member_id: int
    connections: int
    typing_for: float


@dataclass(frozen=True, slots=True)
class OnlineMember:
    """A member in a room, at any process. They are typing if `typing_for`, in seconds, is more than 0."""

    room: str
    username: str
    typing_for: float


def report(process: str, changed: Collection[LocalPresence]) -> bool:
    """Store a heartbeat of `process` and its changed rows; return whether it had no rows before.

    The rows of a running process are deleted if it was suspended for long, or if the database's clock has jumped.
    """
    now, upsert = _now(), UPSERT.format(now=database.now)
    with writing():
        Process.delete().where(~Process.beat_at.between(now - DELETE_SECONDS, now + DELETE_SECONDS)).execute()
        is_new: bool
        row, is_new = Process.get_or_create(id=process, defaults={"beat_at": now})
        Process.update(beat_at=now, version=row.version + bool(changed)).where(Process.id == process).execute()
        for one in changed:
            execute(upsert, process, one.room, one.member_id, one.connections, one.typing_for)
        PresenceRow.delete().where(PresenceRow.process == process, PresenceRow.connections == 0).execute()
    return is_new


def stop(process: str) -> None:
    """Let a process that stops count as dead after GRACE_SECONDS, in which its members reconnect elsewhere."""
    with writing():
        Process.update(beat_at=_now() - SILENCE_SECONDS + GRACE_SECONDS).where(Process.id == process).execute()


def versions() -> dict[str, int]:
    """Return the version of each running process; presence has changed if one of them has."""
    now = _now()
    # A heartbeat is in the future if the clock was set back.
    running = Process.beat_at.between(now - SILENCE_SECONDS, now + SILENCE_SECONDS)
    return dict(as_tuples(Process.select(Process.id, Process.version).where(running)))


def online_members() -> list[OnlineMember]:
    """Return the connected members of all rooms by name, each once for a room."""
    query = (
        PresenceRow.select(PresenceRow.room, User.username, PresenceRow.typing_until - _now())
        .join(User)
        .where(PresenceRow.process.in_(list(versions())))
        .order_by(User.folded)
    )
    found: dict[tuple[str, str], float] = {}
    for room, username, typing_for in as_tuples(query):
        found[room, username] = max(typing_for, found.get((room, username), 0.0))
    return [OnlineMember(room, username, seconds) for (room, username), seconds in found.items()]


def _now() -> SQL:
    return SQL(database.now)
