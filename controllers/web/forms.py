"""What a page's forms carry: the token against forgery, for whom the page was made, and what somebody wrote."""

from __future__ import annotations

from dataclasses import dataclass

import tornado.web

from controllers.web import headers
from models.errors import NoCookies
from models.logs.base import MAX_NONCE_CHARS

MAX_ID_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Kept:
    """The words of a form that was refused, and their nonce."""

    body: str
    nonce: str


class FormHandler(tornado.web.RequestHandler):
    """A handler whose pages have forms: each names the member for whom its page was made, in the token itself."""

    forgery: tornado.web.HTTPError | None = None  # said in `prepare`, after what may be the reason
    made_for = 0  # the id of that member; 0 where the page was for nobody, or a program sends what no page has

    @property
    def xsrf_token(self) -> bytes:
        """The token of a form; a page that answers a form is for the same member as that form."""
        token = super().xsrf_token
        member_id = self.made_for or getattr(self.current_user, "id", 0)
        return b"%d:%b" % (member_id, token) if member_id else token

    def check_xsrf_cookie(self) -> None:
        """Ask for the form's token, and for the scheme of its page, which `cross_origin_protection` leaves out."""
        self._read_made_for()
        if not headers.is_same_origin(self.request):
            raise tornado.web.HTTPError(403, "another origin")
        try:
            super().check_xsrf_cookie()
        except tornado.web.HTTPError as error:
            if not self.made_for and not self.get_cookie("_xsrf"):
                raise NoCookies() from error
            if not self.made_for:
                raise
            self.forgery = error

    def _read_made_for(self) -> None:
        """Leave Tornado the part of the token that it knows."""
        member_id, colon, token = self.request.arguments.get("_xsrf", [b""])[-1].partition(b":")
        if colon and len(member_id) <= MAX_ID_DIGITS and member_id.isdigit():
            self.made_for = int(member_id)
            self.request.arguments["_xsrf"] = [token]

    def get_typed(self, name: str) -> str:
        """Return a field of the form just as it was typed; `get_body_argument` makes spaces of control characters."""
        return self.decode_argument(self.request.body_arguments.get(name, [b""])[-1], name)

    def kept(self) -> Kept | None:
        """Return what was written, for the page that refuses it; nothing that another site has put into a form."""
        body, nonce = (self.request.body_arguments.get(name, [b""])[-1].decode(errors="replace") for name in FIELDS)
        if not body.strip() or not headers.is_same_origin(self.request) or self.request.path.startswith("//"):
            return None
        return Kept(body, nonce[:MAX_NONCE_CHARS])


FIELDS = ("body", "nonce")
