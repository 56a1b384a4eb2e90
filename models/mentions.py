"""Mentions: the members of a room whom a message names with an @."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterator, Mapping

from models.logs.base import EDIT, POST, Draft
from models.names import MAX_NAME_CHARS, fold

EVERYBODY = "room"  # @room
EVERYBODY_ID = 0  # in the place of a member's id
MAX_MENTIONS = 20  # of one message; further ones are text
AT = re.compile(r"(?<![\w@])@(?=\w)")  # what follows an e-mail address's name is no mention
# Code and addresses, in which nobody is named. The first character is kept: it may show that a word goes on.
UNREAD = re.compile(
    r"(?=(.))(?:(?:```|~~~).*?(?:```|~~~|\Z)|``[^\n]*?``|`[^`\n]*`"
    r"|(?<![A-Za-z0-9@])(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww][Ww][Ww]\.|[Mm][Aa][Ii][Ll][Tt][Oo]:)\S+)",
    re.DOTALL,
)


def may_be_in(draft: Draft) -> bool:
    """Return whether `draft` may name somebody."""
    return "@" in draft.body and draft.kind in (POST, EDIT)


def candidates(body: str) -> list[list[str]]:
    """Return for each mention in `body` what may be the name, folded, the longest first.

    A name may have spaces, so that only the room's members tell where it ends.
    """
    text = UNREAD.sub(r"\1 ", body)
    return [_names_at(text, match.end()) for match, _ in zip(AT.finditer(text), range(MAX_MENTIONS), strict=False)]


def _names_at(text: str, start: int) -> list[str]:
    return list(dict.fromkeys(name for name, _ in _spellings(text, start)))


def _spellings(text: str, start: int) -> Iterator[tuple[str, int]]:
    """Yield what may be the name at `start`, folded, with its end, the longest first."""
    line = text[start : start + MAX_NAME_CHARS + 1].split("\n", 1)[0]
    for end in range(min(len(line), MAX_NAME_CHARS), 0, -1):
        if not line[end : end + 1].isalnum() and not line[end - 1].isspace():
            yield fold(line[:end]), start + end


def find_name(text: str, start: int, names: Container[str]) -> tuple[str, int]:
    """Return the longest of these folded names that is written at `start`, and its end; "" and `start` if none is."""
    return next((found for found in _spellings(text, start) if found[0] in names), ("", start))


def choose(found: Collection[list[str]], members: Mapping[str, tuple[int, str]]) -> dict[int, str]:
    """Return the names of those who are mentioned, by their ids; `members` has both by the folded name."""
    known = {**members, EVERYBODY: (EVERYBODY_ID, EVERYBODY)}
    named = (next((known[name] for name in names if name in known), None) for names in found)
    return dict(one for one in named if one)
