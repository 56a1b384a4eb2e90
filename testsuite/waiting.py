"""Waiting for what should happen, and calls at the same moment."""

from __future__ import annotations

import re
import select
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

TIMEOUT_SECONDS = 20.0  # after which something that should have happened has not
PAUSE_SECONDS = 0.01  # of a loop, between two looks or tries
WORK_SECONDS = 0.01  # for `slowness`, on a machine that is not slow

T = TypeVar("T")


def wait_for(what: Callable[[], T], why: str, timeout: float = TIMEOUT_SECONDS) -> T:
    """Return what `what` returns as soon as it is true."""
    deadline = time.monotonic() + timeout
    while not (found := what()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s in vain: {why}")
        leave_the_core()
    return found


def slowness() -> float:
    """Return how many times longer than usual this machine takes for anything now, 1.0 at least."""

    def work() -> float:
        began = time.thread_time()
        for _ in range(20):
            re.findall(r"\w+", "word " * 4_000)
        sum(number for number in range(400_000))
        return time.thread_time() - began

    return max(1.0, min(work() for _ in range(3)) / WORK_SECONDS)


def leave_the_core() -> None:
    """Pause a loop that repeats something until a condition is true, so that it does not take the core from others."""
    select.select([], [], [], PAUSE_SECONDS)


def together(*calls: Callable[[], T]) -> list[T]:
    """Call all of them at the same moment, each in a thread; return their results in order."""
    ready = threading.Barrier(len(calls))

    def call(one: Callable[[], T]) -> T:
        ready.wait(TIMEOUT_SECONDS)
        return one()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call, calls))
