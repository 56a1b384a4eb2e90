"""The threads that call the database."""

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
from models.errors.stores import Unavailable, Unstorable, first_of
from models.refusals import RefusalLogger

logger = logging.getLogger(__name__)

QUEUE_TIMEOUT_SECONDS = 12.0  # after which a queued call is not begun, since its caller no longer waits

P = ParamSpec("P")
T = TypeVar("T")


class WorkerPool:
    """Threads that call the database, each on a connection of its own; coroutines await the results.

    A process has two pools: one writes, one reads, so that a page does not wait for another process's transaction.
    """

    def __init__(self, name: str, database: Engine, thread_count: int = 1) -> None:
        self._database = database
        self._threads = ThreadPoolExecutor(thread_count, name)
        self._thread_count = thread_count
        self._is_closed = False
        self._refusal_logger = RefusalLogger(logger)

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`, called in a thread. Raise what it raises, Unavailable or Unstorable."""
        if self._is_closed:
            raise Unavailable()
        call = functools.partial(self._call, time.monotonic(), function, *args, **kwargs)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except (peewee.DataError, UnicodeError, OverflowError) as error:
            raise Unstorable() from error
        except (peewee.OperationalError, peewee.InternalError, peewee.InterfaceError) as error:
            self._refusal_logger.report("the database refused", str(first_of(error)))
            raise Unavailable() from error

    def _call(self, queued_at: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return the result of `function`. Raise Unavailable if it was queued for too long or the pool was closed."""
        if self._is_closed or time.monotonic() - queued_at > QUEUE_TIMEOUT_SECONDS:
            raise Unavailable()
        self._database.before_call(queued_at)
        try:
            return function(*args, **kwargs)
        except peewee.DatabaseError:
            self._database.verify_file()
            raise

    def close(self) -> None:
        """Wait for running calls, then close the threads and their connections."""
        self._is_closed = True
        self._database.shorten_timeouts()
        all_threads = threading.Barrier(self._thread_count)  # so that each thread closes its connection once
        for _ in range(self._thread_count):
            self._threads.submit(self._close_connection, all_threads)
        self._threads.shutdown(wait=True)

    def _close_connection(self, all_threads: threading.Barrier) -> None:
        all_threads.wait()
        self._database.close()


class Writer(WorkerPool):
    """The thread that writes. Raises Lost, before or after the call, if the database's file was taken away."""

    def _call(self, queued_at: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._database.verify_file()
        try:
            return super()._call(queued_at, function, *args, **kwargs)
        finally:
            self._database.verify_file()  # before the write is acknowledged; and a lost file may be why it failed
