"""Web addresses in a text, recognised by how they begin and not by a list of domains."""

from __future__ import annotations

import re

MAX_ADDRESS_CHARS = 2000  # longer addresses stay text
BEGINS = r"(?<![A-Za-z0-9@])(?:[Hh][Tt][Tt][Pp][Ss]?://|[Ww][Ww][Ww]\.|[Mm][Aa][Ii][Ll][Tt][Oo]:)"

# Not in an address: spaces, control characters, quotation marks, unpaired brackets, invisible and bidi characters.
_CHAR = (
    r"[^\s\x00-\x1f\x7f-\x9f<>\"`\\|()\[\]{}\u00ab\u00bb\u201c-\u201e\u3001\u3002\u3008-\u3011\uff01\uff08\uff09\uff0c"
    r"\uff1a\uff1b\uff1f\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_ADDRESS = re.compile(rf"(?:{_CHAR}|\({_CHAR}*\)|\[{_CHAR}*\]|\{{{_CHAR}*\}})+")
_HOST = re.compile(r"[^\W_]|\[[0-9A-Fa-f:.]{2,45}\]")
_WEB = re.compile(r"[^\W_][\w-]*\.[^\W\d_]{2}")  # what has to follow `www.`
_PREFIX = re.compile(BEGINS)
_END = "?!.,:;'*~…"  # belongs to the sentence or to markup around the address


def address(text: str, begin: int, prefix_end: int) -> tuple[str, int]:
    """Return the address whose prefix (BEGINS) ends at `prefix_end`, or ""; and where the search goes on."""
    prefix = text[begin:prefix_end].lower()
    starts_well = _WEB if prefix == "www." else _HOST
    if not starts_well.match(text, prefix_end):
        return "", prefix_end
    found = _ADDRESS.match(text, begin)
    whole = found[0] if found else ""
    is_longer = len(whole) > MAX_ADDRESS_CHARS
    if is_longer or (prefix == "mailto:" and "@" not in whole):
        return "", begin + len(whole)
    is_marked = begin > 0 and text[begin - 1] in "*_~"
    bare = whole.rstrip(_END + "_" if is_marked else _END)
    return bare, begin + len(bare)


def destination(text: str, begin: int) -> tuple[str, int]:
    """Return the address between round brackets that begins at `begin`, and the end of these; or "" and `begin`."""
    prefix = _PREFIX.match(text, begin + 1) if text.startswith("(", begin) else None
    found = _ADDRESS.match(text, begin + 1) if prefix else None
    if not prefix or not found or not text.startswith(")", found.end()):
        return "", begin
    bare, _ = address(text, begin + 1, prefix.end())
    return (found[0], found.end() + 1) if bare else ("", begin)


def target(bare: str) -> str:
    """Return the URL of an address that was found."""
    return f"http://{bare}" if bare[:4].lower() == "www." else bare
