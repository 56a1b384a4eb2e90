"""Revocation: at every process, connections are closed whose sign-in has ended, and rooms are left by those removed."""

from __future__ import annotations

import asyncio

from controllers.realtime.hub import Hub
from controllers.realtime.presence import Presence
from controllers.realtime.protocol import message
from models import members, rooms, sessions, tokens
from models.errors.rooms import NotMember
from models.errors.stores import Unavailable
from models.stores import Stores

RECHECK_SECONDS = 1.0  # after a check, until it is made once more
SIGNED_OUT = (4008, "You are signed out")
REMOVED = (4008, "You were removed")  # programs tell by this reason that to sign in does not help


class Revoker:
    """Checks, when the doorbell rings, whether all connections and memberships here still hold."""

    def __init__(self, hub: Hub, presence: Presence, stores: Stores) -> None:
        self._hub = hub
        self._presence = presence
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._people_version: object = None  # of the database's people, sessions and memberships, at the last check
        self._rooms_version = -1  # up to which changes of rooms and memberships were followed; -1: at the start

    async def follow(self) -> None:
        """Check whenever something about people has changed, until cancelled."""
        async for _ in self._doorbell.rings():
            version = self._doorbell.people_version()
            if version != self._people_version:
                self._people_version = version
                rooms_version = await self._revoke_or_retry(self._rooms_version)
                await asyncio.sleep(RECHECK_SECONDS)
                await self._revoke_or_retry(self._rooms_version)  # for connections and joins that were under way
                self._rooms_version = rooms_version

    async def _revoke_or_retry(self, rooms_version: int) -> int:
        """Check now, or as soon as the database can be read: the doorbell does not ring again."""
        while True:
            try:
                await self._close_signed_out()
                await self._end_waiting()
                return await self._follow_rooms(rooms_version)
            except Unavailable:
                await asyncio.sleep(RECHECK_SECONDS)

    async def _close_signed_out(self) -> None:
        """Close the connections whose session is not valid any more; the reason tells members who were removed."""
        member_ids = {one.sign_in.session_id: one.sign_in.member.id for one in self._hub.subscribers}
        ended = member_ids.keys() - await self._read(sessions.valid_sessions, member_ids)
        removed = await self._read(members.removed_members, {member_ids[session_id] for session_id in ended})
        self._hub.close_sessions([session_id for session_id in ended if member_ids[session_id] in removed], *REMOVED)
        self._hub.close_sessions(ended, *SIGNED_OUT)

    async def _end_waiting(self) -> None:
        """End the requests that wait and whose session or token is not valid any more."""
        waiting = self._hub.waiting
        if waiting:
            open_sessions = await self._read(sessions.valid_sessions, waiting.session_ids())
            good_tokens = await self._read(tokens.valid_tokens, waiting.token_ids())
            waiting.end_all_but(open_sessions, good_tokens)

    async def _follow_rooms(self, version: int) -> int:
        """Unsubscribe members from rooms that they are not in any more, and tell those concerned of their rooms.

        Look at what has changed after `version`, and return the version now.
        """
        changes = await self._read(rooms.changed_since, version)
        if version < 0:  # nobody can be connected yet
            return changes.version
        activity = self._hub.activity
        concerned = changes.member_ids | {one for room in changes.altered for one in activity.members_of(room)}
        for room in changes.left:
            members = await self._read(rooms.member_ids, room)
            concerned |= set(activity.members_of(room)) - members
            self._expel(room, members)
        activity.refresh(concerned)
        return changes.version

    def _expel(self, room: str, members: set[int]) -> None:
        """Unsubscribe from a room who is not among its members."""
        for subscriber in self._hub.expel(room, members):
            self._presence.leave(room, subscriber.sign_in.member)
            subscriber.send_text(message("error", code=NotMember.code, message=NotMember.sentence, room=room))
