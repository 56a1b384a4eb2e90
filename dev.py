"""Serves the site while it is being changed: `python dev.py` starts app.py with --debug, and again after each change.

The options are those of app.py. A file with a mistake in it ends the site, not this program, which starts the site
again when the mistake is mended. The old process is stopped as any other is: it sends its chat clients to the new one.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WATCHED = ("*.py", "controllers/**/*.py", "models/**/*.py", "demo/*", "views/**/*.*")
CHECK_SECONDS = 0.3  # between two looks at the files
STOP_SECONDS = 15.0  # after which a process that does not stop is killed

Times = dict[Path, int]


def main(options: list[str]) -> int:
    """Serve until ^C; return the exit code."""
    endings: list[int] = []  # the signals that ask to end; none of them interrupts what is being done
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: endings.append(number))
    site, is_running, times = start(options), True, read_times()
    while not endings:
        time.sleep(CHECK_SECONDS)
        before, times = times, read_times()
        if times != before:
            tell_changes(before, times)
            stop(site)
            site, is_running = start(options), True
        elif is_running and site.poll() is not None:
            is_running = False
            tell("The site has ended; it starts again when a file changes.")
    stop(site)
    return 0


def start(options: list[str]) -> subprocess.Popen[bytes]:
    """Start the site in a session of its own: ^C at the terminal is for this program, which stops the site."""
    program = [sys.executable, *flags(), str(ROOT / "app.py"), "--debug", *options]
    return subprocess.Popen(program, start_new_session=True)  # noqa: S603 - the developer's own words


def flags() -> list[str]:
    """Return what Python was told about warnings, for the site to be told the same."""
    return [f"-W{option}" for option in sys.warnoptions]


def stop(site: subprocess.Popen[bytes]) -> None:
    """Let the site finish what it is doing, and end."""
    site.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        site.wait(STOP_SECONDS)
        return
    site.kill()
    site.wait()


def read_times() -> Times:
    """Return when each file of the site was last changed, in nanoseconds since 1970."""
    times = {}
    for path in (path for pattern in WATCHED for path in ROOT.glob(pattern)):
        with contextlib.suppress(FileNotFoundError):  # an editor has just put another one in its place
            times[path] = path.stat().st_mtime_ns
    return times


def tell_changes(before: Times, times: Times) -> None:
    """Tell the developer which files have changed."""
    changed = sorted(path.relative_to(ROOT).as_posix() for path, _ in before.items() ^ times.items())
    tell(f"Changed: {', '.join(dict.fromkeys(changed))}")


def tell(line: str) -> None:
    """Tell the developer."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
