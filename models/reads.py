"""Read positions: how far each member has read in each room, one for all devices and processes.

Plain functions for the database's threads. What has moved is told by the setting `reads_version`, as of which each
membership knows its own last move: transactions that write are in order, so none is missed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from models.database import execute, writing

VERSION = "SELECT value FROM setting WHERE name = 'reads_version'"
SET_VERSION = "UPDATE setting SET value = ? WHERE name = 'reads_version'"
POSITIONS = "SELECT room_id, read_seq, read_posts FROM membership WHERE user_id = ? AND read_seq IS NOT NULL"
MOVED = """
    SELECT read_version, user_id, room_id, read_seq, read_posts FROM membership
    WHERE read_version > ? AND read_seq IS NOT NULL
"""
ANYWHERE = "UPDATE membership SET read_seq = ?, read_posts = ?, read_version = ? WHERE user_id = ? AND room_id = ?"
FORWARD = f"{ANYWHERE} AND (read_seq IS NULL OR read_seq < ?)"


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


def move(moves: Iterable[Move]) -> None:
    """Move positions forward, in one transaction; those that are further already stay."""
    with writing():
        version = version_now() + 1
        written = [execute(FORWARD, *_row(one, version), one.seq).rowcount for one in moves]
        if any(written):
            execute(SET_VERSION, str(version))


def set_back(one: Move) -> None:
    """Set a position to where its member wants it to be, even if it is further."""
    with writing():
        version = version_now() + 1
        if execute(ANYWHERE, *_row(one, version)).rowcount:
            execute(SET_VERSION, str(version))


def _row(one: Move, version: int) -> tuple[int, int, int, int, str]:
    return one.seq, one.posts, version, one.member_id, one.room


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
