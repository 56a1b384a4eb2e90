"""`python -m bench.slowest`: search for messages that are slow to draw, and show the slowest that were found."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings, target
from hypothesis.configuration import set_hypothesis_home_dir

from testsuite.repetition import draw, known, messages

BOUND_SECONDS = 0.02  # what docs/security.rst promises
SHOWN_BODIES = 10


class Slowest:
    """The slowest messages so far, with the seconds of processor time that each took."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.found: list[tuple[float, str]] = []
        self.tried = 0

    def draw(self, body: str) -> float:
        """Draw a message, again if it was slow: the best of three tells it from a busy machine."""
        seconds = _seconds(body)
        if seconds > BOUND_SECONDS / 4:
            seconds = min(seconds, _seconds(body), _seconds(body))
        self.tried += 1
        if len(self.found) < SHOWN_BODIES or seconds > self.found[-1][0]:
            self.found = sorted([*self.found, (seconds, body)], reverse=True)[:SHOWN_BODIES]
        return seconds

    def search(self, examples: int, start: int) -> None:
        """Let Hypothesis make up messages, and more like the slowest of them."""

        @seed(start)
        @settings(max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck))
        @given(messages(self.length))
        def draw(body: str) -> None:
            target(self.draw(body))

        draw()


def _seconds(body: str) -> float:
    began = time.process_time()
    draw(body)
    return time.process_time() - began


def main() -> int:
    """Search and show; return 1 if a message was slower than promised."""
    parser = argparse.ArgumentParser(prog="python -m bench.slowest", description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000, help="messages: %(default)s")
    parser.add_argument("--length", type=int, default=8000, help="characters of each: %(default)s")
    parser.add_argument("--at-once", type=int, default=2000, help="examples of each search: %(default)s")
    arguments = parser.parse_args()
    slowest = Slowest(arguments.length)
    for body in known():
        slowest.draw(body[: arguments.length])
    with tempfile.TemporaryDirectory() as home:
        set_hypothesis_home_dir(Path(home))
        for start in range(0, arguments.examples, arguments.at_once):
            slowest.search(min(arguments.at_once, arguments.examples - start), start)
    sys.stdout.write(f"{slowest.tried:,} messages of {slowest.length:,} characters, the slowest ones:\n")
    for seconds, body in slowest.found:
        sys.stdout.write(f"{1000 * seconds:6.1f} ms  {body[:70]!a} ... {body[-20:]!a}\n")
    return 1 if slowest.found[0][0] > BOUND_SECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
