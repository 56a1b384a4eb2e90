"""The verbs on people: accounts and sessions. Plain calls for the database's thread."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass

import peewee

from models import lookalikes, read_only
from models.database import execute, writing
from models.errors import (
    BadEmail,
    LooksLikeAnother,
    MixedScripts,
    NameRemoved,
    NameTaken,
    NotYours,
    SetupOver,
    UnknownMember,
    WrongPassword,
)
from models.models import Membership, Session, Setting, User
from models.names import clean_username, fold
from models.passwords import NOBODYS, PasswordHash

SESSION_DAYS = 30
DAY = 86400.0  # seconds
MAX_EMAIL_CHARS = 254  # RFC 5321, 4.5.3.1.3
MOST_MEMBERS = 1000  # on one page
MOST_SESSIONS = 100  # of one member; a new one ends the oldest
MANY = 1000  # ids in one question
EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
FIND_SIGN_IN = """
    SELECT session.id, "user".id, username, is_admin FROM session JOIN "user" ON "user".id = user_id
    WHERE token_hash = ? AND ended_at IS NULL AND opened_at > ? AND removed_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the rest of the site knows them."""

    id: int
    username: str
    is_admin: bool


@dataclass(frozen=True, slots=True)
class SignIn:
    """A member together with the session by which they are here."""

    session_id: int
    member: Member


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A signed-in device of a member; times in seconds since 1970."""

    id: int
    device: str
    opened_at: float


def check_username(username: str) -> None:
    """Raise BadUsername or, if somebody has this name already or one that looks like it, NameTaken."""
    name = clean_username(username)
    _refuse_removed(name)
    if _named(name):
        raise NameTaken()
    if lookalikes.is_mixed(name):
        raise MixedScripts()
    if _looks_like_another(name):
        raise LooksLikeAnother()


def clean_email(email: str) -> str:
    """Return `email` without spaces around it. Raise BadEmail unless it looks like an address."""
    if len(email) > MAX_EMAIL_CHARS or not EMAIL.fullmatch(email.strip()):
        raise BadEmail()
    return email.strip()


def add_member(username: str, password: PasswordHash, email: str = "", is_admin: bool = False) -> Member:
    """Store a new member. Raise BadUsername, NameTaken."""
    name = clean_username(username)
    user = User(username=name, password=password, email=email, is_admin=is_admin)
    try:
        with writing():
            check_username(name)
            user.save()
    except peewee.IntegrityError as error:
        raise NameTaken() from error
    return _member(user)


def find_member(username: str) -> tuple[Member, PasswordHash] | None:
    """Return who has this name, in whatever upper and lower case, and their password's hash."""
    user = _named(username)
    return (_member(user), user.password) if user else None


def get_member(member_id: int) -> Member:
    """Return the member with this id. Raise UnknownMember."""
    user = User.get_or_none(User.id == member_id, is_here())
    if user is None:
        raise UnknownMember()
    return _member(user)


def set_password(username: str, password: PasswordHash) -> None:
    """Store a new password and end the member's sessions. Raise UnknownMember, NameRemoved."""
    with writing():
        user = _named(username)
        if user is None:
            _refuse_removed(username)
            raise UnknownMember()
        User.update(password=password).where(User.id == user.id).execute()
        _end(Session.user == user.id)


def change_password(member_id: int, old: PasswordHash, new: PasswordHash) -> None:
    """Replace the hash `old`, whose password was just proven, and end all of the member's sessions.

    Raise WrongPassword if it is not theirs any more.
    """
    with writing():
        if not User.update(password=new).where(User.id == member_id, User.password == old).execute():
            raise WrongPassword()
        _end(Session.user == member_id)


def rehash_password(member_id: int, old: PasswordHash, new: PasswordHash) -> None:
    """Replace the hash of a password by a stronger one of the same; sessions go on."""
    with writing():
        User.update(password=new).where(User.id == member_id, User.password == old).execute()


def remove_member(admin_id: int, member_id: int) -> None:
    """Take away a member's account, rooms and sessions; what they wrote stays. Raise NotYours, UnknownMember."""
    with writing():
        if admin_id == member_id or not get_member(admin_id).is_admin:
            raise NotYours()
        get_member(member_id)
        User.update(removed_at=time.time(), password=NOBODYS).where(User.id == member_id).execute()
        Membership.delete().where(Membership.user == member_id).execute()
        _end(Session.user == member_id)


def members() -> list[Member]:
    """Return the members by name, the first thousand of them."""
    return [_member(user) for user in User.select().where(is_here()).order_by(User.folded).limit(MOST_MEMBERS)]


def is_here() -> peewee.Expression:
    """Tell those who were removed from the members."""
    here: peewee.Expression = User.removed_at.is_null()
    return here


def _named(username: str) -> User | None:
    found: User | None = User.get_or_none(User.folded == fold(username), is_here())
    return found


def _looks_like_another(name: str) -> bool:
    """Tell whether a name can be mistaken for somebody's, who may have been removed: the log still has them."""
    as_it_is, folded = lookalikes.skeletons(name)
    return User.select().where((User.skeleton == as_it_is) | (User.folded_skeleton == folded)).exists()


def _refuse_removed(username: str) -> None:
    """Raise NameRemoved if somebody had this name who was removed."""
    if User.select().where(User.folded == fold(username), ~is_here()).exists():
        raise NameRemoved()


