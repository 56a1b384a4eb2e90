"""What a mutant is: the site, broken on purpose."""

from __future__ import annotations

from dataclasses import dataclass

SQL_APPEND_FILE = "models/logs/sql_append.py"
MONGO_APPEND_FILE = "models/logs/mongo_append.py"
HUB_FILE = "controllers/realtime/hub.py"
CHANNEL_FILE = "controllers/realtime/channel.py"
TAIL_FILE = "controllers/realtime/tail.py"
CACHE_FILE = "controllers/realtime/entry_cache.py"
ENCODING_FILE = "controllers/realtime/encoding.py"


@dataclass(frozen=True, slots=True)
class Change:
    """In one file, the exact text that is replaced."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """A deliberate break, tried on an engine."""

    name: str
    changes: tuple[Change, ...]
    engine: str = "sqlite"
