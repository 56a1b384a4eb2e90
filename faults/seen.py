"""What is seen of messages, on pages and in entries: read off the HTML, as short strings that can be compared.

Every text of a run has the nonce with which it was sent, so that what is shown tells which text it is.
"""

from __future__ import annotations

import functools
import hashlib
import html
import json
import re
from typing import Any

SAYS, MENDS = "says", "mends"  # what a post and an edit begin with, after the author's name
PLANS = "plans"  # and what a task says

TEXT = re.compile(f"(?:{SAYS}|{MENDS}|{PLANS}) ([0-9a-f]{{16}})")
ROW = re.compile(r'<li data-author="[^"]*" data-seq="(\d+)" class="row[^>]*>(.*?)</li>', re.DOTALL)
OLDER = re.compile(r'id="older" href="\?before=(\d+)"')
HEAD = re.compile(r'id="room"[^>]* data-head="(\d+)"')

AUTHOR = re.compile(r"<p class='(?:heading|deed)'><a class='author'[^>]*>(.*?)</a>")
BODY = re.compile(r"<div class='body'[^>]*>(.*?)</div>", re.DOTALL)
QUOTE = re.compile(r"<p class='quote'>.*?data-target='(\d+)'>.*?<span class='words'[^>]*>(.*?)</a></p>", re.DOTALL)
REACTION = re.compile(r"<a class='reaction[^>]*title='([^']*)'>(\S+) <b>(\d+)</b>")
REPLIES = re.compile(r"<a class='replies'[^>]*>\D*(\d+)")

NOTE = "note"  # stands for the text of a note
NO_TEXT = "?"  # for a text that nobody wrote
GONE = ""  # for a message that has no place


@functools.lru_cache(maxsize=4096)
def look_of(inner: str) -> str:
    """Return how a message looks: see `Look`. GONE without HTML."""
    if not inner:
        return GONE
    author, body, quote, replies = AUTHOR.search(inner), BODY.search(inner), QUOTE.search(inner), REPLIES.search(inner)
    shown = body[1].replace(" data-own", "") if body else ""  # which pages add where the reader is named
    if "<p class='deed'>" in inner:
        text = NOTE
    else:
        text = "" if "class='message deleted'" in inner else text_of(shown) or NO_TEXT
    found = REACTION.findall(inner)
    return look(
        html.unescape(author[1]) if author else "",
        text,
        "<span class='edited'>" in inner,
        [[emoji, html.unescape(title), int(count)] for title, emoji, count in found],
        int(replies[1]) if replies else 0,
        [int(quote[1]), text_of(quote[2])] if quote else None,
        hashlib.blake2b(shown.encode(), digest_size=4).hexdigest() if text else "",
    )


def look(  # noqa: PLR0913, PLR0917 - as many as there are things to see
    author: str,
    text: str,
    is_edited: bool = False,
    reactions: list[list[Any]] | None = None,
    replies: int = 0,
    quote: list[Any] | None = None,
    digest: str = "",
) -> str:
    """Return the string for how a message looks.

    `text` is the nonce of what it says, empty if it was deleted; each reaction is its emoji, the names and how many
    they are; `quote` is the number of what it answers, and the nonce of the words from there. `digest` stands for all
    that is seen of the text.
    """
    return json.dumps([author, text, is_edited, reactions or [], replies, quote, digest], ensure_ascii=False)


@functools.lru_cache(maxsize=65536)
def parts(shown: str) -> tuple[Any, ...]:
    """Return what `look` was called with; of GONE nothing."""
    return tuple(json.loads(shown)) if shown else ()


def text_of(words: str) -> str:
    """Return the nonce of the text that begins here, or nothing."""
    found = TEXT.search(words)
    return found[1] if found else ""


@functools.lru_cache(maxsize=4096)
def texts_in(raw: str) -> tuple[str, ...]:
    """Return the nonces of all texts in what was sent."""
    return tuple(dict.fromkeys(TEXT.findall(raw)))


def shown_by(entry: dict[str, Any]) -> dict[str, str]:
    """Return how messages look by an entry of the chat, by their numbers."""
    shows = {str(seq): look_of(inner) for seq, inner in entry.get("others", {}).items()}
    if "html" in entry:
        seq = entry["seq"] if entry["kind"] in ("post", "note") else entry["target"]
        shows[str(seq)] = look_of(entry["html"])
    return shows
