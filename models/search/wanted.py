"""What is looked for in the index of a log, and what is found there."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.search.query import Phrase

# The place of a message in the index: when it was appended, then bits of its seq and of its room. 63 bits until 2081.
TICKS_PER_SECOND = 10_000
SEQ_BITS, ROOM_BITS = 10, 8
MAX_PLACE = 2**63 - 1
PLACES_PER_TICK = 1 << (SEQ_BITS + ROOM_BITS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages of these rooms with all of `phrases` and none of `without`, by `authors`, or (None) by anybody.

    Their places are from `since` on and before `before`.
    """

    rooms: Collection[str]
    phrases: Sequence[Phrase] = ()
    without: Sequence[Phrase] = ()
    authors: Collection[int] | None = None
    authors_without: Collection[int] = ()
    since: int = 0
    before: int = MAX_PLACE


class Hit(NamedTuple):
    """A message in the index: the larger its place, the newer it is."""

    place: int
    room: str
    seq: int


class Hits(NamedTuple):
    """What was found, newest first. All was looked at that is not before the place `looked_from`."""

    found: list[Hit]
    looked_from: int = 0


class Unindexed(NamedTuple):
    """How many of all entries are still to be looked through for the index."""

    left: int
    total: int


def place_of(at: float, room: str = "", seq: int = 0) -> int:
    """Return the place of a message, or the first one at a time. Others are beside it if that is taken."""
    ticks = int(at * TICKS_PER_SECOND)
    number = zlib.crc32(room.encode()) % (1 << ROOM_BITS) if room else 0
    return ticks * PLACES_PER_TICK + (seq % (1 << SEQ_BITS) << ROOM_BITS) + number
