"""Search in a million messages: `python -m bench.searches --database=...` adds them, and prints how long they took.

They stand in the log first, as if it were older than the index; then the index is filled as fast as it goes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import subprocess
import sys
import time
from urllib.parse import urlencode

from bench import people, sites
from bench.figures import PROSA
from bench.keepalive import hammer, request
from bench.rounds import WARM_UP_SECONDS, WINDOW_SECONDS, Bench
from bench.sites import Server
from models.database import database, open_database, writing
from models.engines.sqlite_search import INDEXED_CHARS
from models.logs import sql_search
from models.models import EntryRow, Room
from models.rooms import all_slugs

ENTRY_COUNT = 1_000_000
MEMBER_COUNT = 20
ROOM_COUNT = 99  # beside the lobby, in which everybody is, too
VOCABULARY_WORDS = 50_000
TEXT_WORDS = range(3, 18)  # in a message
BODY_PLACE = 5  # in a row of `entry`
FILL_TIMEOUT_SECONDS = 900
SYLLABLES = (
    "ka",
    "ro",
    "mi",
    "te",
    "so",
    "lu",
    "pra",
    "con",
    "ver",
    "sa",
    "tion",
    "mes",
    "da",
    "ge",
    "to",
    "be",
    "in",
    "qu",
)


def search(bench: Bench) -> None:
    """The first page of hits for rare words and for frequent ones."""
    if ENTRY_COUNT not in bench.searched:
        bench.searched[ENTRY_COUNT] = home, _ = bench.site(MEMBER_COUNT, rooms=ROOM_COUNT)
        command = [sys.executable, "-m", "bench.searches", *home.options()]
        made = subprocess.run(command, cwd=sites.ROOT, check=True, capture_output=True, timeout=FILL_TIMEOUT_SECONDS)
        bench.figures.add("search-filled", PROSA, json.loads(made.stdout))
    home, cookies = bench.searched[ENTRY_COUNT]
    words = vocabulary()
    long_word = next(word for word in words if len(word) > INDEXED_CHARS)
    asked = {
        "search-rare": words[-1],
        "search-frequent": words[0],
        "search-beginning": long_word,
        "search-two": f"{words[0]} {words[-1]}",
        "search-apart": f'"{words[0]} {words[1]}" -{words[2]} from:member00001',
    }
    with Server(sites.prosa(home.options(), bench.secret)) as server:
        for figure, typed in asked.items():
            path = f"/search?{urlencode({'q': typed})}"
            page = request("GET", path, server.port, {"Cookie": cookies[0]})
            hammer(server.port, lambda page=page: page, 1, WARM_UP_SECONDS)  # type: ignore[misc]
            tally = hammer(server.port, lambda page=page: page, 1, WINDOW_SECONDS)  # type: ignore[misc]
            bench.figures.add(figure, PROSA, 1000 / tally.rate, tally.fault)


def vocabulary() -> list[str]:
    """Return words, the same each time, the most frequent first, which are the shortest as in any language."""
    chance, found = random.Random(1), dict[str, None]()
    while len(found) < VOCABULARY_WORDS:
        found["".join(chance.choices(SYLLABLES, k=chance.randint(1, 5)))] = None
    return sorted(found, key=len)


def main() -> None:
    """Add the messages, and fill the index; print the seconds that the index took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    open_database(parser.parse_args().database)
    chance, words = random.Random(2), vocabulary()
    weights = list(itertools.accumulate(1 / rank for rank in range(1, len(words) + 1)))  # Zipf's law
    with database.connection_context():
        slugs = all_slugs()
        count = ENTRY_COUNT // len(slugs)
        for slug in slugs:
            with writing():
                for rows in people.entries({slug: count}, MEMBER_COUNT):
                    texts = (
                        " ".join(chance.choices(words, cum_weights=weights, k=chance.choice(TEXT_WORDS))) for _ in rows
                    )
                    said = [
                        (*row[:BODY_PLACE], text, *row[BODY_PLACE + 1 :]) for row, text in zip(rows, texts, strict=True)
                    ]
                    EntryRow.insert_many(said, fields=EntryRow._meta.sorted_fields).execute()
                Room.update(head=count, posts=count, lines=count).where(Room.slug == slug).execute()
        began = time.perf_counter()
        while sql_search.fill("bench"):
            pass
        json.dump(time.perf_counter() - began, sys.stdout)


if __name__ == "__main__":
    main()
