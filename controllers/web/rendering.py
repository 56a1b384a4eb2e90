"""Renders messages as HTML. `body_html` is the only function whose result templates do not escape."""

from __future__ import annotations

import asyncio
import datetime
import functools
import re
import sys
import time
import unicodedata
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

import tornado.locale
import tornado.template
from tornado.escape import xhtml_escape

from controllers.markdown.html import to_html
from controllers.markdown.links import TURNS
from controllers.markdown.references import text_of
from controllers.web.dates import day_label
from controllers.web.languages import all_languages
from controllers.web.lru_cache import LRUCache
from models.errors.messages import Empty
from models.logs.base import NOTE, POST, Entry, clean_body
from models.messages import Message
from models.names import initial, tint
from models.notes import sentence_of
from models.visible import VISIBLE, is_visible

GROUPING_GAP_SECONDS = 5 * 60  # within which messages of one author are shown under one name
MAX_QUOTE_CHARS = 120  # of a message, shown with its answers and to whom it names
MAX_CACHE_BYTES = 16 * 1024 * 1024  # of rendered messages: ten thousand usual ones, or a page of the longest
ENTRY_OVERHEAD_BYTES = 500  # of an entry besides its body
LOCAL_LINK = re.compile("""(<[a-z][^<>]* href=['"])/(?!/)""")  # in our own HTML
MAX_TURN_SECONDS = 0.005  # of rendering, before other tasks of the loop may run

FROM_THE_RIGHT = {"R", "AL", "RLE", "RLO", "RLI"}  # of the bidirectional classes of Unicode

# Most messages are a line of words without markup, and without a character that needs escaping. \u2139 is an emoji,
# though Unicode counts it as a letter.
_PLAIN = re.compile(r"(?!\u2139)[^\W\d_](?:[^\\`*_~<>&\"@#:/.\s\0]|\.(?= |$)| (?! |$))*")
_LETTER = re.compile(rf"(?![\W\d_]){VISIBLE.pattern}")  # is always visible, except in the first line of a code block
_FENCE = re.compile("```|~~~")


def body_html(body: str, room: str = "", mentions: Collection[str] = ()) -> str:
    """Return the safe HTML of a message's body, as `to_html` does."""
    return f"<p>{body}</p>\n" if _PLAIN.fullmatch(body) else to_html(body, room, mentions)


async def bodies_html(entries: Iterable[Entry]) -> list[str]:
    """Return the HTML of the texts of entries of a room, without keeping the event loop."""
    rendered = []
    for entry in entries:
        rendered.append(body_html(entry.body, entry.room, entry.mentions))
        await asyncio.sleep(0)
    return rendered


def clean_message(body: str, max_chars: int) -> str:
    """Return a message as it is stored. Raise TooLong; Empty also if nothing of it is visible once it is rendered."""
    body = clean_body(body, max_chars)
    may_vanish = _FENCE.search(body) or not _LETTER.search(body)
    if may_vanish and not is_visible(text_of(body_html(body))):
        raise Empty()
    return body


def isolated(text: str) -> str:
    """Return `text`, isolated if it has right-to-left characters, so that it cannot reorder the sentence around it.

    Characters that turn what follows are left out: one could end the isolation.
    """
    text = TURNS.sub("", text)
    turns = any(unicodedata.bidirectional(char) in FROM_THE_RIGHT for char in text)
    return f"\u2068{text}\u2069" if turns else text


def person_path(username: str) -> str:
    """Return the path of a member's card."""
    return f"/people/{quote(username, safe='')}"


@functools.lru_cache(maxsize=1024)
def words(one: str, many: str | None = None, name: str = "", count: int = 1) -> str:
    """Return the HTML of a sentence in each language of the site, with `name` or `count` in it; site.css shows one."""
    isolated_name = f"<bdi>{xhtml_escape(name)}</bdi>"
    spans = []
    for tag, locale in all_languages():
        sentence = xhtml_escape(locale.translate(one, many, count)) % {"name": isolated_name, "count": count}
        spans.append(f"<span lang='{tag}'>{sentence}</span>")
    return "".join(spans)


@dataclass(frozen=True, slots=True)
class Row:
    """A message on a page: `day` is the label of the line above it, `follows` means that it is shown without a name.

    `room` is the name of its room, on a page of several rooms.
    """

    message: Message
    html: str
    day: str | None
    follows: bool
    room: str | None


