"""Search in all rooms of the member."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from controllers.base import BaseHandler
from controllers.rooms import path_of
from controllers.site import Site
from controllers.web.dates import moment
from controllers.web.excerpts import Piece, excerpt
from models.members import Member
from models.messages import Message
from models.people import find_authors
from models.rooms import RoomInfo, rooms_of
from models.search import finding
from models.search.finding import Found, Scope
from models.search.query import MAX_QUERY_CHARS, Query, parse
from models.search.wanted import MAX_PLACE

FIELDS = ("q", "in", "from", "after", "before")  # as `parse` takes them
PAGE_HITS = 20
MAX_PLACE_CHARS = len(str(MAX_PLACE))


class Hit(NamedTuple):
    """A message that was found: its room, the path to its place, when it was sent, and the words around the marks."""

    room: RoomInfo
    path: str
    message: Message
    when: str
    pieces: list[Piece]


class SearchHandler(BaseHandler):
    """The form, and what was found."""

    async def get(self) -> None:
        self.site.read_limiter.take(self.member.id)
        typed = {name: self.get_query_argument(name, "")[:MAX_QUERY_CHARS] for name in FIELDS}
        query = parse(*typed.values())
        scope = await scope_of(self.site, self.member, query)
        older = parse_place(self.get_query_argument("older", ""))
        found = await finding.find(self.site.log, scope, query, older, PAGE_HITS) if query else Found()
        rooms, authors = scope.unknown(query)
        self.render(
            "search.html",
            typed=typed,
            max_query=MAX_QUERY_CHARS,
            query=query,
            rooms=scope.rooms,
            hits=[await self.hit(scope, message, query) for message in found.messages],
            is_first=older is None,
            next_path=next_path(typed, found),
            unknown_rooms=rooms,
            unknown_authors=authors,
            unindexed=await self.site.log.count_unindexed(),
            **await self.sidebar("/search"),
        )

    async def hit(self, scope: Scope, message: Message, query: Query) -> Hit:
        """Return a message as the page shows it."""
        room = next(room for room in scope.rooms if room.slug == message.entry.room)
        path = f"{path_of(room.address)}?at={message.seq}#m{message.seq}"
        return Hit(room, path, message, moment(message.entry.at, self.locale), await excerpt(message.body, query))


async def scope_of(site: Site, member: Member, query: Query) -> Scope:
    """Return where a member looks, with those whom the query names. Raise Unavailable."""
    names = [name.removeprefix("@") for name in (*query.authors, *query.authors_without)]
    authors = await site.read(find_authors, names) if names else {}
    return Scope(member.id, await site.query_cache.get(rooms_of, member.id), authors)


def parse_place(text: str) -> int | None:
    """Return the place of the index before which a page begins; None if there is none."""
    is_place = text.isascii() and text.isdecimal() and len(text) <= MAX_PLACE_CHARS
    return min(int(text), MAX_PLACE) if is_place else None


def next_path(typed: Mapping[str, str], found: Found) -> str:
    """Return the path of the next page of hits; empty if this is the last one."""
    fields = {name: value for name, value in typed.items() if value}
    return f"/search?{urlencode({**fields, 'older': found.older})}" if found.older else ""
