"""When what goes wrong: drawn from the seed before the run begins, so that a run can be had again."""

from __future__ import annotations

import random
from dataclasses import dataclass

QUIET_START_SECONDS = 2.0  # of peace, in which everybody joins
FAULT_INTERVAL_SECONDS = (0.4, 1.4)  # between the beginnings of two faults
PROCESS_COUNT = 4

# How often each kind is in the deck that is shuffled and dealt, and dealt again: even a short run has them all.
SQLITE_FAULTS = {
    "kill": 5,
    "pause": 3,
    "reset": 4,
    "half open": 3,
    "slow": 3,
    "aborted poll": 3,
    "away": 2,
    "rolling restart": 1,
    "locked": 1,
    "disk full": 1,
}
POSTGRESQL_FAULTS = {
    "kill": 4,
    "pause": 3,
    "reset": 4,
    "half open": 3,
    "slow": 2,
    "aborted poll": 2,
    "away": 2,
    "rolling restart": 1,
    "locked": 1,
    "machine away": 1,
    "database killed": 2,
    "database restarted": 1,
    "database paused": 1,
}
FAULTS_BY_ENGINE = {"sqlite": SQLITE_FAULTS, "postgresql": POSTGRESQL_FAULTS, "mongodb": POSTGRESQL_FAULTS}
FAULT_SECONDS = {
    "pause": (1.0, 10.0),
    "slow": (2.0, 8.0),
    "away": (2.0, 15.0),
    "locked": (5.0, 5.0),
    "disk full": (2.0, 5.0),
    "machine away": (2.0, 8.0),
    "database killed": (1.0, 5.0),
    "database paused": (1.0, 5.0),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault to come. `lasts` in seconds; `pick` in [0, 1) chooses among what there is at that moment."""

    at: float
    kind: str
    process: int
    lasts: float
    pick: float

    def __str__(self) -> str:
        lasts = f" for {self.lasts:.1f} s" if self.lasts else ""
        process = f" process {self.process}" if self.kind in ("kill", "pause") else ""
        return f"{self.at:6.1f} s  {self.kind}{process}{lasts}"


def schedule(seed: int, seconds: float, engine: str = "sqlite") -> list[Plan]:
    """Return the faults of a run of `seconds`; all of them have begun, and most have ended, by then."""
    dice = random.Random(seed)
    plans: list[Plan] = []
    deck: list[str] = []
    at = QUIET_START_SECONDS
    while at < seconds:
        if not deck:
            deck = [kind for kind, count in FAULTS_BY_ENGINE[engine].items() for _ in range(count)]
            dice.shuffle(deck)
        kind = deck.pop()
        lasts = min(dice.uniform(*FAULT_SECONDS.get(kind, (0.0, 0.0))), max(seconds - at, 1.0))
        plans.append(Plan(round(at, 3), kind, dice.randrange(PROCESS_COUNT), round(lasts, 3), dice.random()))
        at += dice.uniform(*FAULT_INTERVAL_SECONDS)
    return plans
