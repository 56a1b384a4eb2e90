"""`python -m faults.mutants`: break copies of the site on purpose, and show that the harness notices each break."""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from faults.entry_mutants import ENTRY_MUTANTS
from faults.message_mutants import MESSAGE_MUTANTS
from faults.mutant import Mutant
from faults.task_mutants import TASK_MUTANTS

ROOT = Path(__file__).resolve().parent.parent
RUN_SECONDS = 20
SEED = 3
RUN_TIMEOUT_SECONDS = 300  # for the beginning and the end of a run, which gives itself less

MUTANTS = ENTRY_MUTANTS + MESSAGE_MUTANTS + TASK_MUTANTS


class Failed(Exception):
    """The harness itself failed, so that nothing is known of a mutant."""


def copy(folder: Path) -> None:
    """Copy the project as it is now: what git has or would have."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def apply(mutant: Mutant, folder: Path) -> None:
    """Break the copy. Raise LookupError if the text is not there as it was, exactly once."""
    for change in mutant.changes:
        path = folder / change.path
        text = path.read_text(encoding="utf-8")
        if (count := text.count(change.old)) != 1:
            raise LookupError(f"{mutant.name}: {count} times in {change.path}:\n{change.old}")
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")


def run(folder: Path, engine: str, seconds: float, seed: int) -> subprocess.CompletedProcess[str]:
    """Run the harness of the copy."""
    command = [sys.executable, "-m", "faults", f"--engine={engine}", f"--seconds={seconds}", f"--seed={seed}"]
    return subprocess.run(
        [*command, f"--history={folder / 'history.jsonl'}"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds + RUN_TIMEOUT_SECONDS,
        check=False,
    )


def catch(mutant: Mutant, seconds: float, seed: int) -> list[str]:
    """Return the checks that notice a mutant, with how often they do. Raise Failed if the harness fails."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as name:
        folder = Path(name)
        copy(folder)
        apply(mutant, folder)
        ended = run(folder, mutant.engine, seconds, seed)
    found = re.findall(r"^VIOLATED (.*)$", ended.stdout, re.MULTILINE)
    if bool(ended.returncode) != bool(found) or (found and not mutant.changes):
        raise Failed(ended.stdout)
    return found


def read_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m faults.mutants", description=__doc__)
    parser.add_argument("--seconds", type=float, default=RUN_SECONDS, help="of each run; default %(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="of each run; default %(default)s")
    parser.add_argument("--only", default="", help="those whose name contains this")
    return parser.parse_args()


def judge(mutant: Mutant, seconds: float, seed: int) -> tuple[str, str]:
    """Return whether a mutant is caught, in a word, and by which checks; or how the harness failed."""
    try:
        found = catch(mutant, seconds, seed)
    except (Failed, subprocess.TimeoutExpired) as failed:
        return "FAILED", str(failed)
    return "caught" if found else "MISSED" if mutant.changes else "sound", ", ".join(found)


def main() -> int:
    """Try every mutant; return 1 if one is not caught."""
    arguments = read_arguments()
    results = set()
    for mutant in MUTANTS:
        if arguments.only in mutant.name:
            result, why = judge(mutant, arguments.seconds, arguments.seed)
            results.add(result)
            sys.stdout.write(f"{result:8}{mutant.name:76}{why}\n")
            sys.stdout.flush()
    return 1 if results & {"MISSED", "FAILED"} else 0


if __name__ == "__main__":
    sys.exit(main())
