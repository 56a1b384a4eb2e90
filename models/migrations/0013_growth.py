"""Which rooms have grown, so that a process looks at these only, however many there are."""

import peewee

# Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
REFUSED_IF_MOVED = "UPDATE setting SET value = value WHERE name = 'people_version'"
# Transactions that write come one after the other on SQLite: what has grown is behind all that has grown before.
SQLITE = (
    "ALTER TABLE room ADD COLUMN grown INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX room_grown ON room (grown)",
    """
    CREATE TRIGGER room_grown AFTER UPDATE OF head ON room
    BEGIN
        UPDATE room SET grown = (SELECT MAX(grown) FROM room) + 1 WHERE slug = NEW.slug;
    END
    """,
)
# On PostgreSQL they end in any order: there the ring names the room.
POSTGRESQL = (
    """
    CREATE FUNCTION ring_for_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('prosa', 'room ' || NEW.slug);
        RETURN NULL;
    END $$
    """,
    "DROP TRIGGER log_ring ON room",
    "CREATE TRIGGER log_ring AFTER UPDATE OF head ON room FOR EACH ROW EXECUTE FUNCTION ring_for_room()",
)


def up(migrator, db):
    for statement in (
        (REFUSED_IF_MOVED, *SQLITE) if isinstance(db, peewee.SqliteDatabase) else (REFUSED_IF_MOVED, *POSTGRESQL)
    ):
        db.execute_sql(statement)
