"""The line for hashing: one password at a time, so many waiting and no more, and nothing done for who has hung up."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import tornado.iostream

from models.errors import Busy, Refusal

MAX_WAITING = 20  # at one process; one hash takes some 20 ms

P = ParamSpec("P")
T = TypeVar("T")
Gone = asyncio.Future[None]  # is done when the client has hung up


class HungUp(Refusal):
    """The client has gone; nobody reads the answer."""


def has_ended(stream: tornado.iostream.IOStream | None) -> bool:
    """Tell whether a client has hung up, even if the loop has not come to hear of it."""
    if stream is None or stream.closed():
        return True
    try:
        return stream.socket.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


class Hashing:
    """A thread for passwords, and the line in front of it.

    Turns go round among accounts, and where the line is full it is the last of the account with the most in it that is
    sent away: whoever floods one account stands in nobody else's way.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "hashing")
        self._is_taken = False
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @contextlib.asynccontextmanager
    async def turn(self, account: str, gone: Gone) -> AsyncIterator[None]:
        """Be the only one who hashes, as soon as it is one's turn. Raise Busy, HungUp."""
        if gone.done():
            raise HungUp()
        if self._is_taken:
            await self._wait(account, gone)
        self._is_taken = True
        try:
            if gone.done():
                raise HungUp()
            yield
        finally:
            self._call_next()

    async def work(self, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `verb` returns, something with passwords that takes long. Called by whose turn it is."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: verb(*args, **kwargs))

    def close(self) -> None:
        """Finish what is being hashed."""
        self._thread.shutdown(wait=True)

    async def _wait(self, account: str, gone: Gone) -> None:
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._make_room(account)
        self._waiting.setdefault(account, deque()).append(called)
        gone.add_done_callback(lambda _: self._send_away(account, called, HungUp()))
        await called

    def _make_room(self, account: str) -> None:
        """Send somebody away if the line is full. Raise Busy if it is this one."""
        if sum(map(len, self._waiting.values())) < MAX_WAITING:
            return
        most = max(self._waiting, key=lambda other: len(self._waiting[other]))
        if len(self._waiting[most]) <= len(self._waiting.get(account, ())) + 1:
            raise Busy()
        self._send_away(most, self._waiting[most][-1], Busy())

    def _send_away(self, account: str, called: asyncio.Future[None], why: Refusal) -> None:
        if called.done():
            return
        called.set_exception(why)
        self._waiting[account].remove(called)
        if not self._waiting[account]:
            del self._waiting[account]

    def _call_next(self) -> None:
        """Call the first of the account that has waited longest for a turn."""
        self._is_taken = False
        while self._waiting and not self._is_taken:
            account, line = self._waiting.popitem(last=False)
            called = line.popleft()
            if line:
                self._waiting[account] = line
            if not called.done():  # the process ends, and has given it up
                called.set_result(None)
                self._is_taken = True
