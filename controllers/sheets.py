"""Pages that are drawn once for all who read them; what is one reader's own is left blank and filled in."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping

from tornado.escape import xhtml_escape

MOST = 16  # sheets: the newest page of some rooms, in each language, and some of the past; 30 KB each, at most 2 MB

# What stands for a reader's own while a sheet is drawn: words that nobody can guess, so that no message has them.
BLANKS = {name: secrets.token_hex(16) for name in ("username", "initial", "tint", "xsrf", "nonce")}
NAMES = {blank.encode(): name for name, blank in BLANKS.items()}
ROW = b'<li data-author="%s" class="row'  # where it says whose a message is
PIECES = re.compile(b"(" + b"|".join([*NAMES, ROW % b'[^"]*']) + b")")


class Sheet:
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

    def filled(self, own: Mapping[str, str | bytes]) -> bytes:
        """Return the page with what is the reader's own, which is text and not HTML."""
        escaped = {name: xhtml_escape(text).encode() for name, text in own.items()}
        pieces = self._pieces.copy()
        for place, name in self._blanks:
            pieces[place] = escaped[name]
        for place in self._rows.get(ROW % escaped["username"], ()):
            pieces[place] += b" own"
        return b"".join(pieces)


class Sheets:
    """The sheets that were used last."""

    def __init__(self) -> None:
        self._sheets: OrderedDict[Hashable, Sheet] = OrderedDict()

    def get(self, key: Hashable, draw: Callable[[], bytes]) -> Sheet:
        """Return the sheet that has everything of which it is made in its key, or draw it."""
        sheet = self._sheets.get(key)
        if sheet is None:
            sheet = self._sheets[key] = Sheet(draw())
            if len(self._sheets) > MOST:
                self._sheets.popitem(last=False)
        self._sheets.move_to_end(key)
        return sheet
