"""Presence: which members are connected to which rooms, and which are typing. Each process writes its own rows.

What it changes has a version, a number that it counts up, and is kept for a while: so other processes read only what
is new to them. All times are by the database's clock, since the clocks of machines differ; functions take and return
durations.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from typing import Any, NamedTuple

from models.database import batches, database, execute, placeholders, reporting, writing
from models.engines.base import Row

SILENCE_SECONDS = 10.0  # without a heartbeat, after which a process counts as dead
DELETE_SECONDS = 60.0  # without a heartbeat, after which its rows are deleted
GRACE_SECONDS = 5.0  # for a member to reconnect before the others are told that they have left
KEPT_VERSIONS = 100  # at least, of the changes of a process: those of half a minute; who has not got these reads all

BEAT = "UPDATE process SET beat_at = {now}, version = ? WHERE id = ?"
# A report whose answer was lost may be stored by now.
ADD_PROCESS = "INSERT INTO process (id, beat_at, version) VALUES (?, {now}, 0) ON CONFLICT DO NOTHING"
END = "UPDATE process SET beat_at = {now} - ? WHERE id = ?"
DELETE_DEAD = "DELETE FROM process WHERE beat_at NOT BETWEEN {now} - ? AND {now} + ?"
# {} is a list of values; column1 and column2 are the names that SQL gives to one: processes with versions.
ADD_CHANGES = """
    INSERT INTO presence_change (process_id, version, room_id, user_id, connections, typing_until) VALUES {}
"""
CHANGE = "(?, ?, ?, ?, ?, {now} + ?)"
# In this order who posts locks rooms, too, which the rows refer to.
SET_ROWS = """
    INSERT INTO presence (process_id, room_id, user_id, connections, typing_until)
    SELECT process_id, room_id, user_id, connections, typing_until FROM presence_change
    WHERE process_id = ? AND version = ? AND connections > 0 ORDER BY room_id
    ON CONFLICT (process_id, room_id, user_id) DO UPDATE
    SET connections = excluded.connections, typing_until = excluded.typing_until
"""
DELETE_ROWS = """
    DELETE FROM presence WHERE process_id = ? AND (room_id, user_id) IN (
        SELECT room_id, user_id FROM presence_change WHERE process_id = ? AND version = ? AND connections = 0
    )
"""
DELETE_CHANGES = "DELETE FROM presence_change WHERE process_id = ? AND version <= ?"
FIND_PROCESSES = "SELECT id, version, abs(beat_at - {now}) FROM process"
FIND_CHANGES = """
    SELECT process_id, version, room_id, user_id, folded, username, connections, typing_until - {now}
    FROM (VALUES {}) AS wanted JOIN presence_change ON process_id = column1 AND version >= column2
    JOIN "user" ON id = user_id ORDER BY process_id, version
"""
FIND_ROWS = """
    SELECT version, room_id, user_id, folded, username, connections, typing_until - {now}
    FROM process JOIN presence ON process_id = process.id JOIN "user" ON "user".id = user_id WHERE process.id = ?
"""


class LocalPresence(NamedTuple):
    """A member in a room at one process; without connections they have left. `typing_for` in seconds."""

    room: str
    member_id: int
    connections: int
    typing_for: float


class Name(NamedTuple):
    """A member's name; they are in order by what it is folded to."""

    folded: str
    username: str


class Reported(NamedTuple):
    """A member in a room, as some process has reported it: LocalPresence with their name."""

    room: str
    member_id: int
    name: Name
    connections: int
    typing_for: float


class ProcessReport(NamedTuple):
    """What a process has reported up to `version`: all that it has (`is_whole`), or what has changed, in order."""

    version: int
    is_whole: bool
    reported: list[Reported]


class Reports(NamedTuple):
    """The processes that are running, the reports of those with something new, and whether there are dead ones."""

    running: Collection[str]
    new: dict[str, ProcessReport]
    has_dead: bool


def report(process: str, version: int, changed: Collection[LocalPresence]) -> bool:
    """Store a heartbeat of `process` and its changed rows; return whether it had no rows before.

    `version` is larger than that of any earlier report, even a failed one, if something has changed, else as before.
    The rows of a running process are deleted if it was suspended for long, or if the database's clock has jumped.
    """
    with reporting():
        is_new = not _run(BEAT, version, process).rowcount  # locks the process
        if is_new:
            _run(ADD_PROCESS, process)
            _run(BEAT, version, process)  # which rings
        if changed:
            _store(process, version, changed)
    return is_new


def _store(process: str, version: int, changed: Collection[LocalPresence]) -> None:
    for some in batches(changed):
        values = ((process, version, *one) for one in some)
        _run(_with(ADD_CHANGES, ",".join([CHANGE] * len(some))), *chain.from_iterable(values))
    _run(SET_ROWS, process, version)
    _run(DELETE_ROWS, process, process, version)
    if version % KEPT_VERSIONS == 0:
        _run(DELETE_CHANGES, process, version - KEPT_VERSIONS)


def stop(process: str) -> None:
    """Let a process that stops count as dead after GRACE_SECONDS, in which its members reconnect elsewhere."""
    with reporting():
        _run(END, SILENCE_SECONDS - GRACE_SECONDS, process)


def delete_dead() -> None:
    """Delete the processes that are dead, with their rows."""
    with writing():  # one at a time: they would wait for each other's rows
        _run(DELETE_DEAD, DELETE_SECONDS, DELETE_SECONDS)


def reports(known: Mapping[str, int]) -> Reports:
    """Return what running processes have reported after the versions that are known of them."""
    found = _run(FIND_PROCESSES).fetchall()
    # A heartbeat is in the future if the clock was set back.
    versions = {process: version for process, version, silent_for in found if silent_for <= SILENCE_SECONDS}
    moved = {process: version for process, version in versions.items() if version != known.get(process)}
    new = _find_changes({process: range(known[process] + 1, moved[process] + 1) for process in moved.keys() & known})
    new.update((process, _find_rows(process, version)) for process, version in moved.items() if process not in new)
    return Reports(versions.keys(), new, any(silent_for > DELETE_SECONDS for _, _, silent_for in found))


def _find_changes(wanted: Mapping[str, range]) -> dict[str, ProcessReport]:
    """Return the changes of processes at these versions and later, where none of these is missing."""
    starts = [value for process, versions in wanted.items() for value in (process, versions.start)]
    found: defaultdict[str, list[Row]] = defaultdict(list)
    if wanted:
        for process, *row in _run(_with(FIND_CHANGES, placeholders(2, len(wanted))), *starts).fetchall():
            found[process].append(row)
    return {
        process: ProcessReport(rows[-1][0], False, _to_reported(rows))
        for process, rows in found.items()
        if {row[0] for row in rows}.issuperset(wanted[process])
    }


def _find_rows(process: str, version: int) -> ProcessReport:
    """Return all that a process has, which was at this version or is at a later one now."""
    rows = _run(FIND_ROWS, process).fetchall()
    return ProcessReport(max((row[0] for row in rows), default=version), True, _to_reported(rows))


def _to_reported(rows: Iterable[Row]) -> list[Reported]:
    return [
        Reported(room, member_id, Name(folded, username), connections, typing_for)
        for _, room, member_id, folded, username, connections, typing_for in rows
    ]


def _with(sql: str, values: str) -> str:
    """Return a statement with its list of values."""
    return sql.replace("{}", values)


def _run(sql: str, *values: object) -> Any:
    return execute(sql.replace("{now}", database.now), *values)
