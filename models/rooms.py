"""Rooms and memberships. A room is always looked up through a member. Plain functions for the database's threads."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from models import mentions
from models.database import as_tuples, batches, execute, placeholders
from models.engines.base import Row
from models.errors.rooms import UnknownRoom
from models.errors.tasks import NotInRoom
from models.members import Member, member_of
from models.models import LOBBY, Membership, Room, User
from models.names import MAX_TYPED_CHARS, fold
from models.rules import Author

OPEN, CLOSED, DIRECT = "open", "closed", "direct"
MAX_ROOMS = 500  # of one member: the sidebar has them all
MAX_SHARED_ROOMS = 5_000  # whose texts are kept once for all their members: half a kilobyte each
MAX_LISTED_ROOMS = 500  # that one may join, on one page
MAX_LISTED_PEOPLE = 1000  # of a room, on one page

COLUMNS = """
    slug, name, description, kind, room.address, keeper_id,
    archived_at IS NOT NULL, notify, is_muted, pinned_at IS NOT NULL
"""
FIND_ROOM = f"""
    SELECT {COLUMNS} FROM address JOIN room ON slug = address.room_id
    JOIN membership ON membership.room_id = slug AND user_id = ? WHERE address.address = ?
"""  # noqa: S608 - of constants, as the others are
FIND_ROOMS = f"""
    SELECT {COLUMNS} FROM membership JOIN room ON slug = room_id WHERE user_id = ? LIMIT ?
"""  # noqa: S608
FIND_PEOPLE = """
    SELECT room_id, username FROM membership JOIN "user" ON id = user_id
    WHERE room_id IN ({}) AND user_id <> ? ORDER BY folded
"""
FIND_AUTHORS = """
    SELECT user_id, room_id, username, is_admin, archived_at, is_bot FROM membership
    JOIN "user" ON id = user_id JOIN room ON slug = room_id
    WHERE (user_id, room_id) IN (VALUES {})
"""
FIND_NAMED = """
    SELECT folded, id, username FROM "user" JOIN membership ON user_id = id WHERE room_id = ? AND folded IN ({})
"""
# People are counted only in the rooms of the page.
FIND_OPEN_ROOMS = """
    SELECT address, name, description, (SELECT COUNT(*) FROM membership WHERE room_id = slug)
    FROM (
        SELECT slug, address, name, description FROM room
        WHERE kind = 'open' AND archived_at IS NULL
        AND NOT EXISTS (SELECT 1 FROM membership WHERE room_id = slug AND user_id = ?)
        ORDER BY name LIMIT ?
    ) AS listed ORDER BY name
"""
ROOMS_VERSION = "SELECT value FROM setting WHERE name = 'rooms_version'"
CHANGED_MEMBERS = "SELECT user_id FROM membership WHERE changed_version > ?"
# The name of a direct room is that of those who are left.
ALTERED_ROOMS = "SELECT slug FROM room WHERE changed_version > ? OR (left_version > ? AND kind = 'direct')"
LEFT_ROOMS = "SELECT slug FROM room WHERE left_version > ?"
FIND_USERNAMES = 'SELECT id, username FROM "user" WHERE id IN ({})'
FIND_WRITERS = 'SELECT id, username, is_bot FROM "user" WHERE id IN ({})'


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room as one of its members sees it: with what is their own there.

    `people` are the others in a direct room, and its name is theirs.
    """

    slug: str
    name: str
    description: str
    kind: str
    address: str
    keeper_id: int | None
    is_archived: bool
    notify: str
    is_muted: bool
    is_pinned: bool
    people: tuple[str, ...] = ()

    def is_kept_by(self, member: Member) -> bool:
        """Return whether this member looks after the room."""
        return self.kind != DIRECT and (member.is_admin or member.id == self.keeper_id)

    @property
    def can_be_left(self) -> bool:
        """Whether it is a room for itself, and not that of everybody or of certain people."""
        return self.slug != LOBBY and self.kind != DIRECT


@dataclass(frozen=True, slots=True)
class OpenRoom:
    """A room that one may join, and how many people are in it."""

    address: str
    name: str
    description: str
    people_count: int


class Writer(NamedTuple):
    """Who has written an entry."""

    username: str
    is_bot: bool


class RoomChanges(NamedTuple):
    """What has changed up to `version`: memberships of `member_ids` that are new or changed; rooms that have another
    name, description, address or state (`altered`); rooms that somebody has left or was removed from (`left`).
    """

    version: int
    member_ids: set[int]
    altered: set[str]
    left: set[str]


def rooms_of(member_id: int) -> list[RoomInfo]:
    """Return all rooms of a member, by name."""
    rooms = [_info(row) for row in execute(FIND_ROOMS, member_id, MAX_ROOMS).fetchall()]
    return sorted(_with_people(member_id, rooms), key=lambda room: (fold(room.name), room.slug))


def room_of(member_id: int, address: str) -> RoomInfo:
    """Return the room of a member that has or had this address.

    Raise UnknownRoom, also for rooms that they do not belong to.
    """
    row = execute(FIND_ROOM, member_id, address).fetchone()
    if row is None:
        raise UnknownRoom()
    return _with_people(member_id, [_info(row)])[0]


