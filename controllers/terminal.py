"""What the person at the terminal sees of a move: a bar, or a line now and then where the output goes to a file."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from tqdm import tqdm

from models.move import Place, Progress, Same

EVERY = 2.0  # seconds between two lines
WIDTH = 79  # characters of a line


def show(steps: Iterable[Progress | Same], say: Callable[[str], None]) -> None:
    """Show the steps of a move, as they are made."""
    if sys.stdout.isatty():
        say = tqdm.write  # which knows where the bar is
    meter: Meter | None = None
    for step in steps:
        if isinstance(step, Same):
            say(f"{step.table}: {step.count:,} rows, the same on both sides, SHA-256 {step.checksum}")
            continue
        if meter is None or meter.doing != step.doing:
            if meter:
                meter.close()
            if step.before:
                say(f"{step.before:,} of {step.total:,} rows are there already.")
            meter = Meter(step, say)
        meter.show(step)
    if meter:
        meter.close()


class Meter:
    """How far something is, how fast it goes, and how long it will take."""

    def __init__(self, first: Progress, say: Callable[[str], None]) -> None:
        self.doing = first.doing
        self._say = say
        self._is_terminal = sys.stdout.isatty()
        self._began = self._said = time.monotonic()
        self._last = first
        self._bar: tqdm[Any] = tqdm(
            desc=first.doing,
            total=first.total,
            initial=first.before,
            unit=" rows",
            file=sys.stdout,
            disable=not self._is_terminal,
        )

    def show(self, step: Progress) -> None:
        """Show how far it is now."""
        self._last = step
        self._bar.update(step.done - self._bar.n)
        if not self._is_terminal and time.monotonic() - self._said > EVERY:
            self._write_line()

    def close(self) -> None:
        """Show how far it came."""
        self._bar.close()
        if not self._is_terminal:
            self._write_line()

    def _write_line(self) -> None:
        self._said = time.monotonic()
        last, took = self._last, self._said - self._began
        self._say(
            tqdm.format_meter(
                last.done, last.total, took, WIDTH, self.doing, unit=" rows", initial=last.before, bar_format=LINE
            )
        )


LINE = "{desc}: {percentage:.0f} %, {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left"


def start_of(place: Place) -> str:
    """Return how the site is started at a place, with a mark instead of a password."""
    words = f"--database={place.database}" + (f" --mongo={place.mongo}" if place.mongo else "")
    return "python app.py " + re.sub(
        r"(?<=password=)[^& ]*", "***", re.sub(r"(?<=://)([^:/?# ]*):\S*@", r"\1:***@", words)
    )
