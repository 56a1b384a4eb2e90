"""Pages of messages, rendered once for all members who see the same, with placeholders for what each member owns."""

from __future__ import annotations

import bisect
import datetime
import re
import secrets
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from html import unescape
from typing import Any

from tornado.escape import to_unicode, xhtml_escape

from controllers.web.forms import FormHandler
from controllers.web.lru_cache import LRUCache
from controllers.web.rendering import GROUPING_GAP_SECONDS, MessageRenderer, words
from controllers.web.window import Window
from models.logs.base import NOTE, POST, Entry
from models.members import Member
from models.mentions import EVERYBODY
from models.messages import Message, Reaction, as_posted
from models.names import initial, tint

MAX_CACHE_BYTES = 8 * 1024 * 1024  # of pages: a usual one has 30 KB, of the longest messages it has 2 MB

MARK_BYTES = 100  # of what is marked as the reader's own

# Random words, so that no message can contain one of them. Few places of a page are looked at: ~ is a rare character.
PLACEHOLDERS = {
    name: f"~{secrets.token_hex(16)}"
    for name in ("username", "initial", "tint", "xsrf", "nonce", "head", "read", "admin", "places")
}
NAMES = {placeholder.encode(): name for name, placeholder in PLACEHOLDERS.items()}
# Where a reader's own rows, reactions and mentions are marked. Messages have no such text, since it is escaped there.
ROW = b'<li data-author="[^"]*" data-seq="[0-9]+" class="row'
MENTION = b'<b class="mention" data-name="[^"]*"'
REACTION = b"<a class='reaction"
PIECES = re.compile(b"(" + b"|".join([*NAMES, ROW, MENTION, REACTION]) + b")")
PLACEHOLDER_MEMBER = Member(0, PLACEHOLDERS["username"], is_admin=False)

# What room.html has of a message of the member's own that the server does not have yet.
OWN_MESSAGE = as_posted(Entry("", 0, POST, None, 0, "", "?", 0.0, "", 0, 0, is_drawn=True))


@dataclass(frozen=True, slots=True)
class Reader:
    """What a page shows to one member only: text, or HTML in bytes; what is new stands after the message `read`."""

    values: Mapping[str, str | bytes]
    read: int | None = None


class CachedPage:
    """A rendered page, split at its placeholders and where a reader's own things are marked.

    `new_line` is HTML that stands before the first post that is new to a reader.
    """

    def __init__(self, page: bytes, messages: Sequence[Message] = (), new_line: bytes = b"") -> None:
        self._pieces = PIECES.split(page)
        self._new_line = new_line
        self._placeholders: list[tuple[int, str]] = []
        self._posts: list[tuple[int, int]] = []  # the seq and the place of each that is no note
        notes = {message.seq for message in messages if message.entry.kind == NOTE}
        self._marks: dict[str, list[tuple[int, bytes]]] = {}  # by name or @name: places, and what is added there
        reactions = (one for message in messages for one in message.reactions)
        for place in range(1, len(self._pieces), 2):
            self._read_piece(place, self._pieces[place], reactions, notes)
        self.bytes = len(page) + MARK_BYTES * sum(map(len, self._marks.values()))

    def _read_piece(self, place: int, piece: bytes, reactions: Iterator[Reaction], notes: Set[int]) -> None:
        if piece in NAMES:
            self._placeholders.append((place, NAMES[piece]))
        elif piece.startswith(b"<li"):
            _, author, _, seq, _ = piece.decode().split('"')[:5]
            if int(seq) not in notes:
                self._posts.append((int(seq), place))
            self._mark(unescape(author), place, b" own")
        elif piece.startswith(b"<b"):
            self._mark("@" + unescape(piece.decode().split('"')[3]), place, b" data-own")
        else:
            for name in next(reactions).names:
                self._mark(name, place, b" own")

    def _mark(self, key: str, place: int, mark: bytes) -> None:
        self._marks.setdefault(key, []).append((place, mark))

    def fill(self, reader: Reader) -> bytes:
        """Return the page with the reader's values, and with what is theirs marked."""
        pieces = self._pieces.copy()
        for place, name in self._placeholders:
            value = reader.values[name]
            pieces[place] = value if isinstance(value, bytes) else xhtml_escape(value).encode()
        own = to_unicode(reader.values["username"])
        for key in {own, f"@{own}", f"@{EVERYBODY}"}:
            for place, mark in self._marks.get(key, ()):
                pieces[place] += mark
        if reader.read is not None:
            self._add_new_line(pieces, reader.read)
        return b"".join(pieces)

    def _add_new_line(self, pieces: list[bytes], read: int) -> None:
        """Put the line before the first new post, if that is on the page and a post before it, too."""
        number = bisect.bisect(self._posts, (read, sys.maxsize))
        if 0 < number < len(self._posts):
            place = self._posts[number][1]
            pieces[place] = self._new_line + pieces[place]


