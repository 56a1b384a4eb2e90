"""Messages: a room's, newest or from a cursor on, and one of them with what is done to it."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import Field, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import Fields, InAddress, InRoom, Nonce, OfMessage, QueryCursor, Seq, Text
from controllers.api.long_poll import MessagesPoll, Wait
from controllers.api.message_json import EXACTLY, MessageJson, encode_messages, message_json
from controllers.api.operation import SENT, Answer, operation
from controllers.web.json_answers import encoded, etag_of
from controllers.web.window import RoomPages, Window, newest_window
from models import messages
from models.errors.base import WrongFields
from models.errors.messages import Deleted, Empty, NotYourMessage, TooLong, TooManyChanges, UnknownTarget
from models.errors.requests import TooManyWaiting, WrongField
from models.errors.rooms import Archived, UnknownRoom
from models.errors.stores import Unstorable
from models.logs.base import DELETE, EDIT, POST
from models.messages import Message
from models.rooms import RoomInfo

MAX_MESSAGES = 100  # in one answer
DEFAULT_MESSAGES = 50
EMPTY_START = b'{"messages":[],'  # of a list without a message
CHANGING = (UnknownRoom, UnknownTarget, NotYourMessage, TooManyChanges, Archived, Unstorable)


class MessagesQuery(Fields):
    """Which messages: those after or before a number, else the newest; `wait` seconds for one after it."""

    after: QueryCursor | None = None
    before: QueryCursor | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_MESSAGES), InAddress] = DEFAULT_MESSAGES
    wait: Wait = 0


class NewMessage(Fields):
    """A message to be posted: `target` is the number of the one that it answers."""

    body: Text
    nonce: Nonce | None = None
    target: Seq | None = None


class NewBody(Fields):
    """Another text for a message."""

    body: Text
    nonce: Nonce | None = None


class ChangeQuery(Fields):
    """A change without a body."""

    nonce: Nonce | None = None


@with_config(EXACTLY)
class MessageList(TypedDict):
    """Messages, oldest first. `older` is the `before` of the page before this one, `newer` the `after` of the next.

    Each is null where there is none. Everything up to `head` is there as it was then.
    """

    messages: list[MessageJson]
    older: int | None
    newer: int | None
    head: int


@operation("GET", "rooms/{room}/messages", refusals=(UnknownRoom, TooManyWaiting))
async def list_messages(call: Call, path: InRoom, query: MessagesQuery) -> Answer[MessageList]:
    """List messages of a room: those after or before a number, else the newest.

    With `after` and `wait` the answer comes once there is a message after it, or when the time is over.
    """
    if query.before is not None and (query.after is not None or query.wait):
        raise WrongFields([WrongField("before")])
    room = await call.room(path.room)
    over_at = time.monotonic() + query.wait
    while True:
        head = await call.site.hub.head(room.slug)
        content, etag = await _page(call, room, query, head)
        seconds = over_at - time.monotonic()
        is_empty = content.startswith(EMPTY_START) and query.after is not None
        if not is_empty or seconds <= 0 or call.site.is_stopping:
            return Answer(content, etag=etag)
        if await _wait(call, room, query, head, seconds):
            return SENT


async def _wait(call: Call, room: RoomInfo, query: MessagesQuery, head: int, seconds: float) -> bool:
    """Wait for messages after the head; return whether the answer has left already."""
    poll, content = MessagesPoll(call, room, (room.slug, query.after, query.limit)), b""
    try:
        if await poll.wait(room, head, seconds):
            return True
        content, _ = await _page(call, room, query, await call.site.hub.head(room.slug))
        return False
    finally:
        await poll.answer_group(b"" if content.startswith(EMPTY_START) else content)


async def _page(call: Call, room: RoomInfo, query: MessagesQuery, head: int) -> tuple[bytes, str]:
    """Return a page of messages, from the cache while nothing was appended, with its etag."""
    key = ("messages", room.slug, head, query.after, query.before, query.limit)
    found = call.site.answer_cache.get(key)
    if found is None:
        window = await _window(call, room, query)
        rows = await encode_messages(window.messages, call.site.renderer)
        rest = encoded({"older": window.older, "newer": window.newer, "head": head}).decode()
        found = call.site.answer_cache.keep(key, f'{{"messages":{rows},{rest[1:]}'.encode())
    return found


async def _window(call: Call, room: RoomInfo, query: MessagesQuery) -> Window:
    pages = RoomPages(call.site.log, room.slug)
    if query.after is not None:
        return await pages.after(query.after, query.limit)
    if query.before is not None:
        return await pages.before(query.before, query.limit)
    return newest_window(*await call.site.hub.newest(room.slug, query.limit + 1), query.limit)


@operation(
    "POST",
    "rooms/{room}/messages",
    statuses=(201, 200),
    refusals=(UnknownRoom, UnknownTarget, Deleted, Archived, Empty, TooLong, Unstorable),
)
async def post_message(call: Call, path: InRoom, body: NewMessage) -> Answer[MessageJson]:
    """Post a message. The same nonce once more answers 200 and the message of the first time."""
    room = await call.room(path.room)
    entry, is_new = await call.append(room, POST, body.body, body.nonce, body.target)
    message = await find_message(call, room, entry.seq)
    return Answer(message_json(message, call.site.renderer), 201 if is_new else 200)


@operation("GET", "rooms/{room}/messages/{seq}", refusals=(UnknownRoom, UnknownTarget))
async def get_message(call: Call, path: OfMessage) -> Answer[MessageJson]:
    """Return one message. Of one that was deleted only its place is left."""
    message = await find_message(call, await call.room(path.room), path.seq)
    content = encoded(message_json(message, call.site.renderer))
    return Answer(content, etag=etag_of(content))


@operation("PATCH", "rooms/{room}/messages/{seq}", refusals=(*CHANGING, Empty, TooLong))
async def edit_message(call: Call, path: OfMessage, body: NewBody) -> Answer[MessageJson]:
    """Replace the text of one's own message."""
    room = await call.room(path.room)
    await call.append(room, EDIT, body.body, body.nonce, path.seq)
    return Answer(message_json(await find_message(call, room, path.seq), call.site.renderer))


@operation("DELETE", "rooms/{room}/messages/{seq}", refusals=CHANGING)
async def delete_message(call: Call, path: OfMessage, query: ChangeQuery) -> None:
    """Delete one's own message; administrators delete any."""
    await call.append(await call.room(path.room), DELETE, "", query.nonce, path.seq)


async def find_message(call: Call, room: RoomInfo, seq: int) -> Message:
    """Return a message of a room. Raise UnknownTarget."""
    found = (await messages.load(call.site.log, room.slug, [seq])).get(seq)
    if found is None:
        raise UnknownTarget()
    return found
