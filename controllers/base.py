"""The base of all pages: who is asking, in which language, and what an error looks like."""

from __future__ import annotations

import asyncio
import datetime
import functools
import json
import logging
import math
import secrets
from typing import Any
from urllib.parse import urlencode

import tornado.locale
import tornado.web

from controllers.fetching.fetcher import FetchFailed
from controllers.realtime.revocation import SIGNED_OUT
from controllers.site import Site
from controllers.web import headers
from controllers.web.cookies import (
    DEVICE_COOKIE,
    LAST_ROOM_COOKIE,
    SESSION_COOKIE,
    cookie_name,
    cookies_of,
    signed_name,
    was_signed_here,
)
from controllers.web.devices import device_name
from controllers.web.field_limits import FieldLimits
from controllers.web.forms import FormHandler
from controllers.web.hashing_queue import ClientDisconnected, Disconnected, is_disconnected
from controllers.web.http_status import status_text
from controllers.web.languages import language_of
from controllers.web.logs import FailureLog
from controllers.web.rendering import initial, isolated, tint
from models import failures, sessions
from models.errors import (
    Busy,
    Failed,
    MadeForAnother,
    NoCookies,
    NotMember,
    ReadOnly,
    Refusal,
    SignedOut,
    SlowDown,
    TooManyFailures,
    TooManyJoined,
    TooManySignIns,
    Unavailable,
    UnknownMember,
    UnknownRoom,
    WrongPassword,
)
from models.members import Member
from models.passwords import PasswordHash
from models.rooms import LOBBY, rooms_of, usernames
from models.sessions import SignIn

logger = logging.getLogger(__name__)

MOST_NAMES = 100  # in the sidebar; the count tells of the rest
MAX_NEXT_BYTES = 2000  # of where a sign-in leads; Nginx takes 4 KiB for all headers of an answer, unless told otherwise
HOME = urlencode({"next": "/"})
DEVICE_COOKIE_DAYS = 365  # for which a device is known after a sign-in

