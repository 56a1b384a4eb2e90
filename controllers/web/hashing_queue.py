"""The queue in front of the thread that hashes passwords: one at a time, a bounded number waiting."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import tornado.iostream

from models.errors.accounts import Busy
from models.errors.base import Refusal

MAX_WAITING_REQUESTS = 20  # at one process; one hash takes some 20 ms

P = ParamSpec("P")
T = TypeVar("T")
Disconnected = asyncio.Future[None]  # is done once the client has hung up


class ClientDisconnected(Refusal):
    """The client has hung up, so no answer can reach it."""


def is_disconnected(stream: tornado.iostream.IOStream | None) -> bool:
    """Tell whether a client has hung up, even if the loop has not noticed it yet."""
    if stream is None or stream.closed():
        return True
    try:
        return stream.socket.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class HashingQueue:
    """A thread that hashes passwords, and the queue in front of it.

    Accounts take turns (round robin). When the queue is full, the newest request of the account with the most waiting
    requests is refused, so that a flood on one account does not delay the other accounts.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "hashing")
        self._is_taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()  # by account

    @contextlib.asynccontextmanager
    async def turn(self, account: str, disconnected: Disconnected) -> AsyncIterator[None]:
        """Wait for this request's turn, and hold it within the `with` block. Raise Busy, ClientDisconnected."""
        if disconnected.done():
            raise ClientDisconnected()
        if self._is_taken:
            await self._wait(account, disconnected)
        self._is_taken = True
        try:
            if disconnected.done():
                raise ClientDisconnected()
            yield
        finally:
            self._call_next()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function`, which hashes or verifies, returns; it runs in the thread. Call it within `turn`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """Wait for the hash under way, and end the thread."""
        self._thread.shutdown(wait=True)

    async def _wait(self, account: str, disconnected: Disconnected) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._make_room(account)
        self._waiting.setdefault(account, deque()).append(turn)
        disconnected.add_done_callback(lambda _: self._refuse(account, turn, ClientDisconnected()))
        await turn

    def _make_room(self, account: str) -> None:
        """Refuse a waiting request if the queue is full. Raise Busy if it is the new one that has to go."""
        if sum(map(len, self._waiting.values())) < MAX_WAITING_REQUESTS:
            return
        longest = max(self._waiting, key=lambda other: len(self._waiting[other]))
        if len(self._waiting[longest]) <= len(self._waiting.get(account, ())) + 1:
            raise Busy()
        self._refuse(longest, self._waiting[longest][-1], Busy())

    def _refuse(self, account: str, turn: asyncio.Future[None], refusal: Refusal) -> None:
        if turn.done():
            return
        turn.set_exception(refusal)
        self._waiting[account].remove(turn)
        if not self._waiting[account]:
            del self._waiting[account]

    def _call_next(self) -> None:
        """Give the turn to the first request of the account whose last turn is longest ago."""
        self._is_taken = False
        while self._waiting and not self._is_taken:
            account, queue = self._waiting.popitem(last=False)
            turn = queue.popleft()
            if queue:
                self._waiting[account] = queue
            if not turn.done():  # else it was cancelled, since the process ends
                turn.set_result(None)
                self._is_taken = True
