"""The site under test: four processes on one machine, or on two that share nothing but the databases' servers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from bench.people import make
from faults.history import History
from faults.machine import Machine
from faults.process import START_TIMEOUT_SECONDS, Process
from faults.schedule import PROCESS_COUNT
from faults.stores import Store
from faults.waiting import POLL_SECONDS
from testsuite.ports import free_ports
from testsuite.servers import Server


class Site:
    """All of it. `cookies` are the members' Cookie headers; member number n is `names[n]`, and `ids` are theirs."""

    def __init__(self, folder: str, store: Store, members: int, rooms: list[str], history: History) -> None:
        self.history = history
        self.store = store
        self._secret = secrets.token_hex(32)
        self.cookies = make(store.options, self._secret, members, rooms=len(rooms), said=1)
        self.ids = {name: number for number, name in store.people().items()}
        self.names = list(self.ids)
        self.machines: list[Machine] = []
        self.processes: list[Process] = []
        ports = free_ports(PROCESS_COUNT)
        for number in range(store.machines):
            self._add_machine(Path(folder) / f"machine{number}", ports[number :: store.machines])

    def _add_machine(self, folder: Path, ports: list[int]) -> None:
        folder.mkdir()
        options = [*self.store.options, f"--cookie_secret={self._secret}", "--xheaders", "--logging=warning"]

        def serve(port: int) -> Server:
            return Server(str(folder), *options, port=port, fresh=True)

        here = [Process(len(self.processes) + index, port, serve, self.history) for index, port in enumerate(ports)]
        self.machines.append(Machine(folder, here))
        self.processes += here

    def ports(self) -> list[Callable[[], int]]:
        """Return what tells where each machine's Nginx is now."""
        return [machine.port for machine in self.machines]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run everything. Raise RuntimeError if the processes do not even start in peace."""
        async with contextlib.AsyncExitStack() as ending:
            for machine in self.machines:
                ending.push_async_callback(machine.end, signal.SIGTERM)
            async with asyncio.TaskGroup() as starting:
                for machine in self.machines:
                    starting.create_task(machine.start())
            if self.history.complaints:
                raise RuntimeError("\n".join(self.history.complaints))
            yield

    async def get_well(self) -> None:
        """Return when every process is well; complain if that never happens."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        for process in self.processes:
            async with process.lock:
                process.send(signal.SIGCONT)
                await process.start()
                while not await process.is_well():
                    if time.monotonic() > deadline:
                        process.complain("is not well after the faults")
                        break
                    await asyncio.sleep(POLL_SECONDS)
