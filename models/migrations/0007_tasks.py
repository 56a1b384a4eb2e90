"""Tasks, as they are after all entries that name them; their texts are in these entries."""

import peewee

STATEMENTS = (
    """
    CREATE TABLE task (
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        id INTEGER NOT NULL,
        version INTEGER NOT NULL,
        is_done INTEGER NOT NULL,
        rank VARCHAR(255) NOT NULL,
        given_to VARCHAR(255) NOT NULL,
        changed_seq INTEGER NOT NULL,
        PRIMARY KEY (room_id, id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX task_given_to ON task (given_to, room_id) WHERE given_to <> '' AND NOT is_done",
)
# What is not counted is refused, as before; but a room may begin with a task, before any line.
IS_UNCOUNTED = "NEW.lines = 0 AND NEW.kind NOT LIKE 'task%'"
SQLITE = (
    "DROP TRIGGER entry_uncounted",
    f"""
    CREATE TRIGGER entry_uncounted BEFORE INSERT ON entry WHEN {IS_UNCOUNTED}
    BEGIN
        SELECT RAISE(ABORT, 'prosa is read-only');
    END
    """,
)
POSTGRESQL = (
    "DROP TRIGGER entry_uncounted ON entry",
    f"""
    CREATE TRIGGER entry_uncounted BEFORE INSERT ON entry FOR EACH ROW WHEN ({IS_UNCOUNTED})
    EXECUTE FUNCTION refuse_writing()
    """.replace("%", "%%"),
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
    for statement in SQLITE if isinstance(db, peewee.SqliteDatabase) else POSTGRESQL:
        db.execute_sql(statement)
