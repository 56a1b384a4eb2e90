"""Tokens for programs, on a member's account page: making one, which is shown once, and ending it."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping

from controllers.accounts import AccountHandler
from controllers.base import BaseHandler
from controllers.rooms import DeedHandler
from controllers.web.token_list import DAYS, NewToken
from models import tokens
from models.errors.base import Refusal
from models.errors.tokens import BadTokenEnd, UnknownToken
from models.tokens import OwnToken

FIELDS = ("name", "scope", "days")


class TokenForm(DeedHandler, ABC):
    """A form that makes a token; only the page that answers it shows the token."""

    new_token: NewToken | None
    token_errors: Mapping[str, str]

    async def post(self, owner_id: str = "") -> None:
        try:
            made, text = await self.make_token(*self.wishes())
            self.new_token = NewToken(made.name, text)
        except Refusal as refusal:
            if refusal.field not in FIELDS:
                raise
            self.set_refusal(refusal)
            self.token_errors = {refusal.field: self.translate(refusal.sentence)}
        await self.show_page()

    def wishes(self) -> tuple[str, str, int | None]:
        """Return the name, the scope and the days that the form asks for. Raise BadTokenEnd."""
        days = self.get_body_argument("days", "")
        if days not in DAYS:
            raise BadTokenEnd()
        return self.get_body_argument("name", ""), self.get_body_argument("scope", ""), DAYS[days]

    @abstractmethod
    async def make_token(self, name: str, scope: str, days: int | None) -> tuple[OwnToken, str]:
        """Store the token that the form describes; return it and its text. Raise Refusal."""

    @abstractmethod
    async def show_page(self) -> None:
        """Show the page with the new token, or with what was wrong."""


class OwnTokensHandler(TokenForm, AccountHandler):
    """Makes a token of the member's own."""

    async def make_token(self, name: str, scope: str, days: int | None) -> tuple[OwnToken, str]:
        return await self.site.write(tokens.make_token, self.member.id, name, scope, days)

    async def show_page(self) -> None:
        await self.show_form({})


class EndOwnTokenHandler(BaseHandler):
    """Ends a token of the member's own."""

    async def post(self, token_id: str) -> None:
        with contextlib.suppress(UnknownToken):  # whose button was pressed twice
            await self.site.write(tokens.end_token, self.member.id, int(token_id))
        self.redirect("/account#tokens")
