"""The member's rooms, with what is new there: listing them, making one, looking after it, and reading on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, Cursor, Fields, InRoom
from controllers.api.message_json import EXACTLY
from controllers.api.operation import Answer, operation
from controllers.web.json_answers import encoded, etag_of
from models import memberships
from models.addresses import MAX_ROOM_NAME_CHARS
from models.errors.rooms import (
    AddressTaken,
    Archived,
    BadDescription,
    BadRoomName,
    NotYourRoom,
    StaysInRoom,
    TooManyNames,
    TooManyRooms,
    UnknownRoom,
)
from models.memberships import MAX_DESCRIPTION_CHARS
from models.rooms import RoomInfo, room_of, rooms_of

Kind = Literal["open", "closed", "direct"]
Notify = Literal["all", "mentions", "none"]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ROOM_NAME_CHARS, pattern=NO_NUL)]
Description = Annotated[str, StringConstraints(max_length=MAX_DESCRIPTION_CHARS, pattern=NO_NUL)]


class NewRoom(Fields):
    """A room to be made."""

    name: Name
    description: Description = ""
    kind: Literal["open", "closed"] = "open"


class RoomChange(Fields):
    """What is to be another one. The last three are for the member alone, the others for who looks after the room."""

    name: Name | None = None
    description: Description | None = None
    archived: bool | None = None
    notify: Notify | None = None
    muted: bool | None = None
    pinned: bool | None = None


class ReadUpTo(Fields):
    """How far the member has read."""

    seq: Cursor


@with_config(EXACTLY)
class RoomJson(TypedDict):
    """A room of the member's.

    `room` is the key that entries have, `address` stands in paths. `head` is the number of the newest entry, `at` its
    time, `posts` how many posts there are. `read` is how far the member has read, null before they have seen the room;
    `unread` posts are new since, `mentions` of them name the member. `kept` tells whether the member looks after it.
    """

    room: str
    address: str
    name: str
    description: str
    kind: Kind
    people: Annotated[list[str], Field(description="the others, in a direct room")]
    archived: bool
    notify: Notify
    muted: bool
    pinned: bool
    kept: bool
    head: int
    posts: int
    at: float
    read: int | None
    unread: int
    mentions: int


@with_config(EXACTLY)
class RoomList(TypedDict):
    """All rooms of the member, by name."""

    rooms: list[RoomJson]


@operation("GET", "rooms")
async def list_rooms(call: Call) -> Answer[RoomList]:
    """List the member's rooms."""
    rooms = await call.site.query_cache.get(rooms_of, call.member.id)
    content = encoded({"rooms": await _described(call, rooms)})
    return Answer(content, etag=etag_of(content))


@operation("POST", "rooms", statuses=(201,), refusals=(BadRoomName, BadDescription, AddressTaken, TooManyRooms))
async def make_room(call: Call, body: NewRoom) -> Answer[RoomJson]:
    """Make a room, alone in it at first."""
    call.pay()
    room = await call.site.rooms.make(call.member.id, body.name, body.description, body.kind)
    return Answer((await _described(call, [room]))[0], 201)


@operation("GET", "rooms/{room}", refusals=(UnknownRoom,))
async def get_room(call: Call, path: InRoom) -> Answer[RoomJson]:
    """Return one of the member's rooms, by any address that it has or had."""
    content = encoded((await _described(call, [await call.room(path.room)]))[0])
    return Answer(content, etag=etag_of(content))


@operation(
    "PATCH",
    "rooms/{room}",
    refusals=(
        *(UnknownRoom, NotYourRoom, StaysInRoom, Archived),
        *(BadRoomName, BadDescription, AddressTaken, TooManyNames),
    ),
)
async def change_room(call: Call, path: InRoom, body: RoomChange) -> Answer[RoomJson]:
    """Change a room, or what the member wants of it for themselves."""
    call.pay()
    room = await call.room(path.room)
    if body.archived is False:
        await call.site.rooms.archive(call.member.id, room, is_archived=False)
    if body.name is not None or body.description is not None:
        room = await call.site.rooms.describe(
            call.member.id, room, _given(body.name, room.name), _given(body.description, room.description)
        )
    if body.archived:
        await call.site.rooms.archive(call.member.id, room, is_archived=True)
    await _change_own(call, room, body)
    changed = await call.site.query_cache.get_fresh(room_of, call.member.id, room.address)
    return Answer((await _described(call, [changed]))[0])


async def _change_own(call: Call, room: RoomInfo, body: RoomChange) -> None:
    if body.notify is not None or body.muted is not None or body.pinned is not None:
        wishes = (
            _given(body.notify, room.notify),
            room.is_muted if body.muted is None else body.muted,
            room.is_pinned if body.pinned is None else body.pinned,
        )
        await call.site.write(memberships.set_own, call.member.id, room.address, *wishes)


def _given(text: str | None, before: str) -> str:
    return before if text is None else text


@operation("PUT", "rooms/{room}/read", refusals=(UnknownRoom,))
async def read_up_to(call: Call, path: InRoom, body: ReadUpTo) -> Answer[RoomJson]:
    """Move the member's read position forward, on all their devices."""
    call.pay()
    room = await call.room(path.room)
    await call.site.mark_read(call.member.id, room.slug, body.seq)
    return Answer((await _described(call, [room]))[0])


async def _described(call: Call, rooms: Sequence[RoomInfo]) -> list[RoomJson]:
    """Return rooms of the member as JSON, with what is new there."""
    slugs = [room.slug for room in rooms]
    unread = await call.site.unread.of_member(call.member.id, slugs)
    newest_at = await call.site.hub.newest_at(slugs)
    described: list[RoomJson] = []
    for room in rooms:
        new = unread[room.slug]
        described.append(
            {
                "room": room.slug,
                "address": room.address,
                "name": room.name,
                "description": room.description,
                "kind": room.kind,  # type: ignore[typeddict-item]  # one of Kind, as it is stored
                "people": list(room.people),
                "archived": room.is_archived,
                "notify": room.notify,  # type: ignore[typeddict-item]  # one of Notify
                "muted": room.is_muted,
                "pinned": room.is_pinned,
                "kept": room.is_kept_by(call.member),
                "head": new.head.seq,
                "posts": new.head.posts,
                "at": newest_at[room.slug],
                "read": new.position.seq if new.position else None,
                "unread": new.count,
                "mentions": new.mention_count,
            }
        )
    return described
