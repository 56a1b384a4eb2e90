"""Turns an entry into HTML. `body_html` is the only function whose result is not escaped."""

from __future__ import annotations

import asyncio
import datetime
import re
import sys
import time
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

import tornado.locale
import tornado.template

from controllers.markdown.html import to_html
from controllers.web.lru_cache import LRUCache
from models.errors import Empty
from models.logs.base import Entry, clean_body
from models.visible import VISIBLE, is_visible

GROUPING_GAP_SECONDS = 5 * 60  # seconds within which one author's messages stand under one name
MAX_CACHE_BYTES = 16 * 1024 * 1024  # of drawn messages: ten thousand usual ones, or a page of the longest
ENTRY_OVERHEAD_BYTES = 500  # of an entry besides its body
MAX_TURN_SECONDS = 0.005  # of drawing, before the loop does what else has come up

FROM_THE_RIGHT = {"R", "AL", "RLE", "RLO", "RLI"}  # of the bidirectional classes of Unicode

# Most messages are a line of words, in which no rule finds anything and no character needs escaping.
_PLAIN = re.compile(r"[^\W\d_](?:[^\\`*_~<>&\"@:/.\s\0]|\.(?= |$)| (?! |$))*")
_LETTER = re.compile(rf"(?![\W\d_]){VISIBLE.pattern}")  # is always drawn, but in the first line of a code block
_FENCE = re.compile("```|~~~")
_TAGS = re.compile("<[^>]*>")


def body_html(body: str) -> str:
    """Return the safe HTML of a message's body: p, br, a, code, pre, blockquote, em, strong, s, ul, ol, li."""
    return f"<p>{body}</p>\n" if _PLAIN.fullmatch(body) else to_html(body)


def clean(body: str, longest: int) -> str:
    """Return a message as it is stored. Raise TooLong; Empty also where nothing is left to see once it is drawn."""
    body = clean_body(body, longest)
    may_vanish = _FENCE.search(body) or not _LETTER.search(body)
    if may_vanish and not is_visible(unescape(_TAGS.sub("", body_html(body)))):
        raise Empty()
    return body


def initial(username: str) -> str:
    """Return the letter in a member's picture; none for a name without one, which the tutorial's prompt may store."""
    return next((c.upper()[0] for c in username if c.isalnum()), "")


def isolated(text: str) -> str:
    """Return `text` so that in a sentence it turns nothing around, if it is written from right to left."""
    turns = any(unicodedata.bidirectional(char) in FROM_THE_RIGHT for char in text)
    return f"\u2068{text}\u2069" if turns else text


def tint(username: str) -> int:
    """Return which of the ten colours a member's picture has."""
    return zlib.crc32(username.encode()) % 10


@dataclass(frozen=True, slots=True)
class Row:
    """A message in its place: `day` is the label of the line above it, `follows` that it needs no name."""

    entry: Entry
    html: str
    day: str | None
    follows: bool


def day_label(at: float, today: datetime.date, locale: tornado.locale.Locale) -> str:
    """Return the name of the day of `at` in the server's zone, which is all that a page without a script knows."""
    day = datetime.date.fromtimestamp(at)
    if day == today:
        return locale.translate("Today")
    if day == today - datetime.timedelta(days=1):
        return locale.translate("Yesterday")
    moment = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
    label = locale.format_day(moment, gmt_offset=0)
    return label if day.year == today.year else f"{label}, {day.year}"


class MessageRenderer:
    """Draws messages, for the page and for the live entry alike: no language, no viewer."""

    def __init__(self, template_path: str) -> None:
        templates = tornado.template.Loader(template_path)
        self._template = templates.load("message.html")
        self._rows_template = templates.load("modules/rows.html")
        self._rendered: LRUCache[tuple[str, int, str, str], str] = LRUCache(MAX_CACHE_BYTES)

    def render(self, entry: Entry) -> str:
        """Return the HTML of a message."""
        key = entry.room, entry.seq, entry.author, entry.body  # quicker than all that an entry has
        html = self._rendered.get(key)
        if html is None:
            html = self._render(entry)
            self._rendered.put(key, html, sys.getsizeof(html) + sys.getsizeof(entry.body) + ENTRY_OVERHEAD_BYTES)
        return html

    async def prerender(self, entries: Sequence[Entry]) -> None:
        """Draw messages, so that they need not be drawn all at once; the loop goes on meanwhile."""
        began = time.monotonic()
        for entry in entries:
            self.render(entry)
            if time.monotonic() - began > MAX_TURN_SECONDS:
                await asyncio.sleep(0)
                began = time.monotonic()

    def render_rows(self, entries: Sequence[Entry], locale: tornado.locale.Locale, today: datetime.date) -> str:
        """Return the HTML of a page's messages, as nobody's own."""
        rows: list[Row] = []
        last: Entry | None = None
        label = ""
        for entry in entries:
            previous_label, label = label, day_label(entry.at, today, locale)
            day = label if label != previous_label else None
            together = last is not None and last.author == entry.author and entry.at - last.at < GROUPING_GAP_SECONDS
            rows.append(Row(entry, self.render(entry), day, together and day is None))
            last = entry
        return self._rows_template.generate(rows=rows).decode()

    def _render(self, entry: Entry) -> str:
        at = datetime.datetime.fromtimestamp(entry.at, datetime.UTC)
        rendered = self._template.generate(
            author=entry.author,
            body_html=body_html(entry.body),
            initial=initial,
            tint=tint,
            iso=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            clock=at.astimezone().strftime("%H:%M"),
        )
        return rendered.decode()
