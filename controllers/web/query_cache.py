"""A cache of queries about people and memberships, cleared when the database says that something of them changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from models.stores import Stores

P = ParamSpec("P")
T = TypeVar("T")

MAX_ANSWER_CHARS = 4_000_000  # of the cached answers' repr: 20,000 members' sign-ins; about 16 MB
MAX_TOKENS = 20_000  # which are all of the same length
MAX_AGE_SECONDS = 60.0  # a session also ends by its age, which changes nothing in the database


class QueryCache:
    """Answers of functions that only read people, sessions, rooms and memberships.

    `get_fresh` never returns a stale answer: it first looks at the database's change counter, which triggers of the
    migrations move whenever an answer could change. On SQLite that takes the loop 5 microseconds; on PostgreSQL all
    requests that wait at that moment share one look.
    """

    def __init__(self, stores: Stores) -> None:
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._answers: dict[tuple[object, ...], Any] = {}  # of each function's own type
        self._chars = 0
        self._tokens: dict[object, str] = {}
        self._version: object = None
        self._expires_at = 0.0  # time.monotonic

    async def get_fresh(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns, from the cache if nothing has changed. Exceptions are not cached.

        Raise Unavailable.
        """
        self._clear_if_stale(await self._doorbell.look())
        return await self.get(function, *args, **kwargs)

    async def get(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the same without a new look: for a request that has just called `get_fresh`."""
        version = self._version
        key = (function, *args)
        if key in self._answers:
            cached: T = self._answers[key]
            return cached
        answer = await self._read(function, *args, **kwargs)
        if version is self._version and self._chars < MAX_ANSWER_CHARS:
            self._answers[key] = answer
            self._chars += len(repr(key)) + len(repr(answer))
        return answer

    def get_token(self, signed: object, verify: Callable[[], str]) -> str:
        """Return the token of a signed cookie, from the cache or by `verify`, which returns "" for a bad signature.

        Only verified tokens are cached, so that forged ones cannot fill the cache. Whether a token's session is still
        open is read separately.
        """
        token = self._tokens.get(signed) or verify()
        if token and len(self._tokens) < MAX_TOKENS:
            self._tokens[signed] = token
        return token

    def _clear_if_stale(self, version: object) -> None:
        if version != self._version or time.monotonic() > self._expires_at:
            self._answers.clear()
            self._tokens.clear()
            self._chars = 0
            self._version = version
            self._expires_at = time.monotonic() + MAX_AGE_SECONDS
