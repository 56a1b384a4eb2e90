"""A machine: some processes of the site in a folder of their own, behind an Nginx of their own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from faults.process import Process
from faults.threads import to_the_end
from testsuite.nginx import Nginx


class Machine:
    """`processes` and their Nginx. `limited`: what it wrote of requests that were over a limit."""

    def __init__(self, folder: Path, processes: list[Process]) -> None:
        self.processes = processes
        self._folder = folder
        self._nginx: Nginx | None = None
        self.limited: list[str] = []

    def port(self) -> int:
        """The port where its Nginx listens; 0 while the machine is away."""
        return self._nginx.port if self._nginx else 0

    async def start(self) -> None:
        """Start everything."""
        async with asyncio.TaskGroup() as starting:  # none goes on alone when another one fails
            for process in self.processes:
                starting.create_task(process.start())
        await to_the_end(self._balance)

    def _balance(self) -> None:
        self._nginx = Nginx(str(self._folder), [process.port for process in self.processes])

    async def end(self, how: signal.Signals) -> None:
        """End everything: the processes by a signal."""
        nginx, self._nginx = self._nginx, None
        try:
            if nginx is not None:
                await to_the_end(nginx.stop)
                self.limited = [line for line in nginx.errors().splitlines() if "limiting" in line]
        finally:
            await asyncio.gather(*(process.end(how) for process in self.processes))
