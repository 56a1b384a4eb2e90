"""What a text refers to, as HTML: web addresses, members, messages of the room, emoji."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape

from controllers.markdown.addresses import target
from controllers.markdown.links import may_deceive, place, place_and_text
from models.emojis import by_name
from models.mentions import MAX_MENTIONS
from models.visible import is_visible

TAGS = re.compile("<[^>]*>")
LINK_TAGS = re.compile("</?a(?: [^>]*)?>")


@dataclass(slots=True)
class Setting:
    """Where a message stands, and what is left of its limits.

    `room` is as it is written in an address; without it a number is no link. `names` are those that the message
    mentions, as the members spell them, by how they are folded. `colour_left`, from 1 to 0, tells how much of the code
    may still be coloured; `languages` are those that were.
    """

    room: str = ""
    names: dict[str, str] = field(default_factory=dict)
    mentions_left: int = MAX_MENTIONS
    colour_left: float = 1.0
    languages: set[str] = field(default_factory=set)


def escape(text: str) -> str:
    """Return `text` escaped for HTML, also for attribute values."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def text_of(html: str) -> str:
    """Return what can be read of our own HTML."""
    return unescape(TAGS.sub("", html))


def link(address: str) -> str:
    """Return an address as a link; as text if browsers do not follow it."""
    where, text = place_and_text(address)
    return _link(address, escape(text), ' class="address"') if where else escape(address)


def named_link(address: str, words: str) -> str:
    """Return a link with words of its own (HTML, whose links are removed); if they may deceive, its place behind them.

    The address, which has a place, is shown if there are no words.
    """
    words, tags = LINK_TAGS.subn("", words)
    read = text_of(words)
    if not is_visible(read):
        return link(address)
    where = place(address)
    behind = f' <span class="place">({escape(where)})</span>' if may_deceive(read, where, tags // 2) else ""
    return _link(address, words) + behind


def _link(address: str, words: str, css: str = "") -> str:
    url = escape(target(address))
    return f'<a{css} href="{url}" title="{url}">{words}</a>'


def message_link(room: str, number: str) -> str:
    """Return `#` and a number as a link to that message of the room."""
    return f'<a class="message-link" href="/rooms/{room}?at={number}#m{number}">#{number}</a>'


def mention(name: str, typed: str) -> str:
    """Return the mention of a member, as it was typed."""
    return f'<b class="mention" data-name="{escape(name)}">{escape(typed)}</b>'


def emoji(text: str) -> tuple[str, int]:
    """Return the emoji that `text`, names between colons, begins with, and how many characters they are in it."""
    found, length = "", 0
    for name in text[1:-1].split("::"):
        sign = by_name(name)
        if sign is None:
            break
        found, length = found + sign, length + len(name) + 2
    return found, length
