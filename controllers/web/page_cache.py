"""Pages of messages, rendered once for all members who see the same, with placeholders for what each member owns."""

from __future__ import annotations

import datetime
import functools
import re
import secrets
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from tornado.escape import xhtml_escape

from controllers.web.forms import FormHandler
from controllers.web.lru_cache import LRUCache
from controllers.web.rendering import GROUPING_GAP_SECONDS, MessageRenderer
from models.logs.base import Entry
from models.members import Member
from models.names import initial, tint

MAX_CACHE_BYTES = 8 * 1024 * 1024  # of pages: a usual one has 30 KB, of the longest messages it has 2 MB

# Random words, so that no message can contain one of them.
PLACEHOLDERS = {name: secrets.token_hex(16) for name in ("username", "initial", "tint", "xsrf", "nonce")}
NAMES = {placeholder.encode(): name for name, placeholder in PLACEHOLDERS.items()}
ROW = b'<li data-author="%s" class="row'  # where the class `own` is added to the rows of one author
PIECES = re.compile(b"(" + b"|".join([*NAMES, ROW % b'[^"]*']) + b")")
PLACEHOLDER_MEMBER = Member(0, PLACEHOLDERS["username"], is_admin=False)


class CachedPage:
    """A rendered page, split at its placeholders and at its rows."""

    def __init__(self, page: bytes) -> None:
        self._pieces = PIECES.split(page)
        self._placeholders: list[tuple[int, str]] = []
        self._rows: dict[bytes, list[int]] = {}  # the places of each author's messages
        for place in range(1, len(self._pieces), 2):
            piece = self._pieces[place]
            if piece in NAMES:
                self._placeholders.append((place, NAMES[piece]))
            else:
                self._rows.setdefault(piece, []).append(place)

    def fill(self, values: Mapping[str, str | bytes]) -> bytes:
        """Return the page with values, which are text and not HTML, and with the member's own messages marked."""
        escaped = {name: xhtml_escape(text).encode() for name, text in values.items()}
        pieces = self._pieces.copy()
        for place, name in self._placeholders:
            pieces[place] = escaped[name]
        for place in self._rows.get(ROW % escaped["username"], ()):
            pieces[place] += b" own"
        return b"".join(pieces)


class PageCache(LRUCache[Hashable, CachedPage]):
    """The pages that were used last; the key of each has everything that the page is made of."""

    def __init__(self) -> None:
        super().__init__(MAX_CACHE_BYTES)

    def get_or_render(self, key: Hashable, render: Callable[[], bytes]) -> CachedPage:
        """Return the page with this key; rendered and cached if it is missing."""
        page = self.get(key)
        if page is None:
            html = render()
            page = CachedPage(html)
            self.put(key, page, 2 * len(html))  # its key has names, too
        return page


class CachedPageHandler(FormHandler):
    """A handler that answers with cached pages of messages."""

    _has_placeholders = False  # while a page is rendered for the cache

    async def finish_cached(
        self,
        template: str,
        cache: PageCache,
        renderer: MessageRenderer,
        entries: Sequence[Entry],
        nonce: str,
        **shown: Hashable,
    ) -> None:
        """Answer with the template, which shows these messages and these values, for the member who asks.

        A page with an error is not cached, since it shows what only its author has written.
        """
        today = datetime.date.today()
        render = functools.partial(self._render_with_placeholders, template, renderer, entries, today, shown)
        if self.settings["debug"] or shown["error"]:
            await renderer.prerender(entries)
            page = CachedPage(render())
        else:
            seqs = (entries[0].seq, entries[-1].seq, len(entries)) if entries else ()
            key = (template, self.locale.code, today, seqs, *shown.values())
            if key not in cache:
                await renderer.prerender(entries)
            page = cache.get_or_render(key, render)
        self.finish(page.fill(self._own_values(nonce)))

    def _render_with_placeholders(
        self,
        template: str,
        renderer: MessageRenderer,
        entries: Sequence[Entry],
        today: datetime.date,
        shown: Mapping[str, Hashable],
    ) -> bytes:
        rows = renderer.render_rows(entries, self.locale, today)
        fixed = {"gap_seconds": GROUPING_GAP_SECONDS, "nonce": PLACEHOLDERS["nonce"]}
        self._has_placeholders = True
        try:
            return self.render_string(template, **shown, **fixed, rows=rows)
        finally:
            self._has_placeholders = False

    def _own_values(self, nonce: str) -> dict[str, str | bytes]:
        """Return what stands on the page of this member in place of the placeholders."""
        name = self.current_user.username
        return {
            "username": name,
            "initial": initial(name),
            "tint": str(tint(name)),
            "xsrf": self.xsrf_token,
            "nonce": nonce,
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
