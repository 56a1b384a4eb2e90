"""The table, and the page about it: bench/RESULTS.rst."""

import datetime
import importlib.metadata
import json
import os
import platform
import re
import statistics
import subprocess
from pathlib import Path

from bench.engines import ENGINES, Engine
from bench.figures import PROSA, ROWS, Figures, Row
from bench.sites import CORES, LOAD_CORE, ROOT, SERVER_CORE

RESULTS_FILE = ROOT / "bench" / "RESULTS.rst"
HEADINGS = ("what", PROSA, "peer", "its figure", "ratio", "wanted", "reached")
PACKAGES = ("tornado", "sockjs-tornado", "peewee")
NOT_MEASURED = "…"
SATURATED_SHARE = 0.95  # of its core; from here on the load may have been the limit
CROWDED_SHARE = 0.1  # of the cores' time used by others: from here on the figures are noisy

INTRODUCTION = """\
Results
=======

Written by ``python -m bench --engine=... --write``, an engine's part at a time. The site under test
runs on one core, the load on another; the server of a database may use both, so it competes with
either. Each figure is the median of some rounds, in which Prosa and its peers take turns. In brackets
the lowest and the highest round.

Fan-out: k of the members each have one message under way and send the next one when they see their
own come back; counted from the first send until the last member has received the last message.
Prosa's messages are on disk before anybody gets them; the peers store nothing. Node ``ws`` carries
as many bytes as Prosa's frames have. Every member's bytes are compared with those of one whose
frames are read in full; where something was missing, it is said below the table. The bare
handler answers a word, or reads one form field. Joining: everybody connects at the same moment.

10,000 members: they come in ten waves; then 20 messages are sent, each when everybody has the one
before. Of each message the time is taken from the send until 99 % of the members have it; the figure
is the median of the 20. Those who read nothing: 50 members join and leave their sockets unread, while
20 others say messages of 8,000 characters, 16 at a time, until each was sent 100 MB. Growth is the
most memory that the process ever had, less what it had before. Delivery is the time from each send
until each of the 20 has the message, with the silent ones there and, at a server of its own, without.
What these two tell does not depend on the engine, and is measured with SQLite only.

Appending: processes that do nothing else than to append entries to the log and to hear its doorbell,
on both cores, each with so many entries under way.

An edit, a reaction: one of each of 40 posts, measured as the messages to 10,000 members are, beside these
posts. 500 rooms: the lobby and 499 rooms of 20 posts, of which each of 20 members has read one; beside it,
a site of 5 rooms. Connecting: from the first packet until all rooms are told, by a member of whom
the process knows nothing yet, and then over and over by one. Marking a message: until the chat says so. The
room page is asked for while others post, each time in another room, so that what is new changes in every
sidebar. Marking all: by the form, which is answered when it is on disk.

The API is asked with tokens, for lists of a room of 200 messages and 200 tasks; beside it, the bare handler
answers the same bytes. 1,000 that wait: programs, each with a long poll for the room's log, and beside them as
many members of the chat; 20 messages, each when all have the one before and ask again. Of each the time is
taken until 99 % have it.

Presence: four processes of the site, each with 250 members who are really connected and have joined four of the
1,000 rooms each; and four that only write the rows of the other 9,000 members, one room each, as a process does.
Of these 50 a second come or go. The figure is the processor time of the busiest of the four processes of the site
over 15 seconds, less what it takes while nobody comes or goes.
"""


def number(value: float) -> str:
    """Return three significant digits, at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def spread(figures: Figures, figure: str, site: str, unit: str) -> str:
    """Return the median and, of several rounds, the lowest and highest."""
    values = figures.values(figure, site)
    if not values:
        return "not measured"
    middle = f"{number(statistics.median(values))} {unit}"
    return f"{middle} ({number(min(values))}-{number(max(values))})" if len(values) > 1 else middle


def line(figures: Figures, row: Row) -> tuple[str, ...] | None:
    """Return one line's cells, None if it was not measured."""
    own = figures.median(row.figure, PROSA)
    if own is None:
        return None
    shown = spread(figures, row.figure, PROSA, row.unit) if row.what else ""
    if not row.peer:
        return (row.what, shown, "", "", "", row.wanted(), row.reached(own))
    other = figures.median(row.figure, row.peer)
    if other is None:
        return None
    theirs = spread(figures, row.figure, row.peer, row.unit)
    ratio = own / other
    return (row.what, shown, row.peer, theirs, f"{ratio:.2f}", row.wanted(), row.reached(ratio))


