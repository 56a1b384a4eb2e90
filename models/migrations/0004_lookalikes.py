"""Members know what their names look like, so that nobody takes one that can be mistaken for another."""

from models.lookalikes import skeletons

STATEMENTS = (
    """ALTER TABLE "user" ADD COLUMN skeleton TEXT NOT NULL DEFAULT ''""",
    """ALTER TABLE "user" ADD COLUMN folded_skeleton TEXT NOT NULL DEFAULT ''""",
    'CREATE INDEX user_skeleton ON "user" (skeleton)',
    'CREATE INDEX user_folded_skeleton ON "user" (folded_skeleton)',
)
UPDATE = 'UPDATE "user" SET skeleton = ?, folded_skeleton = ? WHERE id = ?'


def up(migrator, db):
    for statement in STATEMENTS:
        db.execute_sql(db.spell(statement))
    for number, name in db.execute_sql('SELECT id, username FROM "user"').fetchall():
        db.execute_sql(UPDATE.replace("?", db.param), (*skeletons(name), number))
