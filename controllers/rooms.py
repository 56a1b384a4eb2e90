"""The list of rooms, and a room's page: newest messages, older pages, posting by form. All work without a script."""

from __future__ import annotations

import dataclasses
import secrets

from controllers.base import MAX_SIDEBAR_NAMES, BaseHandler
from controllers.web import headers
from controllers.web.cookies import DEVICE_COOKIE_DAYS, LAST_ROOM_COOKIE
from controllers.web.page_cache import CachedPageHandler
from models.errors import Refusal, Unavailable
from models.logs.base import MAX_NONCE_CHARS, Entry
from models.members import list_members
from models.rooms import RoomInfo, room_of, rooms_of

PAGE_MESSAGES = 50
MAX_TEXT_BYTES = 256 * 1024  # a text too long for a message is shown again in the composer, up to a request's limit
CHAT_PATH = "/chat/"  # from which jsonp-polling loads its scripts


class RoomsHandler(BaseHandler):
    """The list of the member's rooms."""

    async def get(self) -> None:
        self.render("rooms.html", **await self.sidebar())


class RoomHandler(CachedPageHandler, BaseHandler):
    """The page of a room that the member is in."""

    max_bytes = {"body": MAX_TEXT_BYTES}
    unanswered = ""  # the nonce of a post of which it is unknown whether it was stored

    async def get(self, slug: str) -> None:
        room = await self.site.query_cache.get(room_of, self.member.id, slug)
        self.remember(room)
        await self.show(room)

    def remember(self, room: RoomInfo) -> None:
        """Let the home page lead to this room the next time."""
        if self.get_cookie(LAST_ROOM_COOKIE) != room.slug:
            self.set_own_cookie(LAST_ROOM_COOKIE, room.slug, DEVICE_COOKIE_DAYS)

    async def post(self, slug: str) -> None:
        """Post without a script; the nonce of the form makes sending it twice the same as once."""
        room = await self.site.query_cache.get(room_of, self.member.id, slug)
        body = self.get_typed("body")
        try:
            await self.append(room, body)
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(room, body, self.translate(refusal.sentence))
            return
        self.redirect(f"/rooms/{room.slug}#newest")

    async def append(self, room: RoomInfo, body: str) -> None:
        """Append a post to the room. Raise Refusal."""
        nonce = self.get_body_argument("nonce", "")
        if not 0 < len(nonce) <= MAX_NONCE_CHARS:
            nonce = secrets.token_hex(16)
        draft = self.site.make_draft(room.slug, self.member, body, nonce)
        try:
            entry = await self.site.hub.append(draft)
        except Unavailable:
            self.unanswered = nonce
            raise
        if entry.body != draft.body:  # an earlier try was stored after all, and the text was changed since
            await self.site.hub.append(dataclasses.replace(draft, nonce=secrets.token_hex(16)))

    async def show(self, room: RoomInfo, body: str = "", error: str | None = None) -> None:
        """Show a page of the room, with a text that could not be posted in its composer."""
        before = self.before()
        if before is None:
            entries = await self.site.hub.newest(room.slug, PAGE_MESSAGES + 1)
        else:
            entries = await self.site.log.before(room.slug, before, PAGE_MESSAGES + 1)
        online = self.site.presence.online(room.slug)
        self.set_header("Content-Security-Policy", headers.page_policy(self.request, *self.scripts, CHAT_PATH))
        await self.finish_cached(
            "room.html",
            self.site.page_cache,
            self.site.renderer,
            entries[:PAGE_MESSAGES][::-1],
            self.unanswered or secrets.token_hex(16),
            room=room,
            rooms=tuple(await self.site.query_cache.get(rooms_of, self.member.id)),
            older=entries[PAGE_MESSAGES - 1].seq if len(entries) > PAGE_MESSAGES else None,
            newest=before is None,
            lonely=await self.is_lonely(entries),
            body=body,
            error=error,
            online=tuple(online[:MAX_SIDEBAR_NAMES]),
            online_count=len(online),
            max_message=self.site.limits.max_message,
            transports=self.site.limits.transports,
        )

    async def is_lonely(self, entries: list[Entry]) -> bool:
        """Tell whether this is an administrator, the only member, in a room without a message."""
        if entries or not self.member.is_admin:
            return False
        return len(await self.site.query_cache.get(list_members)) == 1

    def before(self) -> int | None:
        """Return the seq before which an older page ends; None for the newest page."""
        before = self.get_query_argument("before", "")
        return int(before) if len(before) < 16 and before.isdecimal() else None
