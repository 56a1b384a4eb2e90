"""The verbs on invitations. Plain calls for the database's thread."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

import peewee

from models import failures
from models.accounts import DAY, Member, add_member, is_here
from models.database import writing
from models.errors import InvitationOver, TooManyJoined
from models.models import Invitation, User
from models.passwords import PasswordHash

INVITATION_DAYS = 7
MOST_INVITATIONS = 100
MAX_JOINS = 30  # by one invitation within the window of models/failures.py: a class of 60 is in within six minutes


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """An invitation that still works; times in seconds since 1970."""

    id: int
    token: str
    made_by: str
    made_at: float
    ends_at: float


def invite(member_id: int) -> int:
    """Make an invitation and return its id. Its token stays readable: it can be copied again until it is over."""
    with writing():
        made: int = Invitation.create(token=secrets.token_urlsafe(24), made_by=member_id).id
    return made


def open_invitations() -> list[OpenInvitation]:
    """Return the invitations that still work, the newest first."""
    rows = _open_invitations().order_by(Invitation.made_at.desc()).limit(MOST_INVITATIONS)
    return [_invitation(row) for row in rows]


def find_invitation(token: str) -> OpenInvitation:
    """Return the invitation of `token`. Raise InvitationOver."""
    row = _open_invitations().where(Invitation.token == token).first()
    if row is None:
        raise InvitationOver()
    return _invitation(row)


def end_invitation(invitation_id: int) -> None:
    """End an invitation; accounts that were made with it stay."""
    with writing():
        Invitation.update(ended_at=time.time()).where(Invitation.id == invitation_id).execute()


def check_invitation(token: str) -> None:
    """Refuse an invitation by which nobody can join now. Raise InvitationOver, TooManyJoined."""
    with failures.told_as(TooManyJoined):
        failures.check(_key(find_invitation(token)), most=MAX_JOINS)


def join(token: str, username: str, password: PasswordHash) -> Member:
    """Make an account with an invitation. Raise InvitationOver, TooManyJoined, BadUsername, NameTaken."""
    with writing(), failures.told_as(TooManyJoined):
        failures.count(_key(find_invitation(token)), most=MAX_JOINS)
        return add_member(username, password)


def _key(invitation: OpenInvitation) -> str:
    """Return what accounts made by an invitation are counted for."""
    return f"invitation {invitation.id}"


def _open_invitations() -> peewee.ModelSelect[Invitation]:
    oldest = time.time() - INVITATION_DAYS * DAY
    return (
        Invitation.select(Invitation, User)
        .join(User)
        .where(Invitation.ended_at.is_null(), Invitation.made_at > oldest, is_here())
    )


def _invitation(row: Invitation) -> OpenInvitation:
    return OpenInvitation(row.id, row.token, row.made_by.username, row.made_at, row.made_at + INVITATION_DAYS * DAY)