def check_health() -> str:
    """Write a row: what everything else needs, and a full disk refuses. Return how the site is."""
    with writing():
        checked = Setting.insert(name="checked_at", value=str(time.time()))
        checked.on_conflict(conflict_target=[Setting.name], preserve=[Setting.value]).execute()
    return "read-only" if read_only.is_on() else "ok"


# --- the first administrator


def is_set_up() -> bool:
    """Tell whether somebody has an account."""
    return bool(User.select().exists())


def setup_token() -> str | None:
    """Return the token of the set-up page while nobody has an account, the same for all processes."""
    return None if is_set_up() else _setting("setup_token")


def can_set_up(token: str) -> bool:
    """Tell whether the set-up page opens for `token`."""
    expected = setup_token()
    return expected is not None and hmac.compare_digest(expected.encode(), token.encode())


def set_up(token: str, username: str, password: PasswordHash, email: str) -> Member:
    """Make the first administrator. Raise SetupOver for everybody but the first, BadUsername."""
    with writing():
        if not can_set_up(token):
            raise SetupOver()
        member = add_member(username, password, email, is_admin=True)
        Setting.delete().where(Setting.name == "setup_token").execute()
        return member


def cookie_secret() -> str:
    """Return the secret that signs cookies, made by whichever process asks first."""
    return _setting("cookie_secret")


def site_id() -> str:
    """Return what tells this site from every other, as long as it lives, made by whichever process asks first."""
    return _setting("site_id")


def _setting(name: str) -> str:
    """Return what is kept under `name`: 256 random bits from the first time on."""
    row = Setting.get_or_none(name=name)
    if row is None:
        with writing():
            row, _ = Setting.get_or_create(name=name, defaults={"value": secrets.token_urlsafe(32)})
    value: str = row.value
    return value


# --- sessions


def open_session(member_id: int, password: PasswordHash | None = None, device: str = "") -> str:
    """Begin a session and return its token of 256 random bits, which is stored nowhere.

    Raise WrongPassword if `password`, whose knowledge let the member in, was changed meanwhile.
    """
    token = secrets.token_urlsafe(32)
    with writing():
        if password and not User.select().where(User.id == member_id, User.password == password).exists():
            raise WrongPassword()
        Session.create(token_hash=_token_hash(token), user=member_id, device=device)
        _forget_sessions(member_id)
    return token


def _forget_sessions(member_id: int) -> None:
    """Remove the sessions that are too old, and all of this member's but the newest that hold."""
    newest = Session.select(Session.id).where(Session.user == member_id, _is_open()).order_by(Session.id.desc())
    rest = (Session.user == member_id) & Session.id.not_in(newest.limit(MOST_SESSIONS))
    Session.delete().where((Session.opened_at < _oldest_session()) | rest).execute()


def find_sign_in(token: str) -> SignIn | None:
    """Return who holds the session of `token`, unless it was ended or is too old."""
    found = execute(FIND_SIGN_IN, _token_hash(token), _oldest_session()).fetchone()
    if found is None:
        return None
    session_id, member_id, username, is_admin = found
    return SignIn(session_id, Member(member_id, username, bool(is_admin)))


def end_session(session_id: int) -> None:
    """End one session; its cookie means nothing from now on."""
    with writing():
        _end(Session.id == session_id)


def open_sessions(member_id: int, this_one: int) -> list[OpenSession]:
    """Return the devices on which a member is signed in, the newest first; this one is always among them."""
    mine = Session.select().where(Session.user == member_id, _is_open()).order_by(Session.opened_at.desc())
    rows = list(mine.limit(MOST_SESSIONS))
    if this_one not in (row.id for row in rows):
        rows[MOST_SESSIONS - 1 :] = mine.where(Session.id == this_one)
    return [OpenSession(row.id, row.device, row.opened_at) for row in rows]


def end_own_session(member_id: int, session_id: int) -> None:
    """End one session, if it is this member's."""
    with writing():
        _end((Session.id == session_id) & (Session.user == member_id))


def valid_sessions(session_ids: Collection[int]) -> set[int]:
    """Return which of these sessions somebody may still be here by."""
    valid = (Session.select(Session.id).where(Session.id.in_(ids), _is_open()) for ids in _parts(session_ids))
    return {row.id for found in valid for row in found}


def removed_members(member_ids: Collection[int]) -> set[int]:
    """Return who of these has no account any more."""
    removed = (User.select(User.id).where(User.id.in_(ids), ~is_here()) for ids in _parts(member_ids))
    return {row.id for found in removed for row in found}


def _parts(ids: Collection[int]) -> list[list[int]]:
    asked = list(ids)
    return [asked[start : start + MANY] for start in range(0, len(asked), MANY)]


def _end(which: peewee.Expression) -> None:
    Session.update(ended_at=time.time()).where(which, Session.ended_at.is_null()).execute()


def _is_open() -> peewee.Expression:
    open_: peewee.Expression = Session.ended_at.is_null() & (Session.opened_at > _oldest_session())
    return open_


def _oldest_session() -> float:
    return time.time() - SESSION_DAYS * DAY


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _member(user: User) -> Member:
    return Member(user.id, user.username, user.is_admin)
