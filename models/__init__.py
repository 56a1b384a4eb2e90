"""People, rooms and the log: everything that is stored, and nothing about the web."""

import sys

# peewee would bring the system's SQLite beside its driver's. Two libraries that open one file in one process lose
# each other's locks (sqlite.org/howtocorrupt.html, 2.2.1), so that one cannot be imported at all.
sys.modules.setdefault("sqlite3", None)  # type: ignore[arg-type]
