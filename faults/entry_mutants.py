"""Mutants that break what is promised of entries: each is stored once, in one order, and heard by all."""

from __future__ import annotations

from faults.mutant import CHANNEL_FILE, HUB_FILE, MONGO_APPEND_FILE, SQL_APPEND_FILE, TAIL_FILE, Change, Mutant

UNCHANGED_SITE = "the site as it is"  # of which nothing may be found
SQL_LOG_FILE = "models/logs/sql.py"
MONGO_DATABASE_FILE = "models/logs/mongo_database.py"
MIGRATION_FILE = "models/migrations/0005_rooms.py"
NAMESPACE = Change(HUB_FILE, "import contextlib\n", "import contextlib\nfrom types import SimpleNamespace\n")

ENTRY_MUTANTS = (
    Mutant(UNCHANGED_SITE, ()),
    Mutant(
        "acknowledge before commit",
        (
            Change(
                HUB_FILE,
                "            entry = await self._log.append(draft)\n",
                "            seq = (await self._log.head(draft.room)).seq + 1\n"
                "            acknowledge(SimpleNamespace(room=draft.room, seq=seq, nonce=draft.nonce))\n"
                "            entry = await self._log.append(draft)\n",
            ),
            NAMESPACE,
        ),
    ),
    Mutant(
        "acknowledge although the store failed",
        (
            Change(
                HUB_FILE,
                "            entry = await self._log.append(draft)\n",
                "            entry = await self._log.append(draft)\n"
                "        except Unavailable:\n"
                "            acknowledge(SimpleNamespace(room=draft.room, seq=1, nonce=draft.nonce))\n"
                "            return\n",
            ),
            NAMESPACE,
        ),
    ),
    Mutant(
        "no unique nonce",
        (
            Change(
                SQL_APPEND_FILE,
                "            _find_entries({(draft.nonce, draft.author_id) for draft in drafts}),\n",
                "            {},\n",
            ),
            Change(
                MIGRATION_FILE,
                "CREATE UNIQUE INDEX entry_nonce_author_id",
                "CREATE INDEX entry_nonce_author_id",
            ),
        ),
    ),
    Mutant(
        "a repeated nonce is acknowledged with the head",
        (
            Change(
                SQL_APPEND_FILE,
                "            return self.known[key]\n",
                "            return dataclasses.replace(self.known[key], seq=self.heads[draft.room].seq)\n",
            ),
            Change(SQL_APPEND_FILE, "import time\n", "import dataclasses\nimport time\n"),
        ),
    ),
    Mutant(
        "replay by timestamp, in seconds",
        (
            Change(
                SQL_LOG_FILE,
                'AFTER = READ + "AND seq > ? ORDER BY seq LIMIT ?"',
                'AFTER = READ + "AND CAST(at AS INTEGER) > '
                "(SELECT COALESCE(MAX(CAST(at AS INTEGER)), 0) FROM entry AS old "
                'WHERE old.room_id = entry.room_id AND old.seq = ?) ORDER BY at LIMIT ?"',
            ),
        ),
    ),
    Mutant(
        "pages by timestamp",
        (
            Change(
                SQL_LOG_FILE,
                'LINES_BEFORE = READ + "AND seq < ? AND is_drawn ORDER BY seq DESC LIMIT ?"',
                'LINES_BEFORE = READ + "AND at < (SELECT COALESCE(MAX(at), 1e12) FROM entry AS old '
                'WHERE old.room_id = entry.room_id AND old.seq = ?) AND is_drawn ORDER BY at DESC LIMIT ?"',
            ),
        ),
    ),
    Mutant(
        "no replay",
        (Change(CHANNEL_FILE, "self._delivered if after is None else min(after, self._delivered)", "self._delivered"),),
    ),
    Mutant(
        "a broadcast stops at the first connection that takes nothing",
        (
            Change(
                CHANNEL_FILE,
                "                self._lagging[subscriber] = before\n",
                "                self._lagging[subscriber] = before\n"
                "                at_head.update(pending)\n"
                "                pending.clear()\n"
                "                break\n",
            ),
        ),
    ),
    Mutant(
        "a broadcast fails at the first connection that is away",
        (
            Change(
                "controllers/sockjs/sessions.py",
                "        if handler is None or not handler.active or self.send_queue or self.is_closed:\n",
                "        if handler is None:\n"
                "            raise tornado.websocket.WebSocketClosedError()\n"
                "        if not handler.active or self.send_queue or self.is_closed:\n",
            ),
        ),
    ),
    Mutant(
        "the cursor moves although the connection took nothing",
        (
            Change(
                CHANNEL_FILE,
                "                self._lagging[subscriber] = before\n",
                "                at_head.add(subscriber)\n",
            ),
        ),
    ),
    Mutant(
        "what a process appends overtakes what others appended before",
        (Change(TAIL_FILE, "        if entry.seq == self.head + 1 and", "        if entry.seq > self.head and"),),
    ),
    Mutant(
        "a process hears no doorbell",
        (
            Change(
                HUB_FILE,
                "            if channel is not None and head.seq > channel.tail.head:\n",
                "            if channel is not None and head.seq < 0:\n",
            ),
        ),
    ),
    Mutant(
        "the number is taken outside the transaction",
        (
            Change(
                SQL_APPEND_FILE,
                "    with appending():\n        batch = _Batch.read(drafts)\n",
                "    batch = _Batch.read(drafts)\n    with appending():\n",
            ),
            Change(
                MIGRATION_FILE,
                "PRIMARY KEY (room_id, seq)",
                "PRIMARY KEY (room_id, seq, nonce)",
            ),
        ),
    ),
    Mutant(
        "a room's row is not locked",
        (Change(SQL_APPEND_FILE, 'sql + " FOR NO KEY UPDATE" if database.for_update else sql', "sql"),),
        engine="postgresql",
    ),
    Mutant(
        "a process hears neither NOTIFY nor what its slow look finds",
        (Change("models/engines/postgresql_doorbell.py", "        self.ring()\n", ""),),
        engine="postgresql",
    ),
    Mutant(
        "MongoDB: no unique nonce",
        (
            Change(
                MONGO_DATABASE_FILE,
                "for fields in UNIQUE_INDEXES:\n            await self.entries.create_index("
                "[(field, 1) for field in fields], unique=True)",
                "for fields in UNIQUE_INDEXES:\n            await self.entries.create_index("
                "[(field, 1) for field in fields], unique=fields[0] == 'room')",
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a number may be given twice",
        (
            Change(
                MONGO_DATABASE_FILE,
                "for fields in UNIQUE_INDEXES:\n            await self.entries.create_index("
                "[(field, 1) for field in fields], unique=True)",
                "for fields in UNIQUE_INDEXES:\n            await self.entries.create_index("
                "[(field, 1) for field in fields], unique=fields[0] != 'room')",
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a batch taken in part is acknowledged as a whole",
        (Change(MONGO_APPEND_FILE, '            entries = entries[: refused["index"]]\n', ""),),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a process hears no change stream and no slow look",
        (Change("models/logs/mongo_changes.py", "                self.rung.set()\n", ""),),
        engine="mongodb",
    ),
    Mutant(
        "a failed transaction is a traceback",
        (
            Change(
                "models/engines/workers.py",
                "        except (peewee.OperationalError, peewee.InternalError, peewee.InterfaceError) as error:\n",
                "        except (peewee.InternalError, peewee.InterfaceError) as error:\n",
            ),
        ),
    ),
)
