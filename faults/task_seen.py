"""What is seen of tasks, in entries and on the page of a room's tasks, as strings that can be compared."""

from __future__ import annotations

import html
import json
import re
from fractions import Fraction
from typing import Any

from faults.seen import GONE, NO_TEXT, text_of

BASE = 36  # of ranks: digits after the point
KINDS = ("task_made", "task_changed", "task_moved", "task_done", "task_undone", "task_removed")
SEEN_ON_PAGE = 5  # parts of what an entry tells of a task

ROW = re.compile(
    r'<li class="task( done)?">.*?<bdi class="task-text" id="task-(\d+)">(.*?)</bdi>(.*?)<form class="task-acts"',
    re.DOTALL,
)
DUE = re.compile(r'<time datetime="([^"]*)">')
DOER = re.compile(r'<span class="task-to" title="([^"]*)">')


def look(number: int, text: str, is_done: bool, to: str, due: str, *others: object) -> str:
    """Return the string for what is seen of a task; `text` is the nonce of what it says.

    The others are what only an entry tells: its place, its version, the newest change, and who made it.
    """
    return json.dumps([number, text, is_done, to, due, *others])


def place_of(rank: str) -> Fraction:
    """Return the number that a rank is."""
    return Fraction(int(rank, BASE), BASE ** len(rank))


def task_in(entry: dict[str, Any]) -> str | None:
    """Return what an entry tells of a task: nothing (None), that it is gone, or how it looks."""
    if "task" not in entry:
        return None
    task = entry["task"]
    if task is None:
        return GONE
    seen = text_of(task["text"]) or NO_TEXT, task["done"], task["to"] or "", task["due"] or ""
    return look(task["id"], *seen, str(place_of(task["rank"])), task["version"], task["changed"], task["author"])


def on_page(page: str) -> list[str]:
    """Return the tasks on a page, in their order."""
    found = []
    for done, number, text, rest in ROW.findall(page):
        doer, due = DOER.search(rest), DUE.search(rest)
        to = html.unescape(doer[1]) if doer else ""
        found.append(look(int(number), text_of(text) or NO_TEXT, bool(done), to, due[1] if due else ""))
    return found


def as_on_page(shown: str) -> str:
    """Return what a page shows of a task that an entry tells so."""
    return json.dumps(json.loads(shown)[:SEEN_ON_PAGE]) if shown else GONE
