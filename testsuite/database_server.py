"""A database's own program, which tests start, end, kill and let stand still."""

from __future__ import annotations

import contextlib
import signal
import subprocess

from testsuite.standstill import standing_still
from testsuite.waiting import TIMEOUT_SECONDS


class DidNotStop(AssertionError):
    """A server had to be killed."""


class DatabaseServer:
    """A server, over all its lives: it keeps its port and its data."""

    ending = signal.SIGTERM  # hangs up on everybody

    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Its process, which has started all others of the server."""
        assert self._process is not None
        return self._process.pid

    def stop(self, how: signal.Signals | None = None) -> None:
        """End it, if it runs: in order, or by another signal."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how or self.ending)
        try:
            process.wait(TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self._was_killed()

    def kill(self) -> None:
        """End it as a crash does."""
        self.stop(signal.SIGKILL)

    def paused(self) -> contextlib.AbstractContextManager[None]:
        """Let it stand still within the block."""
        return standing_still(self.pid)

    def _was_killed(self) -> None:
        """It did not end when it was asked to."""
        raise DidNotStop(type(self).__name__)
