"""Any order of changes gives every reader the same list of tasks."""

from __future__ import annotations

import asyncio
import json
import unittest
from collections.abc import Awaitable, Callable, Collection
from typing import Any, cast
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from controllers.realtime.encoding import Renderer, encode_all
from controllers.realtime.entry_cache import EntryCache, MemoryLimit
from controllers.web.task_list import Fields
from models import tasks
from models.errors.stores import Unavailable
from models.errors.tasks import Conflict, UnknownTask
from models.logs.base import Draft, Entry, RoomLog
from testsuite.activity_case import ActivityTest
from testsuite.fuzzing import FuzzTest, examples
from testsuite.memory_log import ROOM, MemoryLog, task_list

Found = dict[int, dict[str, Any]]  # tasks as a client has them, by id

NUMBERS = st.integers(0, 99)
CHANGES = ("add", "change", "change an older one", "first", "last", "before", "done", "undone", "remove")
TOGETHER = ("two change", "two move", "others change what is removed", "post")
READING = ("deliver", "join", "all done", "clear")
STEPS = st.lists(
    st.tuples(st.sampled_from(("add", "before", *CHANGES, *TOGETHER, *READING)), NUMBERS, NUMBERS), max_size=40
)


class Client:
    """A client that does what docs/protocol.rst says: `task` of an entry takes the place of what it has of the task."""

    def __init__(self, cursor: int = 0, found: Found | None = None) -> None:
        self.cursor = cursor
        self.tasks = found or {}

    def take(self, texts: list[str]) -> None:
        """Take a frame."""
        for entry in map(json.loads, texts):
            assert entry["seq"] == self.cursor + 1, "a hole"
            self.cursor = entry["seq"]
            if "task" in entry:
                number = entry["seq"] if entry["kind"] == "task_made" else entry["target"]
                self.tasks.pop(number, None)
                if entry["task"] is not None:
                    self.tasks[number] = entry["task"]

    def in_order(self) -> list[dict[str, Any]]:
        """Return the list as it is shown."""
        return sorted(self.tasks.values(), key=lambda task: (task["rank"], task["id"]))


