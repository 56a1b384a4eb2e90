"""The sessions of members: one for each device that is signed in. Plain functions for the database's threads."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass

import peewee

from models.database import batches, execute, writing
from models.errors.accounts import BotHasNoPassword, WrongPassword
from models.members import Member
from models.models import Session, User
from models.passwords import PasswordHash

SESSION_DAYS = 30
DAY_SECONDS = 86400.0
MAX_SESSIONS_PER_MEMBER = 100  # a new one ends the oldest
FIND_SIGN_IN = """
    SELECT session.id, "user".id, username, is_admin FROM session JOIN "user" ON "user".id = user_id
    WHERE token_hash = ? AND ended_at IS NULL AND opened_at > ? AND removed_at IS NULL
"""
FIND_REMOVED_OWNER = """
    SELECT username FROM session JOIN "user" ON "user".id = user_id WHERE token_hash = ? AND removed_at IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class SignIn:
    """A member together with the session in which they are signed in."""

    session_id: int
    member: Member


@dataclass(frozen=True, slots=True)
class SignedInDevice:
    """A session of a member, for them to look at; `opened_at` in seconds since 1970."""

    id: int
    device: str
    opened_at: float


def open_session(member_id: int, password: PasswordHash | None = None, device: str = "") -> str:
    """Begin a session and return its token of 256 random bits, of which only a hash is stored.

    Raise WrongPassword if `password`, with which the member has signed in, was changed meanwhile; BotHasNoPassword.
    """
    token = secrets.token_urlsafe(32)
    with writing():
        if password and not User.select().where(User.id == member_id, User.password == password).exists():
            raise WrongPassword()
        if User.select().where(User.id == member_id, User.is_bot).exists():
            raise BotHasNoPassword()
        Session.create(token_hash=_token_hash(token), user=member_id, device=device)
        _delete_old_sessions(member_id)
    return token


def _delete_old_sessions(member_id: int) -> None:
    """Delete expired sessions, and all of this member's but the newest MAX_SESSIONS_PER_MEMBER that are valid."""
    newest = Session.select(Session.id).where(Session.user == member_id, _is_valid()).order_by(Session.id.desc())
    rest = (Session.user == member_id) & Session.id.not_in(newest.limit(MAX_SESSIONS_PER_MEMBER))
    Session.delete().where((Session.opened_at < _oldest_valid()) | rest).execute()


def find_sign_in(token: str) -> SignIn | None:
    """Return the session of `token` and its member, or None if it has ended or expired."""
    found = execute(FIND_SIGN_IN, _token_hash(token), _oldest_valid()).fetchone()
    if found is None:
        return None
    session_id, member_id, username, is_admin = found
    return SignIn(session_id, Member(member_id, username, bool(is_admin)))


def removed_owner(token: str) -> str:
    """Return the name of the former member whose session had this token; "" if they were not removed from the site."""
    found = execute(FIND_REMOVED_OWNER, _token_hash(token)).fetchone()
    return found[0] if found else ""


def valid_sessions(session_ids: Collection[int]) -> set[int]:
    """Return which of these sessions have neither ended nor expired."""
    valid = (Session.select(Session.id).where(Session.id.in_(ids), _is_valid()) for ids in batches(session_ids))
    return {row.id for found in valid for row in found}


def signed_in_devices(member_id: int, session_id: int) -> list[SignedInDevice]:
    """Return the devices on which a member is signed in, the newest first, and always that of this session."""
    valid = Session.select().where(Session.user == member_id, _is_valid()).order_by(Session.opened_at.desc())
    rows = list(valid.limit(MAX_SESSIONS_PER_MEMBER))
    if session_id not in (row.id for row in rows):
        rows[MAX_SESSIONS_PER_MEMBER - 1 :] = valid.where(Session.id == session_id)
    return [SignedInDevice(row.id, row.device, row.opened_at) for row in rows]


def end_session(session_id: int) -> None:
    """End a session: its cookie is no longer accepted."""
    with writing():
        _end(Session.id == session_id)


def end_own_session(member_id: int, session_id: int) -> None:
    """End a session if it is this member's."""
    with writing():
        _end((Session.id == session_id) & (Session.user == member_id))


def end_all_sessions(member_id: int) -> None:
    """End all sessions of a member."""
    with writing():
        _end(Session.user == member_id)


def _end(condition: peewee.Expression) -> None:
    Session.update(ended_at=time.time()).where(condition, Session.ended_at.is_null()).execute()


def _is_valid() -> peewee.Expression:
    condition: peewee.Expression = Session.ended_at.is_null() & (Session.opened_at > _oldest_valid())
    return condition


def _oldest_valid() -> float:
    """Return when the oldest session that has not expired can have been opened, in seconds since 1970."""
    return time.time() - SESSION_DAYS * DAY_SECONDS


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
