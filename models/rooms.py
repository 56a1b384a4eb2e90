"""Rooms and memberships. A room is always looked up through a member. Plain functions for the database's threads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from models.database import as_tuples, batches, execute, placeholders
from models.errors import UnknownRoom
from models.models import Membership, Room

LOBBY = "lobby"
MAX_LISTED_ROOMS = 500
FIND_ROOM = """
    SELECT slug, name, description FROM membership JOIN room ON slug = room_id WHERE user_id = ? AND slug = ?
"""
FIND_AUTHORS = """
    SELECT user_id, room_id, username FROM membership JOIN "user" ON id = user_id
    WHERE (user_id, room_id) IN (VALUES {})
"""
FIND_USERNAMES = 'SELECT id, username FROM "user" WHERE id IN ({})'


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room as one of its members sees it."""

    slug: str
    name: str
    description: str


def rooms_of(member_id: int) -> list[RoomInfo]:
    """Return the member's rooms by name, at most MAX_LISTED_ROOMS."""
    found = Room.select(Room.slug, Room.name, Room.description).join(Membership).where(Membership.user == member_id)
    return [RoomInfo(*room) for room in as_tuples(found.order_by(Room.name).limit(MAX_LISTED_ROOMS))]


def room_of(member_id: int, slug: str) -> RoomInfo:
    """Return one of the member's rooms. Raise UnknownRoom, also for rooms that they do not belong to."""
    room = execute(FIND_ROOM, member_id, slug).fetchone()
    if room is None:
        raise UnknownRoom()
    return RoomInfo(*room)


def member_ids(slug: str) -> set[int]:
    """Return the ids of the members of a room."""
    return {member_id for (member_id,) in as_tuples(Membership.select(Membership.user).where(Membership.room == slug))}


def author_names(asked: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    """Return, by member id and room, the usernames of those who belong to the room."""
    found = execute(FIND_AUTHORS.format(placeholders(2, len(asked))), *chain.from_iterable(asked)).fetchall()
    return {(member_id, room): name for member_id, room, name in found}


def all_slugs() -> list[str]:
    """Return the slugs of all rooms."""
    return [slug for (slug,) in as_tuples(Room.select(Room.slug))]


def usernames(user_ids: Collection[int]) -> dict[int, str]:
    """Return the usernames of these users by id, also of those who have been removed."""
    found: dict[int, str] = {}
    for ids in batches(user_ids):
        found.update(execute(FIND_USERNAMES.format(",".join("?" * len(ids))), *ids).fetchall())
    return found
