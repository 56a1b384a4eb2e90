"""Processes elsewhere: members come and go there of whom a site sees only what such processes report.

`python -m bench.elsewhere --database=...` makes rooms and lets members be online in them, as processes that live on. It
prints a line once they are; each line that it reads lets them come and go, or stay again.
"""

import argparse
import os
import select
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from typing import Self

from bench import sites
from bench.people import ROOT, ROWS_PER_STATEMENT, TIMEOUT_SECONDS, slugs
from models import presence
from models.database import database, writing
from models.models import Membership, Room, User, create_tables
from models.presence import LocalPresence

ROOM_COUNT = 1000
PROCESS_COUNT = 4
CHANGES_PER_SECOND = 50  # of all of them
REPORT_SECONDS = 0.25  # between two reports of a process, while its members come and go
HEARTBEAT_SECONDS = 3.0


class Elsewhere:
    """The program, as the bench sees it; a context manager that ends it.

    The first members, so many as `here`, are not online there, but are in `rooms_each` of its rooms.
    """

    def __init__(self, home: Sequence[str], here: int, rooms_each: int) -> None:
        command = [sys.executable, "-m", "bench.elsewhere", *home, f"--here={here}", f"--rooms_each={rooms_each}"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def __enter__(self) -> Self:
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("the processes elsewhere have ended")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=TIMEOUT_SECONDS)

    def cpu(self) -> float:
        """Return the seconds of processor time that the program has used so far."""
        return sites.seconds(self._process.pid)

    def turn(self) -> None:
        """Let their members come and go, or stay again."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")


def rooms_of(index: int, rooms_each: int) -> list[str]:
    """Return the rooms of the member with this index who is connected to a real process."""
    return [f"room{(index * rooms_each + number) % ROOM_COUNT}" for number in range(rooms_each)]


class Process:
    """One process, of which each member is in one room."""

    def __init__(self, name: str, members: Sequence[int]) -> None:
        self._name = name
        self._version = 0
        self._here = deque(members)
        self._away: deque[int] = deque()
        self._owed = 0.0  # changes
        self._reported_at = 0.0
        self._report(self._here, connections=1)

    def _report(self, members: Sequence[int], connections: int) -> None:
        changes = [LocalPresence(f"room{one % ROOM_COUNT}", one, connections, 0.0) for one in members]
        self._version += bool(changes)
        presence.report(self._name, self._version, changes)
        self._reported_at = time.monotonic()

    def live(self, is_moving: bool) -> None:
        """Report who has come or left since the last time, or a heartbeat, if that is due."""
        elapsed = time.monotonic() - self._reported_at
        if is_moving and elapsed > REPORT_SECONDS:
            self._owed += elapsed * CHANGES_PER_SECOND / PROCESS_COUNT
            is_return = bool(self._away)
            source, target = (self._away, self._here) if is_return else (self._here, self._away)
            moved = [source.popleft() for _ in range(min(int(self._owed), len(source)))]
            target.extend(moved)
            self._owed -= len(moved)
            self._report(moved, connections=int(is_return))
        elif elapsed > HEARTBEAT_SECONDS:
            self._report((), connections=0)


def add_rooms(here: int, rooms_each: int) -> None:
    """Make the rooms, and let the members with a real connection be in theirs."""
    for slug in slugs(ROOM_COUNT):
        Room.create(slug=slug, name=slug, address=slug)
    ids = [user.id for user in User.select(User.id).order_by(User.id).limit(here)]
    rows = [{"room": room, "user": ids[index]} for index in range(here) for room in rooms_of(index, rooms_each)]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        Membership.insert_many(rows[start : start + ROWS_PER_STATEMENT]).execute()


def live(processes: Sequence[Process]) -> None:
    """Be these processes until standard input ends."""
    is_moving = False
    while True:
        if select.select([sys.stdin], [], [], REPORT_SECONDS / PROCESS_COUNT)[0]:
            if not os.read(sys.stdin.fileno(), 1):
                return
            is_moving = not is_moving
        for one in processes:
            one.live(is_moving)


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--mongo", default="")
    parser.add_argument("--here", type=int, required=True)
    parser.add_argument("--rooms_each", type=int, required=True)
    arguments = parser.parse_args()
    create_tables(arguments.database)
    with database.connection_context():
        with writing():
            add_rooms(arguments.here, arguments.rooms_each)
        members = [user.id for user in User.select(User.id).order_by(User.id).offset(arguments.here)]
        processes = [Process(f"elsewhere{number}", members[number::PROCESS_COUNT]) for number in range(PROCESS_COUNT)]
        print(flush=True)  # noqa: T201
        live(processes)


if __name__ == "__main__":
    main()
