"""A site that is being moved is read-only: its database itself refuses changes, so that nothing goes round it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from models.database import database, has_setting, writing
from models.models import Setting

SETTING = Setting._meta.table_name
MARK = "read_only"  # the setting that says so, and that names the move
MOVED = "moved "  # what stands before the name when the move is complete
HALF_MOVED = "move_from"  # the setting of a database that a move is filling: which move

# What is not the site's content: it may change meanwhile, and is not moved.
STATE = ("checked_at", "rewrite_wanted", MARK, HALF_MOVED)
IS_CONTENT = f"name NOT IN {STATE}"


def begin(tables: Iterable[str]) -> str:
    """Let the database refuse changes of these tables; return the name of the move, the same until `end`.

    Whoever writes already is waited for: what was acknowledged before this returns can be read after it.
    """
    with writing():
        row, _ = Setting.get_or_create(name=MARK, defaults={"value": secrets.token_hex(8)})
        for table in tables:
            database.refuse_writing(table, f"{{row}}.{IS_CONTENT}" if table == SETTING else "TRUE")
        name: str = row.value
        return name.removeprefix(MOVED)


def end(tables: Iterable[str]) -> None:
    """Let the site be written to again."""
    with writing():
        for table in tables:
            database.allow_writing(table)
        Setting.delete().where(Setting.name == MARK).execute()


def complete(name: str) -> None:
    """Say that the site is elsewhere now, by the move of this name."""
    with writing():
        Setting.update(value=MOVED + name).where(Setting.name == MARK).execute()


def moved_by() -> str:
    """Return the name of the move by which the site is elsewhere, or nothing."""
    row = Setting.get_or_none(name=MARK)
    return row.value.removeprefix(MOVED) if row and row.value.startswith(MOVED) else ""


def is_on() -> bool:
    """Tell whether the site is read-only."""
    return has_setting(MARK)
