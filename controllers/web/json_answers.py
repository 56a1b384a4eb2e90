"""Answers as bytes, each with what tells one from another, kept while nothing changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable

from controllers.web.lru_cache import LRUCache

MAX_CACHE_BYTES = 8 * 1024 * 1024  # of answers: fifty usual messages have 60 KB
KEY_BYTES = 500  # of what an answer is found by
ETAG_BYTES = 12

encoded_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode  # json.dumps makes one each time


def encoded(content: object) -> bytes:
    """Return JSON as it is answered."""
    return encoded_text(content).encode()


def etag_of(content: bytes) -> str:
    """Return what another content has not. It is weak: the same may be answered compressed."""
    return f'W/"{hashlib.blake2b(content, digest_size=ETAG_BYTES).hexdigest()}"'


class AnswerCache(LRUCache[Hashable, tuple[bytes, str]]):
    """The answers that were given last, with their etags; the key of each has everything that it is made of."""

    def __init__(self) -> None:
        super().__init__(MAX_CACHE_BYTES)

    def keep(self, key: Hashable, content: bytes) -> tuple[bytes, str]:
        """Cache an answer, and return it with its etag."""
        found = content, etag_of(content)
        self.put(key, found, len(content) + KEY_BYTES)
        return found
