"""Why a store refuses: said in the log once in a while, not once for everybody who is refused."""

from __future__ import annotations

import logging
import time

AGAIN = 10.0  # seconds after which the same is said again


class Refusals:
    """What was said just now."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: dict[str, float] = {}  # lines, and when

    def warn(self, what: str, reason: str) -> None:
        """Say in one line what has failed and why, unless that was said just now."""
        first, _, _ = reason.strip().partition("\n")
        line, now = f"{what}: {first}", time.monotonic()
        self._said = {said: at for said, at in self._said.items() if now - at < AGAIN}
        if line not in self._said:
            self._said[line] = now
            self._log.warning("%s", line)
