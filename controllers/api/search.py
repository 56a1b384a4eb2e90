"""Search: the messages that the page finds, too."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, with_config
from typing_extensions import TypedDict

from controllers.api.call import Call
from controllers.api.fields import NO_NUL, Fields, InAddress
from controllers.api.message_json import EXACTLY, MessageJson, message_json
from controllers.api.operation import Answer, operation
from controllers.search import MAX_PLACE_CHARS, parse_place, scope_of
from models.search import finding
from models.search.finding import Found
from models.search.query import MAX_QUERY_CHARS, parse

MAX_HITS = 50  # in one answer
DEFAULT_HITS = 20

Typed = Annotated[str, StringConstraints(max_length=MAX_QUERY_CHARS, pattern=NO_NUL)]


class SearchQuery(Fields):
    """What is searched for, written as on the page of search; `in`, `from`, `after`, `before` may be fields, too."""

    q: Typed = ""
    room: Annotated[Typed, Field(alias="in")] = ""
    author: Annotated[Typed, Field(alias="from")] = ""
    after: Typed = ""
    before: Typed = ""
    older: Annotated[str, StringConstraints(pattern=rf"^[0-9]{{1,{MAX_PLACE_CHARS}}}$")] | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_HITS), InAddress] = DEFAULT_HITS


@with_config(EXACTLY)
class HitJson(TypedDict):
    """A message that was found, with the address and the name of its room."""

    room: str
    room_name: str
    message: MessageJson


@with_config(EXACTLY)
class HitList(TypedDict):
    """What was found, newest first. `older` is that of the next page; null if there is none."""

    hits: list[HitJson]
    older: str | None


@operation("GET", "search")
async def search(call: Call, query: SearchQuery) -> Answer[HitList]:
    """Search in all rooms of the member; a query that asks for nothing finds nothing."""
    wanted = parse(query.q, query.room, query.author, query.after, query.before)
    scope = await scope_of(call.site, call.member, wanted)
    older = parse_place(query.older or "")
    found = await finding.find(call.site.log, scope, wanted, older, query.limit) if wanted else Found()
    await call.site.renderer.prerender(found.messages)
    rooms = {room.slug: room for room in scope.rooms}
    hits: list[HitJson] = [
        {
            "room": rooms[one.entry.room].address,
            "room_name": rooms[one.entry.room].name,
            "message": message_json(one, call.site.renderer),
        }
        for one in found.messages
    ]
    return Answer({"hits": hits, "older": str(found.older) if found.older else None})
