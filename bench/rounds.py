"""What the rounds of all groups share."""

import itertools
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from bench import people, sites
from bench.engines import Engine, Home
from bench.figures import PROSA, Figures

JOIN_TIMEOUT_SECONDS = 180.0  # the tutorial's chat needs 30 on a quiet machine
WARM_UP_SECONDS = 1.0
WINDOW_SECONDS = 3.0


class Working(Protocol):
    """A process that works for what is measured."""

    def cpu(self) -> float:
        """Return the seconds of processor time that it has used so far."""


@dataclass
class Bench:
    """The engine, the members of the chats, and what was measured so far."""

    engine: Engine
    members: int
    figures: Figures
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    entry_bytes: int = 0  # of one of Prosa's messages, in its frame
    long_logs: dict[int, tuple[Home, list[str]]] = field(default_factory=dict)  # by length: made once
    searched: dict[int, tuple[Home, list[str]]] = field(default_factory=dict)  # the same, with words to be found
    runs: Iterator[int] = field(default_factory=lambda: itertools.count(100))

    def site(self, members: int, entries: int = 0, rooms: int = 0, said: int = 0) -> tuple[Home, list[str]]:
        """Make a fresh site; return its home and its members' cookies. `said` posts are in each of `rooms`."""
        home = self.engine.home(str(next(self.runs)))
        return home, people.make(home.options(), self.secret, members, entries, rooms, said)

    @contextmanager
    def alone(self, figure: str, name: str, *ours: Working) -> Iterator[None]:
        """Note how much of the two cores the database's server, and others than ours, use meanwhile."""

        def used() -> tuple[float, float]:
            database = self.engine.cpu()
            return database, sites.busy_seconds() - sum(one.cpu() for one in ours) - time.process_time() - database

        before, began = used(), time.perf_counter()
        yield
        after, elapsed = used(), time.perf_counter() - began
        self.figures.add("others", name, max(after[1] - before[1], 0.0) / elapsed)
        if name == PROSA and self.engine.is_served:
            self.figures.add("database", figure, (after[0] - before[0]) / elapsed)
