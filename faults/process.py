"""One process of the site: started, broken, mended, and what it printed."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable

from faults.history import History
from faults.threads import to_the_end
from faults.waiting import POLL_SECONDS
from faults.web import Lost, request
from testsuite.servers import Server

STOP_TIMEOUT_SECONDS = 10.0  # within which a process ends that was asked to
START_TIMEOUT_SECONDS = 40.0  # within which a process listens whose database is well, however busy the machine

MAX_WARNINGS_PER_LIFE = 20  # of one process, and
MAX_WARNINGS_PER_SECOND = 1.0  # in addition, for a long one

# What no process may ever print.
FAILURE_SIGNS = ("Traceback", "Exception ignored", "was never awaited", "Task was destroyed", "Fatal Python error")


class Process:
    """One process of the site over all its restarts. Hold `lock` to stop or start it."""

    def __init__(self, index: int, port: int, start: Callable[[int], Server], history: History) -> None:
        self.index = index
        self.port = port
        self.lock = asyncio.Lock()
        self.starts = 0
        self.failed_starts = 0
        self._start = start
        self._history = history
        self._server: Server | None = None
        self._began = 0.0
        self._start_deadline = 0.0

    def complain(self, what: str) -> None:
        """Note what no process may do."""
        self._history.complaints.append(f"process {self.index}: {what}")

    @property
    def has_ended(self) -> bool:
        """Tell whether it is not running."""
        return self._server is None or self._server.process.poll() is not None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._server is not None:
            self._server.process.send_signal(number)

    def give_time(self) -> None:
        """Let it have all its time to start from now on: what it needs was broken until now."""
        self._start_deadline = time.monotonic() + START_TIMEOUT_SECONDS

    async def start(self) -> None:
        """Start it until it listens: with a full disk it may say in one line why it can't."""
        self.give_time()
        while self.has_ended:
            self.starts += 1
            self._began = time.monotonic()
            server = self._server = self._start(self.port)
            try:
                await asyncio.to_thread(server.wait)
            except AssertionError:
                self.failed_starts += 1
                await self.end(signal.SIGKILL)
                if time.monotonic() > self._start_deadline:
                    self.complain("does not start: " + "".join(server.lines)[-500:])
                    return

    async def end(self, how: signal.Signals) -> int:
        """End it by a signal, read what it said, and return its exit code."""
        server, self._server = self._server, None
        if server is None:
            return 0
        began = time.monotonic()
        try:
            code = await to_the_end(server.stop, how)
        except AssertionError:
            code = -signal.SIGKILL
        if how == signal.SIGTERM and (code or time.monotonic() - began > STOP_TIMEOUT_SECONDS + 1.0):
            self.complain(f"took {time.monotonic() - began:.1f} s to stop, with exit code {code}")
        self._read(server.lines)
        return code

    def _read(self, lines: list[str]) -> None:
        """Look for what no process may print, and for too much of what it may."""
        self._history.output += [f"{self.index} {line}" for line in lines]
        warnings = [line for line in lines if line.startswith("[W")]
        if len(warnings) > MAX_WARNINGS_PER_LIFE + MAX_WARNINGS_PER_SECOND * (time.monotonic() - self._began):
            self.complain(f"{len(warnings)} warnings: " + "".join(warnings[-5:]))
        for number, line in enumerate(lines):
            if any(trace in line for trace in FAILURE_SIGNS):
                self.complain("".join(lines[number - 1 if number else 0 : number + 40]))
                return

    async def nurse(self) -> None:
        """Start it again whenever it ends by itself, and complain; until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if not self.lock.locked() and self.has_ended:
                async with self.lock:
                    code = await self.end(signal.SIGKILL)
                    self.complain(f"ended by itself with exit code {code}")
                    await self.start()

    async def is_well(self) -> bool:
        """Tell whether it can read and write its stores."""
        try:
            async with asyncio.timeout(2.0), request(self.port, "GET", "/healthz", {}) as answer:
                return answer.status == 200
        except (Lost, TimeoutError):
            return False
