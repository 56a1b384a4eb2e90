"""Making rooms, joining and leaving them, and looking after them. Plain functions for the database's threads."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection, Iterable

from models import reads
from models.addresses import choose_address, clean_room_name, keep_address
from models.database import as_tuples, execute, writing
from models.errors.accounts import UnknownMember
from models.errors.rooms import (
    Archived,
    BadDescription,
    BadPeople,
    NotYourRoom,
    OtherInTooManyRooms,
    StaysInRoom,
    TooManyRooms,
)
from models.members import Member, find_user, get_member, member_of
from models.models import LOBBY, Address, Membership, Room
from models.reads import Move, Position
from models.rooms import CLOSED, DIRECT, MAX_ROOMS, OPEN, RoomInfo, room_of

MAX_DESCRIPTION_CHARS = 250
MAX_DIRECT_PEOPLE = 8
# Nobody looks after the lobby, where everybody is, and after direct rooms.
HAND_OVER = f"""
    UPDATE room SET keeper_id = (
        SELECT user_id FROM membership WHERE room_id = ? ORDER BY joined_at, user_id LIMIT 1
    )
    WHERE slug = ? AND kind <> '{DIRECT}' AND slug <> '{LOBBY}'
    AND NOT EXISTS (SELECT 1 FROM membership WHERE room_id = slug AND user_id = keeper_id)
