"""The search index of a log in the people's database: kept in the transaction of each append, filled for older logs.

The columns `searched` and `search_from` of a room tell what is in the index: all from `search_from` on, if `searched`
is the head. Otherwise something was appended without it, by a move or by a process of an earlier version, and all has
to be looked through again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from models.database import appending, database, execute
from models.engines.search_index import author_label, room_label
from models.logs.base import DELETE, EDIT, POST, Entry
from models.rules import Target
from models.search.wanted import Hits, Unindexed, Wanted, place_of
from models.search.words import words_of

MAX_SHIFT = 256  # places after its own at which a message may be
FILLED_ENTRIES = 200  # of a room, looked through in one transaction: about 15 ms
CLAIM_SECONDS = 10.0  # for which only one process fills the index

FIND_ROWS = f"SELECT rowid, room_id, seq FROM search WHERE rowid >= ? AND rowid < ? + {MAX_SHIFT}"  # noqa: S608
FIND_TAKEN = "SELECT rowid, room_id, seq FROM search WHERE rowid IN ({})"
ADD = "INSERT INTO search (rowid, room_id, seq, words) VALUES {}"
REMOVE = "DELETE FROM search WHERE rowid = ?"

IS_UNSEARCHED = "searched <> head OR search_from > 1"
UNSEARCHED = f"SELECT slug, head, searched, search_from FROM room WHERE {IS_UNSEARCHED} ORDER BY slug LIMIT 1"  # noqa: S608
SET_SEARCHED = "UPDATE room SET searched = head, search_from = ? WHERE slug = ?"
COUNT_UNSEARCHED = f"""
    SELECT SUM(CASE WHEN searched <> head THEN head ELSE search_from - 1 END) FROM room WHERE {IS_UNSEARCHED}
"""  # noqa: S608
COUNT_ENTRIES = "SELECT SUM(head) FROM room"
FIND_POSTS = """
    SELECT seq, author_id, body, at FROM entry
    WHERE room_id = ? AND seq >= ? AND seq < ? AND kind = 'post' AND body <> ''
"""
FIND_EDITS = "SELECT target, body FROM entry WHERE room_id = ? AND target IN ({}) AND kind = 'edit' ORDER BY seq"
CLAIM = """
    INSERT INTO setting (name, value) VALUES ('search_filler', ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE setting.value = ? RETURNING 1
"""
FIND_CLAIM = "SELECT value FROM setting WHERE name = 'search_filler'"


class Text(NamedTuple):
    """A message as it is put into the index."""

    room: str
    seq: int
    author_id: int
    at: float
    body: str


def find(wanted: Wanted, limit: int) -> Hits:
    """Return the newest messages that are wanted."""
    if not wanted.rooms or (wanted.authors is not None and not wanted.authors):
        return Hits([])
    return database.search_index.find(wanted, limit)


def keep(entries: Iterable[Entry], targets: Mapping[tuple[str, int], Target]) -> None:
    """Put messages that were appended into the index, and those of `targets` that were edited; remove deleted ones."""
    texts: dict[tuple[str, int], Text] = {}
    for entry in entries:
        if entry.kind == POST:
            texts[entry.room, entry.seq] = Text(entry.room, entry.seq, entry.author_id, entry.at, entry.body)
        elif entry.kind in (EDIT, DELETE):
            assert entry.target is not None
            target = targets[entry.room, entry.target]
            texts[entry.room, entry.target] = Text(entry.room, entry.target, target.author_id, target.at, entry.body)
    _remove(one for place, one in texts.items() if place in targets)
    _add([one for one in texts.values() if one.body])


def _remove(texts: Iterable[Text]) -> None:
    for one in texts:
        place = place_of(one.at, one.room, one.seq)
        for row, room, seq in execute(FIND_ROWS, place, place).fetchall():
            if (room, seq) == (one.room, one.seq):
                execute(REMOVE, row)


def _add(texts: Collection[Text]) -> None:
    """Add messages that are not in the index, in the order of their places, which is the fastest for FTS5."""
    index = database.search_index
    values: list[object] = []
    placed = sorted(_placed(texts).items())
    for place, one in placed:
        labels = room_label(one.room), author_label(one.author_id)
        values += (place, one.room, one.seq, index.write(words_of(one.body), labels))
    if placed:
        execute(ADD.format(",".join([f"(?, ?, ?, {index.document})"] * len(placed))), *values)


def _placed(texts: Collection[Text]) -> dict[int, Text]:
    """Return messages by their places, or by the next free ones; those that are in the index are left out."""
    placed: dict[int, Text] = {}
    waiting = [(place_of(one.at, one.room, one.seq), one) for one in texts]
    for shift in range(MAX_SHIFT):
        if not waiting:
            break
        places = [place + shift for place, _ in waiting]
        taken = {row[0]: row[1:] for row in execute(_of(FIND_TAKEN, places), *places).fetchall()}
        shifted = []
        for place, one in waiting:
            if place + shift not in taken and place + shift not in placed:
                placed[place + shift] = one
            elif taken.get(place + shift) != (one.room, one.seq):
                shifted.append((place, one))
        waiting = shifted
    return placed


# --- filling the index of a log that exists


def count_unindexed() -> Unindexed:
    """Return how many entries are still to be looked through."""
    (left,) = execute(COUNT_UNSEARCHED).fetchone()
    return Unindexed(int(left), int(execute(COUNT_ENTRIES).fetchone()[0])) if left else Unindexed(0, 0)


def fill(process: str) -> bool:
    """Look through some entries of a room for the index, the newest first; return whether there may be more.

    One process at a time does so.
    """
    if execute(UNSEARCHED).fetchone() is None:
        return False
    with appending():
        if not _claim(process):
            return True
        found = execute(UNSEARCHED + " FOR NO KEY UPDATE" * database.for_update).fetchone()
        if found is not None:
            _fill(*found)
    return True


def _claim(process: str) -> bool:
    """Let this process fill the index for a while; return False if another one does so."""
    (found,) = execute(FIND_CLAIM).fetchone() or ("",)
    name, _, until = found.partition(" ")
    (now,) = execute(f"SELECT {database.now}").fetchone()
    if name != process and until and now < float(until) <= now + CLAIM_SECONDS:
        return False
    # Unless another process has made a claim meanwhile, for which this statement waits.
    return bool(execute(CLAIM, f"{process} {now + CLAIM_SECONDS}", found).fetchall())


def _fill(room: str, head: int, searched: int, search_from: int) -> None:
    end = search_from if searched == head else head + 1
    first = max(end - FILLED_ENTRIES, 1)
    posts = execute(FIND_POSTS, room, first, end).fetchall()
    bodies = {seq: body for seq, _, body, _ in posts}
    if posts:
        bodies |= dict(execute(_of(FIND_EDITS, bodies), room, *bodies).fetchall())
    _add([Text(room, seq, author_id, at, bodies[seq]) for seq, author_id, _, at in posts])
    execute(SET_SEARCHED, first, room)


def _of(sql: str, values: Collection[object]) -> str:
    return sql.format(",".join("?" * len(values)))
