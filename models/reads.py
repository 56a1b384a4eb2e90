"""Read positions: how far each member has read in each room, one for all devices and processes.

Plain functions for the database's threads. What has moved is told by the setting `reads_version`, as of which each
membership knows its own last move: transactions that write are in order, so none is missed.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain
from typing import NamedTuple

from models.database import batches, execute, placeholders, writing

VERSION = "SELECT value FROM setting WHERE name = 'reads_version'"
SET_VERSION = "UPDATE setting SET value = ? WHERE name = 'reads_version'"
POSITIONS = "SELECT room_id, read_seq, read_posts FROM membership WHERE user_id = ? AND read_seq IS NOT NULL"
MOVED = """
    SELECT read_version, user_id, room_id, read_seq, read_posts FROM membership
    WHERE read_version > ? AND read_seq IS NOT NULL
"""
# {} is a list of moves, of which SQL calls the fields column1, column2 and so on.
ANYWHERE = """
    UPDATE membership SET read_seq = column3, read_posts = column4, read_version = ? FROM (VALUES {}) AS moved
    WHERE user_id = column1 AND room_id = column2
"""
FORWARD = f"{ANYWHERE} AND (read_seq IS NULL OR read_seq < column3)"


class Position(NamedTuple):
    """How far a member has read: a seq, and how many posts there are up to it."""

    seq: int
    posts: int


class Move(NamedTuple):
    """A read position that has moved, or is to be moved."""

    member_id: int
    room: str
    seq: int
    posts: int


def move(moves: Collection[Move]) -> None:
    """Move positions forward, at most one of each member and room; those that are further already stay."""
    _write(FORWARD, moves)


def set_back(one: Move) -> None:
    """Set a position to where its member wants it to be, even if it is further."""
    _write(ANYWHERE, [one])


def _write(sql: str, moves: Collection[Move]) -> None:
    """Write positions in one transaction, in few queries: the other writers of all processes wait for it."""
    with writing():
        version = version_now() + 1
        written = 0
        for some in batches(moves):
            part = sql.format(placeholders(len(Move._fields), len(some)))
            written += execute(part, version, *chain.from_iterable(some)).rowcount
        if written:
            execute(SET_VERSION, str(version))


def version_now() -> int:
    """Return a number that grows whenever a position moves."""
    return int(execute(VERSION).fetchone()[0])


def positions_of(member_id: int) -> dict[str, Position]:
    """Return a member's read positions, by room; rooms that they have not seen yet are left out."""
    return {room: Position(seq, posts) for room, seq, posts in execute(POSITIONS, member_id).fetchall()}


def moved_since(version: int) -> tuple[int, list[Move]]:
    """Return the positions that have moved after `version`, and the newest version among them."""
    found = execute(MOVED, version).fetchall()
    return max((row[0] for row in found), default=version), [Move(*row[1:]) for row in found]