"""  # noqa: S608 - of constants
# What is posted from now on is not for the bot, also if it is let in again: somebody switches its hooks on then.
SWITCH_OFF = "UPDATE hook SET off_at = ? WHERE room_id = ? AND bot_id = ? AND kind = 'out' AND off_at IS NULL"
SWITCH_ALL_OFF = "UPDATE hook SET off_at = ? WHERE bot_id = ? AND kind = 'out' AND off_at IS NULL"
NOTIFY = ("all", "mentions", "none")


def make_room(member_id: int, name: str, description: str, kind: str) -> RoomInfo:
    """Store a new open or closed room that the member looks after, alone in it at first.

    Raise BadRoomName, BadDescription, AddressTaken, TooManyRooms.
    """
    name, description = clean_room_name(name), _clean_description(description)
    with writing():
        address = choose_address(name, is_secret=kind == CLOSED)
        Room.create(slug=address, name=name, description=description, kind=kind, keeper=member_id)
        _add_people(member_id, address, [member_id])
        reads.move([Move(member_id, address, 0, 0)])
        return room_of(member_id, address)


def open_direct(member_id: int, names: Iterable[str]) -> RoomInfo:
    """Return the room of a member and of the people of these names, made if there is none.

    Raise UnknownMember, BadPeople, TooManyRooms, OtherInTooManyRooms.
    """
    names = list(names)
    if len(names) > MAX_DIRECT_PEOPLE:
        raise BadPeople()
    with writing():
        people = {member_id}
        for name in names:
            user = find_user(name)
            if user is None:
                raise UnknownMember()
            people.add(user.id)
        if not 2 <= len(people) <= MAX_DIRECT_PEOPLE:
            raise BadPeople()
        key = ",".join(map(str, sorted(people)))
        room = Room.get_or_none(Room.people_key == key)
        if room is None:
            address = f"d-{secrets.token_hex(8)}"
            Room.create(slug=address, name="", kind=DIRECT, people_key=key)
            _add_people(member_id, address, people)
            reads.move([Move(one, address, 0, 0) for one in people])
            return room_of(member_id, address)
        return room_of(member_id, room.address)


def join(member_id: int, address: str) -> tuple[RoomInfo, bool]:
    """Let a member into an open room; return it, and whether they were not in it before.

    Raise UnknownRoom, also for closed ones; TooManyRooms.
    """
    with writing():
        found = Room.select().join(Address).where(Address.address == address)
        room = found.where(Room.kind == OPEN, Room.archived_at.is_null()).first()
        is_new = room is not None and _add_people(member_id, room.slug, [member_id])
        return room_of(member_id, address), is_new


def let_in(member_id: int, address: str, name: str, position: Position) -> tuple[Member, bool]:
    """Let a member of this name into a room in which one is oneself; return them, and whether they were not in it.

    What comes after `position` is new to them.

    Raise UnknownRoom, Archived, NotYourRoom, UnknownMember, OtherInTooManyRooms.
    """
    with writing():
        room = room_of(member_id, address)
        if room.is_archived:
            raise Archived()
        if room.kind == DIRECT:
            raise NotYourRoom()
        user = find_user(name)
        if user is None:
            raise UnknownMember()
        is_new = _add_people(member_id, room.slug, [user.id])
        if is_new:
            reads.move([Move(user.id, room.slug, *position)])
        return member_of(user), is_new


def _add_people(adder_id: int, slug: str, member_ids: Collection[int]) -> bool:
    """Make people members of a room; return whether one of them was not yet.

    Raise TooManyRooms; OtherInTooManyRooms if that is somebody else than who adds them.
    """
    before = Membership.select(Membership.user).where(Membership.room == slug, Membership.user.in_(list(member_ids)))
    missing = set(member_ids) - {member_id for (member_id,) in as_tuples(before)}
    for member_id in missing:
        if Membership.select().where(Membership.user == member_id).count() >= MAX_ROOMS:
            raise TooManyRooms() if member_id == adder_id else OtherInTooManyRooms()
        Membership.create(room=slug, user=member_id)
    _hand_over(slug)
    return bool(missing)


def leave(member_id: int, address: str) -> None:
    """Take a member out of a room. Raise UnknownRoom, StaysInRoom."""
    with writing():
        room = room_of(member_id, address)
        _take_out(room, member_id)


def put_out(member_id: int, address: str, other_id: int) -> Member:
    """Take another out of a room that one looks after; return them.

    Raise UnknownRoom, NotYourRoom, StaysInRoom, UnknownMember.
    """
    with writing():
        room = kept_room(member_id, address)
        if not Membership.select().where(Membership.room == room.slug, Membership.user == other_id).exists():
            raise UnknownMember()
        _take_out(room, other_id)
        return get_member(other_id)


def _take_out(room: RoomInfo, member_id: int) -> None:
    if not room.can_be_left:
        raise StaysInRoom()
    Membership.delete().where(Membership.room == room.slug, Membership.user == member_id).execute()
    execute(SWITCH_OFF, time.time(), room.slug, member_id)
    _hand_over(room.slug)


def take_out_everywhere(member_id: int) -> None:
    """Take a member who is removed from the site out of all rooms."""
    with writing():
        Membership.delete().where(Membership.user == member_id).execute()
        execute(SWITCH_ALL_OFF, time.time(), member_id)
        for (slug,) in as_tuples(Room.select(Room.slug).where(Room.keeper == member_id)):
            _hand_over(slug)


def _hand_over(slug: str) -> None:
    """Let who is in a room longest look after it, if who did so is not there any more."""
    execute(HAND_OVER, slug, slug)


def kept_room(member_id: int, address: str) -> RoomInfo:
    """Return a room that a member looks after. Raise UnknownRoom, NotYourRoom."""
    room = room_of(member_id, address)
    if not room.is_kept_by(get_member(member_id)):
        raise NotYourRoom()
    return room


def change_room(member_id: int, address: str, name: str, description: str) -> RoomInfo:
    """Store another name and description; a new name makes a new address, and the old ones lead there.

    Raise UnknownRoom, NotYourRoom, Archived, BadRoomName, BadDescription, AddressTaken, TooManyNames.
    """
    name, description = clean_room_name(name), _clean_description(description)
    with writing():
        room = kept_room(member_id, address)
        if room.is_archived:
            raise Archived()
        address = room.address
        if name != room.name and room.slug != LOBBY:
            address = choose_address(name, room.kind == CLOSED, room.slug)
            keep_address(address, room.slug)
        Room.update(name=name, description=description, address=address).where(Room.slug == room.slug).execute()
        return room_of(member_id, address)


def archive(member_id: int, address: str, is_archived: bool) -> None:
    """Make a room read-only, or let people write again. Raise UnknownRoom, NotYourRoom, StaysInRoom."""
    with writing():
        room = kept_room(member_id, address)
        if not room.can_be_left:
            raise StaysInRoom()
        Room.update(archived_at=time.time() if is_archived else None).where(Room.slug == room.slug).execute()


def set_own(member_id: int, address: str, notify: str, is_muted: bool, is_pinned: bool) -> None:
    """Store what one wants of a room for oneself. Raise UnknownRoom."""
    with writing():
        room = room_of(member_id, address)
        pinned_at = time.time() if is_pinned else None
        own = Membership.update(notify=notify, is_muted=is_muted, pinned_at=pinned_at)
        own.where(Membership.room == room.slug, Membership.user == member_id).execute()


def _clean_description(description: str) -> str:
    """Return a description as it is stored: in one line. Raise BadDescription."""
    if len(description) > 4 * MAX_DESCRIPTION_CHARS:
        raise BadDescription()
    description = " ".join(description.replace("\0", "").split())
    if len(description) > MAX_DESCRIPTION_CHARS:
        raise BadDescription()
    return description
