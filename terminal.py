"""The person at the terminal: what they are told, how they stop the program, and what they see of a move."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import signal
import sys
import time
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from tqdm import tqdm

from controllers.web.logs import one_line
from models.moving.move import Place, Progress, TableMatches

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # ^C, `kill`, and the terminal that is closed

CLOSED = "cannot write to the standard output: it is closed"
LONGEST_LINE = 4096  # characters that are read of a password; no password has so many

EVERY = 2.0  # seconds between two lines
WIDTH = 79  # characters of a line


class Failure(Exception):
    """Why the program ends at once, in one line, and with which exit code."""

    def __init__(self, why: str, code: int = 2) -> None:
        super().__init__(why)
        self.code = code


class Unheard(Failure):
    """The standard output takes nothing more: it is closed, full, or nobody reads it."""


class Stopped(KeyboardInterrupt):
    """One of the signals in ENDING has come; `code` is the exit code that tells so."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


def prepare() -> None:
    """Make the standard streams safe: each is there, so that no file of ours takes its place, and takes any letter."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def ending_signals() -> list[signal.Signals]:
    """Return the signals that end the program: not SIGHUP where `nohup` keeps it away."""
    return [one for one in ENDING if one == signal.SIGINT or signal.getsignal(one) != signal.SIG_IGN]


def be_stopped() -> None:
    """Let the signals that end the program raise Stopped."""

    def stop(number: int, _: object) -> NoReturn:
        raise Stopped(number)

    for number in ending_signals():
        signal.signal(number, stop)


def be_left_alone() -> None:
    """Let no signal interrupt what little there is to do before the program ends."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def is_text(text: str) -> bool:
    """Tell whether `text` is characters that can stand in a line: no bytes that are no UTF-8, nothing that controls."""
    return {"Cc", "Cs", "Zl", "Zp"}.isdisjoint(map(unicodedata.category, text))


def say(line: str) -> None:
    """Tell the person at the terminal. Raise Unheard."""
    if sys.stdout is None:
        raise Unheard(CLOSED)
    with heard():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """Turn what fails when the standard output is written to into Unheard, once: what it still holds is dropped."""
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Unheard(f"cannot write to the standard output: {error.strerror}") from error


def insist(line: str) -> None:
    """Tell the person at the terminal what is done and cannot be taken back, wherever they can hear it."""
    try:
        say(line)
    except Unheard:
        complain(line)


def complain(line: str) -> None:
    """Tell the person at the terminal, in one line on standard error, what went wrong."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(one_line(" ".join(line.split("\n"))) + "\n")
            sys.stderr.flush()


def read_password() -> str:
    """Return what is typed twice at the prompt, or the first line of the standard input. Raise Failure."""
    if sys.stdin is None:
        raise Failure("A password is read from the standard input, and that is closed.")
    try:
        return _ask_password() if sys.stdin.isatty() else _first_line()
    except UnicodeError:
        raise Failure(f"The password is not written in {sys.stdin.encoding}.") from None


def _ask_password() -> str:
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Once more: ")
    except (EOFError, Stopped) as ending:
        complain("")  # ends the line of the prompt
        raise ending if isinstance(ending, Stopped) else Failure("No password was given.") from None
    if again != password:
        raise Failure("The two passwords are not the same.")
    return password


def _first_line() -> str:
    sys.stdin.reconfigure(errors="strict")  # type: ignore[union-attr]
    return sys.stdin.readline(LONGEST_LINE).rstrip("\r\n")


# --- a move


def show(steps: Iterable[Progress | TableMatches], say: Callable[[str], None]) -> None:
    """Show the steps of a move, as they are made. Raise Unheard."""
    if sys.stdout is None:
        raise Unheard(CLOSED)
    if sys.stdout.isatty():
        say = tqdm.write  # which knows where the bar is
    meter: Meter | None = None
    for step in steps:
        with heard():
            meter = _show(step, meter, say)
    if meter:
        with heard():
            meter.close()


def _show(step: Progress | TableMatches, meter: Meter | None, say: Callable[[str], None]) -> Meter | None:
    """Show one step; return the meter of what is being done."""
    if isinstance(step, TableMatches):
        say(f"{step.table}: {step.count:,} rows, the same on both sides, SHA-256 {step.checksum}")
        return meter
    if meter is None or meter.doing != step.doing:
        if meter:
            meter.close()
        if step.before:
            say(f"{step.before:,} of {step.total:,} rows are there already.")
        meter = Meter(step, say)
    meter.show(step)
    return meter


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
