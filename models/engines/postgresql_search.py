"""The search index on PostgreSQL: its own text search, a `tsvector` with a GIN index.

Such an index tells all rows that match, in no order. So the newest messages are looked through first, where a frequent
word is found at once, and more of them if it is not so rare. The index is asked for what must be rare by then.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence

import peewee
import psycopg

from models.engines.base import Row
from models.engines.postgresql_connection import driver_error
from models.engines.search_index import SearchIndex, to_hits
from models.search.query import Phrase
from models.search.wanted import Hit, Hits, Wanted

NEWEST_ROWS = 2000  # looked through first: about 3 ms
MORE_ROWS = 40_000  # looked through where there was some hit, or where the index would take too long: about 60 ms
FEW_HITS = 2  # among the newest, from which on it is not rare
MAX_SORTED_ROWS = 10_000  # that are found by the index and put into order: about 15 ms
INDEX_TIMEOUT_MS = 300  # for what is made of frequent words and is rare all the same, such as a phrase
SMALL_SHARE = 0.1  # of the newest rows, below which the member's rooms are asked of the index, too

NEWEST = "(SELECT * FROM search WHERE rowid >= %s AND rowid < %s ORDER BY rowid DESC LIMIT %s) AS newest"
FIND_NEWEST = f"""
    SELECT rowid, room_id, seq FROM {NEWEST}
    WHERE room_id = ANY(%s) AND (%s = '' OR words @@ CAST(%s AS tsquery)) ORDER BY rowid DESC LIMIT %s
"""  # noqa: S608 - of constants, as the others are
COUNT_NEWEST = f"SELECT COUNT(*), COUNT(*) FILTER (WHERE room_id = ANY(%s)), MIN(rowid) FROM {NEWEST}"  # noqa: S608
# + 0: else the planner, which does not know how rare a word is, may go through all rows in their order.
FIND_RARE = f"""
    SELECT rowid, room_id, seq FROM search
    WHERE words @@ CAST(%s AS tsquery) AND rowid + 0 >= %s AND rowid + 0 < %s AND room_id = ANY(%s)
    LIMIT {MAX_SORTED_ROWS + 1}
"""  # noqa: S608
BY_INDEX = f"SET LOCAL enable_seqscan = off; SET LOCAL statement_timeout = {INDEX_TIMEOUT_MS}"


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

    def find(self, wanted: Wanted, limit: int) -> Hits:
        condition = self._condition(wanted, has_rooms=False).removeprefix(self.both)
        hits, own_share = self._find_newest(wanted, condition, NEWEST_ROWS, limit)
        if len(hits.found) == limit or not hits.looked_from:
            return hits
        if len(hits.found) < FEW_HITS and condition:
            with contextlib.suppress(_TooManyRows):
                by_index = self._condition(wanted) if own_share < SMALL_SHARE else condition
                return Hits(self._find_rare(wanted, by_index, limit))
        return self._find_newest(wanted, condition, MORE_ROWS, limit)[0]

    def _find_newest(self, wanted: Wanted, condition: str, rows: int, limit: int) -> tuple[Hits, float]:
        """Return the hits among the newest rows, and which share of these is in the member's rooms, if that counts."""
        newest, rooms = (wanted.since, wanted.before, rows), list(wanted.rooms)
        found = to_hits(self._ask(FIND_NEWEST, *newest, rooms, condition, condition, limit))
        if len(found) == limit:
            return Hits(found, found[-1].place), 1.0
        ((count, own_count, first),) = self._ask(COUNT_NEWEST, rooms, *newest)
        return Hits(found, first if count == rows else 0), own_count / max(count, 1)

    def _find_rare(self, wanted: Wanted, condition: str, limit: int) -> list[Hit]:
        """Return the newest hits by the index. Raise _TooManyRows."""
        with self._quickly():
            found = to_hits(self._ask(FIND_RARE, condition, wanted.since, wanted.before, list(wanted.rooms)))
        if len(found) > MAX_SORTED_ROWS:
            raise _TooManyRows()
        return sorted(found, reverse=True)[:limit]

    @contextlib.contextmanager
    def _quickly(self) -> Iterator[None]:
        """Let the index be used, for a limited time. Raise _TooManyRows."""
        try:
            with self._database.atomic():
                self._database.execute_sql(BY_INDEX)
                yield
        except peewee.OperationalError as error:
            if isinstance(driver_error(error), psycopg.errors.QueryCanceled):
                raise _TooManyRows() from error
            raise

    def _ask(self, sql: str, *values: object) -> list[Row]:
        found: list[Row] = self._database.execute_sql(sql, values).fetchall()
        return found

    def _phrase(self, phrase: Phrase) -> str:
        return f"({'<->'.join(map(_quoted, phrase.words))}{':*' * phrase.is_beginning})"

    def _any(self, labels: Iterable[str]) -> str:
        return f"({'|'.join(map(_quoted, labels))})"


def _quoted(word: str) -> str:
    return f"'{word}'"


class _TooManyRows(Exception):
    """The index tells more rows than can be put into order, or takes too long."""
