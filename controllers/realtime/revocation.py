"""Ends what was taken away, at whichever process: sessions, and memberships of rooms."""

from __future__ import annotations

import asyncio

from controllers.realtime.hub import Hub
from controllers.realtime.presence import Presence
from controllers.realtime.protocol import message
from models import accounts, rooms
from models.errors import NotMember, Unavailable
from models.stores import Stores

RECHECK_SECONDS = 1.0  # seconds between two looks
SIGNED_OUT = (4008, "You are signed out")
REMOVED = (4008, "You were removed")  # the page looks for these words


class Revoker:
    """Looks, when the doorbell rings, whether this process still serves somebody whom it may not."""

    def __init__(self, hub: Hub, presence: Presence, stores: Stores) -> None:
        self._hub = hub
        self._presence = presence
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._version: object = None  # of what the database says about people, when we looked last

    async def follow(self) -> None:
        """Look whenever something about people has changed, until cancelled."""
        async for _ in self._doorbell.rings():
            version = self._doorbell.people_version()
            if version != self._version:
                self._version = version
                await self._look_at_last()
                await asyncio.sleep(RECHECK_SECONDS)
                await self._look_at_last()  # for those who were just being let in

    async def _look_at_last(self) -> None:
        """Look, however long the database is locked: a ring must not be lost."""
        while True:
            try:
                await self._end_sessions()
                return await self._expel()
            except Unavailable:
                await asyncio.sleep(RECHECK_SECONDS)

    async def _end_sessions(self) -> None:
        """End those whose session does not hold any more; what the clocks say about it may be wrong."""
        here = {subscriber.sign_in.session_id: subscriber.sign_in.member.id for subscriber in self._hub.subscribers}
        ended = here.keys() - await self._read(accounts.valid_sessions, here)
        removed = await self._read(accounts.removed_members, {here[session_id] for session_id in ended})
        self._hub.close_sessions([session_id for session_id in ended if here[session_id] in removed], *REMOVED)
        self._hub.close_sessions(ended, *SIGNED_OUT)

    async def _expel(self) -> None:
        for room in self._hub.rooms():
            members = await self._read(rooms.member_ids, room)
            for subscriber in self._hub.expel(room, members):
                self._presence.leave(room, subscriber.sign_in.member)
                subscriber.say(message("error", code=NotMember.code, message=NotMember.sentence, room=room))
