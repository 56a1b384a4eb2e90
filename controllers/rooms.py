"""The list of rooms, and a room's page: newest messages, pages of the past, posting by form. All without a script."""

from __future__ import annotations

import datetime
import functools
import secrets
from typing import Any

from controllers.base import DEVICE_COOKIE_DAYS, MOST_NAMES, BaseHandler
from controllers.web import headers
from controllers.web.cookies import LAST_ROOM_COOKIE
from controllers.web.page_cache import PLACEHOLDERS, CachedPage
from controllers.web.rendering import clean, initial, tint
from models import accounts
from models.accounts import Member
from models.errors import Refusal, Unavailable
from models.logs.base import MAX_NONCE_CHARS, Draft, Entry
from models.rooms import RoomInfo, room_of, rooms_of

PAGE = 50  # messages
MAX_TEXT_BYTES = 256 * 1024  # what is too long for a message comes back in the composer, as long as a request may be
CHAT = "/chat/"  # where the scripts of jsonp-polling come from
NOBODY = Member(0, PLACEHOLDERS["username"], is_admin=False)  # for whom a sheet is drawn


class RoomsHandler(BaseHandler):
    """The member's rooms."""

    async def get(self) -> None:
        self.render("rooms.html", **await self.sidebar())


class RoomHandler(BaseHandler):
    """One room of the member's."""

    max_bytes = {"body": MAX_TEXT_BYTES}
    is_blank = False  # while a sheet is drawn
    unanswered = ""  # the nonce of what was posted, if nobody knows whether it was stored

    async def get(self, slug: str) -> None:
        room = await self.site.query_cache.get(room_of, self.member.id, slug)
        self.remember(room)
        await self.show(room)

    def remember(self, room: RoomInfo) -> None:
        """Let the home page lead here the next time."""
        if self.get_cookie(LAST_ROOM_COOKIE) != room.slug:
            self.set_cookie(LAST_ROOM_COOKIE, room.slug, expires_days=DEVICE_COOKIE_DAYS, httponly=True, samesite="Lax")

    async def post(self, slug: str) -> None:
        """Post without a script; the nonce of the form makes sending it twice the same as once."""
        room = await self.site.query_cache.get(room_of, self.member.id, slug)
        body = self.get_typed("body")
        try:
            await self.append(room, body)
        except Refusal as refusal:
            self.refuse(refusal)
            await self.show(room, body, self.translate(refusal.sentence))
            return
        self.redirect(f"/rooms/{room.slug}#newest")

    async def append(self, room: RoomInfo, body: str) -> None:
        """Append a post to the room and let the Hub tell everybody."""
        body = clean(body, self.site.limits.max_message)
        self.site.rate_limiter.take(self.member.id)
        nonce = self.get_body_argument("nonce", "")
        if not 0 < len(nonce) <= MAX_NONCE_CHARS:
            nonce = secrets.token_hex(16)
        try:
            entry = await self.site.hub.append(Draft(room.slug, self.member.id, body, nonce))
        except Unavailable:
            self.unanswered = nonce
            raise
        if entry.body != body:  # it was changed after an earlier try, which was stored after all
            await self.site.hub.append(Draft(room.slug, self.member.id, body, secrets.token_hex(16)))

    async def show(self, room: RoomInfo, body: str = "", error: str | None = None) -> None:
        """Show a page of the room, with what could not be posted in its composer."""
        before = self.before()
        if before is None:
            entries = await self.site.hub.newest(room.slug, PAGE + 1)
        else:
            entries = await self.site.log.before(room.slug, before, PAGE + 1)
        online = self.site.presence.online(room.slug)
        await self.finish_sheet(
            entries[:PAGE][::-1],
            room=room,
            rooms=tuple(await self.site.query_cache.get(rooms_of, self.member.id)),
            older=entries[PAGE - 1].seq if len(entries) > PAGE else None,
            newest=before is None,
            lonely=await self.is_lonely(entries),
            body=body,
            error=error,
            online=tuple(online[:MOST_NAMES]),
            online_count=len(online),
        )

    async def is_lonely(self, entries: list[Entry]) -> bool:
        """Tell whether this is an administrator whom nobody could hear: there is no message, and nobody else."""
        if entries or not self.member.is_admin:
            return False
        return len(await self.site.query_cache.get(accounts.members)) == 1

    async def finish_sheet(self, shown: list[Entry], **seen: Any) -> None:
        """Answer with a page that is drawn once for all who see the same, and filled in for this member."""
        today = datetime.date.today()
        entries = (shown[0].seq, shown[-1].seq, len(shown)) if shown else ()
        draw = functools.partial(self.draw_sheet, shown, today, seen)
        key = (self.locale.code, today, entries, *seen.values())
        is_own = self.settings["debug"] or seen["error"]
        sheet = None if is_own else self.site.page_cache.get(key)
        if sheet is None:
            await self.site.renderer.prerender(shown)
            sheet = CachedPage(draw()) if is_own else self.site.page_cache.draw(key, draw)
        name = self.member.username
        self.set_header("Content-Security-Policy", headers.page_policy(self.request, *self.scripts, CHAT))
        self.finish(
            sheet.fill(
                {
                    "username": name,
                    "initial": initial(name),
                    "tint": str(tint(name)),
                    "xsrf": self.xsrf_token,
                    "nonce": self.unanswered or secrets.token_hex(16),
                }
            )
        )

    def draw_sheet(self, shown: list[Entry], today: datetime.date, seen: dict[str, Any]) -> bytes:
        """Draw the page, with blanks for what is the reader's own."""
        self.is_blank = True
        try:
            drawn = self.render_string(
                "room.html",
                **seen,
                rows=self.site.renderer.render_rows(shown, self.locale, today),
                head=shown[-1].seq if shown else 0,
                nonce=PLACEHOLDERS["nonce"],
                transports=self.site.limits.transports,
                max_message=self.site.limits.max_message,
            )
        finally:
            self.is_blank = False
        return drawn

    def get_template_namespace(self) -> dict[str, Any]:
        namespace = super().get_template_namespace()
        if self.is_blank:
            namespace["current_user"] = NOBODY
            namespace["me"] = NOBODY.username
            namespace["initial"] = lambda name: PLACEHOLDERS["initial"] if name == NOBODY.username else initial(name)
            namespace["tint"] = lambda name: PLACEHOLDERS["tint"] if name == NOBODY.username else tint(name)
        return namespace

    @property
    def xsrf_token(self) -> bytes:
        return PLACEHOLDERS["xsrf"].encode() if self.is_blank else super().xsrf_token

    def before(self) -> int | None:
        """Return the seq before which the page of the past ends."""
        before = self.get_query_argument("before", "")
        return int(before) if len(before) < 16 and before.isdecimal() else None
