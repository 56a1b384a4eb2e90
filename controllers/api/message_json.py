"""A message as JSON: the fold that pages show, too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from typing import Literal

from pydantic import ConfigDict, with_config
from typing_extensions import TypedDict

from controllers.web.json_answers import encoded_text
from controllers.web.rendering import MAX_TURN_SECONDS, MessageRenderer
from models.logs.base import NOTE
from models.messages import Message
from models.notes import sentence_of

EXACTLY = ConfigDict(extra="forbid")  # what an answer has besides its fields would be found by the tests


@with_config(EXACTLY)
class ReactionJson(TypedDict):
    """One emoji below a message, and who reacted with it."""

    emoji: str
    names: list[str]


@with_config(EXACTLY)
class MessageJson(TypedDict):
    """A message as it now is.

    `html` is the whole message as pages show it. `target` is the number of the message that it answers. A note tells
    what happened to the room. Times are in seconds since 1970.
    """

    seq: int
    kind: Literal["post", "note"]
    author: str
    bot: bool
    body: str
    html: str
    at: float
    edited: bool
    edited_at: float | None
    target: int | None
    reactions: list[ReactionJson]
    replies: int
    mentions: list[str]
    deleted: bool


def message_json(message: Message, renderer: MessageRenderer) -> MessageJson:
    """Return a message as JSON."""
    entry = message.entry
    return {
        "seq": entry.seq,
        "kind": "note" if entry.kind == NOTE else "post",
        "author": entry.author,
        "bot": entry.is_by_bot,
        "body": _note(message) if entry.kind == NOTE else message.body,
        "html": renderer.render(message) if message.is_drawn else "",
        "at": entry.at,
        "edited": bool(message.edited_at),
        "edited_at": message.edited_at or None,
        "target": entry.target,
        "reactions": [{"emoji": one.emoji[0], "names": list(one.names)} for one in message.reactions],
        "replies": message.replies,
        "mentions": list(message.mentions),
        "deleted": message.is_deleted,
    }


def _note(message: Message) -> str:
    """Return in English what a note tells."""
    sentence, name = sentence_of(message.entry)
    return sentence % {"name": name}


async def encode_messages(messages: Iterable[Message], renderer: MessageRenderer) -> str:
    """Return the JSON text of a list of messages, without keeping the event loop."""
    texts = []
    began = time.monotonic()
    for message in messages:
        texts.append(encoded_text(message_json(message, renderer)))
        if time.monotonic() - began > MAX_TURN_SECONDS:
            await asyncio.sleep(0)
            began = time.monotonic()
    return f"[{','.join(texts)}]"
