"""The search index on SQLite: a table of FTS5 (sqlite.org/fts5.html).

It finds the newest hits of a frequent word as fast as those of a rare one, since it reads its lists backwards from
the newest place on. What is deleted leaves the files as other deleted rows do (`secure-delete`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.engines.base import Row
from models.engines.search_index import SearchIndex
from models.search.query import Phrase
from models.search.wanted import Wanted

FIND = """
    SELECT rowid, room_id, seq FROM search WHERE search MATCH ? AND rowid >= ? AND rowid < ?
    ORDER BY rowid DESC LIMIT ?
"""


class Fts5Index(SearchIndex):
    """Words with blanks between them; the migration's tokenizer parts them there and nowhere else."""

    document = "?"
    both = " AND "
    neither = " NOT "

    def write(self, words: Sequence[str], labels: Iterable[str]) -> str:
        return " ".join((*labels, *words))

    def find(self, wanted: Wanted, limit: int) -> Sequence[Row]:
        values = self._condition(wanted), wanted.since, wanted.before, limit
        found: list[Row] = self._database.execute_sql(FIND, values).fetchall()
        return found

    def _phrase(self, phrase: Phrase) -> str:
        return f'"{" ".join(phrase.words)}"' + " *" * phrase.is_beginning

    def _any(self, labels: Iterable[str]) -> str:
        either = " OR ".join(f'"{label}"' for label in labels)
        return f"({either})"
