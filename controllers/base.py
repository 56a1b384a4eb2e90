"""The base of all pages: who asks, sessions, and what every template is given."""

from __future__ import annotations

import asyncio
import functools
import secrets
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import tornado.web

from controllers.realtime.revocation import SIGNED_OUT
from controllers.site import Site
from controllers.web import headers
from controllers.web.cookies import (
    DEVICE_COOKIE,
    DEVICE_COOKIE_DAYS,
    LAST_ROOM_COOKIE,
    SESSION_COOKIE,
    CookieHandler,
)
from controllers.web.devices import device_name
from controllers.web.error_pages import ErrorPageHandler
from controllers.web.field_limits import FieldLimits
from controllers.web.hashing_queue import Disconnected, is_disconnected
from controllers.web.languages import html_tag
from controllers.web.places import Place, Sidebar
from controllers.web.rendering import isolated, person_path
from models import failures, sessions
from models.errors.accounts import MadeForAnother, SignedOut
from models.members import Member
from models.names import initial, tint
from models.passwords import PasswordHash
from models.rooms import usernames
from models.sessions import SignIn

MAX_SIDEBAR_NAMES = 100  # the sidebar says how many more there are
MAX_NEXT_BYTES = 2000  # of the address after a sign-in; Nginx by default takes 4 KiB for all headers of an answer
ROW_END = "\x1e"  # after places that are drawn together, and where they come; no name has it
HOME_QUERY = urlencode({"next": "/"})