class PageCache(LRUCache[Hashable, CachedPage]):
    """The pages that were used last; the key of each has everything that the page is made of."""

    def __init__(self) -> None:
        super().__init__(MAX_CACHE_BYTES)

    def keep(self, key: Hashable, page: CachedPage) -> None:
        """Cache a page."""
        self.put(key, page, 2 * page.bytes)  # its key has names, too


class CachedPageHandler(FormHandler):
    """A handler that answers with cached pages of messages."""

    _has_placeholders = False  # while a page is rendered for the cache

    async def finish_cached(
        self,
        template: str,
        cache: PageCache,
        renderer: MessageRenderer,
        window: Window,
        reader: Reader,
        **shown: Hashable,
    ) -> None:
        """Answer with the template, which shows these messages and these values, for the member who asks.

        A page with an error is not cached, since it shows what only its author has written.
        """
        today = datetime.date.today()
        key = (template, self.locale.code, today, window.version, *shown.values())
        is_cached = not (self.settings["debug"] or shown["error"])
        page = cache.get(key) if is_cached else None
        if page is None:
            await renderer.prerender(window.messages)
            page = self._render_with_placeholders(template, renderer, window.messages, today, shown)
            if is_cached:
                cache.keep(key, page)
        self.finish(page.fill(reader))

    def _render_with_placeholders(
        self,
        template: str,
        renderer: MessageRenderer,
        messages: Sequence[Message],
        today: datetime.date,
        shown: Mapping[str, Any],
    ) -> CachedPage:
        rows = renderer.render_rows(messages, self.locale, today, shown["at"])
        fixed = {
            "gap_seconds": GROUPING_GAP_SECONDS,
            "own_message": OWN_MESSAGE,
            "words": words,
            **{name: PLACEHOLDERS[name] for name in ("nonce", "head", "read", "admin", "places")},
        }
        self._has_placeholders = True
        try:
            page = self.render_string(template, **shown, **fixed, rows=rows)
            return CachedPage(page, messages, self.render_string("modules/new.html"))
        finally:
            self._has_placeholders = False

    def own_values(self, nonce: str, head: int, places: bytes) -> dict[str, str | bytes]:
        """Return what stands on the page of this member in place of the placeholders."""
        name = self.current_user.username
        return {
            "username": name,
            "initial": initial(name),
            "tint": b"%d" % tint(name),
            "xsrf": self.xsrf_token,
            "nonce": nonce,
            "head": b"%d" % head,
            "places": places,
        }

    # Templates within the page are rendered on their own, with this namespace and not that of the page.
    def get_template_namespace(self) -> dict[str, Any]:
        namespace = super().get_template_namespace()
        if self._has_placeholders:
            namespace["current_user"] = PLACEHOLDER_MEMBER
            namespace["me"] = PLACEHOLDERS["username"]
            namespace["initial"] = lambda name: _placeholder_or(initial, "initial", name)
            namespace["tint"] = lambda name: _placeholder_or(tint, "tint", name)
        return namespace

    @property
    def xsrf_token(self) -> bytes:
        return PLACEHOLDERS["xsrf"].encode() if self._has_placeholders else super().xsrf_token


def _placeholder_or(function: Callable[[str], str | int], placeholder: str, username: str) -> str | int:
    return PLACEHOLDERS[placeholder] if username == PLACEHOLDERS["username"] else function(username)
