"""Logging why a store refuses: once in a while, and not for each request that is refused."""

from __future__ import annotations

import logging
import time

REPEAT_SECONDS = 10.0


class RefusalLogger:
    """Logs the same line at most once in REPEAT_SECONDS."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._logged: dict[str, float] = {}  # when each line was logged (time.monotonic())

    def report(self, what: str, reason: str) -> None:
        """Log in one line, as a warning, what has failed and why."""
        first, _, _ = reason.strip().partition("\n")
        line, now = f"{what}: {first}", time.monotonic()
        self._logged = {logged: at for logged, at in self._logged.items() if now - at < REPEAT_SECONDS}
        if line not in self._logged:
            self._logged[line] = now
            self._logger.warning("%s", line)
