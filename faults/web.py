"""A small HTTP/1.1 client on plain streams, one connection a request: whatever breaks is seen at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class Lost(ConnectionError):
    """The connection, or the session that it carried, is gone."""


class Answer:
    """An HTTP answer whose body may still be coming."""

    def __init__(self, reader: asyncio.StreamReader, status: int, headers: list[tuple[str, str]]) -> None:
        self._reader = reader
        self.status = status
        self.headers = headers

    def header(self, name: str) -> str:
        """Return the first header of this name, or nothing."""
        return next((value for given, value in self.headers if given == name.lower()), "")

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes. Raise Lost if it is cut off."""
        try:
            if self.header("Transfer-Encoding") == "chunked":
                while size := int(await self._reader.readuntil(b"\r\n"), 16):
                    yield (await self._reader.readexactly(size + 2))[:-2]
                await self._reader.readuntil(b"\r\n")
            elif left := int(self.header("Content-Length") or 0):
                yield await self._reader.readexactly(left)
        except (EOFError, OSError, ValueError) as error:
            raise Lost(f"cut off: {error!r}") from error

    async def read(self) -> bytes:
        """Return the whole body. Raise Lost."""
        return b"".join([chunk async for chunk in self.chunks()])


@contextlib.asynccontextmanager
async def request(
    port: int, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> AsyncIterator[Answer]:
    """Send one request to 127.0.0.1 and yield the answer, as soon as its headers are here. Raise Lost."""
    writer: asyncio.StreamWriter | None = None
    try:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            given = {"Host": f"127.0.0.1:{port}", "Connection": "close", "Content-Length": str(len(body)), **headers}
            head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""]
            writer.write("\r\n".join(head).encode() + body)
            await writer.drain()
            answer = await _answer(reader)
        except (EOFError, OSError, ValueError, IndexError) as error:
            raise Lost(f"no answer: {error!r}") from error
        yield answer
    finally:
        if writer is not None:
            writer.transport.abort()


async def _answer(reader: asyncio.StreamReader) -> Answer:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status, *lines = head.rstrip("\r\n").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Answer(reader, int(status.split(" ")[1]), [(name.lower(), value) for name, value in pairs])
