"""`python -m faults.holder DATABASE STATEMENT`: hold a lock until killed, as a backup or a careless hand may."""

from __future__ import annotations

import contextlib
import signal
import sys

import cysqlite
import psycopg


def main() -> None:
    """Take the lock, say so, and keep it."""
    database, statement = sys.argv[1:]
    opened = psycopg.connect(database) if "://" in database else cysqlite.connect(database, timeout=20.0)
    with contextlib.closing(opened) as connection:
        connection.execute(statement)
        sys.stdout.write("held\n")
        sys.stdout.flush()
        signal.pause()


if __name__ == "__main__":
    main()