def table(figures: Figures) -> str:
    """Return the whole table as text, which is reStructuredText too."""
    lines = [HEADINGS, *filter(None, (line(figures, row) for row in ROWS))]
    # A row whose first cell is empty would continue the row above it, in reStructuredText.
    cells = [(what or NOT_MEASURED, *others) for what, *others in lines]
    widths = [max(len(one[column]) for one in cells) for column in range(len(HEADINGS))]
    rule = "  ".join("=" * width for width in widths)
    drawn = ["  ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)).rstrip() for one in cells]
    return "\n".join([rule, drawn[0], rule, *drawn[1:], rule])


def remarks(figures: Figures) -> list[str]:
    """Return what has to be said about the figures, first of all what was wrong with them."""
    said = [f"{figure}: {text}" for figure, texts in figures.remarks.items() for text in texts]
    loads = {site: max(figures.values("load", site)) for figure, site in figures.measured() if figure == "load"}
    if loads:
        shares = ", ".join(f"{site} {share:.0%}" for site, share in loads.items())
        said.append(f"The load used at most this share of its core, beside each: {shares}.")
    for site, share in loads.items():
        if share > SATURATED_SHARE:
            said.append(f"Beside {site} the load was the limit in some round: it might have done more.")
    others = [
        value for figure, site in figures.measured() if figure == "others" for value in figures.values(figure, site)
    ]
    if others:
        said.append(f"Others used {statistics.median(others):.0%} of a core meanwhile (at most {max(others):.0%}).")
        if max(others) > CROWDED_SHARE:
            said.append("So the machine was not ours alone, and the figures are noisy.")
    databases = {
        site: statistics.median(figures.values("database", site))
        for figure, site in figures.measured()
        if figure == "database"
    }
    if databases:
        shares = ", ".join(f"{figure} {share:.0%}" for figure, share in databases.items())
        said.append(f"The database's server used of a core: {shares}.")
    if len(CORES) == 1:
        said.append("There was only one core, for the server and the load together.")
    return said


def machine(engine: Engine) -> list[str]:
    """Return what the figures were measured on."""
    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    versions = [f"{name} {importlib.metadata.version(name)}" for name in (*PACKAGES, *engine.packages)]
    return [
        f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores"
        f" (server on {SERVER_CORE}, load on {LOAD_CORE}),"
        f" {int(memory[1]) / 2**20 if memory else 0:.0f} GiB; Linux {platform.release().split('-')[0]}",
        ", ".join([f"Python {platform.python_version()}", *versions, *engine.server_version()]),
        f"Node {_node()}, ws {_npm('ws')}, sockjs {_npm('sockjs')}",
        datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d"),
    ]


def part(figures: Figures, engine: Engine, rounds: int) -> str:
    """Return one engine's part of the page."""
    said = "\n".join(f"- {text}" for text in (*remarks(figures), *machine(engine)))
    times = "One round." if rounds == 1 else f"{rounds} rounds."
    return f"{_heading(engine.title)}\n{engine.about} {times}\n\n{table(figures)}\n\n{said}\n"


def page(before: str, title: str, part: str) -> str:
    """Return the page with a new part of the engine `title`; those of the others stay as they are."""
    parts = {engine.title: part_of(before, engine.title) for engine in ENGINES.values()} | {title: part}
    return "\n".join([INTRODUCTION, *filter(None, parts.values())])


def _heading(title: str) -> str:
    return f"{title}\n{'-' * len(title)}\n"


def part_of(page: str, title: str) -> str:
    """Return an engine's part of the page, from its heading up to the next one; nothing if it is not there."""
    _, heading, rest = page.partition("\n" + _heading(title))
    for engine in ENGINES.values():
        rest = rest.partition("\n" + _heading(engine.title))[0]
    return heading[1:] + rest


def _node() -> str:
    asked = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True, timeout=10)
    return asked.stdout.strip()


def _npm(name: str) -> str:
    found = json.loads((ROOT / "node_modules" / name / "package.json").read_text())
    return str(found["version"])
