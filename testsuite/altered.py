"""A process of the site with other limits than its own, so that a test need not wait for a minute or move the clock.

`python testsuite/altered.py app:PING_INTERVAL_SECONDS=1 clock=FILE files=128,256 -- OPTIONS`: sets what the site's
modules call so; takes the seconds that FILE holds for the error of the machine's clock; may have so many files open,
and may itself raise that to so many. With `reach=PORT` 127.0.0.2 counts as an address of the public web, and that port
as one of its ports.
"""

from __future__ import annotations

import ast
import pkgutil
import resource
import sys
import time
from ipaddress import IPv4Network
from pathlib import Path


def alter(alteration: str) -> None:
    """Carry one alteration out."""
    name, value = alteration.split("=", 1)
    if name == "clock":
        go_wrong(Path(value))
        return
    if name == "files":
        resource.setrlimit(resource.RLIMIT_NOFILE, ast.literal_eval(value))
        return
    if name == "reach":
        open_up(int(value))
        return
    place, _, attribute = name.replace(":", ".").rpartition(".")
    owner = pkgutil.resolve_name(place)
    getattr(owner, attribute)  # fails if there is no such limit
    setattr(owner, attribute, ast.literal_eval(value))


def open_up(port: int) -> None:
    """Let fetches reach this port of 127.0.0.2, as if it were on the public web."""
    from controllers.fetching import reach  # noqa: PLC0415  before what keeps PUBLIC under a name of its own

    reach.PUBLIC = reach.Reach(reach.PUBLIC.ports | {port}, (IPv4Network("127.0.0.2/32"),))


def go_wrong(file: Path) -> None:
    """Let the wall clock be wrong by what `file` says; the monotonic one goes on."""
    right = time.time
    time.time = lambda: right() + (float(file.read_text()) if file.exists() else 0.0)


def main(words: list[str]) -> int:
    """Alter, then do what app.py does."""
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    end = words.index("--")
    for alteration in words[1:end]:
        alter(alteration)
    import app  # noqa: PLC0415  as late as possible: it takes the limits as they are then

    return app.main(["app.py", *words[end + 1 :]])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
