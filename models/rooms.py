"""The verbs on rooms. A room is always looked up through a member: what is not theirs does not exist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from models.database import execute, rows, values
from models.errors import UnknownRoom
from models.models import Membership, Room

LOBBY = "lobby"
MOST_ROOMS = 500  # in one list
FIND_ROOM = """
    SELECT slug, name, description FROM membership JOIN room ON slug = room_id WHERE user_id = ? AND slug = ?
"""
FIND_AUTHORS = """
    SELECT user_id, room_id, username FROM membership JOIN "user" ON id = user_id
    WHERE (user_id, room_id) IN (VALUES {})
"""
FIND_NAMES = 'SELECT id, username FROM "user" WHERE id IN ({})'
MOST_NAMES = 500  # in one query


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room as one of its members sees it."""

    slug: str
    name: str
    description: str


def rooms_of(member_id: int) -> list[RoomInfo]:
    """Return the member's rooms by name."""
    found = Room.select(Room.slug, Room.name, Room.description).join(Membership).where(Membership.user == member_id)
    return [RoomInfo(*room) for room in rows(found.order_by(Room.name).limit(MOST_ROOMS))]


def room_of(member_id: int, slug: str) -> RoomInfo:
    """Return one of the member's rooms. Raise UnknownRoom, also for rooms of others."""
    room = execute(FIND_ROOM, member_id, slug).fetchone()
    if room is None:
        raise UnknownRoom()
    return RoomInfo(*room)


def member_ids(slug: str) -> set[int]:
    """Return who belongs to a room."""
    return {member_id for (member_id,) in rows(Membership.select(Membership.user).where(Membership.room == slug))}


def authors(asked: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return the names of those of these members who belong to these rooms."""
    found = execute(FIND_AUTHORS.format(values(2, len(asked))), *chain.from_iterable(asked)).fetchall()
    return {(member_id, room): name for member_id, room, name in found}


def slugs() -> list[str]:
    """Return all rooms."""
    return [slug for (slug,) in rows(Room.select(Room.slug))]


def names(ids: Collection[int]) -> dict[int, str]:
    """Return what these people are called, also those who were removed."""
    found: dict[int, str] = {}
    asked = list(ids)
    for start in range(0, len(asked), MOST_NAMES):
        some = asked[start : start + MOST_NAMES]
        found.update(execute(FIND_NAMES.format(",".join("?" * len(some))), *some).fetchall())
    return found
