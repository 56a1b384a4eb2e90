"""Tokens, with which programs ask as a member. Plain functions for the database's threads.

The secrets of feeds are in the same table and end with the others, but no function here finds them (models/feeds.py).
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from models.database import batches, execute, writing
from models.errors.tokens import BadScope, BadTokenEnd, BadTokenName, TooManyTokens, UnknownToken
from models.members import Member, get_member, not_removed
from models.models import Token, User
from models.sessions import DAY_SECONDS
from models.visible import is_visible

READ, WRITE, FEED = "read", "write", "feed"
SCOPES = (READ, WRITE)  # of a program's token
TOKEN_PREFIX = "prosa_"  # noqa: S105 - by which people and programs that look for secrets know one
TOKEN_BYTES = 32
TOKEN_CHARS = len(TOKEN_PREFIX) + 43
MAX_TOKEN_NAME_CHARS = 60
MAX_TOKEN_DAYS = 366
MAX_TOKENS_PER_MEMBER = 50
USE_SECONDS = 60.0  # between two notes of a token's last use

FIND_SIGN_IN = f"""
    SELECT token.id, scope, ends_at, "user".id, username, is_admin, is_bot
    FROM token JOIN "user" ON "user".id = user_id WHERE token_hash = ? AND scope IN {SCOPES} AND removed_at IS NULL
"""  # noqa: S608 - of constants
NOTE_USED = "UPDATE token SET used_at = ? WHERE id IN ({}) AND (used_at IS NULL OR used_at <= ?)"


@dataclass(frozen=True, slots=True)
class TokenSignIn:
    """A member for whom a program asks with a token; `ends_at` in seconds since 1970, None if it does not end."""

    token_id: int
    member: Member
    scope: str
    ends_at: float | None

    @property
    def may_write(self) -> bool:
        """Whether the token may change anything."""
        return self.scope == WRITE

    @property
    def is_over(self) -> bool:
        """Whether the token's end has passed."""
        return self.ends_at is not None and self.ends_at <= time.time()


@dataclass(frozen=True, slots=True)
class OwnToken:
    """A token of a member, for them to look at; times in seconds since 1970, None for never."""

    id: int
    name: str
    scope: str
    made_at: float
    ends_at: float | None
    used_at: float | None

    @property
    def is_over(self) -> bool:
        """Whether its end has passed."""
        return self.ends_at is not None and self.ends_at <= time.time()


def make_token(member_id: int, name: str, scope: str, days: int | None) -> tuple[OwnToken, str]:
    """Store a token that ends after `days`, or never; return it and its text, of which only a hash is stored.

    Raise BadTokenName, BadScope, BadTokenEnd, TooManyTokens, UnknownMember.
    """
    name = clean_token_name(name)
    if scope not in SCOPES:
        raise BadScope()
    if days is not None and not 1 <= days <= MAX_TOKEN_DAYS:
        raise BadTokenEnd()
    text = TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    now = time.time()
    ends_at = None if days is None else now + days * DAY_SECONDS
    with writing():
        get_member(member_id)
        Token.delete().where(Token.user == member_id, Token.ends_at <= now).execute()
        if Token.select().where(*_of_programs(member_id)).count() >= MAX_TOKENS_PER_MEMBER:
            raise TooManyTokens()
        row = Token.create(
            token_hash=token_hash(text), user=member_id, name=name, scope=scope, made_at=now, ends_at=ends_at
        )
    return _own_token(row), text


def find_token(token: str) -> TokenSignIn:
    """Return for whom a token asks. Raise UnknownToken, also if it has ended or its member was removed.

    One whose end has passed is found all the same: the answer is kept, and `is_over` is asked each time.
    """
    found = execute(FIND_SIGN_IN, token_hash(token)).fetchone()
    if found is None:
        raise UnknownToken()
    token_id, scope, ends_at, member_id, username, is_admin, is_bot = found
    return TokenSignIn(token_id, Member(member_id, username, bool(is_admin), bool(is_bot)), scope, ends_at)


def valid_tokens(token_ids: Collection[int]) -> set[int]:
    """Return which of these tokens have neither ended nor passed their end."""
    good = Token.ends_at.is_null() | (Token.ends_at > time.time())
    valid = (
        Token.select(Token.id).join(User).where(Token.id.in_(ids), good, not_removed()) for ids in batches(token_ids)
    )
    return {row.id for found in valid for row in found}


def tokens_of(member_id: int) -> list[OwnToken]:
    """Return a member's tokens, the newest first, at most MAX_TOKENS_PER_MEMBER; also those whose end has passed."""
    rows = Token.select().where(*_of_programs(member_id)).order_by(Token.id.desc())
    return [_own_token(row) for row in rows.limit(MAX_TOKENS_PER_MEMBER)]


def end_token(member_id: int, token_id: int) -> None:
    """End a token if it is this member's. Raise UnknownToken."""
    with writing():
        if not Token.delete().where(Token.id == token_id, *_of_programs(member_id)).execute():
            raise UnknownToken()


def end_all_tokens(member_id: int) -> None:
    """End all tokens of a member, and their feed."""
    with writing():
        Token.delete().where(Token.user == member_id).execute()


def note_used(token_ids: Collection[int]) -> None:
    """Store that tokens were used now; what was stored less than USE_SECONDS ago stays."""
    now = time.time()
    with writing():
        for ids in batches(token_ids):
            execute(NOTE_USED.format(",".join("?" * len(ids))), now, *ids, now - USE_SECONDS)


def clean_token_name(name: str) -> str:
    """Return the name of a token as it is stored: in one line. Raise BadTokenName."""
    if len(name) > 4 * MAX_TOKEN_NAME_CHARS:
        raise BadTokenName()
    name = " ".join(name.replace("\0", "").split())
    if len(name) > MAX_TOKEN_NAME_CHARS or not is_visible(name):
        raise BadTokenName()
    return name


def _of_programs(member_id: int) -> tuple[Any, Any]:
    """Return the conditions for the tokens of a member's programs."""
    return Token.user == member_id, Token.scope.in_(SCOPES)


def _own_token(row: Token) -> OwnToken:
    return OwnToken(row.id, row.name, row.scope, row.made_at, row.ends_at, row.used_at)


def token_hash(token: str) -> str:
    """Return what is stored of a secret."""
    return hashlib.sha256(token.encode()).hexdigest()
