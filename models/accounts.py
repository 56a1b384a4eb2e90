"""The accounts of members: making, changing and removing them. Plain functions for the database's threads."""

from __future__ import annotations

import re
import time

import peewee

from models import lookalikes
from models.database import as_tuples, writing
from models.errors.accounts import (
    BadEmail,
    BotHasNoPassword,
    LooksLikeAnother,
    MixedScripts,
    NameMeansEverybody,
    NameRemoved,
    NameTaken,
    SetupOver,
    UnknownMember,
    WrongPassword,
)
from models.errors.base import NotYours
from models.members import Member, find_user, get_member, member_of
from models.memberships import take_out_everywhere
from models.mentions import EVERYBODY
from models.models import User
from models.names import clean_username, fold
from models.passwords import DUMMY_HASH, PasswordHash
from models.sessions import end_all_sessions
from models.settings import can_set_up, forget_setup_token
from models.tokens import end_all_tokens

MAX_EMAIL_CHARS = 254  # RFC 5321, 4.5.3.1.3
EMAIL_PATTERN = re.compile(r"[^\s@]+@[^\s@]+")


def check_username(username: str) -> None:
    """Raise BadUsername, or NameTaken if a user has or had this name or one that looks like it.

    Removed users count, since the log names them.
    """
    name = clean_username(username)
    folded = fold(name)
    if folded == EVERYBODY:
        raise NameMeansEverybody()
    skeleton, folded_skeleton = lookalikes.skeletons(name)
    similar = (User.folded == folded) | (User.skeleton == skeleton) | (User.folded_skeleton == folded_skeleton)
    # One query: between two, somebody may get this very name, which would look like another one.
    found: dict[str, float | None] = dict(as_tuples(User.select(User.folded, User.removed_at).where(similar)))
    if folded in found:
        raise NameTaken() if found[folded] is None else NameRemoved()
    if lookalikes.is_mixed(name):
        raise MixedScripts()
    if found:
        raise LooksLikeAnother()


def clean_email(email: str) -> str:
    """Return `email` without spaces around it. Raise BadEmail unless it looks like an address."""
    if len(email) > MAX_EMAIL_CHARS or not EMAIL_PATTERN.fullmatch(email.strip()):
        raise BadEmail()
    return email.strip()


def add_member(
    username: str, password: PasswordHash, email: str = "", is_admin: bool = False, is_bot: bool = False
) -> Member:
    """Store a new member. Raise BadUsername, NameTaken."""
    name = clean_username(username)
    user = User(username=name, password=password, email=email, is_admin=is_admin, is_bot=is_bot)
    try:
        with writing():
            check_username(name)
            user.save()
    except peewee.IntegrityError as error:
        raise NameTaken() from error
    return member_of(user)


def set_up(token: str, username: str, password: PasswordHash, email: str) -> Member:
    """Store the first administrator. Raise SetupOver if there is a user or the token is wrong, BadUsername."""
    with writing():
        if not can_set_up(token):
            raise SetupOver()
        member = add_member(username, password, email, is_admin=True)
        forget_setup_token()
        return member


def set_password(username: str, password: PasswordHash) -> None:
    """Store a new password and end the member's sessions. Raise UnknownMember, NameRemoved, BotHasNoPassword."""
    with writing():
        user = find_user(username)
        if user is None:
            was_removed = User.select().where(User.folded == fold(username)).exists()
            raise NameRemoved() if was_removed else UnknownMember()
        if user.is_bot:
            raise BotHasNoPassword()
        User.update(password=password).where(User.id == user.id).execute()
        end_all_sessions(user.id)


def change_password(member_id: int, old: PasswordHash, new: PasswordHash, ends_tokens: bool = False) -> None:
    """Replace the hash `old`, whose password was just verified, and end all of the member's sessions.

    Their tokens too if they wish it. Raise WrongPassword if `old` was replaced meanwhile.
    """
    with writing():
        if not User.update(password=new).where(User.id == member_id, User.password == old).execute():
            raise WrongPassword()
        end_all_sessions(member_id)
        if ends_tokens:
            end_all_tokens(member_id)


def rehash_password(member_id: int, old: PasswordHash, new: PasswordHash) -> None:
    """Replace a hash by a stronger one of the same password. Sessions are kept."""
    with writing():
        User.update(password=new).where(User.id == member_id, User.password == old).execute()


def remove_member(admin_id: int, member_id: int) -> None:
    """Remove a member's password, memberships, sessions and tokens. Their messages stay.

    Raise NotYours, UnknownMember.
    """
    with writing():
        if admin_id == member_id or not get_member(admin_id).is_admin:
            raise NotYours()
        get_member(member_id)
        User.update(removed_at=time.time(), password=DUMMY_HASH).where(User.id == member_id).execute()
        take_out_everywhere(member_id)
        end_all_sessions(member_id)
        end_all_tokens(member_id)
