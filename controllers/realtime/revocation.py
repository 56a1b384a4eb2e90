"""Revocation: at every process, connections are closed whose sign-in has ended, and rooms are left by those removed."""

from __future__ import annotations

import asyncio

from controllers.realtime.hub import Hub
from controllers.realtime.presence import Presence
from controllers.realtime.protocol import message
from models import members, rooms, sessions
from models.errors import NotMember, Unavailable
from models.stores import Stores

RECHECK_SECONDS = 1.0  # after a check, until it is made once more
SIGNED_OUT = (4008, "You are signed out")
REMOVED = (4008, "You were removed")  # views/statics/connection.js compares this reason


class Revoker:
    """Checks, when the doorbell rings, whether all connections and memberships here still hold."""

    def __init__(self, hub: Hub, presence: Presence, stores: Stores) -> None:
        self._hub = hub
        self._presence = presence
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._people_version: object = None  # of the database's people, sessions and memberships, at the last check

    async def follow(self) -> None:
        """Check whenever something about people has changed, until cancelled."""
        async for _ in self._doorbell.rings():
            version = self._doorbell.people_version()
            if version != self._people_version:
                self._people_version = version
                await self._revoke_or_retry()
                await asyncio.sleep(RECHECK_SECONDS)
                await self._revoke_or_retry()  # for connections that were just being opened

    async def _revoke_or_retry(self) -> None:
        """Check now, or as soon as the database can be read: the doorbell does not ring again."""
        while True:
            try:
                await self._close_signed_out()
                return await self._expel_removed()
            except Unavailable:
                await asyncio.sleep(RECHECK_SECONDS)

    async def _close_signed_out(self) -> None:
        """Close the connections whose session is not valid any more; the reason tells members who were removed."""
        member_ids = {one.sign_in.session_id: one.sign_in.member.id for one in self._hub.subscribers}
        ended = member_ids.keys() - await self._read(sessions.valid_sessions, member_ids)
        removed = await self._read(members.removed_members, {member_ids[session_id] for session_id in ended})
        self._hub.close_sessions([session_id for session_id in ended if member_ids[session_id] in removed], *REMOVED)
        self._hub.close_sessions(ended, *SIGNED_OUT)

    async def _expel_removed(self) -> None:
        """Unsubscribe members from rooms to which they do not belong any more."""
        for room in self._hub.rooms():
            members = await self._read(rooms.member_ids, room)
            for subscriber in self._hub.expel(room, members):
                self._presence.leave(room, subscriber.sign_in.member)
                subscriber.send_text(message("error", code=NotMember.code, message=NotMember.sentence, room=room))