class Process:
    """A process of the site with a client that is always there."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.cache = EntryCache(0, MemoryLimit(1 << 30))
        self.client = Client()

    async def deliver(self) -> None:
        """Fetch what is new, keep it and send it."""
        entries = await self._log.after(self.client.cursor, 500)
        found = await tasks.load_changed(cast(RoomLog, self._log), ROOM, entries)
        encoded = list(encode_all(entries, {}, found, cast(Renderer, Plain())))
        self.cache.extend(encoded, {})
        self.client.take([one.text for one, _ in encoded])


class Plain:
    """Renders nothing, since there are no messages to look at."""

    def render(self, message: object) -> str:
        return ""


class Story:
    """What happens to a list of tasks, as steps say; `expected` is what the page is to show, in order, while known."""

    def __init__(self, keeps_overtaken: bool) -> None:
        self.log = MemoryLog(keeps_overtaken)
        self.list = task_list(self.log)
        self.processes = [Process(self.log), Process(self.log)]
        self.late: list[Client] = []
        self.pieces: dict[tuple[str, int], tasks.TaskState] = {}
        self.folded = 0
        self.expected: list[list[Any]] | None = []  # of each task its id, text and whether it is done
        self.removed: list[str] = []
        self._used = 0

    async def load(self) -> list[tasks.Task]:
        """Return the list as a page shows it."""
        return await tasks.load(cast(RoomLog, self.log), ROOM)

    def nonce(self) -> str:
        self._used += 1
        return f"n{self._used}"

    async def do(self, step: str, one: int, other: int) -> None:
        """Do the next thing; `one` and `other` say to which of the tasks."""
        found = await self.load()
        if step == "add" or (not found and step not in READING):
            text = f"text {self.nonce()}."
            entry = await self.list.add(Fields(text), self.nonce())
            self._expect(lambda places: places.append([entry.seq, text, False]))
        elif step in READING:
            await self._read(step, one)
        elif step in CHANGES:
            await self._change(step, found, one % len(found), other % len(found))
        else:
            await self._do_together(step, found, one % len(found), other % len(found))

    def _expect(self, change: Callable[[list[list[Any]]], object]) -> None:
        if self.expected is not None:
            change(self.expected)

    async def _change(self, step: str, found: list[tasks.Task], one: int, other: int) -> None:
        task, nonce = found[one], self.nonce()
        if step in ("done", "undone"):
            await self.list.set_done(task.id, step == "done", nonce)
            self._expect(lambda places: places[one].__setitem__(2, step == "done"))
        elif step == "change":
            await self.list.change(task.id, task.version, Fields(f"text {nonce}."), nonce)
            self._expect(lambda places: places[one].__setitem__(1, f"text {nonce}."))
        elif step == "change an older one":
            await self._fails(self.list.change(task.id, task.version - 1, Fields("text of nobody."), nonce))
        elif step == "remove":
            await self.list.remove(task.id, nonce)
            self.removed.append(task.text)
            self._expect(lambda places: places.pop(one))
        else:
            others = [place for place in range(len(found)) if place != one]
            before = {"first": others[:1], "before": [other] if other != one else []}.get(step, [])
            await self.list.move(task.id, found[before[0]].id if before else None, nonce)
            self._expect(lambda places: _move(places, one, before[0] if before else len(places)))

    async def _fails(self, change: Awaitable[object]) -> None:
        try:
            await change
        except Conflict:
            return
        raise AssertionError("a change of an older version was taken")

    async def _do_together(self, step: str, found: list[tasks.Task], one: int, other: int) -> None:
        """Do two things of which neither has seen the other."""
        task, before = found[one], found[other]
        if step == "post":
            await self.log.append(Draft(ROOM, 1, "a message", self.nonce()))
        elif step == "two change":
            changes = (self.list.change(task.id, task.version, Fields(f"text {word}."), self.nonce()) for word in "ab")
            outcomes = await asyncio.gather(*changes, return_exceptions=True)
            assert [type(outcome) for outcome in outcomes].count(Conflict) == 1, outcomes
            self._expect(lambda places: places[one].__setitem__(1, "text a."))
        elif step == "two move":
            some = [number for number in {one, (one + 1) % len(found)} if found[number].id != before.id]
            await asyncio.gather(*(self.list.move(found[number].id, before.id, self.nonce()) for number in some))
            for number in some:  # which may have the same rank now
                await self.list.move(before.id, found[number].id, self.nonce())
            self.expected = None
        else:
            nonce = self.nonce()
            deeds = [
                self.list.remove(task.id, self.nonce()),
                self.list.change(task.id, task.version, Fields(f"text {nonce}."), nonce),
                self.list.set_done(task.id, True, self.nonce()),
                self.list.move(before.id, task.id if before.id != task.id else None, self.nonce()),
            ]
            outcomes = await asyncio.gather(*deeds[other % 4 :], *deeds[: other % 4], return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} <= {Entry, UnknownTask}, outcomes
            self.removed += [task.text, f"text {nonce}."]
            self.expected = None

    async def _read(self, step: str, one: int) -> None:
        if step == "deliver":
            await self.processes[one % 2].deliver()
        elif step == "join":
            cursor = max(0, self.log.head - one % 4)  # of the list that is loaded now, or a little later
            self.late.append(Client(cursor, {task.id: task.as_json() for task in await self.load()}))
        elif step == "all done":
            await self.list.set_all_done(one % 2 > 0, self.nonce())
            self._expect(lambda places: [place.__setitem__(2, one % 2 > 0) for place in places])
        else:
            self.removed += [task.text for task in await self.load() if task.is_done]
            await self.list.remove_done(self.nonce())
            self.expected = self.expected and [place for place in self.expected if not place[2]]
        if one % 3 == 0:
            tasks.fold(self.pieces, await self.log.after(self.folded, 10_000))
            self.folded = self.log.head

    async def finish(self, size: int) -> None:
        """Let everybody hear everything; those who have come late in frames of this size."""
        for process in self.processes:
            await process.deliver()
        for number, client in enumerate(self.late):
            while client.cursor < self.log.head:
                if number % 2:
                    texts = self.processes[0].cache.texts_after(client.cursor, self.log.head) or []
                    client.take([text for _, text in texts[:size]])
                else:
                    entries = await self.log.after(client.cursor, size)
                    found = await tasks.load_changed(cast(RoomLog, self.log), ROOM, entries)
                    encoded = encode_all(entries, {}, found, cast(Renderer, Plain()))
                    client.take([one.text for one, _ in encoded])


def _move(places: list[Any], one: int, before: int) -> None:
    moved = places.pop(one)
    places.insert(before - (before > one), moved)


class Lists(FuzzTest):
    def setUp(self) -> None:
        runner = asyncio.Runner()
        self.addCleanup(runner.close)
        self.run_now = runner.run

    @examples(250)
    @given(st.integers(0, 6), STEPS, st.booleans(), st.integers(1, 20))
    def test_any_order_of_changes_gives_every_reader_the_same_list(
        self, begun: int, steps: list[tuple[str, int, int]], keeps_overtaken: bool, size: int
    ) -> None:
        story = Story(keeps_overtaken)

        async def act() -> list[tasks.Task]:
            for step in [("add", 0, 0)] * begun + steps:
                await story.do(*step)
            await story.finish(size)
            tasks.fold(story.pieces, await story.log.after(story.folded, 10_000))
            return await story.load()

        found = self.run_now(act())
        if story.expected is not None:
            self.assertEqual([[task.id, task.text, task.is_done] for task in found], story.expected)
        whole: dict[tuple[str, int], tasks.TaskState] = {}
        tasks.fold(whole, story.log.all)
        self.assertEqual(whole, story.log.states)
        self.assertEqual(story.pieces, story.log.states)
        for client in (*(process.client for process in story.processes), *story.late):
            self.assertEqual(client.in_order(), [task.as_json() for task in found])
        kept = "".join(text for process in story.processes for _, text in process.cache.texts_after(0, 10**6) or ())
        left = [text for text in story.removed if text in repr(story.log.all) + kept and text[5] == "n"]
        self.assertEqual(left, [])


class Counts(ActivityTest):
    async def test_who_leaves_while_their_open_tasks_are_counted_keeps_nobody_waiting(self) -> None:
        ana, beto = await self.listen("ana"), await self.listen("beto")
        made = await self.do(tasks.body_of_new("a task", "ana", ""), "task_made")
        await self.until(lambda: any(one["type"] == "tasks" and one["open"] for one in ana.heard))
        count = self.site.log.count_tasks_given_to

        async def fail_for_ana(name: str, rooms: Collection[str]) -> int:
            if name == "ana":
                self.hub.remove(ana)
                raise Unavailable()
            return await count(name, rooms)

        with mock.patch.object(self.site.log, "count_tasks_given_to", fail_for_ana), self.assertNoLogs():
            await self.do(tasks.body_of_change("a task", "beto", "", "ana", made.seq), "task_changed", made.seq)
            await self.until(lambda: any(one["type"] == "tasks" and one["open"] for one in beto.heard))
            await self.until(lambda: ana not in self.hub.subscribers)


if __name__ == "__main__":
    unittest.main()
