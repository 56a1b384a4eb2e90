"""The search index in a database: the table `search`, with a row for each message that was not deleted.

A row has the words of the text and, as words that no text has, the room and the author. So one question to the
engine's own index finds what is in all of some rooms, however many there are besides.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import peewee

from models.engines.base import Row
from models.search.query import Phrase
from models.search.wanted import Hit, Hits, Wanted


class SearchIndex(ABC):
    """What differs between engines: how words are stored and asked for."""

    document: str  # how the words of a row are given, in SQL
    both: str  # between what has to be there together
    neither: str  # before what must not be there

    def __init__(self, database: peewee.Database) -> None:
        self._database = database

    @abstractmethod
    def write(self, words: Sequence[str], labels: Iterable[str]) -> str:
        """Return the words of a row; labels have no place in the text."""

    @abstractmethod
    def find(self, wanted: Wanted, limit: int) -> Hits:
        """Return at most `limit` messages that are wanted, the newest; perhaps not all if not all was looked at."""

    @abstractmethod
    def _phrase(self, phrase: Phrase) -> str:
        """Return the condition for a phrase."""

    @abstractmethod
    def _any(self, labels: Iterable[str]) -> str:
        """Return the condition for one of these labels."""

    def _rooms(self, wanted: Wanted) -> str:
        """Return the condition for the rooms."""
        return self._any(map(room_label, wanted.rooms))

    def _parts(self, wanted: Wanted) -> list[str]:
        """Return the conditions for what else has to be there, each."""
        authors = [] if wanted.authors is None else [self._any(map(author_label, wanted.authors))]
        return [*authors, *map(self._phrase, wanted.phrases)]

    def _condition(self, wanted: Wanted, has_rooms: bool = True) -> str:
        """Return the condition for all that is wanted; empty if it names nothing."""
        parts = [self._rooms(wanted), *self._parts(wanted)] if has_rooms else self._parts(wanted)
        unwanted = [*map(self._phrase, wanted.without)]
        if wanted.authors_without:
            unwanted.append(self._any(map(author_label, wanted.authors_without)))
        return self.both.join(parts) + "".join(self.neither + one for one in unwanted)


def to_hits(rows: Iterable[Row]) -> list[Hit]:
    """Return the hits in rows of a place, a room and a seq."""
    return [Hit(*row) for row in rows]


def room_label(room: str) -> str:
    """Return the word that stands for a room."""
    return f"-r{room.encode().hex()}"


def author_label(author_id: int) -> str:
    """Return the word that stands for an author."""
    return f"-a{author_id}"
