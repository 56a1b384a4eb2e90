"""Pages that are drawn once for all who read them; what is one reader's own is left blank and filled in."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Hashable, Mapping

from tornado.escape import xhtml_escape

from controllers.web.lru_cache import LRUCache

MAX_CACHE_BYTES = 8 * 1024 * 1024  # of pages: a usual one has 30 KB, of the longest messages it has 2 MB

# What stands for a reader's own while a sheet is drawn: words that nobody can guess, so that no message has them.
PLACEHOLDERS = {name: secrets.token_hex(16) for name in ("username", "initial", "tint", "xsrf", "nonce")}
NAMES = {blank.encode(): name for name, blank in PLACEHOLDERS.items()}
ROW = b'<li data-author="%s" class="row'  # where it says whose a message is
PIECES = re.compile(b"(" + b"|".join([*NAMES, ROW % b'[^"]*']) + b")")


class CachedPage:
    """A page with blanks, on which a reader's own messages can be marked."""

    def __init__(self, page: bytes) -> None:
        self._pieces = PIECES.split(page)
        self._blanks: list[tuple[int, str]] = []
        self._rows: dict[bytes, list[int]] = {}  # the places of each author's messages
        for place in range(1, len(self._pieces), 2):
            piece = self._pieces[place]
            if piece in NAMES:
                self._blanks.append((place, NAMES[piece]))
            else:
                self._rows.setdefault(piece, []).append(place)

    def fill(self, own: Mapping[str, str | bytes]) -> bytes:
        """Return the page with what is the reader's own, which is text and not HTML."""
        escaped = {name: xhtml_escape(text).encode() for name, text in own.items()}
        pieces = self._pieces.copy()
        for place, name in self._blanks:
            pieces[place] = escaped[name]
        for place in self._rows.get(ROW % escaped["username"], ()):
            pieces[place] += b" own"
        return b"".join(pieces)


class PageCache(LRUCache[Hashable, CachedPage]):
    """The sheets that were used last, each with everything of which it is made in its key."""

    def __init__(self) -> None:
        super().__init__(MAX_CACHE_BYTES)

    def draw(self, key: Hashable, draw: Callable[[], bytes]) -> CachedPage:
        """Return the sheet with this key, as `draw` makes it if it is not there."""
        sheet = self.get(key)
        if sheet is None:
            page = draw()
            sheet = CachedPage(page)
            self.put(key, sheet, 2 * len(page))  # its key has names, too
        return sheet
