"""What was read about people and memberships, kept until the database says that something about them changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from models.stores import Stores

P = ParamSpec("P")
T = TypeVar("T")

MAX_CHARS = 4_000_000  # of answers as Python writes them: 20,000 members' sign-ins; about 16 MB
MOST = 20_000  # tokens, which are all of the same length
LONGEST = 60.0  # seconds; sessions also end by growing old, which changes nothing in the database


class Memory:
    """Answers of verbs that only read people, sessions, rooms and memberships.

    Nothing stale is ever returned: each request first looks at the database's own counters, which costs the
    loop 5 microseconds, and the triggers of the first migration move the people's one whenever it matters.
    On an engine whose counters cannot be seen without waiting nothing is remembered.
    """

    def __init__(self, stores: Stores) -> None:
        self._read = stores.read
        self._doorbell = stores.doorbell
        self._answers: dict[tuple[object, ...], Any] = {}
        self._chars = 0
        self._tokens: dict[object, str] = {}
        self._version: object = None
        self._until = 0.0

    async def read(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `verb` returns, from memory if nothing has changed. What it raises is not remembered."""
        self._forget_what_is_over()
        return await self.recall(verb, *args, **kwargs)

    async def recall(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the same as of the last look: for a request that has just asked who it comes from."""
        version = self._version
        key = (verb, *args)
        if key in self._answers:
            remembered: T = self._answers[key]
            return remembered
        answer = await self._read(verb, *args, **kwargs)
        if version is self._version and self._chars < MAX_CHARS:
            self._answers[key] = answer
            self._chars += len(repr(key)) + len(repr(answer))
        return answer

    def token(self, signed: object, verify: Callable[[], str]) -> str:
        """Return the token in a signed cookie, or nothing: from memory once `verify` has found its signature good.

        Only those are remembered, so that nobody fills the memory with forgeries. Whether the token still opens
        anything is asked all the same.
        """
        token = self._tokens.get(signed) or verify()
        if token and len(self._tokens) < MOST:
            self._tokens[signed] = token
        return token

    def _forget_what_is_over(self) -> None:
        version = self._doorbell.people_version_now()
        if version != self._version or time.monotonic() > self._until:
            self._answers.clear()
            self._tokens.clear()
            self._chars = 0
            self._version = version
            self._until = time.monotonic() + LONGEST
