"""The search index on PostgreSQL: its own text search, a `tsvector` with a GIN index.

Such an index tells all rows that match, in no order. So the newest messages are looked through first, where a frequent
word is found at once; then the index is asked for a word that must be rare. One that is frequent all the same stands in
older messages only, and is looked for there, from the newest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from models.engines.base import Row
from models.engines.search_index import SearchIndex
from models.search.query import Phrase
from models.search.wanted import Wanted

NEWEST_ROWS = 2000  # looked through first: about 3 ms
MAX_SORTED_ROWS = 10_000  # that are found by the index and put into order: about 15 ms
FIND_NEWEST = f"""
    SELECT rowid, room_id, seq FROM (
        SELECT * FROM search WHERE rowid >= %s AND rowid < %s ORDER BY rowid DESC LIMIT {NEWEST_ROWS}
    ) AS newest WHERE words @@ CAST(%s AS tsquery) ORDER BY rowid DESC LIMIT %s
"""  # noqa: S608 - of constants, as the others are
# + 0: else the planner, which does not know how rare a word is, may go through all rows in their order.
FIND_RARE = f"""
    SELECT rowid, room_id, seq FROM search
    WHERE words @@ CAST(%s AS tsquery) AND rowid + 0 >= %s AND rowid + 0 < %s LIMIT {MAX_SORTED_ROWS + 1}
"""  # noqa: S608
FIND = """
    SELECT rowid, room_id, seq FROM search WHERE words @@ CAST(%s AS tsquery) AND rowid >= %s AND rowid < %s
    ORDER BY rowid DESC LIMIT %s
"""
BY_INDEX, IN_ORDER = "SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off"


class TsvectorIndex(SearchIndex):
    """Words with their places, in the notation of `tsvector`. None has a quotation mark or a backslash."""

    document = "CAST(? AS tsvector)"
    both = " & "
    neither = " & !"

    def write(self, words: Sequence[str], labels: Iterable[str]) -> str:
        places: dict[str, list[str]] = {}
        for place, word in enumerate(words, 1):
            places.setdefault(word, []).append(str(place))
        return " ".join(
            [*map(_quoted, labels), *(f"{_quoted(word)}:{','.join(some)}" for word, some in places.items())]
        )

    def find(self, wanted: Wanted, limit: int) -> Sequence[Row]:
        condition, places = self._condition(wanted), (wanted.since, wanted.before)
        found: list[Row] = self._ask(FIND_NEWEST, *places, condition, limit)
        if len(found) == limit:
            return found
        with self._database.atomic():
            self._ask_nothing(BY_INDEX)
            found = self._ask(FIND_RARE, condition, *places)
            if len(found) <= MAX_SORTED_ROWS:
                return sorted(found, reverse=True)[:limit]
            self._ask_nothing(IN_ORDER)
            return self._ask(FIND, condition, *places, limit)

    def _ask(self, sql: str, *values: object) -> list[Row]:
        found: list[Row] = self._database.execute_sql(sql, values).fetchall()
        return found

    def _ask_nothing(self, sql: str) -> None:
        self._database.execute_sql(sql)

    def _phrase(self, phrase: Phrase) -> str:
        return f"({'<->'.join(map(_quoted, phrase.words))}{':*' * phrase.is_beginning})"

    def _any(self, labels: Iterable[str]) -> str:
        return f"({'|'.join(map(_quoted, labels))})"


def _quoted(word: str) -> str:
    return f"'{word}'"
