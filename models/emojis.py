"""Emoji: which texts are one, and what each is called, in English and in Portuguese.

The tables are those of the package `emoji`. To import it takes 50 ms and 10 MB; its files are read here instead, when
the first emoji is asked for.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import unicodedata
from pathlib import Path
from typing import Any, NamedTuple

MAX_EMOJI_CHARS = 10  # of the longest: two people of different skin tones who kiss
MAX_NAME_CHARS = 100
COLOURED = "\ufe0f"  # asks for a picture instead of a sign; may be left out
TONES = "\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"
COMPONENT, QUALIFIED = 1, 2  # the package's numbers for parts of emoji, and for emoji as Unicode writes them
COMMON = """
    👍 ❤️ 😂 🎉 🙏 😊 😍 🔥 👏 😄 🤔 👀 ✅ 💯 🚀 😅 😢 😮 😎 🙌
    💪 🤝 👋 😁 😉 😭 🥳 🤣 🙂 😡 👎 🤷 ✨ ⭐ ❌ ⚠️ 💡 ☕ 🎂 🍕
"""


class Named(NamedTuple):
    """An emoji with its names, as they are typed between colons."""

    emoji: str
    english: tuple[str, ...]
    portuguese: tuple[str, ...]


def is_emoji(text: str) -> bool:
    """Return whether `text` is exactly one emoji, of any skin tone, that Unicode recommends (RGI)."""
    if not text or len(text) > MAX_EMOJI_CHARS or text[0] == COLOURED or 2 * COLOURED in text:
        return False
    return text.replace(COLOURED, "") in _known()


def split_emoji(text: str) -> list[str]:
    """Return the emoji of which `text` consists, without the spaces between them; [] if it has anything else."""
    found, pos = [], 0
    while pos < len(text):
        size = next((size for size in range(MAX_EMOJI_CHARS, 0, -1) if is_emoji(text[pos : pos + size])), 0)
        if not size and text[pos] != " ":
            return []
        if size:
            found.append(text[pos : pos + size])
        pos += size or 1
    return found


def by_name(name: str) -> str | None:
    """Return the emoji with this name, which is English, Portuguese (also without accents) or GitHub's."""
    return _by_name().get(name.casefold()) if len(name) <= MAX_NAME_CHARS else None


def names() -> list[Named]:
    """Return all emoji without a skin tone, the most used first, then older ones first.

    It takes 20 ms and is not kept.
    """
    english, portuguese = _read("emoji.json"), _read("emoji_pt.json")
    listed = [emoji for emoji, data in english.items() if data["status"] == QUALIFIED and not _has_tone(emoji)]
    order = {emoji: place for place, emoji in enumerate(COMMON.split())}
    listed.sort(key=lambda emoji: (order.get(emoji, len(order)), english[emoji]["E"], english[emoji]["en"]))
    return [Named(emoji, _english(english[emoji]), (_typed(portuguese[emoji]),)) for emoji in listed]


def _has_tone(emoji: str) -> bool:
    return any(tone in emoji for tone in TONES)


def _english(data: dict[str, Any]) -> tuple[str, ...]:
    """Return the English names of an emoji; GitHub's come first, which are shorter."""
    return tuple(dict.fromkeys(_typed(name) for name in (*data.get("alias", ()), data["en"])))


@functools.cache
def _known() -> frozenset[str]:
    return frozenset(e.replace(COLOURED, "") for e, data in _read("emoji.json").items() if data["status"] != COMPONENT)


@functools.cache
def _by_name() -> dict[str, str]:
    """Return the emoji by their names. Of two with one name, that which GitHub calls so goes before."""
    english, portuguese = _read("emoji.json"), _read("emoji_pt.json")
    emojis = [emoji for emoji, data in english.items() if data["status"] in (COMPONENT, QUALIFIED)]
    named = [(alias, emoji) for emoji in emojis for alias in english[emoji].get("alias", ())]
    named += [(english[emoji]["en"], emoji) for emoji in emojis]
    named += [(portuguese[emoji], emoji) for emoji in emojis]
    named += [(_without_accents(portuguese[emoji]), emoji) for emoji in emojis]
    return {_typed(name): emoji for name, emoji in reversed(named)}


def _typed(name: str) -> str:
    """Return one of the package's names as it is typed between colons; capitals make no difference."""
    return name.strip(":").casefold()


def _without_accents(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))


def _read(name: str) -> dict[str, Any]:
    """Return a table of the package, by emoji."""
    package = importlib.util.find_spec("emoji")
    assert package and package.origin
    tables: dict[str, Any] = json.loads((Path(package.origin).parent / "unicode_codes" / name).read_text("utf-8"))
    return tables
