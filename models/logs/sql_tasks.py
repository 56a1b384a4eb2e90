"""The tasks beside the log in the people's database: a table that follows the entries in the same transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import chain

from models import tasks
from models.database import batches, execute, placeholders
from models.engines.base import Row
from models.logs.base import TASK_MADE, TASK_REMOVED, TASKS, Draft, Entry
from models.rules import Target
from models.tasks import TaskState

COLUMNS = "room_id, id, version, is_done, rank, given_to, changed_seq"
COLUMN_COUNT = COLUMNS.count(",") + 1
# {} is a list of values.
READ = f"SELECT {COLUMNS} FROM task "  # noqa: S608 - of constants, as the others are
OF_ROOM = READ + "WHERE room_id = ?"
OF_PLACES = READ + "WHERE (room_id, id) IN (VALUES {})"
OF_IDS = READ + "WHERE room_id = ? AND id IN ({})"
IS_OPEN_FOR = "WHERE given_to = ? AND given_to <> '' AND NOT is_done AND room_id IN ({})"
GIVEN_TO = READ + IS_OPEN_FOR + " LIMIT ?"
COUNT_GIVEN_TO = "SELECT COUNT(*) FROM task " + IS_OPEN_FOR  # noqa: S608
COUNT = "SELECT room_id, COUNT(*) FROM task WHERE room_id IN ({}) GROUP BY room_id"
SET = f"""
    INSERT INTO task ({COLUMNS}) VALUES {{}} ON CONFLICT (room_id, id) DO UPDATE SET version = excluded.version,
        is_done = excluded.is_done, rank = excluded.rank, given_to = excluded.given_to,
        changed_seq = excluded.changed_seq
"""  # noqa: S608
REMOVE = "DELETE FROM task WHERE room_id = ? AND id = ?"
ERASE = "UPDATE entry SET body = '' WHERE room_id = ? AND target = ? AND kind = 'task_changed'"
ERASE_MADE = "UPDATE entry SET body = '' WHERE room_id = ? AND seq = ?"

Place = tuple[str, int]  # a room and a seq


class TaskBatch:
    """The tasks that the drafts of one transaction make and change."""

    def __init__(self, drafts: Collection[Draft]) -> None:
        making = {draft.room for draft in drafts if draft.kind == TASK_MADE}
        self.counts: dict[str, int] = dict(_find(COUNT, making)) if making else {}
        self._changed: dict[Place, TaskState | None] = {}

    def take(self, entry: Entry, target: Target | None) -> None:
        """Make or change a task as an entry does that was accepted."""
        if entry.kind == TASK_MADE:
            self.counts[entry.room] = self.counts.get(entry.room, 0) + 1
            self._changed[entry.room, entry.seq] = tasks.begin(entry)
        elif entry.kind in TASKS:
            assert target is not None
            target.apply_to_task(entry)
            self._changed[entry.room, entry.target or 0] = target.task
            if entry.kind == TASK_REMOVED:
                self.counts[entry.room] = self.counts.get(entry.room, 0) - 1

    def store(self) -> None:
        """Store what has become of the tasks; of those that were removed no text is left in the log."""
        store_states(state for state in self._changed.values() if state is not None)
        for place, state in self._changed.items():
            if state is None:
                for statement in (REMOVE, ERASE, ERASE_MADE):
                    execute(statement, *place)


def store_states(states: Iterable[TaskState]) -> None:
    """Store tasks, in the place of what they were before."""
    for some in batches(list(states)):
        execute(SET.format(placeholders(COLUMN_COUNT, len(some))), *chain.from_iterable(map(to_row, some)))


def add_to(targets: Mapping[Place, Target], places: Collection[Place]) -> None:
    """Add the tasks at these places to what drafts have as their targets."""
    for some in batches(places):
        for row in execute(OF_PLACES.format(placeholders(2, len(some))), *chain.from_iterable(some)).fetchall():
            state = _to_state(row)
            targets[state.room, state.id].task = state


def of_room(room: str, ids: Collection[int] | None) -> list[TaskState]:
    """Return the tasks of a room with these ids, or all."""
    if ids is None:
        return [_to_state(row) for row in execute(OF_ROOM, room).fetchall()]
    return [_to_state(row) for some in batches(ids) for row in execute(_of(OF_IDS, some), room, *some).fetchall()]


def given_to(username: str, rooms: Collection[str], limit: int) -> list[TaskState]:
    """Return at most `limit` open tasks that are given to a member in these rooms."""
    rows = execute(_of(GIVEN_TO, rooms), username, *rooms, limit).fetchall() if rooms else ()
    return [_to_state(row) for row in rows]


def count_given_to(username: str, rooms: Collection[str]) -> int:
    """Return how many open tasks are given to a member in these rooms."""
    return int(execute(_of(COUNT_GIVEN_TO, rooms), username, *rooms).fetchone()[0]) if rooms else 0


def _find(sql: str, values: Collection[object]) -> list[Row]:
    rows: list[Row] = execute(_of(sql, values), *values).fetchall()
    return rows


def _of(sql: str, values: Collection[object]) -> str:
    return sql.format(",".join("?" * len(values)))


def to_row(state: TaskState) -> Row:
    """Return the COLUMNS of a task."""
    return state.room, state.id, state.version, state.is_done, state.rank, state.to, state.changed_seq


def _to_state(row: Row) -> TaskState:
    room, number, version, is_done, rank, to, changed_seq = row
    return TaskState(room, number, version, bool(is_done), rank, to, changed_seq)
