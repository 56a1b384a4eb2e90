"""The threads that talk to the database."""

from __future__ import annotations

import asyncio
import functools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import peewee

from models.engines.base import Engine
from models.errors import Unavailable, Unstorable, first_of
from models.refusals import RefusalLogger

log = logging.getLogger(__name__)

LINE = 12.0  # seconds in line after which nobody waits for an answer any more

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Threads that talk to the database, each on a connection of its own; everybody else awaits them.

    A process has two workers: one writes, one reads, so that a page does not wait for another process's transaction.
    """

    def __init__(self, name: str, database: Engine, size: int = 1) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(size, name)
        self._size = size
        self._is_closed = False
        self._refusal_logger = RefusalLogger(log)

    async def run(self, verb: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `verb` returns, called in one of the threads. Raise what it raises, Unavailable, Unstorable."""
        if self._is_closed:
            raise Unavailable()
        call = functools.partial(self._call, time.monotonic(), verb, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (peewee.DataError, UnicodeError, OverflowError) as error:
            raise Unstorable() from error
        except (peewee.OperationalError, peewee.InternalError, peewee.InterfaceError) as error:
            self._refusal_logger.report("the database refused", str(first_of(error)))
            raise Unavailable() from error

    def _call(self, since: float, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `verb` returns, in a worker's thread; what only waited when it was closed is not begun.

        Nor is what has waited for too long.
        """
        if self._is_closed or time.monotonic() - since > LINE:
            raise Unavailable()
        self._database.ready(since)
        return verb(*args, **kwargs)

    def close(self) -> None:
        """Finish what is being done, close the threads' connections, end the threads."""
        self._is_closed = True
        self._database.hurry()
        all_here = threading.Barrier(self._size)  # no thread does this twice
        for _ in range(self._size):
            self._threads.submit(self._let_go, all_here)
        self._threads.shutdown(wait=True)

    def _let_go(self, all_here: threading.Barrier) -> None:
        all_here.wait()
        self._database.close()


class Writer(Worker):
    """The thread that writes, and refuses where that would be lost: Lost is raised, before or after it was tried."""

    def _call(self, since: float, verb: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._database.verify()
        try:
            return super()._call(since, verb, *args, **kwargs)
        finally:
            self._database.verify()  # before anybody is told that it is done; and it may be why it failed
