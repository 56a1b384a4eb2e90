"""Bots: administrators make them on the page of the members, and give each its tokens on a page of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from controllers.members import AdminHandler, MembersBase
from controllers.rooms import DeedHandler
from controllers.tokens import TokenForm
from controllers.web.token_list import NewToken, shown_tokens
from models import bots, tokens
from models.errors.base import Refusal
from models.errors.tokens import UnknownToken
from models.tokens import OwnToken


class BotsHandler(AdminHandler, DeedHandler, MembersBase):
    """Makes a bot."""

    async def post(self) -> None:
        try:
            bot = await self.site.write(bots.make_bot, self.member.id, self.get_body_argument("bot", ""))
        except Refusal as refusal:
            self.set_refusal(refusal)
            await self.show(bot_refusal=refusal)
            return
        self.redirect(f"/members/bots/{bot.id}")


class BotHandler(AdminHandler):
    """The page of a bot, with its tokens."""

    new_token: NewToken | None = None
    token_errors: Mapping[str, str] = {}

    async def get(self, bot_id: str) -> None:
        await self.show()

    @property
    def bot_id(self) -> int:
        """The number in the address."""
        return int(self.path_args[0])

    async def show(self) -> None:
        """Show the page with the new token, or with what was wrong, if one was to be made."""
        bot = await self.site.read(bots.get_bot, self.member.id, self.bot_id)
        own = await self.site.read(tokens.tokens_of, bot.id)
        self.render(
            "bot.html",
            bot=bot,
            token_errors=self.token_errors,
            tokens=shown_tokens(own, self.locale),
            new_token=self.new_token,
            **await self.sidebar("/members"),
        )


class BotTokensHandler(TokenForm, BotHandler):
    """Makes a token for a bot."""

    async def make_token(self, name: str, scope: str, days: int | None) -> tuple[OwnToken, str]:
        return await self.site.write(bots.make_bot_token, self.member.id, self.bot_id, name, scope, days)

    async def show_page(self) -> None:
        await self.show()


class EndBotTokenHandler(AdminHandler):
    """Ends a token of a bot."""

    async def post(self, bot_id: str, token_id: str) -> None:
        with contextlib.suppress(UnknownToken):  # whose button was pressed twice
            await self.site.write(bots.end_bot_token, self.member.id, int(bot_id), int(token_id))
        self.redirect(f"/members/bots/{bot_id}")
