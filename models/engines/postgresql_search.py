"""The search index on PostgreSQL: its own text search, a `tsvector` with a GIN index.

Such an index tells all rows that match, in no order. So the newest messages are looked through first, where what is
frequent is found at once. What is rare there is asked of the index, and only that: the beginning of a frequent word
would take it long. Where nothing is rare by itself, more of the newest are looked through.
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

NEWEST_ROWS = 2000  # looked through first: about 2 ms
MORE_ROWS = 20_000  # looked through where nothing is rare by itself, or where the index would take too long: 10 ms
RARE_SHARE = 0.0025  # of the newest rows, up to which a word, an author or the member's rooms are asked of the index
FEW_HITS = 2  # among more of the newest, below which the index is asked for all at once
MAX_SORTED_ROWS = 10_000  # that are found by the index and put into order: about 15 ms
INDEX_TIMEOUT_MS = 300  # for what is made of frequent words and is rare all the same, such as a phrase

NEWEST = "(SELECT * FROM search WHERE rowid >= %s AND rowid < %s ORDER BY rowid DESC LIMIT %s) AS newest"
FIND_NEWEST = f"""
    SELECT rowid, room_id, seq FROM {NEWEST}
    WHERE room_id = ANY(%s) AND (%s = '' OR words @@ CAST(%s AS tsquery)) ORDER BY rowid DESC LIMIT %s
"""  # noqa: S608 - of constants, as the others are
COUNT_NEWEST = f"SELECT COUNT(*), MIN(rowid), COUNT(*) FILTER (WHERE room_id = ANY(%s)){{}} FROM {NEWEST}"  # noqa: S608
COUNT_PART = ", COUNT(*) FILTER (WHERE words @@ CAST(%s AS tsquery))"
# + 0 and ||: else the planner, which does not know how rare a word is, may go through all rows in their order, or ask
# the index for frequent words, too.
FIND_RARE = f"""
    SELECT rowid, room_id, seq FROM search
    WHERE words @@ CAST(%s AS tsquery) AND rowid + 0 >= %s AND rowid + 0 < %s AND room_id = ANY(%s)
    AND (%s = '' OR (words || '') @@ CAST(%s AS tsquery)) LIMIT {MAX_SORTED_ROWS + 1}
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
        newest = self._find_newest(wanted, NEWEST_ROWS, limit)
        if len(newest.found) == limit or not newest.looked_from:
            return newest
        if rare := self._rare_parts(wanted):
            with contextlib.suppress(_TooManyRows):
                return Hits(self._find_rare(wanted, self.both.join(rare), limit))
        more = self._find_newest(wanted, MORE_ROWS, limit)
        if len(more.found) < FEW_HITS and more.looked_from and not rare:
            with contextlib.suppress(_TooManyRows):
                return Hits(self._find_rare(wanted, self._condition(wanted), limit))
        return more

    def _find_newest(self, wanted: Wanted, rows: int, limit: int) -> Hits:
        """Return the newest hits among the newest rows."""
        newest, rooms, condition = (wanted.since, wanted.before, rows), list(wanted.rooms), self._others(wanted)
        found = to_hits(self._ask(FIND_NEWEST, *newest, rooms, condition, condition, limit))
        if len(found) == limit:
            return Hits(found, found[-1].place)
        ((count, first, _),) = self._ask(COUNT_NEWEST.format(""), rooms, *newest)
        return Hits(found, first if count == rows else 0)

    def _rare_parts(self, wanted: Wanted) -> list[str]:
        """Return the conditions that few of the newest rows meet."""
        others = self._parts(wanted)
        sql = COUNT_NEWEST.format(COUNT_PART * len(others))
        values = list(wanted.rooms), *others, wanted.since, wanted.before, NEWEST_ROWS
        ((count, _, *counts),) = self._ask(sql, *values)
        parts = [self._rooms(wanted), *others]
        return [part for part, some in zip(parts, counts, strict=True) if some <= RARE_SHARE * count]

    def _others(self, wanted: Wanted) -> str:
        """Return the condition for all but the rooms; empty if there is none."""
        return self._condition(wanted, has_rooms=False).removeprefix(self.both)

    def _find_rare(self, wanted: Wanted, rare: str, limit: int) -> list[Hit]:
        """Return the newest hits among what the index has for `rare`. Raise _TooManyRows."""
        others, rooms = self._others(wanted), list(wanted.rooms)
        with self._quickly():
            found = to_hits(self._ask(FIND_RARE, rare, wanted.since, wanted.before, rooms, others, others))
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
