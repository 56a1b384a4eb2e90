"""Invitations: links with which people make an account. Plain functions for the database's threads."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import peewee

from models import failures
from models.accounts import add_member
from models.database import writing
from models.errors.accounts import InvitationOver, TooManyJoined
from models.members import Member, not_removed
from models.models import Invitation, User
from models.passwords import PasswordHash
from models.sessions import DAY_SECONDS

INVITATION_DAYS = 7
MAX_LISTED_INVITATIONS = 100
MAX_JOINS_PER_WINDOW = 30  # with one invitation, in failures.WINDOW_SECONDS: a class of 60 joins in six minutes


@dataclass(frozen=True, slots=True)
class ValidInvitation:
    """An invitation that is valid; times in seconds since 1970."""

    id: int
    token: str
    made_by: str
    made_at: float
    ends_at: float


def invite(member_id: int) -> int:
    """Store a new invitation and return its id. Its token is stored as it is, so that it can be copied again."""
    with writing():
        made: int = Invitation.create(token=secrets.token_urlsafe(24), made_by=member_id).id
    return made


def valid_invitations() -> list[ValidInvitation]:
    """Return the valid invitations, the newest first, at most MAX_LISTED_INVITATIONS."""
    rows = _valid_invitations().order_by(Invitation.made_at.desc()).limit(MAX_LISTED_INVITATIONS)
    return [_invitation(row) for row in rows]


def find_invitation(token: str) -> ValidInvitation:
    """Return the valid invitation of `token`. Raise InvitationOver."""
    row = _valid_invitations().where(Invitation.token == token).first()
    if row is None:
        raise InvitationOver()
    return _invitation(row)


def end_invitation(invitation_id: int) -> None:
    """End an invitation. Accounts that were made with it stay."""
    with writing():
        Invitation.update(ended_at=time.time()).where(Invitation.id == invitation_id).execute()


def check_invitation(token: str) -> None:
    """Raise InvitationOver or TooManyJoined if `join` would, and count nothing."""
    with failures.raised_as(TooManyJoined):
        failures.check(_joins_key(find_invitation(token)), limit=MAX_JOINS_PER_WINDOW)


def join(token: str, username: str, password: PasswordHash) -> Member:
    """Store a member who was invited. Raise InvitationOver, TooManyJoined, BadUsername, NameTaken."""
    with writing(), failures.raised_as(TooManyJoined):
        failures.count(_joins_key(find_invitation(token)), limit=MAX_JOINS_PER_WINDOW)
        return add_member(username, password)


def _joins_key(invitation: ValidInvitation) -> str:
    """Return the key under which the accounts made with an invitation are counted."""
    return f"invitation {invitation.id}"


def _valid_invitations() -> peewee.ModelSelect[Invitation]:
    oldest = time.time() - INVITATION_DAYS * DAY_SECONDS
    return (
        Invitation.select(Invitation, User)
        .join(User)
        .where(Invitation.ended_at.is_null(), Invitation.made_at > oldest, not_removed())
    )


def _invitation(row: Invitation) -> ValidInvitation:
    ends_at = row.made_at + INVITATION_DAYS * DAY_SECONDS
    return ValidInvitation(row.id, row.token, row.made_by.username, row.made_at, ends_at)
