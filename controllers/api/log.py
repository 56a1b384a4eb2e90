"""A room's log: the entries as the chat's clients get them, for programs that follow a room from their cursor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import Fields, InAddress, InRoom, QueryCursor
from controllers.api.long_poll import LogPoll, Wait
from controllers.api.message_json import EXACTLY
from controllers.api.operation import SENT, Answer, operation
from models.errors.requests import TooManyWaiting
from models.errors.rooms import UnknownRoom

MAX_ENTRIES = 100  # in one answer
DEFAULT_ENTRIES = 50
MAX_ANSWER_CHARS = 1024 * 1024  # of entries in one answer, if it is more than one


class LogQuery(Fields):
    """Which entries: those after a number, else only what comes next; `wait` seconds for one."""

    after: QueryCursor | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_ENTRIES), InAddress] = DEFAULT_ENTRIES
    wait: Wait = 0


@with_config(ConfigDict(extra="allow"))
class EntryJson(TypedDict):
    """An entry as in docs/protocol.rst. A program ignores kinds and fields that it does not know."""

    type: Literal["entry"]
    room: str
    seq: int
    kind: str
    author: str
    target: NotRequired[int]
    body: str
    html: NotRequired[str]
    others: NotRequired[dict[str, str]]
    quote: NotRequired[str]
    at: float
    nonce: str
    posts: int


@with_config(EXACTLY)
class EntryList(TypedDict):
    """Entries, oldest first; `head` is the number of the newest one that there is.

    The next `after` is the number of the last entry; where there is none, the same as before, or `head` at first.
    """

    entries: list[EntryJson]
    head: int


@operation("GET", "rooms/{room}/log", refusals=(UnknownRoom, TooManyWaiting))
async def follow_log(call: Call, path: InRoom, query: LogQuery) -> Answer[EntryList]:
    """Follow a room: its entries after a number, at once if there are some.

    With `wait` the answer comes as soon as there is one, or when the time is over. Who goes on from the number of the
    last entry that they have misses nothing, however long they were away.
    """
    room = await call.room(path.room)
    after = await call.site.hub.head(room.slug) if query.after is None else query.after
    texts, head = await call.site.hub.texts_after(room.slug, after, query.limit)
    if not texts and query.wait:
        if await LogPoll(call, room, query.limit, encode_frame).wait(room, head, query.wait):
            return SENT
        texts, head = await call.site.hub.texts_after(room.slug, after, query.limit)
    return Answer(_encoded([text for _, text in texts], head))


def encode_frame(messages: Sequence[str]) -> bytes:
    """Return the answer that has the entries of a frame."""
    head: Any = json.loads(messages[-1])["seq"]
    return _encoded(messages, head)


def _encoded(texts: Sequence[str], head: int) -> bytes:
    """Return as many of the first entries as one answer may have, but at least one."""
    size, some = 0, list[str]()
    for text in texts:
        size += len(text)
        if size > MAX_ANSWER_CHARS and some:
            break
        some.append(text)
    return f'{{"entries":[{",".join(some)}],"head":{head}}}'.encode()
