"""The door of the chat: who may come in, asked before any SockJS session exists, and what other origins are told."""

from __future__ import annotations

import datetime
import re
from typing import Any

import tornado.web

from controllers.web import headers
from controllers.web.field_limits import FieldLimits
from controllers.web.logs import FailureLog
from models.errors import Unavailable

JSESSIONID = re.compile(r"[A-Za-z0-9._~!:-]{1,128}")
PRINTABLE = re.compile(r"[ -~]+")  # what may be repeated in a header


class Guarded(FieldLimits, FailureLog, tornado.web.RequestHandler):
    """Lets in only signed-in members of this site, before any session exists; where the router is open, everybody."""

    server: Any = None  # the Router
    content_policy = headers.EMPTY_POLICY
    sign_in: Any = None
    needs_source = False  # whether it must say from which page it comes: what any page may ask for by a mere address
    is_answered = False  # whether the one frame that this transport can send has been sent

    def initialize(self, server: Any) -> None:
        super().initialize(server)
        self.logged = False
        self.set_default_headers()

    def set_default_headers(self) -> None:
        """Set what every answer says; the first time, when the router is not known yet, `initialize` does it."""
        if self.server is None:
            return
        if self.server.is_open:
            self._welcome()
        else:
            headers.set_security_headers(self, self.content_policy)

    async def prepare(self) -> None:
        super().prepare()
        if self.server.is_open:
            return
        if not self.is_same_origin():
            raise tornado.web.HTTPError(403, "another origin")
        try:
            self.sign_in = await self.server.settings["authenticate"](self)
        except Unavailable as error:
            raise tornado.web.HTTPError(503) from error
        if self.sign_in is None:
            raise tornado.web.HTTPError(403, "not signed in")

    def is_same_origin(self) -> bool:
        """Tell whether the request comes from a page of this site, or, where that proves something, from none."""
        return headers.is_same_origin(self.request) and (headers.states_origin(self.request) or not self.needs_source)

    def check_trusted_origin(self, origin: str) -> bool:
        """Tell whether a request is trusted that Tornado, which compares letter by letter, takes for another site's."""
        return self.is_same_origin()

    def check_xsrf_cookie(self) -> None:
        """Ask where the request comes from instead, since SockJS clients send no token."""
        if not self.server.is_open and not self.is_same_origin():
            raise tornado.web.HTTPError(403, "another origin")

    # --- other origins

    def _welcome(self) -> None:
        """Let the pages of every origin read the answer, with their cookies (Fetch Standard, "CORS protocol")."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Vary", "Origin")
        origin = self.request.headers.get("Origin", "")
        if PRINTABLE.fullmatch(origin):
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Allow-Credentials", "true")
        else:
            self.set_header("Access-Control-Allow-Origin", "*")
        asked = self.request.headers.get("Access-Control-Request-Headers", "")
        if PRINTABLE.fullmatch(asked):
            self.set_header("Access-Control-Allow-Headers", asked)

    def preflight(self) -> None:
        """Nothing: every answer of an open router has the headers, and the site's own pages need none."""

    def options(self, *args: str, **kwargs: str) -> None:
        """Answer a preflight, for a year; on the site no other origin has anything to ask."""
        if not self.server.is_open:
            raise tornado.web.HTTPError(405)
        self.enable_cache()
        self.set_header("Allow", self.methods())
        self.set_header("Access-Control-Allow-Methods", self.methods())
        self.set_header("Access-Control-Max-Age", str(headers.YEAR_SECONDS))
        self.set_status(204)

    def methods(self) -> str:
        """Return the methods that this URL has, as the header Allow wants them."""
        own = headers.supported_methods(self)
        return ", ".join(["OPTIONS", *own] if self.server.is_open else own)

    def handle_session_cookie(self) -> None:
        """Set the cookie by which some load balancers keep a session at one process, where the router wants that."""
        if not self.server.cookie_needed:
            return
        given = self.get_cookie("JSESSIONID", "")
        self.set_cookie("JSESSIONID", given if JSESSIONID.fullmatch(given) else "dummy")

    # --- answers

    def enable_cache(self) -> None:
        """Let everybody keep the answer for a year; the site's, the reader's own browser for an hour."""
        if self.server.is_open:
            self.set_header("Cache-Control", f"public, max-age={headers.YEAR_SECONDS}")
            self.set_header(
                "Expires", datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=headers.YEAR_SECONDS)
            )
        else:
            self.set_header("Cache-Control", "private, max-age=3600")

    def disable_cache(self) -> None:
        """Keep everybody from keeping the answer, and proxies from changing it."""
        self.set_header("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 405:  # the protocol wants nothing but the header
            self.set_header("Allow", self.methods())
            self.clear_header("Content-Type")
            self.finish()
            return
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"{status_code}: {self._reason}\n")
