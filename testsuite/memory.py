"""How much memory a process has, as the kernel tells it."""

from __future__ import annotations

import re
from pathlib import Path


def resident(pid: int) -> int:
    """Return the memory of a process, in KiB."""
    return _status(pid, "VmRSS")


def peak(pid: int) -> int:
    """Return the most memory that a process ever had, in KiB."""
    return _status(pid, "VmHWM")


def _status(pid: int, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1])
