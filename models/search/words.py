"""The words of a text, the same for every engine: what is indexed, what is looked for, and what is marked in a hit."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

MAX_WORD_CHARS = 40  # of a folded word; what is longer is found by its beginning
MAX_WORDS = 16_000  # of a text: PostgreSQL counts places up to 16,383; 8,000 characters can become 24,000 words

FIRST_ACCENT_CLASS = 10  # Canonical_Combining_Class: those below belong to the letter, as the dots of kana do
# Scripts that are written without spaces between words: Chinese, Japanese and Korean, Thai, Lao, Burmese and Khmer.
SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3041-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U000323af"
)
ASCII_WORD = re.compile("[a-z0-9_]+")
HAS_SPACELESS = re.compile(f"[{SPACELESS}]")
RUN = re.compile(f"([{SPACELESS}]+)|[^ {SPACELESS}]+")
# Korean syllables and kana that are spelled in parts, as some systems do in the names of files.
PARTS = re.compile(
    "[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[\u3041-\u30ff][\u3099\u309a]|[\uff66-\uff9d][\uff9e\uff9f]"
)


class Word(NamedTuple):
    """A folded word, and where it stands in the text."""

    text: str
    start: int
    end: int


class _Folding(dict[int, str]):
    """What each character becomes, found when it is met first: a letter without accent and case, or a space."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _fold(chr(code))
        return found


FOLDED = _Folding()


def _fold(character: str) -> str:
    """Return a character without accent and case; nothing for what is invisible, spaces around a picture."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
    return unicodedata.normalize("NFC", "".join(map(_kept, folded)))


def _kept(character: str) -> str:
    """Return what a character that is decomposed already adds to a word."""
    category = unicodedata.category(character)
    if category[0] in "LN" or character == "_":
        return character
    if category[0] == "M":
        is_style = "\ufe00" <= character <= "\ufe0f"  # plain or coloured, of an emoji
        return "" if is_style or unicodedata.combining(character) >= FIRST_ACCENT_CLASS else character
    if category == "So":
        return f" {character} "
    return "" if category in ("Cf", "Sk") else " "


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order, folded: upper case, accents and widths are gone.

    What is written without spaces becomes pairs of characters, and its last one alone: a part of it is found.
    """
    if text.isascii():
        return [word[:MAX_WORD_CHARS] for word in ASCII_WORD.findall(text.lower())][:MAX_WORDS]
    folded = composed(text).translate(FOLDED)
    if HAS_SPACELESS.search(folded):
        return [folded[start:end] for start, end in _split(folded)]
    return [word[:MAX_WORD_CHARS] for word in folded.split()][:MAX_WORDS]


def composed(text: str) -> str:
    """Return a text with letters in one piece that some systems spell in parts; `place_words` counts in it."""
    return PARTS.sub(lambda parts: unicodedata.normalize("NFKC", parts[0]), text)


def place_words(text: str) -> list[Word]:
    """Return the words of a composed text with their places."""
    pieces = [FOLDED[ord(character)] for character in text]
    places = [place for place, piece in enumerate(pieces) for _ in piece]
    folded = "".join(pieces)
    return [Word(folded[start:end], places[start], places[end - 1] + 1) for start, end in _split(folded)]


def is_spaceless(text: str) -> bool:
    """Return whether a word is of a script without spaces."""
    found = RUN.match(text)
    return found is not None and found[1] is not None


def _split(folded: str) -> Iterator[tuple[int, int]]:
    """Return where the first MAX_WORDS words of a folded text begin and end."""
    return islice(_split_all(folded), MAX_WORDS)


def _split_all(folded: str) -> Iterator[tuple[int, int]]:
    for run in RUN.finditer(folded):
        start, end = run.span()
        if run[1] is None:
            yield start, min(end, start + MAX_WORD_CHARS)
        else:
            yield from ((place, min(place + 2, end)) for place in range(start, end))
