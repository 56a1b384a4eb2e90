"""What is shown of an address, and whether the words of a link could be taken for another one."""

from __future__ import annotations

import re

import idna

from controllers.markdown.addresses import target
from models.visible import without_ignorable

MAX_SHOWN_CHARS = 40  # of an address; its host is always shown whole
MAX_HOST_CHARS = 253  # of one that is not ASCII

PATH = re.compile("[/?#]")
PORT = re.compile(r":[0-9]*\Z")
NO_HOST = re.compile(r"[\x00-\x20%/:<>?@\\^|]|\[|\]")  # the forbidden host code points of the URL Standard
# A word that looks like an address has "://", an @ or a dot of any script between letters, or four numbers.
ALIKE = re.compile(r"://|\w(?:@|[.\u2024\u3002\ufe52\uff0e\uff61][^\W\d_])\w|[0-9](?:\.[0-9]{1,3}){3}")
TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")  # letters are shown in another order than they are written
SCHEME = re.compile(r"(?:https?://|mailto:)?(?:www\.)?")
AROUND = "()[]{}<>\"'\u201c\u201d\u2018\u2019.,;:!?"


def place(bare: str) -> str:
    """Return where an address leads: the host, or who gets the mail; "" if browsers do not follow it."""
    return _parts(bare)[0]


def place_and_text(bare: str) -> tuple[str, str]:
    """Return the place of an address, and what is shown of it: its host and the beginning of the path."""
    where, port, path = _parts(bare)
    text = where + port + ("" if path == "/" else path)
    end = max(MAX_SHOWN_CHARS, len(where + port) + 1)
    return where, text if len(text) <= end else text[:end] + "…"


def _parts(bare: str) -> tuple[str, str, str]:
    """Return the place of an address, its port with the colon, and its path."""
    scheme, _, rest = target(bare).partition(":")
    if scheme.lower() == "mailto":
        return rest.partition("?")[0], "", ""
    path = PATH.search(rest, 2)
    authority = rest[2 : path.start() if path else len(rest)].rpartition("@")[2]  # a name before an @ is not shown
    port = PORT.search(authority)
    name = authority[: port.start()] if port else authority
    return _host(name), port[0] if port else "", path[0] + rest[path.end() :] if path else ""


def _host(name: str) -> str:
    """Return a host as browsers resolve it, in ASCII: letters of other scripts can look like those of another host."""
    if name.startswith("[") and name.endswith("]"):
        return name.lower()
    if not name.isascii():
        name = _in_ascii(name) if len(name) <= MAX_HOST_CHARS else ""
    return "" if NO_HOST.search(name) else name.lower()


def _in_ascii(name: str) -> str:
    """Return a host in ASCII (UTS 46), "" if it cannot be one."""
    try:
        labels = idna.uts46_remap(name, std3_rules=False).split(".")
    except idna.IDNAError:
        return ""
    encoded = [label if label.isascii() else "xn--" + label.encode("punycode").decode() for label in labels]
    return ".".join(encoded) if max(map(len, encoded)) <= 63 else ""


def may_deceive(words: str, where: str, links: int) -> bool:
    """Return whether the words of a link to this place look like another address; `links` are those among them."""
    if TURNS.search(words):
        return True
    seen = without_ignorable(words).lower().split()
    others = [word for word in seen if not _begins_with(word, where)]
    return len(seen) - len(others) < links or any(map(ALIKE.search, others))


def _begins_with(word: str, where: str) -> bool:
    """Return whether a word is an address in this place, as it is shown."""
    where = where.lower().removeprefix("www.")
    word = SCHEME.sub("", word.strip(AROUND), 1)
    return word.startswith(where) and word[len(where) : len(where) + 1] in ("", *"/?#:")
