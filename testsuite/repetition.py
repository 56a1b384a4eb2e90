"""Messages that are made to be slow: short pieces of markup, repeated, nested and mixed up to a length."""

from __future__ import annotations

import itertools

from hypothesis import strategies as st

from controllers.markdown.html import to_html

MAX_BODY_CHARS = 9000  # the most that `max_message` may be

# Each was slow in an earlier version or in another chat, or is made of what one rule here looks for.
SLOW_PATTERNS = (
    "xn--a.",
    "|www.",
    ">>*\né\n>",
    "://",
    "http://",
    "http://a(",
    "www.a-",
    "mailto:a",
    "*_",
    "*a **b ",
    "a***b**c*",
    "_a*b~~",
    "`",
    "\\*",
    "\\`a",
    "- - ",
    "> ",
    ">\n",
    "- a\n\n",
    "1. a\n   ",
    "```\n",
    "\u0301",
    '"',
    "😀",
    "[a](http://b)",
    "[",
    "](http://a",
    ":+1::",
    "@ana b ",
    "#1 ",
    "http://é",
    "a|\n-|\n",
    "\\[",
)
BLOCKS = [" ", "  ", "    ", "\t", "\n", "\n\n", ">", "> ", "-", "- ", "* ", "+ ", "1. ", "2) ", "```", "~~~"]
MARKS = ["*", "**", "***", "_", "__", "~", "~~", "`", "``", "\\", "\\\\", "(", ")", "[", "]", "<", "&", '"']
REFERENCES = ["[", "]", "](", "](http://a)", "](www.", ":", ":+1:", "::", "@", "@ana", "#", "#1", "|", "|-", "-|-\n"]
LINKS = ["http://", "https://a.", "www.", "www.a.b", "mailto:", "a@", "xn--a.", ".", ":", "/", "|"]
ATOMS = st.sampled_from(["a", "é", "1", "\u0301", "\u200b", "😀", *BLOCKS, *MARKS, *LINKS, *REFERENCES])
PIECES = st.lists(ATOMS, min_size=1, max_size=6).map("".join)


def draw(body: str) -> str:
    """Return the HTML of a message that may refer to whatever it names."""
    return to_html(body, "lobby", ("ana", "ana b", "room"))


def filled(piece: str, length: int = MAX_BODY_CHARS) -> str:
    """Return `piece` again and again, up to a length."""
    return (piece * (length // len(piece) + 1))[:length]


def growing(piece: str, length: int = MAX_BODY_CHARS) -> str:
    """Return runs of `piece`, each longer by one than the one before it."""
    return " ".join(piece * count for count in range(1, int((2 * length / len(piece)) ** 0.5)))[:length]


def messages(length: int = MAX_BODY_CHARS) -> st.SearchStrategy[str]:
    """Return a strategy for messages of this length."""
    half = length // 2
    return st.one_of(
        PIECES.map(lambda piece: filled(piece, length)),
        PIECES.map(lambda piece: growing(piece, length)),
        st.tuples(PIECES, PIECES).map(lambda two: filled(two[0], half) + filled(two[1], half)),
        st.tuples(PIECES, PIECES).map(lambda two: filled(two[0], 40) + filled(two[1], length - 40)),
        st.lists(PIECES, min_size=2, max_size=40).map(lambda pieces: filled("".join(pieces), length)),
    )


def known() -> list[str]:
    """Return what is known to be slow somewhere, and its relatives."""
    pairs = (first + second for first, second in itertools.permutations(SLOW_PATTERNS, 2))
    return [filled(piece) for piece in itertools.chain(SLOW_PATTERNS, pairs)] + [
        growing(piece) for piece in SLOW_PATTERNS
    ]
