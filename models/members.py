"""The members: users who have not been removed. Plain functions for the database's threads."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import peewee

from models.database import batches
from models.errors.accounts import UnknownMember
from models.models import User
from models.names import fold
from models.passwords import PasswordHash

MAX_LISTED_MEMBERS = 1000  # on one page


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the rest of the site knows them; a bot is a program."""

    id: int
    username: str
    is_admin: bool
    is_bot: bool = False


def list_members() -> list[Member]:
    """Return the members by name, at most MAX_LISTED_MEMBERS."""
    found = User.select().where(not_removed()).order_by(User.folded).limit(MAX_LISTED_MEMBERS)
    return [member_of(user) for user in found]


def members_after(username: str, limit: int) -> list[Member]:
    """Return at most `limit` members by name, those whose names come after `username`."""
    found = User.select().where(not_removed(), User.folded > fold(username)).order_by(User.folded).limit(limit)
    return [member_of(user) for user in found]


def find_member(username: str) -> tuple[Member, PasswordHash] | None:
    """Return the member of this name and the hash of their password, or None. Upper and lower case are the same."""
    user = find_user(username)
    return (member_of(user), user.password) if user else None


def get_member(member_id: int) -> Member:
    """Return the member with this id. Raise UnknownMember."""
    user = User.get_or_none(User.id == member_id, not_removed())
    if user is None:
        raise UnknownMember()
    return member_of(user)


def removed_members(member_ids: Collection[int]) -> set[int]:
    """Return which of these ids belong to users who have been removed."""
    removed = (User.select(User.id).where(User.id.in_(ids), ~not_removed()) for ids in batches(member_ids))
    return {row.id for found in removed for row in found}


def not_removed() -> peewee.Expression:
    """Return the condition for a User to be a member."""
    condition: peewee.Expression = User.removed_at.is_null()
    return condition


def find_user(username: str) -> User | None:
    """Return the row of the member of this name, or None."""
    found: User | None = User.get_or_none(User.folded == fold(username), not_removed())
    return found


def member_of(user: User) -> Member:
    """Return the member of a row."""
    return Member(user.id, user.username, user.is_admin, user.is_bot)
