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
FORWARD = """
    UPDATE membership SET read_seq = ?, read_posts = ?, read_version = ?
    WHERE user_id = ? AND room_id = ? AND (read_seq IS NULL OR read_seq < ?)
"""
ANYWHERE = "UPDATE membership SET read_seq = ?, read_posts = ?, read_version = ? WHERE user_id = ? AND room_id = ?"


class Position(NamedTuple):
    """How far a member has read: a seq, and how many posts there are up to it."""

    seq: int
    posts: int


class Move(NamedTuple):
    """A read position that has moved, or is to be moved. It goes back only where the member says so."""

    member_id: int
    room: str
    seq: int
    posts: int
    is_back: bool = False


def move(moves: Iterable[Move]) -> None:
    """Move positions, in one transaction; those that are further already stay."""
    with writing():
        version = version_now() + 1
        moved = 0
        for one in moves:
            position = (one.seq, one.posts, version, one.member_id, one.room)
            cursor = execute(ANYWHERE, *position) if one.is_back else execute(FORWARD, *position, one.seq)
            moved += cursor.rowcount
        if moved:
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
