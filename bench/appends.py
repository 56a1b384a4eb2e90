"""How many entries the log takes: `python -m bench.appends --database=... [--mongo=...] ROOM AUTHOR UNDER_WAY`.

Such a process appends to one room and hears the doorbell, as one of the site does, and nothing else. It prints
"ready", begins when it is sent a line, and prints how many entries a second were stored.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import subprocess
import sys
from collections.abc import Sequence

from bench import sites
from bench.chats import BODY_PREFIX, body
from bench.engines import Home
from bench.figures import PROSA
from bench.rounds import Bench
from models.database import open_database
from models.errors.stores import Unavailable
from models.logs.base import Draft, RoomLog
from models.models import LOBBY
from models.stores import Stores

MEASURED_SECONDS = 3.0
WARM_UP_SECONDS = 5.0  # on MongoDB a process reads all heads when it starts, and most of them once more
PROCESS_COUNT = 4
ENTRIES_IN_FLIGHT = 64  # entries under way in one process


def append(bench: Bench) -> None:
    """Appending, by one process and by four, in one room and in a room each."""
    home, _ = bench.site(PROCESS_COUNT, rooms=PROCESS_COUNT)
    rooms = [f"room{number}" for number in range(PROCESS_COUNT)]
    for figure, places, under_way in (
        ("append-1-1", [LOBBY], 1),
        ("append-1-64", [LOBBY], ENTRIES_IN_FLIGHT),
        ("append-4-64", [LOBBY] * PROCESS_COUNT, ENTRIES_IN_FLIGHT),
        ("append-rooms", rooms, ENTRIES_IN_FLIGHT),
    ):
        bench.figures.add(figure, PROSA, together(home, places, under_way))


def together(home: Home, rooms: Sequence[str], under_way: int) -> float:
    """Run a process for each room, all at once; return the entries a second of all of them."""
    with contextlib.ExitStack() as stack:
        running = []
        with sites.both_cores():
            for number, room in enumerate(rooms):
                words = ["-m", "bench.appends", *home.options(), room, str(number + 1), str(under_way)]
                started = subprocess.Popen(
                    [sys.executable, *words],
                    cwd=sites.ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
                running.append(stack.enter_context(started))
        for one in running:
            assert one.stdout is not None
            one.stdout.readline()
        for one in running:
            assert one.stdin is not None
            one.stdin.write("\n")
            one.stdin.flush()
        return sum(float(one.communicate(timeout=sites.STOP_TIMEOUT_SECONDS)[0]) for one in running)


async def main() -> None:
    """Append to one room for a while."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--mongo", default="")
    parser.add_argument("room")
    parser.add_argument("author", type=int)
    parser.add_argument("under_way", type=int)
    arguments = parser.parse_args()
    open_database(arguments.database)
    stores = Stores(arguments.mongo)
    stores.doorbell.has_subscribers = lambda: True
    await stores.open()
    background = [asyncio.create_task(stores.doorbell.watch()), asyncio.create_task(_hear(stores.log))]
    say("ready\n")
    await asyncio.to_thread(sys.stdin.readline)
    rate = await append_for_a_while(stores.log, arguments.room, arguments.author, arguments.under_way)
    say(f"{rate}\n")
    for task in background:
        task.cancel()
    await asyncio.gather(*background, return_exceptions=True)
    await stores.close()


async def _hear(log: RoomLog) -> None:
    async for _ in log.changes():
        pass


async def append_for_a_while(log: RoomLog, room: str, author: int, under_way: int) -> float:
    """Keep so many entries under way; return how many a second were stored once it was warm."""
    loop = asyncio.get_running_loop()
    numbers, stored = itertools.count(), 0
    begins = loop.time() + WARM_UP_SECONDS
    ends = begins + MEASURED_SECONDS

    def next_draft() -> Draft:
        token = f"{BODY_PREFIX}{os.getpid()}-{next(numbers):07d}"
        return Draft(room, author, body(token), token)

    async def go_on() -> None:
        nonlocal stored
        draft = next_draft()
        while loop.time() < ends:
            with contextlib.suppress(Unavailable):  # where others were quicker for too long: again, as clients do
                await log.append(draft)
                stored += begins < loop.time() < ends
                draft = next_draft()

    await asyncio.gather(*(go_on() for _ in range(under_way)))
    return stored / MEASURED_SECONDS


def say(text: str) -> None:
    """Write one line to the process that started this one."""
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
