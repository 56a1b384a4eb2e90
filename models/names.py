"""What a member may be called, and when two names are one."""

from __future__ import annotations

import re
import unicodedata

import idna

from models.errors import BadUsername, InvisibleName
from models.visible import is_visible

MAX_NAME_CHARS = 40
MAX_TYPED_CHARS = 4 * MAX_NAME_CHARS  # of a name as it is typed: no letter is spelled with more than three marks
MAX_MARKS = 4  # on one letter
MAX_FOLDED_CHARS = 255  # of a column; a single character may stand for eighteen letters
JOINERS = "\u200c\u200d"
STYLES = "\ufe0e\ufe0f"  # of an emoji: plain or coloured
SKINS = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
KEYCAP = re.compile("[0-9#*]\ufe0f\u20e3")
# Of the Bengali letters of "Rachel": the Unicode Standard, 12.2, wants a joiner here, which RFC 5892 does not know.
RA_YAPHALA = "\u09b0\u200d\u09cd\u09af"


def normalized(username: str) -> str:
    """Return `username` in the spelling in which names are stored and looked for: NFC, and one space at a time.

    Raise BadUsername, before anything else is done, if it is longer than any name.
    """
    if len(username) > MAX_TYPED_CHARS:
        raise BadUsername()
    return " ".join(unicodedata.normalize("NFC", username).split())


def fold(username: str) -> str:
    """Return the form in which two spellings of one name are equal (Unicode 15, 3.13: NFKC and case folding).

    What is longer than any name stays as it is.
    """
    if len(username) > MAX_TYPED_CHARS:
        return username
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", normalized(username)).casefold())


def clean_username(username: str) -> str:
    """Return `username` in the form that is stored. Raise BadUsername, InvisibleName.

    Any script is welcome, and the joiners where a script needs them.
    """
    name = normalized(username)
    if not 1 <= len(name) <= MAX_NAME_CHARS or len(fold(name)) > MAX_FOLDED_CHARS:
        raise BadUsername()
    if any(_is_hidden(name, place) for place in range(len(name))) or _is_pile(name):
        raise InvisibleName()
    if not any(c.isalnum() for c in name):
        raise BadUsername()
    return name


def _is_hidden(name: str, place: int) -> bool:
    """Tell whether nobody can see a character, or nobody knows it; spaces and joiners in their place are seen."""
    character = name[place]
    if character in JOINERS:
        return not _joins(name, place)
    if character in STYLES:
        return not (_is_picture(name[place - 1 : place]) or KEYCAP.match(name, place - 1))
    if unicodedata.category(character)[0] == "C":
        return True
    return character != " " and not is_visible(character)


def _is_picture(character: str) -> bool:
    return bool(character) and unicodedata.category(character) == "So"


def _joins(name: str, place: int) -> bool:
    """Tell whether the joiner at `place` is one that spelling needs (UTS 46, CONTEXTJ; RFC 5892, A.1 and A.2).

    Or one of an emoji's, between two pictures; the first may have a style or a colour of skin.
    """
    before = name[:place].rstrip(STYLES + SKINS)
    if name[place] == "\u200d" and _is_picture(before[-1:]) and _is_picture(name[place + 1 : place + 2]):
        return True
    if name.startswith(RA_YAPHALA, place - 1):
        return True
    try:
        return idna.core.valid_contextj(name, place)
    except ValueError:  # beside a character that has no name yet
        return False


def _is_pile(name: str) -> bool:
    """Tell whether marks stand on one another so that they cannot be read (UTS 39, 5.4)."""
    marks = ""
    for character in unicodedata.normalize("NFD", name):
        is_mark = unicodedata.category(character) in ("Mn", "Me")
        if is_mark and (marks.endswith(character) or len(marks) == MAX_MARKS):
            return True
        marks = marks + character if is_mark else ""
    return False
