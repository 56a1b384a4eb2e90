"""What waits while the same is being done for others is done together with all else that waits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Wish = TypeVar("Wish")
Answer = TypeVar("Answer")

MAX_WISHES = 256  # fulfilled together


class Together(Generic[Wish, Answer]):
    """Fulfils wishes in groups, one group at a time, in the order in which they came.

    `fulfil` gets the wishes of a group. It returns an answer or a refusal for each, or raises what is true of all of
    them. It begins after each of them has come: what it sees is not older than the wish.
    """

    def __init__(self, fulfil: Callable[[list[Wish]], Awaitable[Sequence[Answer | Exception]]]) -> None:
        self._fulfil = fulfil
        self._waiting: list[tuple[Wish, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    async def ask(self, wish: Wish) -> Answer:
        """Return the answer to a wish. Raise what `fulfil` raises or returns for it."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((wish, answer))
        if self._working is None:  # in a context of its own: a deadline of who asks first is none for all others
            self._working = asyncio.create_task(self._fulfil_all(), context=Context())
        return await answer

    async def flush(self) -> None:
        """Return when no wish waits any more. To cancel this ends none of what is being done."""
        if self._working is not None:
            await asyncio.wait([self._working])

    async def _fulfil_all(self) -> None:
        while self._waiting:
            group, self._waiting = self._waiting[:MAX_WISHES], self._waiting[MAX_WISHES:]
            outcomes = await self._outcomes([wish for wish, _ in group])
            for (_, answer), outcome in zip(group, outcomes, strict=True):
                if answer.cancelled():
                    continue
                if isinstance(outcome, Exception):
                    answer.set_exception(outcome)
                else:
                    answer.set_result(outcome)
        self._working = None

    async def _outcomes(self, wishes: list[Wish]) -> Sequence[Answer | Exception]:
        try:
            return await self._fulfil(wishes)
        except Exception as error:
            return [error] * len(wishes)
