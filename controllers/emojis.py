"""The emoji that the page offers while a name is being typed, as JSON."""

from __future__ import annotations

import asyncio
import functools
import json

from controllers.base import BaseHandler
from models import emojis

KEPT_SECONDS = 86_400  # by the browser


class EmojisHandler(BaseHandler):
    """Lists all emoji with their names in the page's language, the most used first."""

    answers_json = True

    async def get(self) -> None:
        listed = await asyncio.to_thread(_listed, self.locale.code)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.set_header("Cache-Control", f"private, max-age={KEPT_SECONDS}")
        self.set_header("Vary", "Accept-Language")
        self.write(listed)


@functools.cache  # there are as many as languages, of 100 KB each
def _listed(code: str) -> bytes:
    """Return the emoji as JSON, each followed by its names; English names serve in every language."""
    rows = [(one.emoji, *(one.portuguese if code == "pt_BR" else ()), *one.english) for one in emojis.names()]
    return json.dumps({"emoji": rows}, ensure_ascii=False, separators=(",", ":")).encode()
