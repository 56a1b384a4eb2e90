"""On PostgreSQL, the ring for a room tells how far it is, so that nobody has to ask."""

import peewee

# Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
REFUSED_IF_MOVED = "UPDATE setting SET value = value WHERE name = 'people_version'"
# A process of the version before does not know this kind of ring: it looks at all rooms, once a second.
RING = """
    CREATE OR REPLACE FUNCTION ring_for_room() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('prosa', concat_ws(' ', 'head', NEW.head, NEW.posts, NEW.lines, NEW.slug));
        RETURN NULL;
    END $$
"""


def up(migrator, db):
    db.execute_sql(REFUSED_IF_MOVED)
    if not isinstance(db, peewee.SqliteDatabase):
        db.execute_sql(RING)