class MessageRenderer:
    """Renders messages for pages and for live entries alike; the HTML depends on no reader.

    Its few words are there in all languages of the site, each in an element with its `lang`; site.css shows one.
    """

    def __init__(self, template_path: str, reloads_templates: bool = False) -> None:
        self._templates = tornado.template.Loader(template_path)
        self._reloads_templates = reloads_templates  # at each message and page, so that changes show at once
        self._rendered: LRUCache[Hashable, str] = LRUCache(MAX_CACHE_BYTES)

    def render(self, message: Message) -> str:
        """Return the HTML of a message."""
        if self._reloads_templates:
            return self._render(message)
        html = self._rendered.get(message.version)
        if html is None:
            html = self._render(message)
            cost = sys.getsizeof(html) + sys.getsizeof(message.body) + ENTRY_OVERHEAD_BYTES
            self._rendered.put(message.version, html, cost)
        return html

    def plain(self, excerpt: str) -> str:
        """Return the first words of a message without their markup, in one line."""
        return " ".join(text_of(body_html(excerpt)).split())[:MAX_QUOTE_CHARS]

    async def prerender(self, messages: Iterable[Message]) -> None:
        """Render messages into the cache, and let other tasks of the loop run in between."""
        began = time.monotonic()
        for message in messages:
            self.render(message)
            if time.monotonic() - began > MAX_TURN_SECONDS:
                await asyncio.sleep(0)
                began = time.monotonic()

    async def draw_rows(
        self,
        messages: Sequence[Message],
        locale: tornado.locale.Locale,
        today: datetime.date,
        names: Mapping[str, str] | None = None,
    ) -> str:
        """Return what `render_rows` does, without keeping the event loop."""
        await self.prerender(messages)
        return self.render_rows(messages, locale, today, names=names)

    def render_rows(
        self,
        messages: Sequence[Message],
        locale: tornado.locale.Locale,
        today: datetime.date,
        at: int | None = None,
        names: Mapping[str, str] | None = None,
    ) -> str:
        """Return the HTML of a page's messages, of which the one with the seq `at` is marked.

        None is marked as the reader's own. With `names`, of rooms by their slugs, each says in which room it is.
        """
        rows: list[Row] = []
        last: Message | None = None
        label = ""
        for message in messages:
            previous_label, label = label, day_label(message.entry.at, today, locale)
            day = label if label != previous_label else None
            room = names[message.entry.room] if names else None
            rows.append(Row(message, self.render(message), day, day is None and _follows(message, last), room))
            last = None if names else message
        return self._load("modules/rows.html").generate(rows=rows, at=at).decode()

    def content(self, message: Message, here: str, locale: tornado.locale.Locale) -> str:
        """Return a message as HTML to be shown elsewhere: its text, with what it answers, and with whole addresses.

        `here` is the beginning of the site's own.
        """
        html = self._quote(message, locale) + self._text(message)
        return LOCAL_LINK.sub(lambda found: f"{found[1]}{xhtml_escape(here)}/", html)

    def _quote(self, message: Message, locale: tornado.locale.Locale) -> str:
        if message.quote is None:
            return ""
        words = self.plain(message.quote.words) or locale.translate("This message was deleted")
        place = f"/rooms/{quote(message.entry.room)}"
        template = self._load("modules/quote.html")
        return template.generate(quote=message.quote, words=words, place=place).decode()

    def _text(self, message: Message) -> str:
        key = ("text", *message.version)
        html = self._rendered.get(key)
        if html is None:
            html = body_html(message.body, message.entry.room, message.mentions)
            self._rendered.put(key, html, sys.getsizeof(html) + sys.getsizeof(message.body) + ENTRY_OVERHEAD_BYTES)
        return html

    def _load(self, name: str) -> tornado.template.Template:
        """Return a template, from the loader's cache unless templates are reloaded."""
        if self._reloads_templates:
            self._templates.reset()
        return self._templates.load(name)

    def _render(self, message: Message) -> str:
        entry = message.entry
        at = datetime.datetime.fromtimestamp(entry.at, datetime.UTC)
        rendered = self._load("message.html").generate(
            message=message,
            author=entry.author,
            body_html=body_html(message.body, entry.room, message.mentions) if entry.kind == POST else "",
            note=sentence_of(entry) if entry.kind == NOTE else None,
            place=f"/rooms/{quote(entry.room)}",
            person=person_path(entry.author),
            words=words,
            plain=self.plain,
            initial=initial,
            tint=tint,
            iso=at.isoformat(timespec="seconds").replace("+00:00", "Z"),
            clock=at.astimezone().strftime("%H:%M"),
        )
        return rendered.decode()


def _follows(message: Message, last: Message | None) -> bool:
    """Return whether a message is shown without a name, as the next one of its author."""
    return (
        last is not None
        and (message.entry.kind, message.entry.author) == (POST, last.entry.author)
        and last.entry.kind == POST
        and message.quote is None
        and message.entry.at - last.entry.at < GROUPING_GAP_SECONDS
    )
