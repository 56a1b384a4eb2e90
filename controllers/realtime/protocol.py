"""The wire protocol, version 1: how a message is written, and which ones are understood."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeGuard

from models.errors import Refusal
from models.logs.base import MAX_NONCE_CHARS, Entry

VERSION = 1
MAX_ID_CHARS = MAX_NONCE_CHARS  # of a room's slug or a nonce

# What each kind of message must have, besides its type.
REQUIRED_FIELDS: dict[str, dict[str, type]] = {
    "join": {"room": str},
    "leave": {"room": str},
    "post": {"room": str, "body": str},
    "typing": {"room": str},
    "ping": {},
}


class BadMessage(Refusal):
    """Something that is not a message of the protocol; `asked` is what could be read of it."""

    code = "bad_message"
    sentence = "The site did not understand this message."
    asked: Mapping[str, Any] = MappingProxyType({})


class UnknownType(BadMessage):
    """A message of a type that this version does not have."""

    code = "unknown_type"
    sentence = "The site does not know this kind of message."


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps would make one each time


def message(kind: str, /, **fields: object) -> str:
    """Return one message as it is sent."""
    return _encode({"type": kind, **fields})


def entry_message(entry: Entry, html: str) -> str:
    """Return the message that brings an entry, the same for everybody in the room."""
    fields = {"room": entry.room, "seq": entry.seq, "kind": entry.kind, "author": entry.author}
    if entry.target is not None:
        fields["target"] = entry.target
    return message("entry", **fields, body=entry.body, html=html, at=entry.at, nonce=entry.nonce)


_encode_ascii = json.JSONEncoder(separators=(",", ":")).encode


def refusal_message(refusal: Refusal, asked: Mapping[str, Any], **fields: object) -> str:
    """Return the message that refuses what was `asked`, with its room and nonce as they came if they can be repeated.

    In ASCII: half a character, which is no text, can be named in JSON.
    """
    named = {name: asked[name] for name in ("room", "nonce") if _is_short(asked.get(name))}
    return _encode_ascii(
        {"type": "error", "code": refusal.code, "message": refusal.sentence, **named, **fields},
    )


def read(text: str, room: str) -> dict[str, Any]:
    """Return the message in `text`; plain text is a post to `room`. Raise BadMessage, UnknownType."""
    if not text.startswith("{"):
        asked: dict[str, Any] = {"type": "post", "room": room, "body": text}
    else:
        asked = _object(text)
    try:
        _check_all(asked)
    except BadMessage as refusal:
        refusal.asked = asked
        raise
    return asked


def _check_all(asked: dict[str, Any]) -> None:
    kind = asked.get("type")
    if not isinstance(kind, str):
        raise BadMessage()
    if kind not in REQUIRED_FIELDS:
        raise UnknownType()
    if kind == "post" and "nonce" not in asked:
        asked["nonce"] = secrets.token_hex(16)
    _check(asked, REQUIRED_FIELDS[kind])


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage() from error
    if not isinstance(found, dict):
        raise BadMessage()
    return found


def _check(asked: dict[str, Any], fields: dict[str, type]) -> None:
    for name, kind in fields.items():
        if not isinstance(asked.get(name), kind):
            raise BadMessage()
        if kind is str and not _is_text(asked[name]):
            raise BadMessage()
    for name in ("room", "nonce"):
        if name in asked and not _is_name(asked[name]):
            raise BadMessage()
    after = asked.get("after")
    if after is not None and (type(after) is not int or not 0 <= after < 2**53):
        raise BadMessage()


def _is_name(value: Any) -> bool:
    # Not every engine keeps the character 0: a nonce would come back as another one.
    return _is_short(value) and "\0" not in value and _is_text(value)


def _is_short(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARS


def _is_text(value: str) -> bool:
    """Tell whether `value` can be stored: a lone surrogate (JSON can name one) is no character."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
