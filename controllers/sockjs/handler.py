"""What all URLs of a router share: who is let in, before there is a session, and what other origins are told."""

from __future__ import annotations

import datetime
import re
from typing import Any

import tornado.web

from controllers.sockjs.interfaces import Router
from controllers.web import headers
from controllers.web.field_limits import FieldLimits
from controllers.web.logs import FailureLog
from models.errors.stores import Unavailable
from models.sessions import SignIn

JSESSIONID = re.compile(r"[A-Za-z0-9._~!:-]{1,128}")
PRINTABLE = re.compile(r"[ -~]+")  # what may be repeated in a header


class SockJSHandler(FieldLimits, FailureLog, tornado.web.RequestHandler):
    """Lets in signed-in members who ask from this site's own origin; in a public router, everybody from everywhere."""

    server: Router = None  # type: ignore[assignment]  # until `initialize`
    content_policy = headers.EMPTY_POLICY
    sign_in: SignIn | None = None
    needs_source = False  # whether a request must name its origin: a GET, which any page can send by a mere URL
    is_answered = False  # whether the transport can send one frame only, and has sent it

    def initialize(self, server: Router) -> None:
        super().initialize(server)
        self.set_default_headers()

    def set_default_headers(self) -> None:
        """Set the headers of every answer; Tornado calls it before there is a router, so `initialize` does again."""
        if self.server is None:
            return
        if self.server.is_public:
            self._set_cors_headers()
        else:
            headers.set_security_headers(self, self.content_policy)

    async def prepare(self) -> None:
        super().prepare()
        authenticate = self.server.settings["authenticate"]
        if authenticate is None:
            return
        if not self.is_same_origin():
            raise tornado.web.HTTPError(403, "another origin")
        try:
            self.sign_in = await authenticate(self)
        except Unavailable as error:
            raise tornado.web.HTTPError(503) from error
        if self.sign_in is None:
            raise tornado.web.HTTPError(403, "not signed in")

    @property
    def member_id(self) -> int | None:
        """The id of the member who asks; None in a public router."""
        return self.sign_in.member.id if self.sign_in else None

    def is_same_origin(self) -> bool:
        """Tell whether the request comes from a page of this site or, if its method is proof enough, from no page."""
        return headers.is_same_origin(self.request) and (headers.states_origin(self.request) or not self.needs_source)

    def check_trusted_origin(self, origin: str) -> bool:
        """Tell whether to trust a request whose origin is not, letter by letter, the one that Tornado expects."""
        return self.is_same_origin()

    def check_xsrf_cookie(self) -> None:
        """Check the origin instead of a token, which SockJS clients do not send."""
        if not self.server.is_public and not self.is_same_origin():
            raise tornado.web.HTTPError(403, "another origin")

    # --- other origins

    def _set_cors_headers(self) -> None:
        """Let the pages of every origin read the answer, with their cookies (Fetch Standard, "CORS protocol")."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Vary", "Origin")
        origin = self.request.headers.get("Origin", "")
        if PRINTABLE.fullmatch(origin):
            self.set_header("Access-Control-Allow-Origin", origin)
            self.set_header("Access-Control-Allow-Credentials", "true")
        else:
            self.set_header("Access-Control-Allow-Origin", "*")
        requested = self.request.headers.get("Access-Control-Request-Headers", "")
        if PRINTABLE.fullmatch(requested):
            self.set_header("Access-Control-Allow-Headers", requested)

    def preflight(self) -> None:
        """Set no headers, as the library does: all answers of a public router have them, the site's need none."""

    def options(self, *args: str, **kwargs: str) -> None:
        """Answer a preflight of a public router, valid for a year; the site has no other origins to answer."""
        if not self.server.is_public:
            raise tornado.web.HTTPError(405)
        self.enable_cache()
        self.set_header("Allow", self.methods())
        self.set_header("Access-Control-Allow-Methods", self.methods())
        self.set_header("Access-Control-Max-Age", str(headers.YEAR_SECONDS))
        self.set_status(204)

    def methods(self) -> str:
        """Return the methods that this URL has, in the form of the header Allow."""
        own = headers.supported_methods(self)
        return ", ".join(["OPTIONS", *own] if self.server.is_public else own)

    def handle_session_cookie(self) -> None:
        """Set the cookie by which some load balancers keep a session at one process, if the router has it on."""
        if not self.server.cookie_needed:
            return
        given = self.get_cookie("JSESSIONID", "")
        self.set_cookie("JSESSIONID", given if JSESSIONID.fullmatch(given) else "dummy")

    # --- answers

    def enable_cache(self) -> None:
        """Let every cache keep a public router's answer for a year, and the browser alone the site's for an hour."""
        if self.server.is_public:
            self.set_header("Cache-Control", f"public, max-age={headers.YEAR_SECONDS}")
            self.set_header(
                "Expires", datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=headers.YEAR_SECONDS)
            )
        else:
            self.set_header("Cache-Control", "private, max-age=3600")

    def disable_cache(self) -> None:
        """Keep caches from keeping the answer, and proxies from changing it."""
        self.set_header("Cache-Control", "no-store, no-cache, no-transform, must-revalidate, max-age=0")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        if status_code == 405:  # for which the protocol wants the header and no body
            self.set_header("Allow", self.methods())
            self.clear_header("Content-Type")
            self.finish()
            return
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        self.finish(f"{status_code}: {self._reason}\n")
