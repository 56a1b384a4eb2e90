"""Reactions to messages. Adding one that is there, or taking back one that is not, changes nothing that is seen."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, OfMessage
from controllers.api.message_json import MessageJson, message_json
from controllers.api.messages import CHANGING, ChangeQuery, find_message
from controllers.api.operation import Answer, operation
from models.emojis import is_emoji
from models.errors.messages import NotEmoji
from models.logs.base import REACT, UNREACT
from models.messages import Message

MAX_EMOJI_CHARS = 32


class OfReaction(OfMessage):
    """A path of one emoji at a message."""

    emoji: Annotated[str, StringConstraints(min_length=1, max_length=MAX_EMOJI_CHARS, pattern=NO_NUL)]


@operation("PUT", "rooms/{room}/messages/{seq}/reactions/{emoji}", refusals=(*CHANGING, NotEmoji))
async def react(call: Call, path: OfReaction, query: ChangeQuery) -> Answer[MessageJson]:
    """React to a message with an emoji."""
    return await _change(call, path, query, REACT)


@operation("DELETE", "rooms/{room}/messages/{seq}/reactions/{emoji}", refusals=(*CHANGING, NotEmoji))
async def unreact(call: Call, path: OfReaction, query: ChangeQuery) -> Answer[MessageJson]:
    """Take a reaction back."""
    return await _change(call, path, query, UNREACT)


async def _change(call: Call, path: OfReaction, query: ChangeQuery, kind: str) -> Answer[MessageJson]:
    if not is_emoji(path.emoji):
        raise NotEmoji()
    room = await call.room(path.room)
    message = await find_message(call, room, path.seq)
    if message.is_deleted or _changes_something(kind, _reactions_of(message, path.emoji, call.member.username)):
        await call.append(room, kind, path.emoji, query.nonce, path.seq)
        message = await find_message(call, room, path.seq)
    return Answer(message_json(message, call.site.renderer))


def _reactions_of(message: Message, emoji: str, username: str) -> list[tuple[str, ...]]:
    """Return the spellings of an emoji below a message, if a member has reacted so, in whatever skin tone."""
    return [one.emoji for one in message.reactions if one.is_of(emoji) and username in one.names]


def _changes_something(kind: str, found: list[tuple[str, ...]]) -> bool:
    return bool(found) if kind == UNREACT else not (found and len(found[0]) == 1)
