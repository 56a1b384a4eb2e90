"""Mutants that break what is promised of tasks."""

from __future__ import annotations

from faults.mutant import CACHE_FILE, CHANNEL_FILE, ENCODING_FILE, MONGO_APPEND_FILE, Change, Mutant

TASKS_FILE = "models/tasks.py"
SQL_TASKS_FILE = "models/logs/sql_tasks.py"
MONGO_TASKS_FILE = "models/logs/mongo_tasks.py"

TASK_MUTANTS = (
    Mutant(
        "a task is changed by whom its newest text was unknown",
        (Change(TASKS_FILE, "    return version is not None and version != state.version\n", "    return False\n"),),
    ),
    Mutant(
        "a task that is done stays done",
        (Change(TASKS_FILE, "is_done=change.kind == TASK_DONE)\n", "is_done=True)\n"),),
    ),
    Mutant(
        "a removed task leaves its texts in the store",
        (Change(SQL_TASKS_FILE, "in (REMOVE, ERASE, ERASE_MADE):\n", "in (REMOVE,):\n"),),
    ),
    Mutant(
        "a removed task leaves its earlier texts in the store",
        (Change(SQL_TASKS_FILE, "in (REMOVE, ERASE, ERASE_MADE):\n", "in (REMOVE, ERASE_MADE):\n"),),
    ),
    Mutant(
        "a task is changed in the log and not beside it",
        (Change(SQL_TASKS_FILE, "            self._changed[entry.room, entry.target or 0] = target.task\n", ""),),
    ),
    Mutant(
        "a moved task keeps its place beside the log",
        (Change(SQL_TASKS_FILE, "rank = excluded.rank", "rank = task.rank"),),
    ),
    Mutant(
        "tasks stand in the order in which they were made",
        (
            Change(
                TASKS_FILE,
                "    return sorted(found, key=lambda task: (task.state.rank, task.id))\n",
                "    return sorted(found, key=lambda task: task.id)\n",
            ),
        ),
    ),
    Mutant(
        "a task that is moved to the beginning comes to the end",
        (Change("models/ranks.py", "first(seq) if place == FIRST", "last(seq) if place == FIRST"),),
    ),
    Mutant(
        "a process goes on to send tasks as they were",
        (Change(CACHE_FILE, "            if one.is_change:\n", "            if one.is_change and one.shows:\n"),),
    ),
    Mutant(
        "the first change of a task that is sent brings it, and not the newest",
        (
            Change(
                ENCODING_FILE,
                "newest_changes = {subject_of(entry): entry.seq for entry in entries if",
                "newest_changes = {subject_of(entry): entry.seq for entry in reversed(entries) if",
            ),
        ),
    ),
    Mutant(
        "who has missed changes of tasks is not told what they are now",
        (
            Change(
                CHANNEL_FILE,
                "                tasks = await load_changed(self._log, self.room, entries)\n",
                "                tasks: dict[int, Task] = {}\n",
            ),
        ),
    ),
    Mutant(
        "MongoDB: a change of a task is acknowledged whether it has an effect or not",
        (
            Change(
                MONGO_APPEND_FILE, "            return await self._settle_task(entry)\n", "            return entry\n"
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a change of a task that was overtaken is not marked",
        (
            Change(
                MONGO_TASKS_FILE,
                '        await self._entries.update_many({"_id": {"$in": void}}, {"$set": {"is_void": True}})\n',
                "",
            ),
        ),
        engine="mongodb",
    ),
    Mutant(
        "MongoDB: a removed task leaves its texts in the store",
        (Change(MONGO_TASKS_FILE, "                await self._erase(room, number)\n", "                pass\n"),),
        engine="mongodb",
    ),
)
