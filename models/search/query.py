"""What is searched for: words, phrases and their beginnings, in rooms, by authors, within days."""

from __future__ import annotations

import datetime
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from models.search.words import Word, is_spaceless, place_words, words_of

MAX_QUERY_CHARS = 500  # what is typed beyond them is not looked at
MAX_PHRASES = 20  # of a query; further ones are not looked for
MAX_FILTERS = 20  # of a query
MIN_BEGINNING_CHARS = 2  # a single letter does not stand for all words that begin with it
PART = re.compile(r'(-?)(?:(in|from|before|after):)?(?:"([^"]*)"?|([^\s"]+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another; with `is_beginning` the last of them may go on."""

    words: tuple[str, ...]
    is_beginning: bool = False

    def places_in(self, words: Sequence[str]) -> Iterator[int]:
        """Yield at which of a text's words the phrase begins."""
        *firsts, last = self.words
        for place in range(len(words) - len(firsts)):
            end = words[place + len(firsts)]
            if (end.startswith(last) if self.is_beginning else end == last) and (
                not firsts or list(words[place : place + len(firsts)]) == firsts
            ):
                yield place


@dataclass(frozen=True, slots=True)
class Query:
    """All of `phrases` are wanted, none of `without`; of these rooms, by these authors, where some are named.

    `since` and `before` are the first day and the day after the last one. `unknown` are what should be days and are
    none. `is_cut` tells that there was more than is looked for.
    """

    phrases: tuple[Phrase, ...] = ()
    without: tuple[Phrase, ...] = ()
    rooms: tuple[str, ...] = ()
    rooms_without: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    authors_without: tuple[str, ...] = ()
    since: datetime.date | None = None
    before: datetime.date | None = None
    unknown: tuple[str, ...] = ()
    is_cut: bool = False

    def __bool__(self) -> bool:
        """Whether it asks for anything."""
        narrowed = (self.rooms, self.rooms_without, self.authors, self.authors_without, self.since, self.before)
        return bool(self.phrases or self.without or any(narrowed))

    def matches(self, body: str) -> bool:
        """Return whether a text has all phrases that are wanted, and none of the others."""
        words = words_of(body)
        return all(_is_in(phrase, words) for phrase in self.phrases) and not any(
            _is_in(phrase, words) for phrase in self.without
        )

    def marks(self, text: str) -> list[tuple[int, int]]:
        """Return where a composed text has what is wanted: starts and ends, in order, none within another."""
        found = place_words(text)
        words = [word.text for word in found]
        begun = ((phrase, place) for phrase in self.phrases for place in phrase.places_in(words))
        return _merged(sorted(mark for phrase, place in begun for mark in _marks(phrase, found, place)))


def _is_in(phrase: Phrase, words: Sequence[str]) -> bool:
    return next(phrase.places_in(words), None) is not None


def _marks(phrase: Phrase, words: Sequence[Word], place: int) -> Iterator[tuple[int, int]]:
    """Yield where the words of a phrase stand that begins at a place; of a longer word only its beginning."""
    for wanted, found in zip(phrase.words, words[place : place + len(phrase.words)], strict=True):
        is_spelled_alike = found.end - found.start == len(found.text)
        yield found.start, found.start + len(wanted) if is_spelled_alike else found.end


def _merged(marks: Collection[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in marks:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


@dataclass(slots=True)
class _Reader:
    """Reads a query part by part."""

    phrases: list[Phrase] = field(default_factory=list)
    without: list[Phrase] = field(default_factory=list)
    filters: dict[str, list[str]] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    days: dict[str, datetime.date] = field(default_factory=dict)
    is_cut: bool = False

    def read(self, typed: str) -> None:
        self.is_cut = len(typed) > MAX_QUERY_CHARS
        for minus, name, quoted, bare in PART.findall(_cut(typed)):
            if name:
                self.narrow(minus + name.lower(), quoted or bare)
            else:
                self.want(bool(minus), quoted or bare, is_quoted=not bare)

    def want(self, is_unwanted: bool, text: str, is_quoted: bool) -> None:
        if len(self.phrases) + len(self.without) >= MAX_PHRASES:
            self.is_cut = True
            return
        words = tuple(words_of(text))
        if not words:
            return
        if len(words) > 1 and is_spaceless(words[-2]) and words[-2][1:] == words[-1]:
            words = words[:-1]  # the last character alone, which is there only where the text ends
        is_character = len(words[-1]) == 1 and is_spaceless(words[-1])
        is_beginning = is_character or (not is_quoted and len(words[-1]) >= MIN_BEGINNING_CHARS)
        phrase = Phrase(words, is_beginning)
        wanted = self.without if is_unwanted else self.phrases
        if phrase not in wanted:
            wanted.append(phrase)

    def narrow(self, name: str, value: str) -> None:
        """Narrow by a room, an author or a day."""
        if not value.strip():
            return
        if name in ("before", "after"):
            self.limit_days(name, value)
        elif name in ("-before", "-after"):
            self.limit_days("after" if name == "-before" else "before", value)
        elif sum(map(len, self.filters.values())) < MAX_FILTERS:
            self.filters.setdefault(name, []).append(value.strip())
        else:
            self.is_cut = True

    def limit_days(self, name: str, value: str) -> None:
        """Narrow to days; of two the narrower one counts."""
        try:
            day = datetime.date.fromisoformat(value.strip())
        except ValueError:
            self.unknown.append(value)
            return
        narrower = min if name == "before" else max
        self.days[name] = narrower(day, self.days.get(name, day))


def parse(typed: str, rooms: str = "", authors: str = "", after: str = "", before: str = "") -> Query:
    """Return what is searched for: as it was typed, narrowed by the other fields of a form. Any text is a query.

    `in:`, `from:`, `after:` (from this day on) and `before:` narrow it, with - before them the other way round.
    """
    reader = _Reader()
    for name, value in (("in", rooms), ("from", authors), ("after", after), ("before", before)):
        reader.narrow(name, _cut(value))
    reader.read(typed)
    return Query(
        tuple(reader.phrases),
        tuple(reader.without),
        tuple(reader.filters.get("in", ())),
        tuple(reader.filters.get("-in", ())),
        tuple(reader.filters.get("from", ())),
        tuple(reader.filters.get("-from", ())),
        reader.days.get("after"),
        reader.days.get("before"),
        tuple(reader.unknown),
        reader.is_cut,
    )


def _cut(typed: str) -> str:
    """Return the first MAX_QUERY_CHARS of what was typed, without what is no character."""
    return typed[:MAX_QUERY_CHARS].encode(errors="replace").decode()
