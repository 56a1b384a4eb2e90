"""Reactions to messages. Adding one that is there, or taking back one that is not, changes nothing that is seen."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, OfMessage
from controllers.api.message_json import MessageJson, message_json
from controllers.api.messages import CHANGING, ChangeQuery, find_message
from controllers.api.operation import Answer, operation
from models.errors import NotEmoji
from models.logs.base import REACT, UNREACT

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
    room = await call.room(path.room)
    await call.append(room, kind, path.emoji, query.nonce, path.seq)
    return Answer(message_json(await find_message(call, room, path.seq), call.site.renderer))
