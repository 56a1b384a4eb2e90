"""Carries the schedule out: breaks processes, connections, the disk, and mends them."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from faults.history import Fault, History
from faults.proxy import Network
from faults.readers import ChatReader
from faults.schedule import Plan
from faults.site import Site
from faults.threads import to_the_end
from testsuite.database_server import DatabaseServer, DidNotStop

SLOW_CHUNK_SECONDS = 0.2  # that each chunk waits on a slow connection
CONNECTIONS_PER_FAULT = 6  # that one fault of the network meets
RECOVERY_SECONDS = 2.0  # after a fault of the database, in which the site works before the next one
MAX_LATE_SECONDS = 30.0  # for which a fault waits for those before it; where some take long, they would pile up


class TooLate(Exception):
    """A fault has waited for others for MAX_LATE_SECONDS."""


class Faultmaker:
    """Everything that goes wrong."""

    def __init__(self, site: Site, network: Network, readers: list[ChatReader], history: History) -> None:
        self._site = site
        self._store = site.store
        self._network = network
        self._readers = readers
        self._history = history
        self._mending = asyncio.Lock()  # one fault of the database at a time
        self._began = 0.0  # time.monotonic

    async def run(self, plans: list[Plan], began: float) -> None:
        """Do what is planned, and return when everything is mended."""
        self._began = began
        async with asyncio.TaskGroup() as under_way:
            for plan in plans:
                await asyncio.sleep(max(began + plan.at - time.monotonic(), 0.0))
                if plan.kind not in self._store.left_out:
                    under_way.create_task(self._make(plan))

    async def _make(self, plan: Plan) -> None:
        """Let it happen, unless it comes too late."""
        with contextlib.suppress(TooLate):
            if plan.kind in DATABASE_KINDS:
                await self._break_database(plan)
            else:
                await KINDS[plan.kind](self, plan)

    async def _break_database(self, plan: Plan) -> None:
        """Let one thing at a time happen to the database; no process has to start in the meantime."""
        async with self._turn(self._mending, plan):
            try:
                await DATABASE_KINDS[plan.kind](self, plan)
            finally:
                for process in self._site.processes:
                    process.give_time()
            await asyncio.sleep(RECOVERY_SECONDS)

    @contextlib.asynccontextmanager
    async def _turn(self, lock: asyncio.Lock, plan: Plan) -> AsyncIterator[None]:
        """Hold what a fault breaks. Raise TooLate."""
        async with lock:
            if time.monotonic() > self._began + plan.at + MAX_LATE_SECONDS:
                self._note("too late", plan.kind)
                raise TooLate
            yield

    def _note(self, kind: str, note: str) -> None:
        self._history.faults.append(Fault(time.monotonic(), kind, note))

    # --- processes

    async def kill(self, plan: Plan) -> None:
        """kill -9, and start again on the same port."""
        process = self._site.processes[plan.process]
        async with self._turn(process.lock, plan):
            self._note(plan.kind, f"process {plan.process}")
            await process.end(signal.SIGKILL)
            await process.start()

    async def pause(self, plan: Plan) -> None:
        """SIGSTOP, wherever it is, even in a transaction; later SIGCONT."""
        process = self._site.processes[plan.process]
        async with self._turn(process.lock, plan):
            self._note(plan.kind, f"process {plan.process} for {plan.lasts} s")
            process.send(signal.SIGSTOP)
            try:
                await asyncio.sleep(plan.lasts)
            finally:
                process.send(signal.SIGCONT)

    async def roll(self, plan: Plan) -> None:
        """SIGTERM and start again, one process after the other, as for a new version."""
        for process in self._site.processes:
            async with self._turn(process.lock, plan):
                self._note(plan.kind, f"process {process.index}")
                await process.end(signal.SIGTERM)
                await process.start()

    async def leave(self, plan: Plan) -> None:
        """A whole machine is without power for a while."""
        number = plan.process % len(self._site.machines)
        machine = self._site.machines[number]
        async with contextlib.AsyncExitStack() as held:
            for process in machine.processes:
                await held.enter_async_context(self._turn(process.lock, plan))
            self._note(plan.kind, f"machine {number} for {plan.lasts} s")
            await machine.end(signal.SIGKILL)
            await asyncio.sleep(plan.lasts)
            await machine.start()

    # --- the network

    async def reset(self, plan: Plan) -> None:
        """Connections are reset in the middle of an answer."""
        connections = self._network.some(plan.pick, CONNECTIONS_PER_FAULT)
        self._note(plan.kind, f"{len(connections)} connections")
        for connection in connections:
            connection.is_cut = True

    async def abort_polls(self, plan: Plan) -> None:
        """Polls are aborted while they wait."""
        connections = self._network.some(plan.pick, CONNECTIONS_PER_FAULT, polls=True)
        self._note(plan.kind, f"{len(connections)} polls")
        for connection in connections:
            connection.reset()

    async def half_open(self, plan: Plan) -> None:
        """Drop everything in both directions, without closing a connection."""
        connections = self._network.some(plan.pick, CONNECTIONS_PER_FAULT)
        self._note(plan.kind, f"{len(connections)} connections")
        for connection in connections:
            connection.flows.clear()

    async def slow_down(self, plan: Plan) -> None:
        """Some connections are slow, and one stands still, until everything flows on."""
        connections = self._network.some(plan.pick, CONNECTIONS_PER_FAULT)
        self._note(plan.kind, f"{len(connections)} connections for {plan.lasts} s")
        for connection in connections[1:]:
            connection.delay = SLOW_CHUNK_SECONDS
        for connection in connections[:1]:
            connection.flows.clear()
        await asyncio.sleep(plan.lasts)
        for connection in connections:
            connection.delay = 0.0
            connection.flows.set()

    async def go_away(self, plan: Plan) -> None:
        """A reader is away, and comes back with the cursor."""
        reader = self._readers[int(plan.pick * len(self._readers))]
        self._note(plan.kind, f"{reader.name} for {plan.lasts} s")
        await reader.stay_away(plan.lasts)

    # --- the database

    async def lock(self, plan: Plan) -> None:
        """Another program holds the database's write lock."""
        with contextlib.ExitStack() as held:
            if await to_the_end(held.enter_context, self._store.locked()):
                self._note(plan.kind, f"for {plan.lasts} s")
                await asyncio.sleep(plan.lasts)

    async def fill_disk(self, plan: Plan) -> None:
        """There is no space left."""
        self._note(plan.kind, f"for {plan.lasts} s")
        try:
            await to_the_end(self._store.fill)
            await asyncio.sleep(plan.lasts)
        finally:
            self._store.clear()

    def _pick_server(self, plan: Plan) -> DatabaseServer:
        return self._store.servers[int(plan.pick * len(self._store.servers))]

    async def _start_again(self, server: DatabaseServer, end: Callable[[], None], seconds: float = 0.0) -> None:
        """End a server, and start it after some time. One that does not stop is killed, as an operator would."""
        try:
            await to_the_end(end)
            await asyncio.sleep(seconds)
        except DidNotStop:
            self._note("database killed", f"{type(server).__name__} when it did not stop")
        finally:
            await to_the_end(server.start)

    async def kill_database(self, plan: Plan) -> None:
        """kill -9 of a server, which recovers when it is started again."""
        server = self._pick_server(plan)
        self._note(plan.kind, f"{type(server).__name__} for {plan.lasts} s")
        await self._start_again(server, server.kill, plan.lasts)

    async def restart_database(self, plan: Plan) -> None:
        """Restart a database server in an orderly way, as for an upgrade."""
        server = self._pick_server(plan)
        self._note(plan.kind, type(server).__name__)
        await self._start_again(server, server.stop)

    async def pause_database(self, plan: Plan) -> None:
        """Pause a database server without closing its connections."""
        server = self._pick_server(plan)
        self._note(plan.kind, f"{type(server).__name__} for {plan.lasts} s")
        with server.paused():
            await asyncio.sleep(plan.lasts)


Make = Callable[[Faultmaker, Plan], Coroutine[Any, Any, None]]

DATABASE_KINDS: dict[str, Make] = {
    "locked": Faultmaker.lock,
    "disk full": Faultmaker.fill_disk,
    "database killed": Faultmaker.kill_database,
    "database restarted": Faultmaker.restart_database,
    "database paused": Faultmaker.pause_database,
}
KINDS: dict[str, Make] = {
    "kill": Faultmaker.kill,
    "pause": Faultmaker.pause,
    "rolling restart": Faultmaker.roll,
    "reset": Faultmaker.reset,
    "aborted poll": Faultmaker.abort_polls,
    "half open": Faultmaker.half_open,
    "slow": Faultmaker.slow_down,
    "away": Faultmaker.go_away,
    "machine away": Faultmaker.leave,
    **DATABASE_KINDS,
}
