"""Feeds: the secret address at which a feed reader finds what is new for a member. Plain functions for the database's
threads.

It is a token with a scope of its own, with which nothing else can be asked (models/tokens.py).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from models.database import execute, writing
from models.errors.tokens import UnknownToken
from models.members import Member, get_member
from models.models import Token
from models.tokens import FEED, TOKEN_BYTES, token_hash

FIND_READER = """
    SELECT token.id, made_at, "user".id, username, is_admin, is_bot
    FROM token JOIN "user" ON "user".id = user_id WHERE token_hash = ? AND scope = ? AND removed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class FeedSignIn:
    """A member whose feed is asked for; `made_at` in seconds since 1970."""

    token_id: int
    member: Member
    made_at: float


@dataclass(frozen=True, slots=True)
class OwnFeed:
    """A member's feed, for them to look at; times in seconds since 1970, None for never."""

    made_at: float
    used_at: float | None


def make_feed(member_id: int) -> str:
    """Store that a member has a feed and return the secret in its address; an earlier one ends. Raise UnknownMember."""
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    with writing():
        get_member(member_id)
        end_feed(member_id)
        Token.create(token_hash=token_hash(secret), user=member_id, name="", scope=FEED, made_at=time.time())
    return secret


def find_feed(secret: str) -> FeedSignIn:
    """Return whose feed has this secret. Raise UnknownToken, also if it was ended or its member was removed."""
    found = execute(FIND_READER, token_hash(secret), FEED).fetchone()
    if found is None:
        raise UnknownToken()
    token_id, made_at, member_id, username, is_admin, is_bot = found
    return FeedSignIn(token_id, Member(member_id, username, bool(is_admin), bool(is_bot)), made_at)


def feed_of(member_id: int) -> OwnFeed | None:
    """Return a member's feed; None if they have none."""
    row = Token.get_or_none(Token.user == member_id, Token.scope == FEED)
    return OwnFeed(row.made_at, row.used_at) if row else None


def end_feed(member_id: int) -> None:
    """End the feed of a member, if they have one."""
    with writing():
        Token.delete().where(Token.user == member_id, Token.scope == FEED).execute()
