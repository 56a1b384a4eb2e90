"""The webhooks of a room, for those who look after it. Plain functions for the database's threads."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, replace
from typing import Any

from models.database import execute, writing
from models.engines.base import Row
from models.errors.hooks import BadHookEvents, BadHookKind, BadHookName, BadHookUrl, TooManyHooks, UnknownHook
from models.errors.rooms import Archived
from models.errors.tokens import NotBot
from models.members import find_user
from models.memberships import kept_room, let_in
from models.models import Hook, User
from models.reads import Position
from models.rooms import RoomInfo
from models.visible import is_visible

IN, OUT = "in", "out"  # others post into the room; others are told what is posted there
KINDS = (IN, OUT)
POSTS, MENTIONS = "posts", "mentions"  # what is sent: every post, or those that name the bot
EVENTS = (POSTS, MENTIONS)
WORKING, FAILING, OFF, AWAY = "working", "failing", "off", "away"  # what a hook does; away is the bot of one
MAX_HOOKS = 50  # of one room
MAX_HOOK_NAME_CHARS = 60
MAX_URL_CHARS = 1000
SECRET_BYTES = 32
MAX_ID = 2**31 - 1
NO_HASH = "0" * 64  # of no secret
KEY_PREFIX = "prosa_hook_"  # by which people and programs that look for secrets know a key

HOOKS = """
    SELECT hook.id, hook.kind, hook.name, username, url, events, cursor, failing_since, failures, last_status, off_at,
    EXISTS (SELECT 1 FROM membership WHERE membership.room_id = hook.room_id AND user_id = bot_id)
    FROM hook JOIN "user" ON "user".id = bot_id WHERE hook.room_id = ?
"""
FIND_INCOMING = """
    SELECT secret_hash, room_id, bot_id FROM hook JOIN "user" ON "user".id = bot_id
    WHERE hook.id = ? AND kind = 'in' AND removed_at IS NULL
"""
# What was not sent while it was off is not sent any more: an answer to a question of last week helps nobody.
SWITCH_ON = """
    UPDATE hook SET cursor = ?, off_at = NULL, failing_since = NULL, failures = 0, last_status = '', next_try_at = 0
    WHERE id = ?
