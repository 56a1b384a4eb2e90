"""What members do to rooms, each told in the room's log: the same for pages, API and chat."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from models import memberships
from models.rooms import RoomInfo
from models.stores import Stores

Note = Callable[[str, int, str, str], Awaitable[None]]  # tells in a room's log what a member did, with a name


class RoomDeeds:
    """Makes rooms and changes them. All raise Refusal."""

    def __init__(self, stores: Stores, note: Note) -> None:
        self._write = stores.write
        self._note = note

    async def make(self, member_id: int, name: str, description: str, kind: str) -> RoomInfo:
        """Make an open or closed room."""
        room: RoomInfo = await self._write(memberships.make_room, member_id, name, description, kind)
        await self._note(room.slug, member_id, "made", "")
        return room

    async def describe(self, member_id: int, room: RoomInfo, name: str, description: str) -> RoomInfo:
        """Give a room a name and a description; return it as it is now."""
        changed: RoomInfo = await self._write(memberships.change_room, member_id, room.address, name, description)
        if changed.name != room.name:
            await self._note(room.slug, member_id, "renamed", changed.name)
        if changed.description != room.description:
            await self._note(room.slug, member_id, "described", "")
        return changed

    async def archive(self, member_id: int, room: RoomInfo, is_archived: bool) -> None:
        """Make a room read-only, or let people write again."""
        await self._write(memberships.archive, member_id, room.address, is_archived)
        if is_archived != room.is_archived:
            await self._note(room.slug, member_id, "archived" if is_archived else "opened", "")
