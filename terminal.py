"""The terminal: output, errors, passwords, the signals that end the program, and the progress of a move."""

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

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # ^C, `kill`, and a terminal that is closed

OUTPUT_CLOSED = "cannot write to the standard output: it is closed"
MAX_LINE_CHARS = 4096  # that are read of a password; no password is so long

PROGRESS_SECONDS = 2.0  # between two lines of progress
PROGRESS_CHARS = 79  # of a line of progress
PROGRESS_FORMAT = "{desc}: {percentage:.0f} %, {n_fmt} of {total_fmt} rows, {rate_noinv_fmt}, {remaining} left"


class ExitError(Exception):
    """Ends the program with an exit code; the text says why in one line."""

    def __init__(self, why: str, code: int = 2) -> None:
        super().__init__(why)
        self.code = code


class OutputFailed(ExitError):
    """The standard output is closed, on a full disk, or a pipe that is not read any more."""


class Stopped(KeyboardInterrupt):
    """One of ENDING_SIGNALS has come; `code` is the exit code for it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.code = 128 + number


def prepare_streams() -> None:
    """Open the standard streams that are closed, or a file would get their number; let output take any character."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def ending_signals() -> list[signal.Signals]:
    """Return the signals that end the program: without SIGHUP if `nohup` ignores it."""
    return [one for one in ENDING_SIGNALS if one == signal.SIGINT or signal.getsignal(one) != signal.SIG_IGN]


def raise_on_signals() -> None:
    """Let the signals that end the program raise Stopped."""

    def stop(number: int, _: object) -> NoReturn:
        raise Stopped(number)

    for number in ending_signals():
        signal.signal(number, stop)


def ignore_signals() -> None:
    """Ignore the signals that end the program, since it ends already."""
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def is_single_line(text: str) -> bool:
    """Return whether `text` can be shown in one line: no control characters, line breaks or invalid UTF-8."""
    return {"Cc", "Cs", "Zl", "Zp"}.isdisjoint(map(unicodedata.category, text))


def say(line: str) -> None:
    """Write a line to the standard output. Raise OutputFailed."""
    if sys.stdout is None:
        raise OutputFailed(OUTPUT_CLOSED)
    with _raising_output_failed():
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


@contextlib.contextmanager
def _raising_output_failed() -> Iterator[None]:
    """Turn errors of the standard output into OutputFailed; what is still in its buffer is dropped."""
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputFailed(f"cannot write to the standard output: {error.strerror}") from error


def say_anyhow(line: str) -> None:
    """Write what was done and cannot be undone to the standard output or, if that fails, to standard error."""
    try:
        say(line)
    except OutputFailed:
        say_error(line)


def say_error(line: str) -> None:
    """Write one line to standard error, if it is open."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):
            sys.stderr.write(one_line(" ".join(line.split("\n"))) + "\n")
            sys.stderr.flush()


def read_password() -> str:
    """Return a password that is typed twice at the prompt, or the first line of the standard input. Raise ExitError."""
    if sys.stdin is None:
        raise ExitError("A password is read from the standard input, and that is closed.")
    try:
        return _ask_password() if sys.stdin.isatty() else _first_line()
    except UnicodeError:
        raise ExitError(f"The password is not written in {sys.stdin.encoding}.") from None


def _ask_password() -> str:
    try:
        password = getpass.getpass("Password: ")
        again = getpass.getpass("Once more: ")
    except (EOFError, Stopped) as ending:
        say_error("")  # ends the line of the prompt
        raise ending if isinstance(ending, Stopped) else ExitError("No password was given.") from None
    if again != password:
        raise ExitError("The two passwords are not the same.")
    return password


def _first_line() -> str:
    sys.stdin.reconfigure(errors="strict")  # type: ignore[union-attr]
    return sys.stdin.readline(MAX_LINE_CHARS).rstrip("\r\n")


# --- a move


def show_move(steps: Iterable[Progress | TableMatches], say: Callable[[str], None]) -> None:
    """Show the steps of a move as they are made. Raise OutputFailed."""
    if sys.stdout is None:
        raise OutputFailed(OUTPUT_CLOSED)
    if sys.stdout.isatty():
        say = tqdm.write  # which does not write into the bar
    meter: Meter | None = None
    for step in steps:
        with _raising_output_failed():
            meter = _show_step(step, meter, say)
    if meter:
        with _raising_output_failed():
            meter.close()


def _show_step(step: Progress | TableMatches, meter: Meter | None, say: Callable[[str], None]) -> Meter | None:
    """Show one step; return the meter to go on with."""
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
    """A progress bar on a terminal, else a line of progress every PROGRESS_SECONDS."""

    def __init__(self, first: Progress, say: Callable[[str], None]) -> None:
        self.doing = first.doing
        self._say = say
        self._is_terminal = sys.stdout.isatty()
        self._began = self._written_at = time.monotonic()
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
        """Show the progress up to this step."""
        self._last = step
        self._bar.update(step.done - self._bar.n)
        if not self._is_terminal and time.monotonic() - self._written_at > PROGRESS_SECONDS:
            self._write_line()

    def close(self) -> None:
        """Show the last step and remove the bar."""
        self._bar.close()
        if not self._is_terminal:
            self._write_line()

    def _write_line(self) -> None:
        self._written_at = time.monotonic()
        last, took = self._last, self._written_at - self._began
        self._say(
            tqdm.format_meter(
                last.done,
                last.total,
                took,
                PROGRESS_CHARS,
                self.doing,
                unit=" rows",
                initial=last.before,
                bar_format=PROGRESS_FORMAT,
            )
        )


def start_command(place: Place) -> str:
    """Return the command that starts the site at a place, with *** instead of passwords."""
    words = f"--database={place.database}" + (f" --mongo={place.mongo}" if place.mongo else "")
    return "python app.py " + re.sub(
        r"(?<=password=)[^& ]*", "***", re.sub(r"(?<=://)([^:/?# ]*):\S*@", r"\1:***@", words)
    )
