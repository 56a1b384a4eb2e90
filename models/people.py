"""Finding people by the beginning of a name, while it is being typed. Plain functions for the database's threads."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from models.database import batches, execute
from models.names import MAX_NAME_CHARS, fold

MAX_FOUND_PEOPLE = 8
MAX_SEARCHED_PEOPLE = 20_000  # of one room: to look through so many takes 5 ms on SQLite, 20 on PostgreSQL
ESCAPE = "!"

# Each member is looked up by key. For a join, PostgreSQL without statistics compares all users with all people.
FIND_PEOPLE = f"""
    SELECT (SELECT username FROM "user" WHERE id = user_id), (SELECT is_bot FROM "user" WHERE id = user_id) FROM (
        SELECT user_id, (SELECT folded FROM "user" WHERE id = user_id) AS folded
        FROM membership WHERE room_id = ? LIMIT ?
    ) AS people WHERE user_id <> ? AND ' ' || folded LIKE ? ESCAPE '{ESCAPE}'
    ORDER BY folded NOT LIKE ? ESCAPE '{ESCAPE}', folded LIMIT ?
"""  # noqa: S608 - of constants
FIND_AUTHORS = 'SELECT folded, id FROM "user" WHERE folded IN ({})'


class FoundPerson(NamedTuple):
    """A member of a room as they are offered to who types a name."""

    username: str
    is_bot: bool


def find_people(member_id: int, slug: str, typed: str) -> list[FoundPerson]:
    """Return others in a room whose names begin with `typed`, then those of whose names a later word does.

    Upper and lower case are the same. At most MAX_FOUND_PEOPLE; none if `typed` is empty or longer than a name.
    """
    if len(typed) > MAX_NAME_CHARS or not typed.strip():
        return []
    pattern = _escaped(fold(typed) + " " * typed[-1].isspace()) + "%"
    found = execute(
        FIND_PEOPLE, slug, MAX_SEARCHED_PEOPLE, member_id, f"% {pattern}", pattern, MAX_FOUND_PEOPLE
    ).fetchall()
    return [FoundPerson(username, bool(is_bot)) for username, is_bot in found]


def find_authors(names: Collection[str]) -> dict[str, int]:
    """Return the ids of people who have or had an account, by their folded names; unknown names are left out."""
    found: dict[str, int] = {}
    for some in batches([fold(name) for name in names]):
        found.update(execute(FIND_AUTHORS.format(",".join("?" * len(some))), *some).fetchall())
    return found


def _escaped(text: str) -> str:
    """Return `text` for a pattern of LIKE in which each of its characters stands for itself."""
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return text
