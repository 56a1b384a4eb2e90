"""Tokens with which programs ask as a member, and bots: members that are programs."""

import peewee

STATEMENTS = (
    'ALTER TABLE "user" ADD COLUMN is_bot INTEGER NOT NULL DEFAULT FALSE',
    """
    CREATE TABLE token (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        token_hash VARCHAR(64) NOT NULL UNIQUE,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        name VARCHAR(255) NOT NULL,
        scope VARCHAR(5) NOT NULL,
        made_at REAL NOT NULL,
        ends_at REAL,
        used_at REAL
    )
    """,
    "CREATE INDEX token_user_id ON token (user_id)",
    # Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
    "UPDATE setting SET value = value WHERE name = 'people_version'",
)

# What processes remember of people is over after these, too. A new token is nobody's memory yet, and its last use is
# in no memory.
PEOPLE_CHANGES = {"people_10": "UPDATE OF user_id, scope, ends_at", "people_11": "DELETE"}
TRIGGER = """
    CREATE TRIGGER {name} AFTER {change} ON token
    BEGIN
        UPDATE setting SET value = value + 1 WHERE name = 'people_version';
    END
"""
POSTGRESQL_TRIGGER = "CREATE TRIGGER {name} AFTER {change} ON token FOR EACH ROW EXECUTE FUNCTION people_changed()"


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
    trigger = TRIGGER if isinstance(db, peewee.SqliteDatabase) else POSTGRESQL_TRIGGER
    for name, change in PEOPLE_CHANGES.items():
        db.execute_sql(trigger.format(name=name, change=change))
