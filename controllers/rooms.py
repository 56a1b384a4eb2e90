"""The room's page: newest messages, pages of the past, and posting by form. It works without a script."""

from __future__ import annotations

import secrets

from controllers.handlers import BaseHandler, status_of
from controllers.wire import LONGEST_NAME
from models.errors import Refusal
from models.log import Draft, clean_body
from models.rooms import RoomInfo, room_of, rooms_of

PAGE = 50  # messages
MOST_NAMES = 100  # in the sidebar; the count tells of the rest


class RoomHandler(BaseHandler):
    """One room of the member's."""

    async def get(self, slug: str) -> None:
        room = await self.site.memory.read(room_of, self.member.id, slug)
        await self.show(room)

    async def post(self, slug: str) -> None:
        """Post without a script; the nonce of the form makes sending it twice the same as once."""
        room = await self.site.memory.read(room_of, self.member.id, slug)
        body = self.get_body_argument("body", "", strip=False)
        try:
            await self.append(room, body)
        except Refusal as refusal:
            self.set_status(status_of(refusal))
            await self.show(room, body, self.translate(refusal.sentence))
            return
        self.redirect(f"/rooms/{room.slug}#newest")

    async def append(self, room: RoomInfo, body: str) -> None:
        """Append a post to the room and let the Hub tell everybody."""
        body = clean_body(body, self.site.limits.max_message)
        self.site.limiter.take(self.member.id)
        nonce = self.get_body_argument("nonce", "")
        if not 0 < len(nonce) <= LONGEST_NAME:
            nonce = secrets.token_hex(16)
        await self.site.hub.append(Draft(room.slug, self.member.id, body, nonce))

    async def show(self, room: RoomInfo, body: str = "", error: str | None = None) -> None:
        """Show a page of the room, with what could not be posted in its composer."""
        before = self.before()
        if before is None:
            entries = await self.site.hub.newest(room.slug, PAGE + 1)
        else:
            entries = await self.site.log.before(room.slug, before, PAGE + 1)
        older = entries[PAGE - 1].seq if len(entries) > PAGE else None
        shown = entries[:PAGE][::-1]
        online = self.site.presence.online(room.slug)
        self.render(
            "room.html",
            room=room,
            rooms=await self.site.memory.read(rooms_of, self.member.id),
            rows=self.site.artist.rows(shown, self.locale, self.member.username),
            older=older,
            newest=before is None,
            head=shown[-1].seq if shown else 0,
            body=body,
            error=error,
            nonce=secrets.token_hex(16),
            online=online[:MOST_NAMES],
            online_count=len(online),
            transports=self.site.limits.transports,
            max_message=self.site.limits.max_message,
        )

    def before(self) -> int | None:
        """Return the seq before which the page of the past ends."""
        before = self.get_query_argument("before", "")
        return int(before) if before.isdecimal() and len(before) < 16 else None
