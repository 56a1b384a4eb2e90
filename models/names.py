"""Usernames: which are allowed, and which are equal."""

from __future__ import annotations

import re
import unicodedata
import zlib

import idna

from models.errors.accounts import BadUsername, InvisibleName
from models.visible import is_visible

MAX_NAME_CHARS = 40
MAX_TYPED_CHARS = 4 * MAX_NAME_CHARS  # before normalization: no letter has more than three marks
MAX_MARKS = 4  # on one letter
MAX_FOLDED_CHARS = 255  # of the column; one character may fold to eighteen
JOINERS = "\u200c\u200d"
EMOJI_STYLES = "\ufe0e\ufe0f"  # plain or coloured
SKIN_TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
KEYCAP = re.compile("[0-9#*]\ufe0f\u20e3")
# As in "Rachel" in Bengali: the Unicode Standard, 12.2, requires this joiner, which RFC 5892 does not allow.
RA_YAPHALA = "\u09b0\u200d\u09cd\u09af"


def normalized(username: str) -> str:
    """Return `username` in NFC with single spaces, as names are stored and looked up.

    Raise BadUsername if it is longer than MAX_TYPED_CHARS.
    """
    if len(username) > MAX_TYPED_CHARS:
        raise BadUsername()
    return " ".join(unicodedata.normalize("NFC", username).split())


def fold(username: str) -> str:
    """Return a form that is equal for all spellings of one name (Unicode 15, 3.13: NFKC and case folding).

    What is longer than MAX_TYPED_CHARS is returned unchanged.
    """
    if len(username) > MAX_TYPED_CHARS:
        return username
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", normalized(username)).casefold())


def clean_username(username: str) -> str:
    """Return `username` as it is stored. Raise BadUsername, InvisibleName.

    All scripts are allowed, and joiners where a script needs them.
    """
    name = normalized(username)
    if not 1 <= len(name) <= MAX_NAME_CHARS or len(fold(name)) > MAX_FOLDED_CHARS:
        raise BadUsername()
    if any(_is_hidden(name, place) for place in range(len(name))) or _has_piled_marks(name):
        raise InvisibleName()
    if not any(c.isalnum() for c in name):
        raise BadUsername()
    return name


def _is_hidden(name: str, place: int) -> bool:
    """Return whether a character is invisible or unassigned. Spaces and joiners where they belong are not."""
    character = name[place]
    if character in JOINERS:
        return not _joins(name, place)
    if character in EMOJI_STYLES:
        return not (_is_picture(name[place - 1 : place]) or KEYCAP.match(name, place - 1))
    if unicodedata.category(character)[0] == "C":
        return True
    return character != " " and not is_visible(character)


def _is_picture(character: str) -> bool:
    return bool(character) and unicodedata.category(character) == "So"


def _joins(name: str, place: int) -> bool:
    """Return whether the joiner at `place` is needed by the script (UTS 46, CONTEXTJ; RFC 5892, A.1 and A.2).

    Or whether it joins two pictures to one emoji; the first may have a style or a skin tone.
    """
    before = name[:place].rstrip(EMOJI_STYLES + SKIN_TONES)
    if name[place] == "\u200d" and _is_picture(before[-1:]) and _is_picture(name[place + 1 : place + 2]):
        return True
    if name.startswith(RA_YAPHALA, place - 1):
        return True
    try:
        return idna.core.valid_contextj(name, place)
    except ValueError:  # beside an unassigned character
        return False


def _has_piled_marks(name: str) -> bool:
    """Return whether a letter has more marks than can be read, or the same one twice (UTS 39, 5.4)."""
    marks = ""
    for character in unicodedata.normalize("NFD", name):
        is_mark = unicodedata.category(character) in ("Mn", "Me")
        if is_mark and (marks.endswith(character) or len(marks) == MAX_MARKS):
            return True
        marks = marks + character if is_mark else ""
    return False


def initial(username: str) -> str:
    """Return the letter in a member's picture; "" for a name without one, which the tutorial's prompt may store."""
    return next((c.upper()[0] for c in username if c.isalnum()), "")


def tint(username: str) -> int:
    """Return the number of a member's picture's colour, from 0 to 9."""
    return zlib.crc32(username.encode()) % 10
