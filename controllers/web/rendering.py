"""Renders entries as HTML. `body_html` is the only function whose result templates do not escape."""

from __future__ import annotations

import asyncio
import datetime
import re
import sys
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from html import unescape

import tornado.locale
import tornado.template

from controllers.markdown.html import to_html
from controllers.web.dates import day_label
from controllers.web.lru_cache import LRUCache
from models.errors import Empty
from models.logs.base import Entry, clean_body
from models.names import initial, tint
from models.visible import VISIBLE, is_visible

GROUPING_GAP_SECONDS = 5 * 60  # within which messages of one author are shown under one name
MAX_CACHE_BYTES = 16 * 1024 * 1024  # of rendered messages: ten thousand usual ones, or a page of the longest
ENTRY_OVERHEAD_BYTES = 500  # of an entry besides its body
MAX_TURN_SECONDS = 0.005  # of rendering, before other tasks of the loop may run

FROM_THE_RIGHT = {"R", "AL", "RLE", "RLO", "RLI"}  # of the bidirectional classes of Unicode

# Most messages are a line of words without markup, and without a character that needs escaping.
_PLAIN = re.compile(r"[^\W\d_](?:[^\\`*_~<>&\"@:/.\s\0]|\.(?= |$)| (?! |$))*")
_LETTER = re.compile(rf"(?![\W\d_]){VISIBLE.pattern}")  # is always visible, except in the first line of a code block
_FENCE = re.compile("```|~~~")
_TAGS = re.compile("<[^>]*>")


def body_html(body: str) -> str:
    """Return the safe HTML of a message's body: p, br, a, code, pre, blockquote, em, strong, s, ul, ol, li."""
    return f"<p>{body}</p>\n" if _PLAIN.fullmatch(body) else to_html(body)


def clean_message(body: str, max_chars: int) -> str:
    """Return a message as it is stored. Raise TooLong; Empty also if nothing of it is visible once it is rendered."""
    body = clean_body(body, max_chars)
    may_vanish = _FENCE.search(body) or not _LETTER.search(body)
    if may_vanish and not is_visible(unescape(_TAGS.sub("", body_html(body)))):
        raise Empty()
    return body


def isolated(text: str) -> str:
    """Return `text`, isolated if it has right-to-left characters, so that it cannot reorder the sentence around it."""
    turns = any(unicodedata.bidirectional(char) in FROM_THE_RIGHT for char in text)
    return f"\u2068{text}\u2069" if turns else text


@dataclass(frozen=True, slots=True)
class Row:
    """A message on a page: `day` is the label of the line above it, `follows` means that it is shown without a name."""

    entry: Entry
    html: str
    day: str | None
    follows: bool


class MessageRenderer:
    """Renders messages for pages and for live entries alike; the HTML depends on no language and no reader."""

    def __init__(self, template_path: str, reloads_templates: bool = False) -> None:
        self._templates = tornado.template.Loader(template_path)
        self._reloads_templates = reloads_templates  # at each message and page, so that changes show at once
        self._rendered: LRUCache[tuple[str, int, str, str], str] = LRUCache(MAX_CACHE_BYTES)

    def render(self, entry: Entry) -> str:
        """Return the HTML of a message."""
        if self._reloads_templates:
            return self._render(entry)
        key = entry.room, entry.seq, entry.author, entry.body  # faster to hash than the whole entry
        html = self._rendered.get(key)
        if html is None:
            html = self._render(entry)
            self._rendered.put(key, html, sys.getsizeof(html) + sys.getsizeof(entry.body) + ENTRY_OVERHEAD_BYTES)
        return html

    async def prerender(self, entries: Sequence[Entry]) -> None:
        """Render messages into the cache, and let other tasks of the loop run in between."""
        began = time.monotonic()
        for entry in entries:
            self.render(entry)
            if time.monotonic() - began > MAX_TURN_SECONDS:
                await asyncio.sleep(0)
                began = time.monotonic()

    def render_rows(self, entries: Sequence[Entry], locale: tornado.locale.Locale, today: datetime.date) -> str:
        """Return the HTML of a page's messages; none is marked as the reader's own."""
        rows: list[Row] = []
        last: Entry | None = None
        label = ""
        for entry in entries:
            previous_label, label = label, day_label(entry.at, today, locale)
            day = label if label != previous_label else None
            together = last is not None and last.author == entry.author and entry.at - last.at < GROUPING_GAP_SECONDS
            rows.append(Row(entry, self.render(entry), day, together and day is None))
            last = entry
        return self._load("modules/rows.html").generate(rows=rows).decode()

    def _load(self, name: str) -> tornado.template.Template:
        """Return a template, from the loader's cache unless templates are reloaded."""
        if self._reloads_templates:
            self._templates.reset()
        return self._templates.load(name)

    def _render(self, entry: Entry) -> str:
        at = datetime.datetime.fromtimestamp(entry.at, datetime.UTC)
        rendered = self._load("message.html").generate(
            author=entry.author,
            body_html=body_html(entry.body),
            initial=initial,
            tint=tint,
            iso=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            clock=at.astimezone().strftime("%H:%M"),
        )
        return rendered.decode()
