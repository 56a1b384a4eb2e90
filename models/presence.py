"""Who is connected where, and who is writing: state that each process keeps about its own connections.

All times are by the database's clock, since those of the machines differ, and are told as how long something lasts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from peewee import SQL

from models.database import as_tuples, database, execute, writing
from models.models import PresenceRow, Process, User

SILENCE = 10.0  # seconds without a beat after which a process is taken for dead
FORGET = 60.0  # seconds after which its rows are removed
GRACE = 5.0  # seconds that a member has to come back before the others are told that they left
PUT = """
    INSERT INTO presence (process_id, room_id, user_id, connections, typing_until) VALUES (?, ?, ?, ?, {now} + ?)
    ON CONFLICT (process_id, room_id, user_id) DO UPDATE
    SET connections = excluded.connections, typing_until = excluded.typing_until
"""


@dataclass(frozen=True, slots=True)
class LocalPresence:
    """What a process knows of one member in one room; no connections: they left. `typing_for` in seconds."""

    room: str
    member_id: int
    connections: int
    typing_for: float


@dataclass(frozen=True, slots=True)
class OnlineMember:
    """A member who is in a room, at whatever process, and writes for `typing_for` seconds more, if that is over 0."""

    room: str
    username: str
    typing_for: float


def report(process: str, here: Collection[LocalPresence]) -> bool:
    """Say that `process` lives, and what has changed there; tell whether nothing was known of it before.

    A process that slept, or whose database saw its clock jump, may be forgotten although it lives.
    """
    now, put = _now(), PUT.format(now=database.now)
    with writing():
        Process.delete().where(~Process.beat_at.between(now - FORGET, now + FORGET)).execute()
        is_new: bool
        row, is_new = Process.get_or_create(id=process, defaults={"beat_at": now})
        Process.update(beat_at=now, version=row.version + bool(here)).where(Process.id == process).execute()
        for one in here:
            execute(put, process, one.room, one.member_id, one.connections, one.typing_for)
        PresenceRow.delete().where(PresenceRow.process == process, PresenceRow.connections == 0).execute()
    return is_new


def stop(process: str) -> None:
    """Let the rows of a process that stops lapse after the grace in which its members come back elsewhere."""
    with writing():
        Process.update(beat_at=_now() - SILENCE + GRACE).where(Process.id == process).execute()


def versions() -> dict[str, int]:
    """Return what tells cheaply whether presence has changed: the living processes' versions."""
    now = _now()
    alive = Process.beat_at.between(now - SILENCE, now + SILENCE)  # a clock that was put back leaves beats to come
    return dict(as_tuples(Process.select(Process.id, Process.version).where(alive)))


def everybody() -> list[OnlineMember]:
    """Return who is where, each member once for each room, by name."""
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
