"""Bots: members that are programs. Administrators make them, with their tokens. For the database's threads."""

from __future__ import annotations

from models import tokens
from models.accounts import add_member
from models.database import writing
from models.errors.accounts import UnknownMember
from models.errors.base import NotYours
from models.errors.tokens import TooManyBots
from models.members import Member, get_member, member_of, not_removed
from models.models import User
from models.passwords import DUMMY_HASH
from models.tokens import OwnToken

MAX_BOTS = 100


def make_bot(admin_id: int, username: str) -> Member:
    """Store a bot: a member without a password, who signs in nowhere. Raise NotYours, TooManyBots, BadUsername."""
    with writing():
        _check_admin(admin_id)
        if User.select().where(User.is_bot, not_removed()).count() >= MAX_BOTS:
            raise TooManyBots()
        return add_member(username, DUMMY_HASH, is_bot=True)


def list_bots() -> list[Member]:
    """Return the bots by name, at most MAX_BOTS."""
    found = User.select().where(User.is_bot, not_removed()).order_by(User.folded).limit(MAX_BOTS)
    return [member_of(user) for user in found]


def get_bot(admin_id: int, bot_id: int) -> Member:
    """Return a bot, for an administrator. Raise NotYours, UnknownMember."""
    _check_admin(admin_id)
    bot = get_member(bot_id)
    if not bot.is_bot:
        raise UnknownMember()
    return bot


def make_bot_token(admin_id: int, bot_id: int, name: str, scope: str, days: int | None) -> tuple[OwnToken, str]:
    """Make a token for a bot, as `tokens.make_token` does. Raise also NotYours, UnknownMember."""
    with writing():
        return tokens.make_token(get_bot(admin_id, bot_id).id, name, scope, days)


def end_bot_token(admin_id: int, bot_id: int, token_id: int) -> None:
    """End a token of a bot. Raise NotYours, UnknownMember, UnknownToken."""
    with writing():
        tokens.end_token(get_bot(admin_id, bot_id).id, token_id)


def _check_admin(admin_id: int) -> None:
    if not get_member(admin_id).is_admin:
        raise NotYours()
