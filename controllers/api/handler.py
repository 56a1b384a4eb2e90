"""Answers the API's addresses: who asks, by which operation, and what an answer or an error looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tornado.web

from controllers.api.call import Call, payer_of
from controllers.api.operation import Answer, Operation
from controllers.base import BaseHandler
from controllers.web import headers
from controllers.web.json_answers import encoded
from models.errors.accounts import MadeForAnother, NoCookies
from models.errors.requests import NotByToken, ReadsOnly, Unauthorized
from models.errors.rooms import NotMember, UnknownRoom
from models.sessions import SignIn
from models.tokens import TokenSignIn

JSON_TYPE = "application/json; charset=UTF-8"
READING = ("GET", "HEAD")
BEARER = "bearer"


class ApiHandler(BaseHandler):
    """One address of the API, with an operation for each method that it takes."""

    answers_json = True
    operations: Mapping[str, Operation]
    asker: SignIn | TokenSignIn

    def initialize(self, operations: Mapping[str, Operation]) -> None:
        """Take the operations by their methods."""
        self.operations = operations

    def set_default_headers(self) -> None:
        headers.set_security_headers(self, headers.EMPTY_POLICY)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", JSON_TYPE)

    # --- who asks

    @property
    def has_token(self) -> bool:
        """Whether the request has a token; then no cookie counts, whatever the token is worth."""
        scheme, _, _ = self.request.headers.get("Authorization", "").partition(" ")
        return str(scheme).lower() == BEARER

    def _cross_origin_protection(self) -> None:
        """Check against forgery what has no token: no browser adds one to a request of another site."""
        if not self.has_token:
            super()._cross_origin_protection()

    def check_xsrf_cookie(self) -> None:
        """Refuse another origin now, and without the header against forgery in `prepare`, which knows who asks."""
        try:
            super().check_xsrf_cookie()
        except (tornado.web.HTTPError, NoCookies) as error:
            if not headers.is_same_origin(self.request):
                raise
            self.forgery = error

    async def prepare(self) -> None:
        """Find out who asks, and whether they may. Raise HTTPError 405; Refusal."""
        self.site.request_started(self)
        if self.method not in self.operations:
            raise tornado.web.HTTPError(405)
        self.asker = await self.find_asker()
        self.current_user = self.asker.member
        self.sign_in = self.asker if isinstance(self.asker, SignIn) else None
        if self.made_for and self.made_for != self.asker.member.id:
            raise MadeForAnother(await self.made_for_another())
        if self.forgery:
            raise self.forgery
        self.site.read_limiter.take(payer_of(self.asker))
        if isinstance(self.asker, TokenSignIn):
            self.check_token(self.asker)

    @property
    def method(self) -> str:
        """The method of the operation; a HEAD is answered as a GET."""
        return "GET" if self.request.method == "HEAD" else str(self.request.method)

    async def find_asker(self) -> SignIn | TokenSignIn:
        """Return who asks. Raise Unauthorized."""
        authenticator = self.site.authenticator
        found = await (authenticator.find_token(self.request) if self.has_token else authenticator.find_sign_in(self))
        if found is None:
            raise Unauthorized()
        return found

    def check_token(self, asker: TokenSignIn) -> None:
        """Raise ReadsOnly or NotByToken if a token may not do this."""
        if self.request.method not in READING and not asker.may_write:
            raise ReadsOnly()
        if not self.operations[self.method].is_for_tokens:
            raise NotByToken()

    # --- what is answered

    async def get(self, *path: str) -> None:
        """Do what the request asks for, by whatever method."""
        operation = self.operations[self.method]
        given = operation.read(path, self.request)
        try:
            answer = await operation.run(Call(self.site, self.asker, self), **given)
        except NotMember as error:  # who was put out meanwhile is told what everybody is who is not in the room
            raise UnknownRoom() from error
        self.finish_with(answer)

    post = put = patch = delete = get

    def finish_with(self, answer: Answer[object] | None) -> None:
        """Send an answer, or say that the client has it already."""
        if answer is None:
            self.set_status(204)
            return
        if answer.is_sent:
            self._headers_written, self._transforms = True, []
            return
        if self.site.is_stopping:
            self.set_header("Connection", "close")
        self.set_status(answer.status)
        if answer.etag:
            self.set_header("Etag", answer.etag)
            self.set_header("Cache-Control", "private, no-cache")
            if self.check_etag_header():
                self.set_status(304)
                return
        self.write(answer.content if isinstance(answer.content, bytes) else encoded(answer.content))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error; one of who asks says how to ask (RFC 6750, 3)."""
        if status_code == 401:
            self.set_header("WWW-Authenticate", 'Bearer error="invalid_token"' if self.has_token else "Bearer")
        super().write_error(status_code, **kwargs)

    def allowed_methods(self) -> list[str]:
        """Return the methods that this address takes."""
        return sorted({*self.operations, *(("HEAD",) if "GET" in self.operations else ())})
