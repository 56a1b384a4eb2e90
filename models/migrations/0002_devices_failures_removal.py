"""Sessions know their device, members can be removed, failed sign-ins are counted."""

STATEMENTS = (
    "ALTER TABLE session ADD COLUMN device VARCHAR(255) NOT NULL DEFAULT ''",
    'ALTER TABLE "user" ADD COLUMN removed_at REAL',
    "CREATE TABLE failure (id INTEGER NOT NULL PRIMARY KEY, key VARCHAR(255) NOT NULL, at REAL NOT NULL)",
    "CREATE INDEX failure_key_at ON failure (key, at)",
    "CREATE INDEX failure_at ON failure (at)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