def _info(row: Row) -> RoomInfo:
    slug, name, description, kind, address, keeper_id, is_archived, notify, is_muted, is_pinned = row
    slug, name, description, kind, address, notify = _shared(slug, name, description, kind, address, notify)
    own = bool(is_muted), bool(is_pinned)
    return RoomInfo(slug, name, description, kind, address, keeper_id, bool(is_archived), notify, *own)


@functools.lru_cache(MAX_SHARED_ROOMS)
def _shared(*texts: str) -> tuple[str, ...]:
    """Return the texts of a room as they are kept already, for another member."""
    return texts


def _with_people(member_id: int, rooms: list[RoomInfo]) -> list[RoomInfo]:
    """Return the rooms, the direct ones with the names of the others."""
    people: dict[str, list[str]] = {}
    for slugs in batches([room.slug for room in rooms if room.kind == DIRECT]):
        found = execute(FIND_PEOPLE.format(",".join("?" * len(slugs))), *slugs, member_id).fetchall()
        for slug, name in found:
            people.setdefault(slug, []).append(name)
    return [
        replace(room, people=tuple(people.get(room.slug, ())), name=", ".join(people.get(room.slug, ())))
        if room.kind == DIRECT
        else room
        for room in rooms
    ]


def open_rooms(member_id: int) -> list[OpenRoom]:
    """Return the rooms that a member may join, by name, at most MAX_LISTED_ROOMS."""
    found = execute(FIND_OPEN_ROOMS, member_id, MAX_LISTED_ROOMS).fetchall()
    return [OpenRoom(*row) for row in found]


def people_of(slug: str) -> list[Member]:
    """Return the members of a room by name, at most MAX_LISTED_PEOPLE."""
    found = User.select().join(Membership).where(Membership.room == slug).order_by(User.folded)
    return [member_of(user) for user in found.limit(MAX_LISTED_PEOPLE)]


def count_people(slug: str) -> int:
    """Return how many members a room has."""
    count: int = Membership.select().where(Membership.room == slug).count()
    return count


def member_ids(slug: str) -> set[int]:
    """Return the ids of the members of a room."""
    return {member_id for (member_id,) in as_tuples(Membership.select(Membership.user).where(Membership.room == slug))}


def authors(asked: Collection[tuple[int, str]]) -> dict[tuple[int, str], Author]:
    """Return, by member id and room, those who belong to the room."""
    found = execute(FIND_AUTHORS.format(placeholders(2, len(asked))), *chain.from_iterable(asked)).fetchall()
    return {
        (member_id, room): Author(name, bool(is_admin), archived_at is not None, bool(is_bot))
        for member_id, room, name, is_admin, archived_at, is_bot in found
    }


def find_named(slug: str, body: str) -> dict[int, str]:
    """Return the members of a room whom `body` mentions: their names by their ids."""
    found = mentions.candidates(body)
    names = list({name for some in found for name in some})
    members: dict[str, tuple[int, str]] = {}
    for some in batches(names):
        rows = execute(FIND_NAMED.format(",".join("?" * len(some))), slug, *some).fetchall()
        members.update({folded: (member_id, username) for folded, member_id, username in rows})
    return mentions.choose(found, members)


def find_in_room(slug: str, name: str) -> str:
    """Return the name of a member of a room as they spell it. Raise NotInRoom."""
    row = execute(FIND_NAMED.format("?"), slug, fold(name)).fetchone() if len(name) <= MAX_TYPED_CHARS else None
    if row is None:
        raise NotInRoom()
    username: str = row[2]
    return username


def all_slugs() -> list[str]:
    """Return the slugs of all rooms."""
    return [slug for (slug,) in as_tuples(Room.select(Room.slug))]


def usernames(user_ids: Collection[int]) -> dict[int, str]:
    """Return the usernames of these users by id, also of those who have been removed."""
    found: dict[int, str] = {}
    for ids in batches(user_ids):
        found.update(execute(FIND_USERNAMES.format(",".join("?" * len(ids))), *ids).fetchall())
    return found


def writers(user_ids: Collection[int]) -> dict[int, Writer]:
    """Return who these users are by id, also those who have been removed."""
    found: dict[int, Writer] = {}
    for ids in batches(user_ids):
        rows = execute(FIND_WRITERS.format(",".join("?" * len(ids))), *ids).fetchall()
        found.update({user_id: Writer(username, bool(is_bot)) for user_id, username, is_bot in rows})
    return found


def changed_since(version: int) -> RoomChanges:
    """Return what of rooms and memberships has changed after `version`, and the version now."""
    (now,) = execute(ROOMS_VERSION).fetchone()
    joined = execute(CHANGED_MEMBERS, version).fetchall()
    altered = execute(ALTERED_ROOMS, version, version).fetchall()
    left = execute(LEFT_ROOMS, version).fetchall()
    return RoomChanges(int(now), {row[0] for row in joined}, {row[0] for row in altered}, {row[0] for row in left})
