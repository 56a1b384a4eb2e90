"""The wire protocol, version 1 (docs/protocol.rst): encoding what the server sends, checking what a client sends."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Required, TypedDict, TypeGuard, cast

from models.errors.base import Refusal
from models.logs.base import MAX_NONCE_CHARS, Draft, Entry

VERSION = 1
MAX_ID_CHARS = MAX_NONCE_CHARS  # of a room's slug or a nonce
MAX_SEQ = 2**53  # exclusive: larger numbers are not exact in JavaScript

# The fields that a client's message of each type must have, besides its type.
REQUIRED_FIELDS: dict[str, dict[str, type]] = {
    "join": {"room": str},
    "leave": {"room": str},
    "post": {"room": str, "body": str},
    "edit": {"room": str, "target": int, "body": str},
    "delete": {"room": str, "target": int},
    "react": {"room": str, "target": int, "emoji": str},
    "unreact": {"room": str, "target": int, "emoji": str},
    "read": {"room": str, "seq": int},
    "unread": {"room": str, "seq": int},
    "typing": {"room": str},
    "ping": {},
}
APPENDING = ("post", "edit", "delete", "react", "unreact")  # the types that become entries, and the kinds of these


class ClientMessage(TypedDict, total=False):
    """A client's message after all checks: it has the fields that its type requires."""

    type: Required[str]
    room: str
    body: str
    emoji: str
    nonce: str
    after: int | None
    target: int | None
    seq: int


class BadMessage(Refusal):
    """Not a message of the protocol; `asked` has the fields that could be read."""

    code = "bad_message"
    sentence = "The site did not understand this message."
    asked: Mapping[str, object] = MappingProxyType({})


class UnknownType(BadMessage):
    """A message of a type that this version does not have."""

    code = "unknown_type"
    sentence = "The site does not know this kind of message."


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps makes one each time


def message(kind: str, /, **fields: object) -> str:
    """Return one message as JSON text."""
    return _encode({"type": kind, **fields})


def rooms_message(rooms: str, tasks: int) -> str:
    """Return the message that tells a member of their rooms, a list as JSON text, and of their open tasks."""
    return f'{{"type":"rooms","rooms":{rooms},"tasks":{tasks}}}'


def entry_message(entry: Entry, body: str, **fields: object) -> str:
    """Return the message that brings an entry, the same for everybody in the room.

    `fields` are `html`, what it is or changes as that is now, and what else changes with it: `others`, `quote`.
    """
    about = {"room": entry.room, "seq": entry.seq, "kind": entry.kind, "author": entry.author}
    if entry.target is not None:
        about["target"] = entry.target
    return message("entry", **about, body=body, **fields, at=entry.at, nonce=entry.nonce, posts=entry.posts)


_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode


def refusal_message(refusal: Refusal, asked: Mapping[str, object]) -> str:
    """Return the message that refuses what was `asked`; it repeats its room and nonce unless they are too long.

    In ASCII: a lone surrogate, which JSON can escape, cannot be encoded in UTF-8.
    """
    named = {name: asked[name] for name in ("room", "nonce") if _is_short(asked.get(name))}
    when = {} if refusal.retry_after is None else {"retry_after": refusal.retry_after}
    return _encode_ascii({"type": "error", "code": refusal.code, "message": refusal.sentence, **named, **when})


def read(text: str, room: str) -> ClientMessage:
    """Return the client's message in `text`; plain text is a post to `room`. Raise BadMessage, UnknownType."""
    if not text.startswith("{"):
        asked: dict[str, object] = {"type": "post", "room": room, "body": text}
    else:
        asked = _object(text)
    try:
        _check_all(asked)
    except BadMessage as refusal:
        refusal.asked = asked
        raise
    return cast(ClientMessage, asked)


def draft_of(asked: ClientMessage, author_id: int) -> Draft:
    """Return what a message of an APPENDING type asks for. Fields that its type does not have are ignored."""
    fields = REQUIRED_FIELDS[asked["type"]]
    body = asked["body"] if "body" in fields else asked["emoji"] if "emoji" in fields else ""
    return Draft(asked["room"], author_id, body, asked["nonce"], asked["type"], asked.get("target"))


def _check_all(asked: dict[str, object]) -> None:
    kind = asked.get("type")
    if not isinstance(kind, str):
        raise BadMessage()
    if kind not in REQUIRED_FIELDS:
        raise UnknownType()
    if kind in APPENDING and "nonce" not in asked:
        asked["nonce"] = secrets.token_hex(16)
    _check(asked, REQUIRED_FIELDS[kind])


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage() from error
    if not isinstance(found, dict):
        raise BadMessage()
    return found


def _check(asked: dict[str, object], fields: dict[str, type]) -> None:
    for name, kind in fields.items():
        value = asked.get(name)
        if type(value) is not kind or (isinstance(value, str) and not _is_text(value)):
            raise BadMessage()
    for name in ("room", "nonce"):
        if name in asked and not _is_name(asked[name]):
            raise BadMessage()
    for name in ("after", "target", "seq"):
        value = asked.get(name)
        if value is not None and (type(value) is not int or not 0 <= value < MAX_SEQ):
            raise BadMessage()


def _is_name(value: object) -> bool:
    # Not every engine stores the character 0: a nonce would come back changed.
    return _is_short(value) and "\0" not in value and _is_text(value)


def _is_short(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARS


def _is_text(value: str) -> bool:
    """Return whether `value` can be stored: not if it has a lone surrogate, which JSON can escape."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
