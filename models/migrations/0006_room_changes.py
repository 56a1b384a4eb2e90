"""Which rooms and memberships have changed, so that a process looks at these only."""

import peewee

STATEMENTS = (
    "ALTER TABLE room ADD COLUMN changed_version INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE room ADD COLUMN left_version INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE membership ADD COLUMN changed_version INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX room_changed_version ON room (changed_version)",
    "CREATE INDEX room_left_version ON room (left_version)",
    "CREATE INDEX membership_changed_version ON membership (changed_version)",
    "INSERT INTO setting (name, value) VALUES ('rooms_version', '0')",
)
NEXT = "UPDATE setting SET value = {value} + 1 WHERE name = 'rooms_version';"
NOW = "COALESCE((SELECT {value} FROM setting WHERE name = 'rooms_version'), 0)"  # none while a move fills the tables
OWN = "UPDATE OF notify, is_muted, pinned_at"
ROOM = "UPDATE OF name, description, kind, address, keeper_id, archived_at"
LEFT = "UPDATE room SET left_version = {now} WHERE slug = OLD.room_id;"

SQLITE = "CREATE TRIGGER rooms_{number} AFTER {change} ON {table} BEGIN {next} {note} END"
SQLITE_MEMBERSHIP = (
    "UPDATE membership SET changed_version = {now} WHERE user_id = NEW.user_id AND room_id = NEW.room_id;"
)
SQLITE_ROOM = "UPDATE room SET changed_version = {now} WHERE slug = NEW.slug;"
SQLITE_CHANGES = (
    ("membership", "INSERT", SQLITE_MEMBERSHIP),
    ("membership", OWN, SQLITE_MEMBERSHIP),
    ("membership", "DELETE", LEFT),
    ("room", ROOM, SQLITE_ROOM),
)

# Before the change, where the row can still be another one: nothing is looked for.
POSTGRESQL = (
    """
    CREATE FUNCTION rooms_note_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {next} NEW.changed_version := {now}; RETURN NEW; END $$
    """,
    """
    CREATE FUNCTION rooms_note_leaving() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {next} {left} RETURN NULL; END $$
    """,
    f"CREATE TRIGGER rooms_0 BEFORE INSERT OR {OWN} ON membership FOR EACH ROW EXECUTE FUNCTION rooms_note_change()",
    "CREATE TRIGGER rooms_1 AFTER DELETE ON membership FOR EACH ROW EXECUTE FUNCTION rooms_note_leaving()",
    f"CREATE TRIGGER rooms_2 BEFORE {ROOM} ON room FOR EACH ROW EXECUTE FUNCTION rooms_note_change()",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
    is_sqlite = isinstance(db, peewee.SqliteDatabase)
    value = "CAST(value AS INTEGER)" if is_sqlite else "value::bigint"
    parts = {"next": NEXT.format(value=value), "now": NOW.format(value=value)}
    if is_sqlite:
        for number, (table, change, note) in enumerate(SQLITE_CHANGES):
            db.execute_sql(SQLITE.format(number=number, table=table, change=change, note=note.format(**parts), **parts))
    else:
        for statement in POSTGRESQL:
            db.execute_sql(statement.replace("{left}", LEFT).format(**parts) if "{" in statement else statement)
