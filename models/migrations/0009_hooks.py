"""Webhooks: addresses by which other sites post into a room, and those that are told what is posted there."""

import peewee

STATEMENTS = (
    """
    CREATE TABLE hook (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        bot_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        kind VARCHAR(3) NOT NULL,
        name VARCHAR(255) NOT NULL,
        secret VARCHAR(255) NOT NULL,
        secret_hash VARCHAR(64) NOT NULL,
        url TEXT NOT NULL,
        events VARCHAR(8) NOT NULL,
        cursor INTEGER NOT NULL,
        next_try_at REAL NOT NULL,
        failing_since REAL,
        failures INTEGER NOT NULL,
        last_status VARCHAR(255) NOT NULL,
        off_at REAL,
        made_by_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        made_at REAL NOT NULL,
        claimed_by VARCHAR(255) NOT NULL DEFAULT '',
        claimed_until REAL NOT NULL DEFAULT 0
    )
    """,
    "CREATE INDEX hook_room_id ON hook (room_id)",
    "CREATE INDEX hook_bot_id ON hook (bot_id)",
    # Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
    "UPDATE setting SET value = value WHERE name = 'people_version'",
)

# By these all processes learn which hooks there are. What happens at each delivery is in no memory.
PEOPLE_CHANGES = {"people_12": "INSERT", "people_13": "UPDATE OF off_at", "people_14": "DELETE"}
TRIGGER = """
    CREATE TRIGGER {name} AFTER {change} ON hook
    BEGIN
        UPDATE setting SET value = value + 1 WHERE name = 'people_version';
    END
"""
POSTGRESQL_TRIGGER = "CREATE TRIGGER {name} AFTER {change} ON hook FOR EACH ROW EXECUTE FUNCTION people_changed()"


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
    trigger = TRIGGER if isinstance(db, peewee.SqliteDatabase) else POSTGRESQL_TRIGGER
    for name, change in PEOPLE_CHANGES.items():
        db.execute_sql(trigger.format(name=name, change=change))
