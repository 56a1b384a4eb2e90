"""The search index, and what each room has in it; it is filled while the site runs (models/logs/sql_search.py)."""

import peewee

STATEMENTS = (
    "ALTER TABLE room ADD COLUMN searched INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE room ADD COLUMN search_from INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX room_unsearched ON room (slug) WHERE searched <> head OR search_from > 1",
    # Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
    "UPDATE setting SET value = value WHERE name = 'people_version'",
)
# Words are parted by blanks alone: of ASCII's signs those are letters that may be in one. By their first one to five
# letters the beginnings of words are found as fast as words; of longer ones the lists of all words are merged first.
SQLITE = (
    """
    CREATE VIRTUAL TABLE search USING fts5 (
        words, room_id UNINDEXED, seq UNINDEXED,
        tokenize = "ascii tokenchars '_-'", prefix = '1 2 3 4 5', columnsize = 0
    )
    """,
    "INSERT INTO search (search, rank) VALUES ('secure-delete', 1)",
    "CREATE VIRTUAL TABLE search_words USING fts5vocab (search, instance)",
)
# What is not in the index yet is looked through at each search: it has to stay short.
POSTGRESQL = (
    """
    CREATE TABLE search (
        rowid BIGINT NOT NULL PRIMARY KEY,
        room_id TEXT COLLATE "C" NOT NULL,
        seq BIGINT NOT NULL,
        words TSVECTOR NOT NULL
    )
    """,
    "CREATE INDEX search_words ON search USING gin (words) WITH (gin_pending_list_limit = 256)",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
    for statement in SQLITE if isinstance(db, peewee.SqliteDatabase) else POSTGRESQL:
        db.execute_sql(statement)
