"""The messages that a query finds in the rooms of a member, as they are now, newest first."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from models import messages
from models.logs.base import RoomLog
from models.messages import Message
from models.names import fold
from models.rooms import RoomInfo
from models.search.query import Query
from models.search.wanted import MAX_PLACE, Hit, Wanted, place_of

MAX_ROUNDS = 5  # in which the index is asked, while what it finds does not match
FIRST_DAY, LAST_DAY = datetime.date(1971, 1, 1), datetime.date(2080, 12, 31)
SELF = "me"  # from:me


@dataclass(frozen=True, slots=True)
class Found:
    """The messages of a page of hits, and before which place the next page begins; None if this is the last one."""

    messages: Sequence[Message] = ()
    older: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a member looks: their rooms by slug, and the ids of the authors whom a query names, by folded name."""

    member_id: int
    rooms: Collection[RoomInfo]
    authors: Mapping[str, int]

    def wanted(self, query: Query, before: int | None) -> Wanted:
        """Return what the index is asked for. What the query names and is not there narrows it to nothing."""
        since = place_of(_begin_of(query.since)) if query.since else 0
        until = place_of(_begin_of(query.before)) if query.before else MAX_PLACE
        return Wanted(
            self.slugs(query),
            query.phrases,
            query.without,
            self._ids(query.authors) if query.authors else None,
            self._ids(query.authors_without),
            since,
            until if before is None else min(until, before),
        )

    def slugs(self, query: Query) -> list[str]:
        """Return the slugs of the rooms in which is searched."""
        named = {slug for name in query.rooms for slug in self.rooms_named(name)}
        unwanted = {slug for name in query.rooms_without for slug in self.rooms_named(name)}
        mine = [room.slug for room in self.rooms]
        return [slug for slug in mine if (not query.rooms or slug in named) and slug not in unwanted]

    def rooms_named(self, name: str) -> list[str]:
        """Return the slugs of the member's rooms with this name or address; # before it may be left out."""
        wanted = fold(name.removeprefix("#"))
        return [room.slug for room in self.rooms if wanted in (fold(room.name), fold(room.address), fold(room.slug))]

    def _ids(self, names: Collection[str]) -> list[int]:
        found = (self.author_named(name) for name in names)
        return [one for one in found if one is not None]

    def author_named(self, name: str) -> int | None:
        """Return the id of an author; @ before the name may be left out."""
        name = fold(name.removeprefix("@"))
        return self.authors.get(name, self.member_id if name == SELF else None)

    def unknown(self, query: Query) -> tuple[list[str], list[str]]:
        """Return which rooms and which authors a query names that are not there."""
        rooms = [name for name in (*query.rooms, *query.rooms_without) if not self.rooms_named(name)]
        authors = [one for one in (*query.authors, *query.authors_without) if self.author_named(one) is None]
        return rooms, authors


def _begin_of(day: datetime.date) -> float:
    """Return when a day begins where the site is, in seconds since 1970."""
    day = min(max(day, FIRST_DAY), LAST_DAY)
    return datetime.datetime.combine(day, datetime.time()).timestamp()


async def find(log: RoomLog, scope: Scope, query: Query, before: int | None, limit: int) -> Found:
    """Return at most `limit` messages that match, those before a place. Raise Unavailable.

    Where much has to be looked at for little, it ends after a while, and the next page goes on.
    """
    wanted = scope.wanted(query, before)
    found: list[Message] = []
    for _ in range(MAX_ROUNDS):
        hits = await log.search(wanted, limit + 1)
        loaded = await _load(log, hits.found)
        for hit in hits.found:
            message = loaded.get((hit.room, hit.seq))
            if message is not None and not message.is_deleted and query.matches(message.body):
                if len(found) == limit:
                    return Found(found, wanted.before)
                found.append(message)
            wanted = replace(wanted, before=hit.place)
        if len(hits.found) <= limit:
            if not hits.looked_from:
                return Found(found)
            wanted = replace(wanted, before=hits.looked_from)
    return Found(found, wanted.before)


async def _load(log: RoomLog, hits: Sequence[Hit]) -> dict[tuple[str, int], Message]:
    """Return the messages of hits as they are now, by room and seq."""
    seqs: dict[str, list[int]] = {}
    for hit in hits:
        seqs.setdefault(hit.room, []).append(hit.seq)
    loaded = await asyncio.gather(*(messages.load(log, room, some) for room, some in seqs.items()))
    return {(room, seq): one for room, some in zip(seqs, loaded, strict=True) for seq, one in some.items()}
