"""Names that can be mistaken for one another: Unicode's rules against it (UTS 39), with the tables of a package."""

from __future__ import annotations

import json
import re
import unicodedata
from importlib import resources

from confusable_homoglyphs.categories import alias

from models.names import fold
from models.visible import without_ignorable

DOT = re.compile("(?<=[ij])\u0307")
EVERYWHERE = {"COMMON", "INHERITED"}  # digits, signs and marks belong to every script
# UTS 39, 5.2, "Highly Restrictive": the scripts that are written beside each other in one word.
TOGETHER = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)


def _prototypes() -> dict[str, str]:
    """Return what each character looks like: one for all that look alike (UTS 39, 4).

    The package lists pairs, both ways: a character that is listed with one other alone looks like that one.
    """
    file = resources.files("confusable_homoglyphs") / "confusables.json"
    listed = {
        without_ignorable(character): [without_ignorable(other["c"]) for other in others]
        for character, others in json.loads(file.read_text("utf-8")).items()
    }
    found = {}
    for character, others in listed.items():
        if len(character) == 1 and len(others) == 1:
            is_pair = len(others[0]) == 1 and len(listed[others[0]]) == 1
            found[character] = min(character, others[0]) if is_pair else others[0]
    return found


PROTOTYPES = _prototypes()


def skeleton(name: str) -> str:
    """Return what is the same for two names that look alike (UTS 39, 4).

    A dot that is put upon an i or a j, which have one already, is not seen.
    """
    decomposed = unicodedata.normalize("NFD", without_ignorable(name))
    bare = DOT.sub("", "".join(PROTOTYPES.get(c, c) for c in decomposed))
    return unicodedata.normalize("NFD", bare)


def skeletons(name: str) -> tuple[str, str]:
    """Return the skeletons of a name as it is, and in small letters: for Unicode a nought looks like a capital O."""
    return skeleton(name), skeleton(fold(name)).casefold()


def is_mixed(name: str) -> bool:
    """Tell whether a name is in scripts that are not written together."""
    scripts = {alias(c) for c in name} - EVERYWHERE
    return len(scripts) > 1 and not any(scripts <= together for together in TOGETHER)
