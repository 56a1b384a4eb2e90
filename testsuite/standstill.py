"""Programs that stand still for a while, as on a machine that swaps or a virtual one that is moved."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """Let a process and those that it has started do nothing within the block."""
    os.kill(pid, signal.SIGSTOP)  # from now on it starts no others
    started = _started_by(pid)
    try:
        _send(started, signal.SIGSTOP)
        yield
    finally:
        _send([*started, pid], signal.SIGCONT)


def _started_by(parent: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            if int(stat.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
