"""`python -m faults`: one run from a seed, its counts, and what the checker found; exit code 1 on a violation."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from faults import checker
from faults.checker import Violation
from faults.history import History, load
from faults.run import ROOM_COUNT, Run
from faults.schedule import FAULTS_BY_ENGINE, schedule

MAX_SHOWN_VIOLATIONS = 5  # violations of one check
MAX_VIOLATION_CHARS = 4000  # of one violation


def say(line: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def read_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument(
        "--engine", choices=FAULTS_BY_ENGINE, default="sqlite", help="of the database; default %(default)s"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of faults; default %(default)s")
    parser.add_argument("--rooms", type=int, default=ROOM_COUNT, help="beside the lobby; default %(default)s")
    parser.add_argument("--seed", type=int, default=None, help="of the faults; drawn and printed if not given")
    parser.add_argument("--history", type=Path, help="file that the history of a failed run is written to")
    parser.add_argument("--check", type=Path, metavar="FILE", help="only check a history that was left")
    return parser.parse_args()


def run(engine: str, seed: int, seconds: float, rooms: int) -> list[History]:
    """Run, and say what is planned and what happened."""
    plans = schedule(seed, seconds, engine)
    say(f"{engine}, seed {seed}, {seconds:g} s")
    for plan in plans:
        say(str(plan))
    one = Run(seed, plans, engine, rooms)
    histories = asyncio.run(one.go(seconds))
    for line in one.counts():
        say(line)
    for kind, why in one.left_out.items():
        say(f"left out: {kind} ({why})")
    return histories


def leave(histories: list[History], path: Path | None) -> Path:
    """Write the histories to `path`, or to a new file."""
    if path is None:
        _, name = tempfile.mkstemp(prefix=f"faults-{histories[0].seed}-", suffix=".jsonl")
        path = Path(name)
    with path.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for history in histories for line in history.lines())
    return path


def tell(violations: list[Violation]) -> None:
    """Show the first violations of each check."""
    for name, count in Counter(violation.check for violation in violations).items():
        say(f"VIOLATED {name}: {count}")
        for violation in [one for one in violations if one.check == name][:MAX_SHOWN_VIOLATIONS]:
            say(f"  {violation.text[:MAX_VIOLATION_CHARS]}")


def main() -> int:
    """Run or check; return the exit code."""
    arguments = read_arguments()
    seed = random.randrange(1_000_000) if arguments.seed is None else arguments.seed
    if arguments.check:
        with arguments.check.open(encoding="utf-8") as file:
            histories = load(file)
    else:
        histories = run(arguments.engine, seed, arguments.seconds, arguments.rooms)
    violations = [violation for history in histories for violation in checker.check(history)]
    tell(violations)
    if violations and not arguments.check:
        say(f"The history is in {leave(histories, arguments.history)}")
    say(f"{'FAILED' if violations else 'ok'}: seed {histories[0].seed}, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