# What a refusal is called over HTTP; one that is not here is 400.
STATUS: dict[type[Refusal], int] = {
    UnknownRoom: 404,
    UnknownMember: 404,
    NotMember: 403,
    MadeForAnother: 403,
    NoCookies: 403,
    SignedOut: 403,
    WrongPassword: 403,
    Unavailable: 503,
    ReadOnly: 503,
    Failed: 500,
    Busy: 503,
    ClientDisconnected: 499,  # as Nginx writes it to its log
    SlowDown: 429,
    TooManyFailures: 429,
    TooManyJoined: 429,
    TooManySignIns: 429,
}


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal."""
    return STATUS.get(type(refusal), 400)


class BaseHandler(FieldLimits, FailureLog, FormHandler):
    """Every page: who is asking, in which language, and what an error looks like."""

    needs_member = True
    answers_json = False
    scripts = ("/static/",)  # where the scripts of its pages come from
    sign_in: SignIn | None = None
    knows_who = False  # whether it was asked who sent this

    @property
    def site(self) -> Site:
        """What the pages work with."""
        site: Site = self.application.settings["site"]
        return site

    def set_default_headers(self) -> None:
        headers.set_security_headers(self, headers.page_policy(self.request, *self.scripts))
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """None: no page is like the one before, and nobody may keep it."""

    def set_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """Set a cookie, the `_xsrf` one too, that never leaves HTTPS once it came by it, nor this host."""
        kwargs.setdefault("secure", self.request.protocol == "https")
        super().set_cookie(cookie_name(self, name), value, *args, **kwargs)

    def get_cookie(self, name: str, default: Any = None) -> Any:
        return cookies_of(self.request).get(cookie_name(self, name), default)

    def check_trusted_origin(self, origin: str) -> bool:
        """Tell whether a request is trusted that Tornado, which compares letter by letter, takes for another site's."""
        return headers.is_same_origin(self.request)

    async def prepare(self) -> None:
        """Load the member here, since `get_current_user` cannot wait for a database."""
        self.site.request_started(self)
        self.sign_in = await self.site.authenticator.find_sign_in(self)
        self.current_user = self.sign_in.member if self.sign_in else None
        self.knows_who = True
        if self.needs_member and not self.current_user:
            self.send_to_login()
        if self.made_for and self.current_user and self.made_for != self.current_user.id:
            raise MadeForAnother(await self.name_both())
        if self.forgery:
            raise self.forgery

    async def name_both(self) -> str:
        """Return the sentence that names who is signed in now, and for whom the form's page was made."""
        found = await self.site.read(usernames, [self.made_for])
        sentence = self.translate("You are signed in as %(now)s now; this page was made for %(name)s.")
        now, name = isolated(self.member.username), isolated(found.get(self.made_for, "?"))
        return sentence % {"now": now, "name": name}

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

    def send_to_login(self) -> None:
        """Ask to sign in, and come back here afterwards if this is a page, and its address not too long."""
        if self.wants_json():
            raise tornado.web.HTTPError(401)
        if self.request.method not in ("GET", "HEAD"):
            raise SignedOut()
        query = urlencode({"next": self.request.uri or "/"})
        self.redirect("/login" if query == HOME or len(query) > MAX_NEXT_BYTES else f"/login?{query}")

    @property
    def signed_in(self) -> SignIn:
        """The session by which the member is here, where there must be one."""
        if self.sign_in is None:
            raise tornado.web.HTTPError(403)
        return self.sign_in

    @property
    def member(self) -> Member:
        """The signed-in member, where there must be one."""
        return self.signed_in.member

    def head(self, *args: str) -> Any:
        """Answer as to a GET; Tornado leaves the body out."""
        return self.get(*args)

    def get_browser_locale(self, default: str = "") -> tornado.locale.Locale:
        """Return the language that the browser prefers; a member has no other setting."""
        return language_of(self.request.headers.get("Accept-Language", ""))

    def wants_json(self) -> bool:
        """Tell whether the answer, or the error, is for a program."""
        return self.answers_json or "application/json" in self.request.headers.get("Accept", "")

    def translate(self, sentence: str) -> str:
        """Return a sentence in the reader's language."""
        return self.locale.translate(sentence)

    def day(self, moment: float) -> str:
        """Return the day of `moment` (seconds since 1970) in the reader's language."""
        return self.locale.format_date(
            datetime.datetime.fromtimestamp(moment, datetime.UTC), relative=False, shorter=True, full_format=True
        )

    def day_of_year(self, moment: float) -> str:
        """Return the day of `moment` (seconds since 1970) without the year."""
        at = datetime.datetime.fromtimestamp(moment, datetime.UTC)
        return self.locale.format_day(at, gmt_offset=0, dow=False)

    def refuse(self, refusal: Refusal) -> None:
        """Say by the status why nothing was done, and when it may be tried again."""
        self.set_status(status_of(refusal))
        if wait := getattr(refusal, "retry_after", None):
            self.set_header("Retry-After", math.ceil(wait))

    def wait_in_words(self, seconds: float) -> str:
        """Return what somebody is told whose password was wrong too often."""
        minutes = math.ceil(seconds / 60)
        one = "That was wrong too often. Please wait {n} minute, then try again."
        more = "That was wrong too often. Please wait {n} minutes, then try again."
        return self.locale.translate(one, more, minutes).replace("{n}", str(minutes))

    def get_template_namespace(self) -> dict[str, Any]:
        lang = self.locale.code.replace("_", "-")
        return {
            **super().get_template_namespace(),
            "site_name": self.site.name,
            "lang": "en" if lang.startswith("en") else lang,
            "initial": initial,
            "isolated": isolated,
            "tint": tint,
            "sockjs_url": self.settings["sockjs_url"],
            "me": self.current_user.username if self.current_user else "",
            "knows_who": self.knows_who,
        }

    async def sidebar(self) -> dict[str, Any]:
        """Return what the sidebar shows: the member's rooms, and who is online in the lobby."""
        online = self.site.presence.online(LOBBY)
        rooms = await self.site.query_cache.get(rooms_of, self.member.id)
        return {"rooms": rooms, "online": online[:MOST_NAMES], "online_count": len(online)}

    async def begin_session(self, member: Member, password: PasswordHash) -> None:
        """Sign `member` in with a new session; the one that this browser had before ends.

        Raise WrongPassword if `password` is not theirs any more.
        """
        device = device_name(self.request.headers.get("User-Agent", ""))
        token = await self.site.write(sessions.open_session, member.id, password, device)
        if self.sign_in:
            await self.end_session(self.sign_in)
        known = f"{failures.account_key(member.username)} {secrets.token_urlsafe(16)}"
        for name, value, days in (
            (SESSION_COOKIE, token, sessions.SESSION_DAYS),
            (DEVICE_COOKIE, known, DEVICE_COOKIE_DAYS),
        ):
            signed = self.create_signed_value(signed_name(self, name), value)
            self.set_cookie(name, signed, expires_days=days, httponly=True, samesite="Lax")
            self.clear_unmarked(name)

    async def end_session(self, sign_in: SignIn) -> None:
        """End a session and its live connections; other processes hear it by the doorbell."""
        await self.site.write(sessions.end_session, sign_in.session_id)
        self.site.hub.close_sessions([sign_in.session_id], *SIGNED_OUT)
        for name in (SESSION_COOKIE, LAST_ROOM_COOKIE):
            self.clear_cookie(name, httponly=True, samesite="Lax")
        self.clear_unmarked(SESSION_COOKIE)

    def clear_unmarked(self, name: str) -> None:
        """Clear a cookie that an earlier version of this site set; another program's of that name stays."""
        if was_signed_here(self, old := signed_name(self, name)):
            secure = self.request.protocol == "https"
            super().set_cookie(old, "", expires_days=-1, httponly=True, samesite="Lax", secure=secure)

    # --- errors

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer an error; the domain's refusals know their own status."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, Refusal):
            status_code = status_of(error)
        elif isinstance(error, FetchFailed):
            status_code = error.status
        super().send_error(status_code, **kwargs)

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        if isinstance(value, ClientDisconnected):
            return
        if isinstance(value, Refusal | FetchFailed):
            logger.info("refused: %s", type(value).__name__)
        else:
            super().log_exception(typ, value, tb)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with a page in the site's look, or with JSON for a program."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, ClientDisconnected):
            self.finish()
            return
        if wait := getattr(error, "retry_after", None):
            self.set_header("Retry-After", math.ceil(wait))
        if status_code == 405:
            methods = headers.supported_methods(self)
            self.set_header("Allow", ", ".join(methods if "GET" in methods else ["POST"]))
        title, sentence = status_text(status_code)
        reason = self.translate(getattr(error, "sentence", "") or sentence)
        if self.wants_json():
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            self.finish(json.dumps({"error": {"status": status_code, "message": reason}}))
        elif self.settings.get("serve_traceback") and status_code == 500:
            super().write_error(status_code, **kwargs)
        else:
            words = {"title": self.translate(getattr(error, "title", "") or title), "reason": reason}
            self.render("error.html", status=status_code, **words, kept=self.kept(), way_on=self.way_on(error))

    def way_on(self, error: BaseException | None) -> tuple[str, str]:
        """Return the words and the address of the link on the page of an error."""
        here = (self.request.path if "GET" in headers.supported_methods(self) else "") or "/"
        if isinstance(error, MadeForAnother):
            return self.translate("Open as %(name)s") % {"name": isolated(self.member.username)}, here
        if isinstance(error, SignedOut):
            return self.translate("Sign in again"), "/login?" + urlencode({"next": here})
        return self.translate("Back to the start"), "/"
