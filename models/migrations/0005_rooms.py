"""Rooms of three kinds with addresses, what a member has of their own in a room, and messages that can change."""

import logging
import time

import peewee

log = logging.getLogger("models.migrations")

MANY_ENTRIES = 100_000  # take seconds

STATEMENTS = (
    "ALTER TABLE room ADD COLUMN kind VARCHAR(6) NOT NULL DEFAULT 'closed'",
    "UPDATE room SET kind = 'open' WHERE is_open",
    "ALTER TABLE room DROP COLUMN is_open",
    "ALTER TABLE room ADD COLUMN address VARCHAR(64) NOT NULL DEFAULT ''",
    "UPDATE room SET address = slug",
    'ALTER TABLE room ADD COLUMN keeper_id INTEGER REFERENCES "user" (id)',
    "ALTER TABLE room ADD COLUMN made_at REAL NOT NULL DEFAULT {now}",
    "ALTER TABLE room ADD COLUMN archived_at REAL",
    "ALTER TABLE room ADD COLUMN posts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE room ADD COLUMN lines INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE room ADD COLUMN people_key VARCHAR(255)",
    "UPDATE room SET posts = head, lines = head",
    "CREATE UNIQUE INDEX room_people_key ON room (people_key)",
    """
    CREATE TABLE address (
        address VARCHAR(64) NOT NULL PRIMARY KEY,
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE
    )
    """,
    "CREATE INDEX address_room_id ON address (room_id)",
    "INSERT INTO address (address, room_id) SELECT slug, slug FROM room",
    "ALTER TABLE membership ADD COLUMN joined_at REAL NOT NULL DEFAULT {now}",
    "ALTER TABLE membership ADD COLUMN read_seq INTEGER",
    "ALTER TABLE membership ADD COLUMN read_posts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE membership ADD COLUMN read_version INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE membership ADD COLUMN notify VARCHAR(8) NOT NULL DEFAULT 'mentions'",
    "ALTER TABLE membership ADD COLUMN is_muted INTEGER NOT NULL DEFAULT FALSE",
    "ALTER TABLE membership ADD COLUMN pinned_at REAL",
    "CREATE INDEX membership_read_version ON membership (read_version)",
)
# Not WITHOUT ROWID any more: in a table whose rows are only added at its end SQLite never moves a text to another page,
# which leaves a copy behind that no later deletion overwrites, whatever `secure_delete` says.
SQLITE_ENTRY = (
    """
    CREATE TABLE new_entry (
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        kind VARCHAR(255) NOT NULL,
        target INTEGER,
        author_id INTEGER NOT NULL REFERENCES "user" (id),
        body TEXT NOT NULL,
        at REAL NOT NULL,
        nonce VARCHAR(255) NOT NULL,
        posts INTEGER NOT NULL DEFAULT 0,
        lines INTEGER NOT NULL DEFAULT 0,
        is_drawn INTEGER NOT NULL DEFAULT FALSE,
        mentions TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (room_id, seq)
    )
    """,
    """
    INSERT INTO new_entry
    SELECT room_id, seq, kind, target, author_id, body, at, nonce, seq, seq, TRUE, '' FROM entry ORDER BY room_id, seq
    """,
    "DROP TABLE entry",
    "ALTER TABLE new_entry RENAME TO entry",
    "CREATE UNIQUE INDEX entry_nonce_author_id ON entry (nonce, author_id)",
    """
    INSERT INTO setting (name, value) SELECT 'rewrite_wanted', '1' WHERE EXISTS (SELECT 1 FROM entry)
    ON CONFLICT DO NOTHING
    """,
)
# PostgreSQL is three times as fast to write a table anew as to update all its rows, and leaves nothing behind.
POSTGRESQL_ENTRY = (
    "ALTER TABLE entry ADD COLUMN posts INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE entry ADD COLUMN lines INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE entry ADD COLUMN is_drawn INTEGER NOT NULL DEFAULT FALSE",
    "ALTER TABLE entry ADD COLUMN mentions TEXT NOT NULL DEFAULT ''",
    """
    ALTER TABLE entry ALTER COLUMN posts TYPE BIGINT USING seq, ALTER COLUMN lines TYPE BIGINT USING seq,
    ALTER COLUMN is_drawn TYPE BOOLEAN USING TRUE
    """,
)
INDEXES = (
    "CREATE INDEX entry_drawn ON entry (room_id, seq) WHERE is_drawn",
    "CREATE INDEX entry_target ON entry (room_id, target, kind, author_id) WHERE target IS NOT NULL",
    "CREATE INDEX entry_deleted ON entry (room_id, target) WHERE kind = 'delete'",
    """
    CREATE TABLE mention (
        user_id INTEGER NOT NULL,
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        PRIMARY KEY (user_id, room_id, seq)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX mention_room_id_seq ON mention (room_id, seq)",
    "INSERT INTO setting (name, value) VALUES ('reads_version', '0')",
)

# A process of the version before may run on for a while, and store entries that are not counted. It is told that the
# site is read-only, so that browsers keep their messages and send them to another process.
REFUSE_UNCOUNTED = """
    CREATE TRIGGER entry_uncounted BEFORE INSERT ON entry WHEN NEW.lines = 0
    BEGIN
        SELECT RAISE(ABORT, 'prosa is read-only');
    END
"""
POSTGRESQL_REFUSE_UNCOUNTED = (
    """
    CREATE OR REPLACE FUNCTION refuse_writing() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'prosa is read-only';
    END $$
    """,
    """
    CREATE TRIGGER entry_uncounted BEFORE INSERT ON entry FOR EACH ROW WHEN (NEW.lines = 0)
    EXECUTE FUNCTION refuse_writing()
    """,
)

# What processes remember of people is over after these, too. people_7 named a column that is gone.
PEOPLE_CHANGES = {
    "people_7": ("room", "UPDATE OF name, description, kind, address, keeper_id, archived_at"),
    "people_9": ("membership", "UPDATE OF notify, is_muted, pinned_at"),
}
TRIGGER = """
    CREATE TRIGGER {name} AFTER {change} ON {table}
    BEGIN
        UPDATE setting SET value = value + 1 WHERE name = 'people_version';
    END
"""
POSTGRESQL_TRIGGER = "CREATE TRIGGER {name} AFTER {change} ON {table} FOR EACH ROW EXECUTE FUNCTION people_changed()"
POSTGRESQL_READS = """
    CREATE TRIGGER reads_ring AFTER UPDATE ON setting FOR EACH ROW
    WHEN (NEW.name = 'reads_version') EXECUTE FUNCTION ring('reads')
"""


def up(migrator, db):
    is_sqlite = isinstance(db, peewee.SqliteDatabase)
    (count,) = db.execute_sql("SELECT coalesce(sum(head), 0) FROM room").fetchone()
    if count > MANY_ENTRIES:
        log.warning("The database is brought up to date. With %d messages that may take a minute.", count)
    db.execute_sql("DROP TRIGGER people_7" if is_sqlite else "DROP TRIGGER people_7 ON room")
    for statement in (*STATEMENTS, *(SQLITE_ENTRY if is_sqlite else POSTGRESQL_ENTRY), *INDEXES):
        db.execute_sql(db.spell(statement.replace("{now}", repr(time.time()))))
    trigger = TRIGGER if is_sqlite else POSTGRESQL_TRIGGER
    for name, (table, change) in PEOPLE_CHANGES.items():
        db.execute_sql(trigger.format(name=name, table=table, change=change))
    for statement in (REFUSE_UNCOUNTED,) if is_sqlite else (*POSTGRESQL_REFUSE_UNCOUNTED, POSTGRESQL_READS):
        db.execute_sql(statement)
