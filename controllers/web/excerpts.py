"""What a page shows of a message that was found: the words around the first hit, with all hits marked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from controllers.markdown.references import text_of
from controllers.web.rendering import body_html
from models.search.query import Query
from models.search.words import composed

MAX_SHOWN_CHARS = 280
CHARS_BEFORE = 60  # of the first hit
CUT = "… ", " …"


class Piece(NamedTuple):
    """A part of an excerpt; marked if it was searched for."""

    text: str
    is_marked: bool = False


async def excerpt(body: str, query: Query) -> list[Piece]:
    """Return the part of a message that shows why it was found, without keeping the event loop.

    Without its markup, unless it is the markup that was found, such as the address of a link.
    """
    text = _in_one_line(text_of(body_html(body)))
    await asyncio.sleep(0)
    marks = query.marks(text)
    if query.phrases and not marks:
        text = _in_one_line(body)
        await asyncio.sleep(0)
        marks = query.marks(text)
    await asyncio.sleep(0)
    return _pieces(text, marks)


def _in_one_line(text: str) -> str:
    return composed(" ".join(text.split()))


def _pieces(text: str, marks: Sequence[tuple[int, int]]) -> list[Piece]:
    start, end = _shown(text, marks[0][0] if marks else 0)
    pieces = [Piece(CUT[0])] if start else []
    pieces += _split(text, start, end, marks)
    return [*pieces, Piece(CUT[1])] if end < len(text) else pieces


def _shown(text: str, first: int) -> tuple[int, int]:
    """Return where the excerpt begins and ends: at a word, where words are not too long."""
    start = max(0, first - CHARS_BEFORE)
    if start:
        start = next((place + 1 for place in range(start, first) if text[place] == " "), start)
    end = min(len(text), start + MAX_SHOWN_CHARS)
    if end < len(text):
        end = max(text.rfind(" ", first + 1, end), end - CHARS_BEFORE)
    return start, end


def _split(text: str, start: int, end: int, marks: Sequence[tuple[int, int]]) -> Iterator[Piece]:
    place = start
    for first, last in marks:
        if place <= first < end:
            if place < first:
                yield Piece(text[place:first])
            place = min(last, end)
            yield Piece(text[first:place], is_marked=True)
    if place < end:
        yield Piece(text[place:end])
