"""What every log promises of tasks: each is the fold of the entries that name it, the same for every reader."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any
from unittest import mock

from controllers.web.rate_limit import RateLimiter
from controllers.web.task_list import Fields, TaskList
from models import ranks, rules, tasks
from models.database import database
from models.errors.base import Refusal
from models.errors.messages import Deleted, TooManyChanges, UnknownTarget
from models.errors.rooms import Archived, NotMember
from models.errors.tasks import BadDay, Conflict, NotInRoom, TaskEmpty, TaskTooLong, TooManyTasks, UnknownTask
from models.logs.base import Draft, Entry, RoomLog
from models.models import Room
from models.tasks import Task, TaskState
from testsuite.log_case import LogTest


class Here:
    """What a list of tasks needs of the site."""

    def __init__(self, log: RoomLog) -> None:
        self.log = log
        self.rate_limiter = RateLimiter(0)

    async def append(self, draft: Draft) -> Entry:
        return await self.log.append(draft)

    async def read(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        with database.connection_context():
            return function(*args, **kwargs)


class TasksContract(LogTest):
    """Tasks of the lobby, as ana and beto change them. docs/security.rst 30: what is removed leaves no text."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.list = self.list_of(self.ana)
        self.betos = self.list_of(self.beto)
        self.used = 0

    def list_of(self, member: int, room: str = "lobby") -> TaskList:
        return TaskList(room, member, Here(self.log))

    def nonce(self) -> str:
        self.used += 1
        return f"n{self.used}"

    async def add(self, text: str, to: str = "", due: str = "", source: int | None = None) -> int:
        return (await self.list.add(Fields(text, to, due), self.nonce(), source)).seq

    async def texts(self) -> list[str]:
        return [("+" if task.is_done else "") + task.text for task in await self.list.all()]

    async def assert_is_the_fold(self, room: str = "lobby") -> None:
        states: dict[tuple[str, int], TaskState] = {}
        tasks.fold(states, await self.everything(room))
        kept = {(state.room, state.id): state for state in await self.log.task_states(room)}
        self.assertEqual(kept, states)

    # --- one member

    async def test_tasks_stand_in_the_order_in_which_they_were_made_and_what_is_done_stays_there(self) -> None:
        ids = [await self.add(text) for text in ("buy", "bake", "eat")]
        await self.betos.set_done(ids[1], True, self.nonce())
        self.assertEqual(await self.texts(), ["buy", "+bake", "eat"])
        await self.list.set_done(ids[1], False, self.nonce())
        self.assertEqual(await self.texts(), ["buy", "bake", "eat"])
        await self.assert_is_the_fold()

    async def test_a_task_has_all_that_was_said_of_it(self) -> None:
        post = await self.log.append(self.draft("call the hall"))
        number = await self.add("  Call\nthe hall ", "BETO", "2026-12-31", post.seq)
        task = await self.list.get(number)
        at = (await self.everything())[-1].at
        state = TaskState("lobby", number, number, False, ranks.last(number), "beto", number)
        self.assertEqual(task, Task(state, "Call the hall", "2026-12-31", post.seq, "ana", at))
        change = await self.betos.change(number, task.version, Fields(due="", to=""), self.nonce())
        task = await self.list.get(number)
        self.assertEqual((task.text, task.due, task.to, task.version), ("Call the hall", "", "", change.seq))
        self.assertEqual(task.author, "ana")
        await self.assert_is_the_fold()

    async def test_moving_a_task_is_one_entry_and_moves_no_other(self) -> None:
        ids = [await self.add(text) for text in "abcd"]
        before = len(await self.everything())
        for number, in_front_of, order in (
            (ids[3], ids[0], "dabc"),
            (ids[0], None, "dbca"),
            (ids[3], ids[2], "bdca"),
            (ids[2], ids[3], "bcda"),
            (ids[1], ids[1 - 1], "cdba"),
            (ids[2], ids[3], "cdba"),
        ):
            await self.list.move(number, in_front_of, self.nonce())
            self.assertEqual("".join(await self.texts()), order)
        self.assertEqual(len(await self.everything()), before + 6)
        await self.add("e")
        self.assertEqual("".join(await self.texts()), "cdbae")
        await self.assert_is_the_fold()

    async def test_two_tasks_that_swap_for_ever_move_until_their_places_are_too_long(self) -> None:
        ids = [await self.add(text) for text in "abcd"]
        with mock.patch("controllers.web.task_list.MAX_RANK_CHARS", 14):
            with self.assertRaises(TooManyChanges):
                for _ in range(100):
                    await self.list.move(ids[2], ids[1], self.nonce())
                    await self.list.move(ids[1], ids[2], self.nonce())
            await self.list.move(ids[1], None, self.nonce())
        self.assertEqual(len(await self.texts()), 4)

    async def test_whoever_changes_an_older_version_is_refused_and_nothing_is_lost(self) -> None:
        number = await self.add("buy milk")
        await self.betos.change(number, number, Fields("buy oat milk"), self.nonce())
        before = await self.log.head("lobby")
        with self.assertRaises(Conflict):
            await self.list.change(number, number, Fields("buy two milks"), self.nonce())
        for old in (number, 0, -1, 2**53):
            with self.assertRaises(Conflict):
                await self.list.remove(number, self.nonce(), version=old)
        self.assertEqual(await self.texts(), ["buy oat milk"])
        self.assertEqual(await self.log.head("lobby"), before)
        await self.list.set_done(number, True, self.nonce())  # which loses nothing
        self.assertEqual(await self.texts(), ["+buy oat milk"])

    async def test_a_removed_task_leaves_no_text_and_takes_no_change(self) -> None:
        number = await self.add("a secret", "beto")
        entry = await self.list.change(number, number, Fields("a secret that was changed"), self.nonce())
        await self.list.set_done(number, True, self.nonce())
        await self.betos.remove(number, self.nonce(), version=entry.seq)
        entries = await self.everything()
        self.assertNotIn("secret", repr(entries))
        self.assertEqual([one.kind for one in entries], ["task_made", "task_changed", "task_done", "task_removed"])
        self.assertEqual(await self.texts(), [])
        for change in (
            self.list.set_done(number, False, self.nonce()),
            self.list.change(number, entry.seq, Fields("again"), self.nonce()),
            self.list.move(number, None, self.nonce()),
            self.list.remove(number, self.nonce()),
        ):
            with self.assertRaises(UnknownTask):
                await change
        for kind in ("task_changed", "task_moved", "task_done", "task_undone", "task_removed"):
            with self.assertRaises(UnknownTask):
                await self.log.append(Draft("lobby", self.ana, "{}", self.nonce(), kind, number))
        await self.assert_is_the_fold()

    async def test_what_is_sent_again_is_the_same_change(self) -> None:
        first = await self.list.add(Fields("once"), "a")
        self.assertEqual(await self.list.add(Fields("once"), "a"), first)
        change = await self.list.change(first.seq, first.seq, Fields("twice"), "c")
        self.assertEqual(await self.list.change(first.seq, first.seq, Fields("twice"), "c"), change)
        for _ in range(2):
            await self.list.set_all_done(True, "all")
        self.assertEqual([one.kind for one in await self.everything()], ["task_made", "task_changed", "task_done"])
        removal = await self.list.remove(first.seq, "r")
        self.assertEqual(await self.list.remove(first.seq, "r"), removal)

    async def test_all_are_done_or_not_at_once_and_what_is_done_is_cleared(self) -> None:
        ids = [await self.add(text) for text in "abc"]
        await self.list.set_done(ids[1], True, self.nonce())
        await self.list.set_all_done(True, self.nonce())
        self.assertEqual(await self.texts(), ["+a", "+b", "+c"])
        await self.list.set_all_done(False, self.nonce())
        await self.list.set_done(ids[0], True, self.nonce())
        await self.list.remove_done(self.nonce())
        self.assertEqual(await self.texts(), ["b", "c"])
        await self.assert_is_the_fold()

    # --- what is refused

    async def assert_not_added(self, refusal: type[Refusal], *fields: str, **others: Any) -> None:
        with self.assertRaises(refusal) as refused:
            await self.list.add(Fields(*fields), self.nonce(), **others)
        self.assertIs(type(refused.exception), refusal)

    async def test_what_is_no_task_is_refused(self) -> None:
        number = await self.add("a task")
        post = await self.log.append(self.draft("a message"))
        await self.log.append(Draft("lobby", self.ana, "", "d", "delete", post.seq))
        before = await self.log.head("lobby")
        for text in ("", " \n", "\u200b", "\0"):
            await self.assert_not_added(TaskEmpty, text)
        await self.assert_not_added(TaskTooLong, "x" * (tasks.MAX_TASK_CHARS + 1))
        for day in ("tomorrow", "2026-02-30", "20261231", "2026-W01-1", "+026-12-31", "2026-12-31T00", "2026-1-1"):
            await self.assert_not_added(BadDay, "x", "", day)
        for name in ("nobody", "x" * 10_000):
            await self.assert_not_added(NotInRoom, "x", name)
        await self.assert_not_added(Deleted, "x", source=post.seq)
        for source in (number, 10**6, 2**70, 0, -1):
            await self.assert_not_added(UnknownTarget, "x", source=source)
        for wrong in (post.seq, 10**6, 2**70, 0, -1):
            with self.assertRaises(UnknownTask):
                await self.list.set_done(wrong, True, self.nonce())
            with self.assertRaises(UnknownTask):
                await self.log.append(Draft("lobby", self.ana, "{}", self.nonce(), "task_done", wrong))
        for kind in ("edit", "delete", "react", "post"):
            with self.assertRaises(UnknownTarget):
                await self.log.append(Draft("lobby", self.ana, "x", self.nonce(), kind, number))
        self.assertEqual(await self.log.head("lobby"), before)
        self.assertEqual(await self.texts(), ["a task"])

    async def test_only_members_change_the_tasks_of_a_room_and_nobody_those_of_an_archived_one(self) -> None:
        attic = self.list_of(self.ana, "attic")
        number = (await attic.add(Fields("sweep"), self.nonce())).seq
        stranger = self.list_of(self.beto, "attic")
        for change in (stranger.add(Fields("x"), self.nonce()), stranger.set_done(number, True, self.nonce())):
            with self.assertRaises(NotMember):
                await change
        with self.assertRaises(UnknownTask):  # it is a task of another room
            await self.betos.set_done(number, True, self.nonce())
        with self.assertRaises(NotInRoom):
            await attic.add(Fields("x", "beto"), self.nonce())
        self.with_models(lambda: Room.update(archived_at=1.0).where(Room.slug == "attic").execute())
        with self.assertRaises(Archived):
            await attic.set_done(number, True, self.nonce())

    async def test_a_room_has_so_many_tasks_and_no_more(self) -> None:
        with mock.patch.object(rules, "MAX_TASKS", 3):
            outcomes = await asyncio.gather(*(self.add(text) for text in "abcde"), return_exceptions=True)
            self.assertEqual([type(one) for one in outcomes].count(int), 3, outcomes)
            with self.assertRaises(TooManyTasks):
                await self.add("f")
            await self.list.remove(next(one for one in outcomes if isinstance(one, int)), self.nonce())
            await self.add("g")

    # --- whose tasks

    async def test_a_members_open_tasks_are_found_in_the_rooms_that_are_asked_for(self) -> None:
        attic = self.list_of(self.ana, "attic")
        mine = [await self.add("b", "ana", "2026-12-02"), await self.add("a", "ana", "2026-12-01")]
        await self.add("c", "beto")
        await self.add("d")
        in_attic = (await attic.add(Fields("e", "ana"), self.nonce())).seq
        found = await tasks.load_given_to(self.log, "ana", ["lobby", "attic"], 10)
        ids = {room: [task.id for task in some] for room, some in found.items()}
        self.assertEqual(ids, {"lobby": mine[::-1], "attic": [in_attic]})
        self.assertEqual(len(await self.log.tasks_given_to("ana", ["lobby", "attic"], 2)), 2)
        self.assertEqual(await self.log.count_tasks_given_to("ana", ["lobby", "attic"]), 3)
        self.assertEqual(await self.log.count_tasks_given_to("ana", ["attic"]), 1)
        for name, rooms in (("ana", []), ("", ["lobby"]), ("nobody", ["lobby"]), ("ana", ["nowhere"])):
            self.assertEqual(await self.log.count_tasks_given_to(name, rooms), 0)
            self.assertEqual(await self.log.tasks_given_to(name, rooms, 10), [])
        await self.list.set_done(mine[0], True, self.nonce())
        await self.list.change(mine[1], mine[1], Fields(to="beto"), self.nonce())
        self.assertEqual(await self.log.count_tasks_given_to("ana", ["lobby", "attic"]), 1)
        self.assertEqual(await self.log.count_tasks_given_to("beto", ["lobby"]), 2)
        await self.list.set_done(mine[0], False, self.nonce())
        await attic.remove(in_attic, self.nonce())
        self.assertEqual(await self.log.count_tasks_given_to("ana", ["lobby", "attic"]), 1)

    # --- many at once

    async def test_of_many_who_change_the_same_version_one_wins(self) -> None:
        number = await self.add("0")
        for turn in range(5):
            version = (await self.list.get(number)).version
            changes = (
                (self.list if who % 2 else self.betos).change(number, version, Fields(f"{turn} {who}"), self.nonce())
                for who in range(6)
            )
            outcomes = await asyncio.gather(*changes, return_exceptions=True)
            won = [one for one in outcomes if isinstance(one, Entry)]
            self.assertEqual([type(one) for one in outcomes if one not in won], [Conflict] * 5)
            self.assertEqual((await self.list.get(number)).version, won[0].seq)
        await self.assert_is_the_fold()

    async def test_whatever_happens_at_once_the_tasks_are_the_fold_of_the_log(self) -> None:
        dice = random.Random(12)
        ids = [await self.add(f"t{number}", dice.choice(("", "ana", "beto"))) for number in range(6)]

        async def change(who: TaskList) -> None:
            number, other = dice.choice(ids), dice.choice([*ids, None])
            match dice.randrange(6):
                case 0:
                    version = (await who.get(number)).version
                    await who.change(
                        number, version, Fields(f"t{dice.random()}", dice.choice(("", "ana"))), self.nonce()
                    )
                case 1 if other != number:
                    await who.move(number, other, self.nonce())
                case 2 if dice.random() < 0.2:
                    await who.remove(number, self.nonce())
                case 3:
                    ids.append((await who.add(Fields("new"), self.nonce())).seq)
                case _:
                    await who.set_done(number, dice.random() < 0.5, self.nonce())

        for _ in range(12):
            outcomes = await asyncio.gather(
                *(change(dice.choice((self.list, self.betos))) for _ in range(8)), return_exceptions=True
            )
            for outcome in outcomes:
                self.assertIsInstance(outcome, type(None) | UnknownTask | Conflict)
            await self.assert_is_the_fold()
        self.assertGreater(len(await self.list.all()), 3)
