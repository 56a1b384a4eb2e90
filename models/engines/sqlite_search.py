"""The search index on SQLite: a table of FTS5 (sqlite.org/fts5.html).

It finds the newest hits of a frequent word as fast as those of a rare one, since it reads its lists backwards from
the newest place on. What is deleted leaves the files as other deleted rows do (`secure-delete`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.engines.search_index import SearchIndex, to_hits
from models.search.query import Phrase
from models.search.wanted import Hits, Wanted

FIND = """
    SELECT rowid, room_id, seq FROM search WHERE search MATCH ? AND rowid >= ? AND rowid < ?
    ORDER BY rowid DESC LIMIT ?
"""
# A beginning of so many letters is found as fast as a word (0010_search.py). For a longer one FTS5 merges the lists of
# all words that begin so, before it tells the first hit; where these are few, they are asked for by themselves.
INDEXED_CHARS = 5
MAX_ENDINGS = 100
# With a sign behind the last word that no word has: to find what is larger than a word, all places of it were read.
NEXT_WORD = "SELECT term FROM search_words WHERE term >= ? LIMIT 1"
BEHIND = "\x01"


class Fts5Index(SearchIndex):
    """Words with blanks between them; the migration's tokenizer parts them there and nowhere else."""

    document = "?"
    both = " AND "
    neither = " NOT "

    def write(self, words: Sequence[str], labels: Iterable[str]) -> str:
        return " ".join((*labels, *words))

    def find(self, wanted: Wanted, limit: int) -> Hits:
        values = self._condition(wanted), wanted.since, wanted.before, limit
        return Hits(to_hits(self._database.execute_sql(FIND, values).fetchall()))

    def _phrase(self, phrase: Phrase) -> str:
        *firsts, last = phrase.words
        if not phrase.is_beginning:
            return _quoted(phrase.words)
        endings = self._words_from(last) if len(last) > INDEXED_CHARS else []
        if not endings:
            return f"{_quoted(phrase.words)} *"
        return f"({' OR '.join(_quoted([*firsts, word]) for word in endings)})"

    def _words_from(self, beginning: str) -> list[str]:
        """Return the word itself and the words that begin so; nothing if they are too many."""
        found = [beginning]
        while len(found) <= MAX_ENDINGS:
            row = self._database.execute_sql(NEXT_WORD, (found[-1] + BEHIND,)).fetchone()
            if row is None or not row[0].startswith(beginning):
                return found
            found.append(row[0])
        return []

    def _any(self, labels: Iterable[str]) -> str:
        return f"({' OR '.join(_quoted([label]) for label in labels)})"


def _quoted(words: Sequence[str]) -> str:
    return f'"{" ".join(words)}"'
