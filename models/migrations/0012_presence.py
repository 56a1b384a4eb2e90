"""What each process has changed in its presence, by the version at which it did, so that others read that only.

A process of the version before writes no changes: when its version grows, all of its rows are read.
"""

STATEMENTS = (
    """
    CREATE TABLE presence_change (
        process_id VARCHAR(255) NOT NULL REFERENCES process (id) ON DELETE CASCADE,
        version INTEGER NOT NULL,
        room_id VARCHAR(255) NOT NULL,
        user_id INTEGER NOT NULL,
        connections INTEGER NOT NULL,
        typing_until REAL NOT NULL,
        PRIMARY KEY (process_id, version, room_id, user_id)
    ) WITHOUT ROWID
    """,
    # Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
    "UPDATE setting SET value = value WHERE name = 'people_version'",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
