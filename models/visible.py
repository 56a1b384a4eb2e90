"""Which characters of a text are visible on a page, for messages and for names."""

from __future__ import annotations

import re

# Default_Ignorable_Code_Point in DerivedCoreProperties.txt of the Unicode Character Database (the same from 12.0 on).
DEFAULT_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Blank, though neither a space nor ignorable: controls, interlinear annotation, the Braille pattern without
# dots, the null note head, the Khitan filler, the Egyptian format controls and blanks.
BLANK = r"\s\x00-\x1f\x7f-\x9f\u2800\ufff9-\ufffb\U00016fe4\U0001d159\U00013430-\U00013446"

IGNORABLE = re.compile(f"[{DEFAULT_IGNORABLE}]")
VISIBLE = re.compile(f"[^{DEFAULT_IGNORABLE}{BLANK}]")


def is_visible(text: str) -> bool:
    """Return whether any character of `text` is visible."""
    return VISIBLE.search(text) is not None


def without_ignorable(text: str) -> str:
    """Return `text` without the characters that Unicode defines as invisible (Default_Ignorable_Code_Point)."""
    return IGNORABLE.sub("", text)
