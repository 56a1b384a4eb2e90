"""The tutorial's own database makes room for the first schema; 0003 brings its people over.

Does nothing to any other database. It has the lowest number because the tutorial's table is called `user` too.
"""

import contextlib
import filecmp
import logging
import os
from pathlib import Path

import cysqlite
import peewee

log = logging.getLogger("models.migrations")

TABLES = {"user", "schema_migration"}
COLUMNS = {"id", "username", "password", "email", "join_date"}


def up(migrator, db):
    if not is_tutorials(db):
        return
    path = Path(db.database).resolve()
    copy = keep_copy(path)
    for file in (path, *path.parent.glob(f"{path.name}-???")):  # -wal and -shm
        file.chmod(0o600)  # from now on it has the site's secret
    log.warning(
        "%s was made by the tutorial. It is brought up to date; a copy as it was is in %s. "
        "It has everybody's password in plain text: delete it once all is well.",
        db.database,
        copy,
    )
    db.execute_sql('ALTER TABLE "user" RENAME TO tutorial_user')


def is_tutorials(db):
    """Tell whether there is nothing but the table that the tutorial's models.py makes: on SQLite."""
    if not isinstance(db, peewee.SqliteDatabase):
        return False
    tables = {name for name in db.get_tables() if not name.startswith("sqlite_")}
    return tables == TABLES and {column.name for column in db.get_columns("user")} == COLUMNS


def keep_copy(path):
    """Put a copy beside the database that only its owner can read; return its path."""
    fresh = path.with_name(f".{path.name}-copying")
    try:
        fresh.unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        # On a connection of its own, since this one is in a transaction: it sees the file as it was.
        with contextlib.closing(cysqlite.connect(str(path))) as connection:
            connection.execute("VACUUM INTO ?", (str(fresh),))
        return settle(fresh, path)
    except (OSError, cysqlite.Error) as error:
        raise peewee.OperationalError(f"no copy could be made: {error}") from error
    finally:
        with contextlib.suppress(OSError):  # it has its name by now, or the error above says why not
            fresh.unlink()


def settle(fresh, path):
    """Give the copy its name and return that; a start that failed has made the same copy already."""
    names = (path.with_name(f"{path.stem}-before-prosa{number}{path.suffix}") for number in ("", *range(2, 1000)))
    copy = next(name for name in names if not name.exists() or filecmp.cmp(name, fresh, shallow=False))
    fresh.replace(copy)
    sync(copy)
    sync(copy.parent)
    return copy


def sync(path):
    """Wait until a file, or a folder's list of files, is on disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
