"""Whose message each answer answers, so that a member finds the answers to themselves without reading the rooms."""

STATEMENTS = (
    """
    CREATE TABLE answer (
        room_id VARCHAR(255) NOT NULL REFERENCES room (slug) ON DELETE CASCADE,
        seq INTEGER NOT NULL,
        user_id INTEGER NOT NULL,
        PRIMARY KEY (room_id, seq)
    ) WITHOUT ROWID
    """,
    "CREATE INDEX answer_user_id_room_id_seq ON answer (user_id, room_id, seq)",
    """
    INSERT INTO answer (room_id, seq, user_id)
    SELECT reply.room_id, reply.seq, answered.author_id
    FROM entry AS reply JOIN entry AS answered ON answered.room_id = reply.room_id AND answered.seq = reply.target
    WHERE reply.kind = 'post' AND reply.body <> '' AND reply.author_id <> answered.author_id
    """,
    # Changes nothing, and is refused where a site is being moved or was moved, so that its old copy stays as it is.
    "UPDATE setting SET value = value WHERE name = 'people_version'",
)


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