class BaseHandler(CookieHandler, FieldLimits, ErrorPageHandler):
    """Every page: it knows who asks, and answers in the reader's language."""

    needs_member = True
    scripts = ("/static/",)  # where the scripts of its pages come from
    sign_in: SignIn | None = None
    is_sign_in_known = False  # whether `sign_in` has been looked up
    removed = ""  # the name of a visitor who was a member, and was removed from the site

    @property
    def site(self) -> Site:
        """What this process works with."""
        site: Site = self.application.settings["site"]
        return site

    def set_default_headers(self) -> None:
        headers.set_security_headers(self, headers.page_policy(self.request, *self.scripts))
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """None: pages are never the same twice, and browsers must not store them."""

    def check_trusted_origin(self, origin: str) -> bool:
        """Tell whether a request is from this site though its origin is spelled differently; Tornado asks this."""
        return headers.is_same_origin(self.request)

    # --- who asks

    async def prepare(self) -> None:
        """Load the member here, since `get_current_user` cannot wait for a database."""
        self.site.request_started(self)
        self.sign_in = await self.site.authenticator.find_sign_in(self)
        self.current_user = self.sign_in.member if self.sign_in else None
        if not self.sign_in:
            self.removed = await self.site.authenticator.find_removed(self)
        self.is_sign_in_known = True
        if self.needs_member and not self.sign_in:
            self.send_to_login()
        if self.made_for and self.sign_in and self.made_for != self.member.id:
            raise MadeForAnother(await self.made_for_another())
        if self.forgery:
            raise self.forgery

    async def made_for_another(self) -> str:
        """Return the sentence that names the member who is signed in now, and the one for whom the page was made."""
        found = await self.site.read(usernames, [self.made_for])
        sentence = self.translate("You are signed in as %(now)s now; this page was made for %(name)s.")
        now, name = isolated(self.member.username), isolated(found.get(self.made_for, "?"))
        return sentence % {"now": now, "name": name}

    def send_to_login(self) -> None:
        """Ask to sign in; a page, unless its address is too long, is shown afterwards."""
        if self.wants_json():
            raise tornado.web.HTTPError(401)
        if self.request.method not in ("GET", "HEAD"):
            raise SignedOut()
        query = urlencode({"next": self.request.uri or "/"})
        self.redirect("/login" if query == HOME_QUERY or len(query) > MAX_NEXT_BYTES else f"/login?{query}")

    def require_sign_in(self) -> SignIn:
        """Return the sign-in of this request. Raise HTTPError 403 if there is none."""
        if self.sign_in is None:
            raise tornado.web.HTTPError(403)
        return self.sign_in

    @property
    def member(self) -> Member:
        """The signed-in member. Raise HTTPError 403 if there is none."""
        return self.require_sign_in().member

    @property
    def here(self) -> str:
        """The beginning of the site's addresses, as the request names it."""
        return f"{self.request.protocol}://{self.request.host}"

    def head(self, *args: str) -> Any:
        """Answer as to a GET; Tornado leaves the body out."""
        return self.get(*args)

    # --- the end of a request

    def on_finish(self) -> None:
        self.site.request_finished(self)

    def on_connection_close(self) -> None:
        if not self.disconnected.done():
            self.disconnected.set_result(None)
        self.site.request_finished(self)

    @functools.cached_property
    def disconnected(self) -> Disconnected:
        """A future that is done once the client has hung up."""
        disconnected: Disconnected = asyncio.get_running_loop().create_future()
        if is_disconnected(getattr(self.request.connection, "stream", None)):
            disconnected.set_result(None)
        return disconnected

    # --- sessions

    async def begin_session(self, member: Member, password: PasswordHash) -> None:
        """Sign `member` in with a new session, and end the one that this browser had before.

        Raise WrongPassword if `password` is not the member's any more.
        """
        device = device_name(self.request.headers.get("User-Agent", ""))
        token = await self.site.write(sessions.open_session, member.id, password, device)
        if self.sign_in:
            await self.end_session(self.sign_in)
        self.sign_cookie(SESSION_COOKIE, token, sessions.SESSION_DAYS)
        known_device = f"{failures.account_key(member.username)} {secrets.token_urlsafe(16)}"
        self.sign_cookie(DEVICE_COOKIE, known_device, DEVICE_COOKIE_DAYS)

    async def end_session(self, sign_in: SignIn) -> None:
        """End a session and close its live connections; other processes learn of it by the doorbell."""
        await self.site.write(sessions.end_session, sign_in.session_id)
        self.site.hub.close_sessions([sign_in.session_id], *SIGNED_OUT)
        self.clear_own_cookie(SESSION_COOKIE)
        self.clear_own_cookie(LAST_ROOM_COOKIE)
        self.clear_unmarked(SESSION_COOKIE)

    # --- templates

    def get_template_namespace(self) -> dict[str, Any]:
        return {
            **super().get_template_namespace(),
            "site_name": self.site.name,
            "lang": html_tag(self.locale.code),
            "initial": initial,
            "isolated": isolated,
            "person_path": person_path,
            "tint": tint,
            "vendor": self.settings["vendor"],
            "me": self.current_user.username if self.current_user else "",
            "is_sign_in_known": self.is_sign_in_known,
            "removed": self.removed,
        }

    async def sidebar(self, current: str) -> dict[str, Any]:
        """Return what the sidebar shows: the member's rooms, and who is online.

        `current` is the open room's slug, or the path of another page.
        """
        online = self.site.presence.everybody()
        places = await self.places(current)
        names = online.first(MAX_SIDEBAR_NAMES)
        return {"places": places, "online": names, "online_count": len(online), "people_count": None}

    async def places(self, current: str) -> bytes:
        """Return the HTML of the member's rooms and of the links to other pages."""
        sidebar = await self.own_sidebar()
        count = await self.site.open_tasks.of_member(self.member, sidebar.slugs)
        html = sidebar.page(current, count)
        if html is None:
            html = self.draw_places(sidebar, current, count)
            sidebar.keep_page(current, count, html)
            self.site.sidebars.keep(self.sidebar_key, sidebar)
        return html

    def draw_places(self, sidebar: Sidebar, current: str, open_tasks: int) -> bytes:
        """Return the HTML of all places, with the current one marked."""
        mine = sidebar.places()
        row = b"".join(self.draw_rows([place for place in mine if place.slug == current], current))
        rooms = [place for place in mine if not place.is_direct and not place.is_archived]
        people = [place for place in mine if place.is_direct]
        total = sum(place.mentions if place.is_muted else place.unread for place in mine)
        before, between, after = self._draw_frame(current, open_tasks, total).split(ROW_END.encode())
        return b"".join([before, sidebar.rows(rooms, current, row), between, sidebar.rows(people, current, row), after])

    def _draw_frame(self, current: str, open_tasks: int, total: int) -> bytes:
        """Return the HTML that stands around the places, in three parts, drawn once for all members."""
        drawn, key = self.site.sidebars.drawn, (self.locale.code, current, open_tasks, total)
        frame = drawn.get(key)
        if frame is None:
            counts = {"total": total, "open_tasks": open_tasks}
            frame = self.render_string(
                "modules/places.html", rooms=ROW_END, people=ROW_END, current_page=current, **counts
            )
            drawn.put(key, frame, 2 * len(frame))
        return frame

    def draw_rows(self, places: Sequence[Place], current: str = "") -> list[bytes]:
        """Return the HTML of each of these places, drawn once for all members who see the same there."""
        drawn = self.site.sidebars.drawn
        keys = {place.slug: (self.locale.code, place, place.slug == current) for place in places}
        rows = {slug: row for slug, key in keys.items() if (row := drawn.get(key)) is not None}
        if missing := [place for place in places if place.slug not in rows]:
            html = self.render_string("modules/place.html", shown=missing, current_page=current, row_end=ROW_END)
            for place, row in zip(missing, html.split(ROW_END.encode()), strict=False):
                rows[place.slug] = row + b"\n"
                drawn.put(keys[place.slug], rows[place.slug], 2 * len(row))
        return [rows[place.slug] for place in places]

    async def own_places(self) -> list[Place]:
        """Return the member's rooms in the order of the sidebar, with what is new there."""
        return (await self.own_sidebar()).places()

    async def own_sidebar(self) -> Sidebar:
        """Return what the sidebar shows of the member's rooms."""
        sidebar = self.site.sidebars.get(self.sidebar_key)
        source, news = await self.site.news_for(self.member.id, sidebar)
        if changed := sidebar.update(source, news):
            sidebar.keep_rows(changed, self.draw_rows(changed))
            self.site.sidebars.keep(self.sidebar_key, sidebar)
        return sidebar

    @property
    def sidebar_key(self) -> tuple[int, str]:
        """What sidebars are kept by."""
        return self.member.id, self.locale.code
