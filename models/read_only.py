"""Read-only mode, while a site is moved: the database itself refuses changes, so that no process can write."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from models.database import database, has_setting, writing
from models.models import Setting

SETTING_TABLE = Setting._meta.table_name
READ_ONLY_SETTING = "read_only"  # its value is the name of the move
MOVED_PREFIX = "moved "  # of that value once the move is complete
MOVE_FROM_SETTING = "move_from"  # of a database that a move fills: the name of the move

# Settings that are not content: they may change during a move, and are not copied.
STATE_SETTINGS = ("checked_at", "rewrite_wanted", "search_filler", READ_ONLY_SETTING, MOVE_FROM_SETTING)
IS_CONTENT = f"name NOT IN {STATE_SETTINGS}"


def turn_on(tables: Iterable[str]) -> str:
    """Let the database refuse changes of these tables; return the name of the move, the same until `turn_off`.

    Waits for the transactions that have begun: what they have acknowledged can be read afterwards.
    """
    with writing():
        row, _ = Setting.get_or_create(name=READ_ONLY_SETTING, defaults={"value": secrets.token_hex(8)})
        for table in tables:
            database.refuse_writing(table, f"{{row}}.{IS_CONTENT}" if table == SETTING_TABLE else "TRUE")
        name: str = row.value
        return name.removeprefix(MOVED_PREFIX)


def turn_off(tables: Iterable[str]) -> None:
    """Let the database take changes again."""
    with writing():
        for table in tables:
            database.allow_writing(table)
        Setting.delete().where(Setting.name == READ_ONLY_SETTING).execute()


def mark_moved(name: str) -> None:
    """Store that the move of this name is complete: the site is elsewhere now."""
    with writing():
        Setting.update(value=MOVED_PREFIX + name).where(Setting.name == READ_ONLY_SETTING).execute()


def moved_by() -> str:
    """Return the name of the completed move after which the site is elsewhere, or ""."""
    row = Setting.get_or_none(name=READ_ONLY_SETTING)
    return row.value.removeprefix(MOVED_PREFIX) if row and row.value.startswith(MOVED_PREFIX) else ""


def is_on() -> bool:
    """Return whether the site is read-only."""
    return has_setting(READ_ONLY_SETTING)
