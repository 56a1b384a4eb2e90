"""What a member may be called, and when two names are one."""

from __future__ import annotations

import unicodedata

from models.errors import BadUsername

MAX_NAME_CHARS = 40
MAX_TYPED_CHARS = 4 * MAX_NAME_CHARS  # of a name as it is typed: no letter is spelled with more than three marks
MAX_FOLDED_CHARS = 255  # of a column; a single character may stand for eighteen letters


def spell(username: str) -> str:
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
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", spell(username)).casefold())


def clean_username(username: str) -> str:
    """Return `username` in the form that is stored. Raise BadUsername.

    Any script is welcome; invisible and unassigned characters are not (Unicode general categories C*, Zl, Zp).
    """
    name = spell(username)
    hidden = any(unicodedata.category(c)[0] == "C" for c in name)
    if hidden or not 1 <= len(name) <= MAX_NAME_CHARS or not any(c.isalnum() for c in name):
        raise BadUsername()
    if len(fold(name)) > MAX_FOLDED_CHARS:
        raise BadUsername()
    return name
