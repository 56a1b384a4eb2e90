"""Entries as rows of the table `entry`, as SQL stores them and as a move carries them."""

from __future__ import annotations

from typing import Any

from models.engines.base import Row
from models.logs.base import Entry

COLUMNS = "room_id, seq, kind, target, author_id, body, at, nonce, posts, lines, is_drawn, mentions"
COLUMN_COUNT = COLUMNS.count(",") + 1
# With the author's name, and whether that is a bot, as an Entry has it.
NAMED_COLUMNS = COLUMNS.replace("author_id", "author_id, username") + ", is_bot"
AUTHOR_PLACE = 5  # of the name; whether that is a bot is last


def to_row(entry: Entry) -> Row:
    """Return the columns of an entry; what is known of its author is in another table."""
    return (
        entry.room,
        entry.seq,
        entry.kind,
        entry.target,
        entry.author_id,
        entry.body,
        entry.at,
        entry.nonce,
        entry.posts,
        entry.lines,
        entry.is_drawn,
        "\n".join(entry.mentions),
    )


def to_entry(row: Row) -> Entry:
    """Return the entry of a row of NAMED_COLUMNS."""
    *begin, is_drawn, mentions, is_by_bot = row
    fields: list[Any] = [*begin, bool(is_drawn), to_names(mentions), bool(is_by_bot)]
    return Entry(*fields)


def to_unnamed_entry(row: Row) -> Entry:
    """Return the entry of a row of COLUMNS, without what is known of its author."""
    return to_entry((*row[:AUTHOR_PLACE], "", *row[AUTHOR_PLACE:], False))


def to_names(mentions: str) -> tuple[str, ...]:
    """Return the names in the column `mentions`, one in each line."""
    return tuple(mentions.split("\n")) if mentions else ()
