"""`python -m bench`: measure Prosa and its peers in turn, and print the table."""

import argparse
import gc
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import results, sites
from bench.engines import ENGINES
from bench.figures import Figures
from bench.measures import GROUPS, LEFT_OUT
from bench.rounds import Bench

logger = logging.getLogger("bench")


def read_arguments() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="each figure is the median of so many")
    parser.add_argument("--engine", choices=ENGINES, default="sqlite", help="what keeps the site's data: %(default)s")
    parser.add_argument("--only", default="", help=f"groups, with commas between, of {','.join(GROUPS)}")
    parser.add_argument("--members", type=int, default=1000, help="of the chat")
    parser.add_argument("--write", action="store_true", help="write the engine's part of bench/RESULTS.rst")
    arguments = parser.parse_args()
    if arguments.only:
        arguments.groups = arguments.only.split(",")
    else:
        arguments.groups = [name for name in GROUPS if name not in LEFT_OUT[arguments.engine]]
    if unknown := set(arguments.groups) - set(GROUPS):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    if arguments.rounds < 1 or arguments.members < 100:
        parser.error("at least one round and 100 members")
    return arguments


def measure(bench: Bench, groups: list[str], rounds: int) -> bool:
    """Run the rounds; tell whether all went well. Where a group fails the others go on, and the page says why."""
    all_well = True
    for number in range(1, rounds + 1):
        for group in groups:
            logger.info("round %d of %d: %s", number, rounds, group)
            try:
                GROUPS[group](bench)
            except (OSError, RuntimeError, ValueError, subprocess.SubprocessError) as error:
                logger.exception("%s failed", group)
                all_well = False
                bench.figures.remark(group, f"failed in round {number}: {error}")
    return all_well


def main() -> int:
    """Measure and show; return the exit code."""
    arguments = read_arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    sites.prepare()
    gc.freeze()
    figures = Figures()
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        ENGINES[arguments.engine](Path(directory)) as engine,
    ):
        all_well = measure(Bench(engine, arguments.members, figures), arguments.groups, arguments.rounds)
        part = results.part(figures, engine, arguments.rounds)
    sys.stdout.write(part)
    if arguments.write:
        results.RESULTS_FILE.write_text(results.page(results.RESULTS_FILE.read_text(), engine.title, part))
    return 0 if all_well else 1


if __name__ == "__main__":
    sys.exit(main())
