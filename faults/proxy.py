"""A TCP proxy between the clients and Nginx that can do to a connection what a bad network does."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable, Iterable

CHUNK_BYTES = 64 * 1024
HALF_OPEN_SECONDS = 15.0  # after which even a half-open connection is forgotten
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST, and forgets what was not sent


class Connection:
    """One client's connection through the proxy, with what is wrong with it."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.request = b""  # the beginning of what the client asked last
        self.is_cut = False  # the next bytes of an answer are the last, and only half of them arrive
        self.delay = 0.0  # seconds that every chunk waits
        self.flows = asyncio.Event()  # cleared: nothing is forwarded, and nobody is told
        self.flows.set()

    @property
    def is_poll(self) -> bool:
        """Tell whether a poll waits on it."""
        return self.request.split(b" ", 2)[1:2] != [] and self.request.split(b" ", 2)[1].endswith(b"/xhr")

    def reset(self) -> None:
        """End it as a crashed router does."""
        for writer in (self.client, self.server):
            if (found := writer.get_extra_info("socket")) is not None:
                with contextlib.suppress(OSError):
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            writer.transport.abort()


class Proxy:
    """Forwards 127.0.0.1:`port` to the port that `target` tells: of an Nginx, which may be another one each time."""

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self.connections: set[Connection] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.flows.set()
            connection.reset()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            answers, server = await asyncio.open_connection("127.0.0.1", self._target())
        except OSError:
            client.transport.abort()
            return
        connection = Connection(client, server)
        self.connections.add(connection)
        pumps = [
            asyncio.create_task(self._pump_up(connection, reader)),
            asyncio.create_task(self._pump_down(connection, answers)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            await self._forget(connection)
        finally:
            self.connections.discard(connection)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for writer in (client, server):
                writer.close()

    async def _forget(self, connection: Connection) -> None:
        """Keep the other end of a half-open connection in ignorance for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HALF_OPEN_SECONDS):
                await connection.flows.wait()

    async def _pump_up(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        """Forward requests. While nothing flows they are lost, as on a dead link."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if data.startswith((b"GET ", b"POST ")):
                    connection.request = data[:200]
                await asyncio.sleep(connection.delay)
                if connection.flows.is_set():
                    connection.server.write(data)
                    await connection.server.drain()

    async def _pump_down(self, connection: Connection, reader: asyncio.StreamReader) -> None:
        """Forward answers. While nothing flows they wait, so that the sender's buffers fill."""
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await asyncio.sleep(connection.delay)
                await connection.flows.wait()
                if connection.is_cut:
                    connection.client.write(data[: len(data) // 2])
                    await connection.client.drain()
                    connection.reset()
                    return
                connection.client.write(data)
                await connection.client.drain()


class Network:
    """A proxy before each machine."""

    def __init__(self, targets: Iterable[Callable[[], int]]) -> None:
        self._proxies = [Proxy(target) for target in targets]

    async def start(self) -> list[int]:
        """Listen, and return the ports."""
        for proxy in self._proxies:
            await proxy.start()
        return [proxy.port for proxy in self._proxies]

    def stop(self) -> None:
        """Stop listening and end every connection."""
        for proxy in self._proxies:
            proxy.stop()

    def some(self, pick: float, count: int, polls: bool = False) -> list[Connection]:
        """Return at most `count` connections, chosen by `pick`."""
        connections = [one for proxy in self._proxies for one in proxy.connections]
        found = [one for one in connections if one.flows.is_set() and (one.is_poll or not polls)]
        return random.Random(pick).sample(found, min(count, len(found)))