"""


@dataclass(frozen=True, slots=True)
class HookInfo:
    """A hook as those see it who look after its room; times in seconds since 1970."""

    id: int
    kind: str
    name: str
    bot: str
    url: str
    events: str
    cursor: int
    failing_since: float | None
    failures: int
    last_status: str
    off_at: float | None
    is_bot_in: bool

    @property
    def state(self) -> str:
        """What it does now: AWAY while its bot is not in the room, OFF, FAILING or WORKING."""
        if not self.is_bot_in:
            return AWAY
        if self.off_at is not None:
            return OFF
        return WORKING if self.failing_since is None else FAILING


@dataclass(frozen=True, slots=True)
class HookWish:
    """What a new hook shall be; `url` and `events` are of those that go out."""

    kind: str
    name: str
    bot: str
    url: str = ""
    events: str = POSTS


@dataclass(frozen=True, slots=True)
class Incoming:
    """Where a hook posts, and as whom."""

    hook_id: int
    room: str
    bot_id: int


def hooks_of(member_id: int, address: str) -> list[HookInfo]:
    """Return the hooks of a room that a member looks after, the oldest first. Raise UnknownRoom, NotYourRoom."""
    room = kept_room(member_id, address)
    return [_info(row) for row in execute(HOOKS + "ORDER BY hook.id LIMIT ?", room.slug, MAX_HOOKS).fetchall()]


def make_hook(member_id: int, address: str, wish: HookWish, position: Position) -> tuple[HookInfo, str, bool]:
    """Store a hook of a room that a member looks after, and let its bot in; `position` is where the room is now.

    Return it, its secret, which is nowhere else to be read, and whether the bot was not in the room before. Whether
    the URL leads anywhere is not known here.
    Raise UnknownRoom, NotYourRoom, Archived, BadHookKind, BadHookName, BadHookUrl, BadHookEvents, NotBot, TooManyHooks,
    OtherInTooManyRooms.
    """
    wish = _clean(wish)
    secret = secrets.token_urlsafe(SECRET_BYTES)
    if wish.kind == OUT:
        secret = KEY_PREFIX + secret
    with writing():
        room = kept_room(member_id, address)
        if room.is_archived:
            raise Archived()
        if Hook.select().where(Hook.room == room.slug).count() >= MAX_HOOKS:
            raise TooManyHooks()
        bot_id = _bot(wish.bot).id
        _, is_new = let_in(member_id, address, wish.bot, position)
        hook_id = Hook.create(
            room=room.slug,
            bot=bot_id,
            kind=wish.kind,
            name=wish.name,
            secret=secret if wish.kind == OUT else "",
            secret_hash=_hash(secret) if wish.kind == IN else "",
            url=wish.url,
            events=wish.events,
            cursor=position.seq,
            made_by=member_id,
        ).id
        return _own_hook(room, hook_id), secret, is_new


def _clean(wish: HookWish) -> HookWish:
    """Return a wish as it is stored. Raise BadHookKind, BadHookName, BadHookUrl, BadHookEvents."""
    if wish.kind not in KINDS:
        raise BadHookKind()
    if wish.events not in EVENTS:
        raise BadHookEvents()
    if len(wish.url) > MAX_URL_CHARS or bool(wish.url) != (wish.kind == OUT):
        raise BadHookUrl()
    if len(wish.name) > 4 * MAX_HOOK_NAME_CHARS:
        raise BadHookName()
    name = " ".join(wish.name.replace("\0", "").split())
    if len(name) > MAX_HOOK_NAME_CHARS or not is_visible(name):
        raise BadHookName()
    return replace(wish, name=name)


def _bot(name: str) -> User:
    """Return the bot of this name. Raise NotBot."""
    user = find_user(name)
    if user is None or not user.is_bot:
        raise NotBot()
    return user


def end_hook(member_id: int, address: str, hook_id: int) -> None:
    """Remove a hook of a room that a member looks after; its bot stays.

    Raise UnknownRoom, NotYourRoom, UnknownHook.
    """
    with writing():
        hook = _own_hook(kept_room(member_id, address), hook_id)
        Hook.delete().where(Hook.id == hook.id).execute()


def switch_on(member_id: int, address: str, hook_id: int, position: Position) -> tuple[HookInfo, bool]:
    """Let a hook that is off send again, from `position` on, and its bot into the room again.

    Return it, and whether the bot was not in the room. Raise UnknownRoom, NotYourRoom, Archived, UnknownHook, NotBot,
    OtherInTooManyRooms.
    """
    with writing():
        room = kept_room(member_id, address)
        hook = _own_hook(room, hook_id)
        if hook.state not in (OFF, AWAY):
            return hook, False
        _bot(hook.bot)
        _, is_new = let_in(member_id, address, hook.bot, position)
        execute(SWITCH_ON, position.seq, hook.id)
        return _own_hook(room, hook_id), is_new


def _own_hook(room: RoomInfo, hook_id: int) -> HookInfo:
    row = execute(HOOKS + "AND hook.id = ?", room.slug, hook_id).fetchone() if hook_id <= MAX_ID else None
    if row is None:
        raise UnknownHook()
    return _info(row)


def find_incoming(hook_id: int, secret: str) -> Incoming:
    """Return the hook of an address. Raise UnknownHook, alike for a wrong secret and a number that no hook has."""
    expected, *place = execute(FIND_INCOMING, hook_id).fetchone() or (NO_HASH, "", 0)
    if not hmac.compare_digest(expected, _hash(secret)):
        raise UnknownHook()
    return Incoming(hook_id, *place)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _info(row: Row) -> HookInfo:
    fields: list[Any] = [*row[:-1], bool(row[-1])]
    return HookInfo(*fields)
