"""A process that appends to a log, for tests with several processes: `python -m testsuite.appender ADDRESS`.

It prints "ready". Then, for each line {"room", "author", "bodies", "nonces", "gives_up"} on standard input, it appends
all bodies at once, and prints a list with the seq, or the name of the refusal, of each.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import TypedDict

from models.database import open_database
from models.errors.base import Refusal
from models.errors.stores import Unavailable
from models.logs.base import Draft, Entry, RoomLog
from models.stores import Stores
from testsuite.servers import ROOT
from testsuite.waiting import TIMEOUT_SECONDS


@contextlib.asynccontextmanager
async def open_log(address: str) -> AsyncIterator[RoomLog]:
    """Open the log as a process of the site does: in the people's database or, after a space, on a MongoDB."""
    people, _, mongo = address.partition(" ")
    open_database(people)
    stores = Stores(mongo)
    stores.doorbell.has_subscribers = lambda: True
    watching = asyncio.create_task(stores.doorbell.watch())
    await stores.open()
    try:
        yield stores.log
    finally:
        await stores.log.flush()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await stores.close()


class Asked(TypedDict):
    """A line on standard input."""

    room: str
    author: int
    bodies: list[str]
    nonces: list[str]
    gives_up: bool


class Appender:
    """Runs such a process."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "testsuite.appender", address],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ready(self) -> None:
        """Return once the process has opened the log."""
        assert self._read() == "ready"

    def append(
        self, author: int, bodies: list[str], nonces: list[str], room: str = "lobby", *, gives_up: bool = False
    ) -> None:
        """Make it append, and return at once. If it does not give up, it tries again while the log is not available."""
        assert self._process.stdin is not None
        asked: Asked = {"room": room, "author": author, "bodies": bodies, "nonces": nonces, "gives_up": gives_up}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def outcomes(self) -> list[int | str]:
        """Return the seqs, or the names of the refusals, of what `append` was given."""
        return list(json.loads(self._read()))

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def close(self) -> None:
        """Make it exit."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(TIMEOUT_SECONDS)
        finally:
            self._process.kill()
            self._process.wait()
            self._process.stdout.close()


@contextlib.contextmanager
def appenders(count: int, address: str) -> Iterator[list[Appender]]:
    """Run `count` appenders. Yield them when all are ready."""
    with contextlib.ExitStack() as closing:
        running = [Appender(address) for _ in range(count)]
        for one in running:
            closing.callback(one.close)
        for one in running:
            one.ready()
        yield running


async def append_until_stored(log: RoomLog, draft: Draft) -> Entry:
    """Append a draft as clients do: again while the log is not available, as when many wait for a busy server."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while True:
            with contextlib.suppress(Unavailable):
                return await log.append(draft)


async def append_all(log: RoomLog, asked: Asked) -> list[int | str]:
    """Append all bodies at once; return the seqs or the names of the refusals."""
    drafts = [
        Draft(asked["room"], asked["author"], body, nonce)
        for body, nonce in zip(asked["bodies"], asked["nonces"], strict=True)
    ]
    append = log.append if asked["gives_up"] else functools.partial(append_until_stored, log)
    outcomes = await asyncio.gather(*map(append, drafts), return_exceptions=True)
    found: list[int | str] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            if not isinstance(outcome, Refusal):
                raise outcome
            found.append(type(outcome).__name__)
        else:
            found.append(outcome.seq)
    return found


async def main(address: str) -> None:
    """Append what standard input asks for, until it is closed."""
    async with open_log(address) as log:
        say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            say(json.dumps(await append_all(log, json.loads(line))))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
