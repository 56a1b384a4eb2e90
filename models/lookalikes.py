"""Names that can be mistaken for one another, by Unicode's rules (UTS 39) and the tables of a package.

The tables take a tenth of the time of a start to load: they are loaded when the first name is chosen.
"""

from __future__ import annotations

import functools
import json
import re
import unicodedata
from importlib import resources

from models.names import fold
from models.visible import without_ignorable

DOT_ABOVE = re.compile("(?<=[ij])\u0307")
NO_SCRIPT = {"COMMON", "INHERITED"}  # of digits, signs and marks, which are used with every script
# UTS 39, 5.2, "Highly Restrictive": scripts that are used together in one word.
SCRIPT_SETS = (
    {"LATIN", "HAN", "HIRAGANA", "KATAKANA"},
    {"LATIN", "HAN", "BOPOMOFO"},
    {"LATIN", "HAN", "HANGUL"},
)


@functools.cache
def prototypes() -> dict[str, str]:
    """Return the prototype of each character, which is the same for all that look alike (UTS 39, 4).

    The package lists pairs in both directions: a character that is listed with a single other one looks like that one.
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


def skeleton(name: str) -> str:
    """Return a text that is equal for two names that look alike (UTS 39, 4).

    A combining dot above an i or a j, which have a dot already, cannot be seen and is left out.
    """
    found = prototypes()
    decomposed = unicodedata.normalize("NFD", without_ignorable(name))
    bare = DOT_ABOVE.sub("", "".join(found.get(c, c) for c in decomposed))
    return unicodedata.normalize("NFD", bare)


def skeletons(name: str) -> tuple[str, str]:
    """Return the skeletons of a name as it is and in lower case: in Unicode's table 0 looks like a capital O."""
    return skeleton(name), skeleton(fold(name)).casefold()


def is_mixed(name: str) -> bool:
    """Return whether a name mixes scripts that are not used together."""
    from confusable_homoglyphs.categories import alias  # noqa: PLC0415 - loads its table

    scripts = {alias(c) for c in name} - NO_SCRIPT
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in SCRIPT_SETS)
