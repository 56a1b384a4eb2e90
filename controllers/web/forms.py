"""What a page's forms carry: the token against forgery, the member for whom the page was made, and the input."""

from __future__ import annotations

from dataclasses import dataclass

import tornado.web

from controllers.web import headers
from models.errors.accounts import NoCookies
from models.logs.base import MAX_NONCE_CHARS

MAX_ID_DIGITS = 9
XSRF_HEADER = "X-Xsrftoken"  # where a script sends the token


@dataclass(frozen=True, slots=True)
class KeptInput:
    """The text of a form that was refused, and its nonce."""

    body: str
    nonce: str


class FormHandler(tornado.web.RequestHandler):
    """A handler whose pages have forms: the token of each names the member for whom its page was made."""

    forgery: Exception | None = None  # raised in `prepare`, after errors that explain it better
    made_for = 0  # the id of that member; 0 where the page was for no member, or a program sends the request

    @property
    def xsrf_token(self) -> bytes:
        """The token of a form; a page that answers a form is for the same member as that form."""
        token = super().xsrf_token
        member_id = self.made_for or getattr(self.current_user, "id", 0)
        return b"%d:%b" % (member_id, token) if member_id else token

    def check_xsrf_cookie(self) -> None:
        """Check the form's token, and the scheme of its page, which `cross_origin_protection` leaves out."""
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
        """Split the member's id off the token, in a field or a header, and leave the part that Tornado knows."""
        field = self.request.arguments.get("_xsrf", [b""])[-1].decode("latin-1")
        member_id, colon, token = (field or self.request.headers.get(XSRF_HEADER, "")).partition(":")
        if not colon or len(member_id) > MAX_ID_DIGITS or not (member_id.isascii() and member_id.isdigit()):
            return
        self.made_for = int(member_id)
        if field:
            self.request.arguments["_xsrf"] = [token.encode("latin-1")]
        else:
            self.request.headers[XSRF_HEADER] = token

    def get_typed(self, name: str) -> str:
        """Return a field of the form unchanged; `get_body_argument` turns control characters into spaces."""
        return self.decode_argument(self.request.body_arguments.get(name, [b""])[-1], name)

    def kept_input(self) -> KeptInput | None:
        """Return what was written, for the page that refuses it; None if another site may have put it into the form."""
        fields = self.request.body_arguments
        body, nonce = (fields.get(name, [b""])[-1].decode(errors="replace") for name in ("body", "nonce"))
        if not body.strip() or not headers.is_same_origin(self.request) or self.request.path.startswith("//"):
            return None
        return KeptInput(body, nonce[:MAX_NONCE_CHARS])
