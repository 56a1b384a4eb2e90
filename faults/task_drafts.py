"""What those write who keep a list of tasks, and which tasks they know."""

from __future__ import annotations

import datetime
import json
import random
import secrets
from typing import Any

from faults.drafts import Draft, Drafter
from faults.seen import PLANS

# What is done, shuffled and dealt to all again and again: even where little can be stored, everything is done.
DECK = (*("made",) * 3, *("changed",) * 4, *("moved",) * 2, *("done",) * 2, *("undone",) * 2, *("removed",) * 2)
ALL_DEEDS = ("done", "undone", "clear", "clear")
ALL_SHARE = 0.04  # of what they want is of all tasks
GONE_SHARE = 0.05  # of what they want is of what was removed
OLD_SHARE = 0.25  # of the changes are made of an older version
HOT_SHARE = 0.75  # of what they want is one of the newest tasks, so that several want the same
HOT_TASKS = 2
RIVAL_SHARE = 0.5  # of the changes are followed by another one of the same version
TO_END_SHARE = 0.5  # of the moves take a task to an end of the list
MAX_TASKS = 40  # that they know
DAYS = 20  # within which a task is due
CODES_BY_STATUS = {404: "unknown_task", 409: "conflict"}  # of a form that changes a task


class TaskBoard:
    """The newest tasks of a room, as its readers hear of them: what they say and their versions, by number."""

    def __init__(self) -> None:
        self._tasks: dict[int, dict[str, Any]] = {}
        self._before: dict[int, int] = {}  # the version that each had before
        self._gone: list[int] = []
        self._deck: list[str] = []

    def hear(self, entry: dict[str, Any]) -> None:
        """Note what an entry tells of a task."""
        if "task" not in entry:
            return
        task = entry["task"]
        if task is None:
            number = entry["seq"] if entry["kind"] == "task_made" else entry["target"]
            if self._tasks.pop(number, None):
                self._gone = [*self._gone[-HOT_TASKS:], number]
            return
        known = self._tasks.get(task["id"])
        if task["id"] in self._gone or (known and known["changed"] >= task["changed"]):
            return
        if known and known["version"] != task["version"]:
            self._before[task["id"]] = known["version"]
        self._tasks[task["id"]] = task
        if len(self._tasks) > MAX_TASKS:
            del self._tasks[min(self._tasks)]

    def deal(self, dice: random.Random) -> str:
        """Return what is to be done next; while nothing is done, what would undo it waits."""
        self._deck = self._deck or dice.sample(DECK, len(DECK))
        kind = self._deck.pop()
        if kind == "undone" and not any(task["done"] for task in self._tasks.values()):
            self._deck.insert(0, kind)
            return "done"
        return kind

    def pick(self, dice: random.Random, is_done: bool | None = None) -> tuple[int, int] | None:
        """Return the number of a task and a version, of one that is done or not if there is one; None without any."""
        if self._gone and dice.random() < GONE_SHARE:
            return dice.choice(self._gone), 1
        if not self._tasks:
            return None
        numbers = sorted(self._tasks)
        numbers = [one for one in numbers if self._tasks[one]["done"] is is_done] or numbers
        number = dice.choice(numbers[-HOT_TASKS:] if dice.random() < HOT_SHARE else numbers)
        version = self._tasks[number]["version"]
        return number, self._before.get(number, version) if dice.random() < OLD_SHARE else version

    def beside_end(self, deed: str) -> int | None:
        """Return the number of the task that comes to an end of the list by "up" or "down", if there are two."""
        in_order = sorted(self._tasks, key=lambda number: (self._tasks[number]["rank"], number))
        return in_order[1 if deed == "up" else -2] if len(in_order) > 1 else None


class TaskDraft(Draft):
    """What a member wants of a list of tasks; `body` has the fields of the form, as JSON."""

    @property
    def kind_by_form(self) -> str:
        return self.kind

    @property
    def refusals(self) -> dict[int, str]:
        return {} if self.target is None else CODES_BY_STATUS

    def form(self, room: str) -> tuple[str, dict[str, str]]:
        fields = {"nonce": self.nonce, **json.loads(self.body)}
        path = f"/rooms/{room}/tasks"
        if self.kind == "task_made":
            return path, fields
        return f"{path}/{self.target or 'all'}", fields


class TaskDrafter(Drafter):
    """Draws what somebody does next to a list of tasks; `names` are those to whom they may give one."""

    def __init__(self, name: str, dice: random.Random, board: TaskBoard, names: list[str]) -> None:
        self._name = name
        self._dice = dice
        self._tasks = board
        self._names = names
        self._rival: tuple[int, int] | None = None  # the number and version of which another change is wanted

    def draw(self) -> Draft:
        nonce = secrets.token_hex(8)
        if self._rival:
            (number, version), self._rival = self._rival, None
            return self._change(nonce, number, version)
        if self._dice.random() < ALL_SHARE:
            return TaskDraft("tasks", nonce, json.dumps({"do": self._dice.choice(ALL_DEEDS)}))
        kind = self._tasks.deal(self._dice)
        picked = self._tasks.pick(self._dice, {"done": False, "undone": True}.get(kind))
        if kind == "made" or picked is None:
            return TaskDraft("task_made", nonce, json.dumps(self._content(nonce)))
        number, version = picked
        if kind == "changed":
            self._rival = picked if self._dice.random() < RIVAL_SHARE else None
            return self._change(nonce, number, version)
        if kind == "moved":
            deed = self._dice.choice(("up", "down"))
            if self._dice.random() < TO_END_SHARE:
                number = self._tasks.beside_end(deed) or number
            fields = {"do": deed}
        else:
            fields = {"do": "remove" if kind == "removed" else kind}
        return TaskDraft(f"task_{kind}", nonce, json.dumps(fields), number)

    def _change(self, nonce: str, number: int, version: int) -> Draft:
        fields = {"do": "change", **self._content(nonce), "version": str(version)}
        return TaskDraft("task_changed", nonce, json.dumps(fields), number)

    def _content(self, nonce: str) -> dict[str, str]:
        due = datetime.date(2030, 1, 1) + datetime.timedelta(days=self._dice.randrange(DAYS))
        return {
            "text": f"{self._name} {PLANS} {nonce}",
            "to": self._dice.choice([*self._names, ""]),
            "due": self._dice.choice([due.isoformat(), ""]),
        }
