"""The first schema. A frozen copy in SQL: later changes to the models must not change the past."""

import peewee

TABLES = (
    """
    CREATE TABLE "user" (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        username VARCHAR(255) NOT NULL UNIQUE,
        folded VARCHAR(255) NOT NULL UNIQUE,
        password VARCHAR(255) NOT NULL,
        email VARCHAR(255) NOT NULL,
        join_date DATETIME NOT NULL,
        is_admin INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE session (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        token_hash VARCHAR(64) NOT NULL UNIQUE,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        opened_at REAL NOT NULL,
        ended_at REAL
    )
    """,
    "CREATE INDEX session_user_id ON session (user_id)",
    "CREATE INDEX session_opened_at ON session (opened_at)",
    "CREATE INDEX session_ended_at ON session (ended_at)",
    """
    CREATE TABLE invitation (
        id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
        token VARCHAR(255) NOT NULL UNIQUE,
        made_by_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        made_at REAL NOT NULL,
        ended_at REAL
    )
    """,
    "CREATE TABLE setting (name VARCHAR(255) NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
    """
    CREATE TABLE room (
        slug VARCHAR(255) NOT NULL PRIMARY KEY,
        name VARCHAR(255) NOT NULL,
        description VARCHAR(255) NOT NULL,
        is_open INTEGER NOT NULL,
        head INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE membership (
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        PRIMARY KEY (user_id, room_id)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX membership_room_id ON membership (room_id)",
    """
    CREATE TABLE entry (
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        kind VARCHAR(255) NOT NULL,
        target INTEGER,
        author_id INTEGER NOT NULL REFERENCES "user" (id),
        body TEXT NOT NULL,
        at REAL NOT NULL,
        nonce VARCHAR(255) NOT NULL,
        PRIMARY KEY (room_id, seq)
    ) WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX entry_nonce_author_id ON entry (nonce, author_id)",
    "CREATE TABLE process (id VARCHAR(255) NOT NULL PRIMARY KEY, beat_at REAL NOT NULL, version INTEGER NOT NULL)",
    """
    CREATE TABLE presence (
        process_id VARCHAR(255) NOT NULL REFERENCES process (id) ON DELETE CASCADE,
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        user_id INTEGER NOT NULL REFERENCES "user" (id) ON DELETE CASCADE,
        connections INTEGER NOT NULL,
        typing_until REAL NOT NULL,
        PRIMARY KEY (process_id, room_id, user_id)
    ) WITHOUT ROWID
    """,
    """
    INSERT INTO setting (name, value) VALUES ('people_version', '1')
    """,
    """
    INSERT INTO room (slug, name, description, is_open, head)
    VALUES ('lobby', 'Lobby', 'Where everybody is. Be kind.', TRUE, 0)
    """,
)

# What processes remember of people is over after these. A new session is nobody's memory yet.
PEOPLE_CHANGES = (
    ("user", "UPDATE"),
    ("user", "DELETE"),
    ("session", "UPDATE"),
    ("session", "DELETE"),
    ("membership", "INSERT"),
    ("membership", "DELETE"),
    ("room", "INSERT"),
    ("room", "UPDATE OF name, description, is_open"),
    ("room", "DELETE"),
)
TRIGGER = """
    CREATE TRIGGER people_{number} AFTER {change} ON "{table}"
    BEGIN
        UPDATE setting SET value = value + 1 WHERE name = 'people_version';
    END
"""

# The same where processes listen for NOTIFY, and what rings for messages and presence there.
POSTGRESQL = (
    """
    CREATE FUNCTION people_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE setting SET value = value::bigint + 1 WHERE name = 'people_version';
        PERFORM pg_notify('prosa', 'people');
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION ring() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('prosa', TG_ARGV[0]);
        RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER log_ring AFTER UPDATE OF head ON room FOR EACH ROW EXECUTE FUNCTION ring('log')",
    """
    CREATE TRIGGER presence_ring AFTER UPDATE OF version ON process FOR EACH ROW
    WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION ring('presence')
    """,
)
POSTGRESQL_TRIGGER = """
    CREATE TRIGGER people_{number} AFTER {change} ON "{table}" FOR EACH ROW EXECUTE FUNCTION people_changed()
"""


def up(migrator, db):
    for statement in TABLES:
        db.execute_sql(db.spell(statement))
    is_sqlite = isinstance(db, peewee.SqliteDatabase)
    for statement in () if is_sqlite else POSTGRESQL:
        db.execute_sql(statement)
    trigger = TRIGGER if is_sqlite else POSTGRESQL_TRIGGER
    for number, (table, change) in enumerate(PEOPLE_CHANGES):
        db.execute_sql(trigger.format(number=number, table=table, change=change))
