"""A log as one that is older than its search index: nothing of it is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from pymongo.database import Database

from testsuite.mongodb import opened
from testsuite.waiting import wait_for


def forget_rows(execute: Callable[[str], object]) -> None:
    """Let the index in a people's database have nothing; `execute` runs a statement there."""
    execute("DELETE FROM search")
    execute("UPDATE room SET searched = 0, search_from = 0")


def forget_words(url: str) -> None:
    """Let no post on a MongoDB have its words."""
    with opened(url) as found:
        wait_for(lambda: _has_all_heads(found), "all heads are stored, which is done in the background")
        found["entries"].update_many({}, {"$unset": {"words": "", "place": ""}})
        found["heads"].update_many({}, {"$unset": {"search_from": ""}})


def _has_all_heads(found: Database[Any]) -> bool:
    """Return whether the heads of all rooms are stored."""
    heads = {one["_id"]: one["head"] for one in found["heads"].find()}
    newest = Counter[str]()
    for entry in found["entries"].find({}, {"room": 1, "seq": 1}):
        newest[entry["room"]] = max(newest[entry["room"]], entry["seq"])
    return heads == newest
