"""The checker of the fault harness finds what goes wrong with tasks, and its fold of them is that of the site."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import unittest
from typing import Any

from controllers.realtime.protocol import entry_message
from faults.checker import check
from faults.history import Acked, Heard, History, Listed, Refused, Row, Sent
from faults.seen import GONE
from faults.task_folding import fold, place_at_beginning, place_at_end
from faults.task_seen import as_on_page, look, place_of, task_in
from models import ranks, tasks
from models.logs.base import TASK_CHANGES, Entry
from testsuite.checker_case import CheckerTest, page

SAYS = {"text": "a text", "to": "", "due": ""}
STORED = {"task_moved": {"place": "first"}, "task_done": {"was": ""}, "task_removed": {"was": ""}}


class Tasks(CheckerTest):
    """A task that is made, changed, moved, done and removed, and a page of tasks."""

    def setUp(self) -> None:
        super().setUp()
        self.task = self.do("task_made", **SAYS)

    def do(self, kind: str, **fields: Any) -> int:
        """Let ana change the task, which everybody hears of, at the time that is its seq; return that seq."""
        seq = self.send(kind, **fields)
        self.history.acked.append(Acked(seq + 0.5, "ana", f"nonce{seq}", None))
        self.hear(seq)
        return seq

    def send(self, kind: str, **fields: Any) -> int:
        """Let ana change the task, of which nobody is told."""
        seq = self.history.head = len(self.history.table) + 1
        target = None if kind == "task_made" else self.task
        stored = STORED.get(kind, {name: value for name, value in fields.items() if name in SAYS})
        self.history.sent.append(Sent(float(seq), "ana", f"nonce{seq}", json.dumps(fields), "form", kind, target))
        self.history.table.append(Row(seq, "ana", f"nonce{seq}", json.dumps(stored), kind, target, 4))
        return seq

    def change(self, version: int) -> int:
        return self.do("task_changed", **SAYS, version=str(version))

    def hear(self, seq: int) -> None:
        row = self.history.table[seq - 1]
        told = fold(self.history).courses[row.target or seq].looks[-1][1]
        for join in (0, 1):
            heard = Heard(seq + 0.6, join, seq, row.nonce, True, row.kind, row.target, task=told)
            self.history.heard.append(heard)

    def remove(self) -> int:
        """Remove the task; its texts are gone."""
        seq = self.do("task_removed", do="remove")
        for place, row in enumerate(self.history.table):
            if row.kind in ("task_made", "task_changed"):
                self.history.table[place] = dataclasses.replace(row, body="")
        return seq

    def refuse(self, seq: int, code: str) -> None:
        """Let what ana has sent be refused instead of acknowledged."""
        self.history.acked = [ack for ack in self.history.acked if ack.nonce != f"nonce{seq}"]
        self.history.refused.append(Refused(seq + 0.5, "ana", f"nonce{seq}", code, "form"))

    def list_now(self, at: float, is_last: bool = False) -> None:
        """Let somebody see the page as it is."""
        shown = [as_on_page(course.looks[-1][1]) for course in fold(self.history).in_order()]
        self.history.listed.append(Listed(at, at, "process 0", shown, is_last))

    def test_what_is_seen_by_all_is_good(self) -> None:
        self.change(self.change(self.task))
        self.do("task_moved", do="up")
        self.list_now(8.9, is_last=True)
        self.do("task_done", do="done")
        self.history.listed[0] = dataclasses.replace(self.history.listed[0], is_last=False)
        self.list_now(9.9)
        self.remove()
        self.list_now(10.9, is_last=True)
        self.assert_found()

    def test_what_was_overtaken_may_be_in_the_log_without_an_effect(self) -> None:
        self.change(self.task)
        self.refuse(self.change(self.task), "conflict")
        self.refuse(self.change(self.remove() - 1), "unknown_task")
        self.history.table[-1] = dataclasses.replace(self.history.table[-1], body="")
        self.assert_found()

    def test_a_move_that_had_nothing_to_do_is_no_proof_of_what_its_repetition_did(self) -> None:
        self.do("task_done", do="done")
        self.do("task_moved", do="up")
        for at in (5.7, 6.2):  # it was first sent, and answered, before the task was done
            self.history.sent.append(dataclasses.replace(self.history.sent[-1], at=at))
            self.history.acked.append(dataclasses.replace(self.history.acked[-1], at=at + 0.1))
        self.assert_found()

    # --- what was sent

    def test_tasks_unsent_that_are_in_the_table(self) -> None:
        self.history.table[-1] = dataclasses.replace(self.history.table[-1], body=json.dumps({**SAYS, "to": "beto"}))
        self.assert_found("tasks unsent")
        self.history.sent.pop()
        self.assertIn("tasks unsent", {violation.check for violation in check(self.history)})

    def test_tasks_unsent_but_for_the_form_that_changes_many(self) -> None:
        seq = self.do("task_done", do="done")
        nonce = hashlib.sha256(f"many {self.task}".encode()).hexdigest()[:32]
        self.history.sent[-1] = Sent(float(seq), "ana", "many", '{"do":"done"}', "form", "tasks")
        self.history.acked[-1] = Acked(seq + 0.5, "ana", "many", None)
        self.history.table[-1] = dataclasses.replace(self.history.table[-1], nonce=nonce)
        for place in (-1, -2):
            self.replace_heard(place, nonce=nonce)
        self.assert_found()
        self.history.sent[-1] = dataclasses.replace(self.history.sent[-1], body='{"do":"undone"}')
        self.assert_found("tasks unsent")

    # --- what was answered

    def test_task_answers_to_two_changes_of_one_version(self) -> None:
        self.change(self.task)
        self.change(self.task)
        self.assert_found("task answers")

    def test_task_answers_to_what_came_after_the_removal(self) -> None:
        self.remove()
        self.do("task_done", do="done")
        self.assert_found("task answers")

    def test_task_answers_to_a_move_that_is_not_there(self) -> None:
        other = self.do("task_made", **SAYS)
        for number, found in ((self.task, ()), (other, ("task answers",))):
            self.history.sent.append(Sent(8.0, "ana", f"move{number}", '{"do":"up"}', "form", "task_moved", number))
            self.history.acked.append(Acked(8.5, "ana", f"move{number}", None))
            with self.subTest(number):
                self.assert_found(*found)
            self.history.sent.pop()
            self.history.acked.pop()

    def test_task_answers_about_what_is_no_task(self) -> None:
        seq = self.do("task_done", do="done")
        self.history.table[-1] = dataclasses.replace(self.history.table[-1], target=1)
        self.assertIn("task answers", {violation.check for violation in check(self.history)})
        self.assertEqual(fold(self.history).void, {seq})

    def test_task_refusals_of_what_has_an_effect(self) -> None:
        self.refuse(self.change(self.task), "conflict")
        self.assert_found("task refusals")

    def test_task_refusals_without_a_reason(self) -> None:
        for code in ("conflict", "unknown_task"):
            self.setUp()
            seq = self.change(self.task)
            self.refuse(seq, code)
            self.history.table.pop()
            self.history.head -= 1
            del self.history.heard[-2:]
            self.assert_found("task refusals")

    def test_a_change_may_be_refused_when_the_task_is_gone_since(self) -> None:
        seq = self.do("task_done", do="done")
        self.remove()
        self.refuse(seq, "unknown_task")
        self.assert_found()

    # --- what was seen

    def test_task_states_and_last_lists_before_a_change(self) -> None:
        old = self.history.heard[-1].task if isinstance(self.history.heard[-1], Heard) else None
        self.change(self.task)
        self.replace_heard(-1, task=old)
        self.assert_found("task states", "last lists")

    def test_task_states_of_a_task_that_is_said_to_be_gone(self) -> None:
        self.replace_heard(-1, task=GONE)
        self.assert_found("task states", "last lists")

    def test_task_states_that_are_missing(self) -> None:
        self.replace_heard(-1, task=None)
        self.assert_found("task states", "last lists")
        self.change(self.task)
        self.assert_found()

    def test_old_texts_of_a_task_that_was_removed(self) -> None:
        self.remove()
        self.replace_heard(-1, texts=[f"nonce{self.task}"])
        self.assert_found("old texts")

    def test_last_lists_are_asked_for_only_of_what_was_told_since_a_gap(self) -> None:
        self.do("task_done", do="done")
        del self.history.heard[-4:]
        last = page(7.0, "carla", 4)
        for reader in ("carla", "davi"):
            self.history.heard.append(dataclasses.replace(last, reader=reader, head=6))
        self.assert_found()

    def test_task_lists_with_another_order_in_the_end(self) -> None:
        self.do("task_made", **SAYS)
        self.list_now(9.0, is_last=True)
        self.assert_found()
        self.history.listed[0].tasks.reverse()
        self.assert_found("task lists")

    def test_task_lists_with_what_was_over(self) -> None:
        self.list_now(5.9)
        self.change(self.task)
        self.assert_found()
        self.history.listed[0] = dataclasses.replace(self.history.listed[0], asked=9.0)
        self.assert_found("task lists")

    def test_tasks_erased_that_are_not(self) -> None:
        self.change(self.task)
        self.remove()
        self.history.left_texts = [f"nonce{self.task}"]
        self.assert_found("tasks erased")
        self.history.left_texts = []
        self.history.table[5] = dataclasses.replace(self.history.table[5], body=json.dumps(SAYS))
        self.assert_found("tasks erased")


def history_of(dice: random.Random) -> tuple[History, list[Entry]]:
    """Return what was sent of a few tasks, and the entries that it became."""
    history, entries, made = History(), list[Entry](), list[int]()
    states: dict[tuple[str, int], tasks.TaskState] = {}
    for seq in range(1, 80):
        kind = dice.choice(("task_made", *TASK_CHANGES)) if made else "task_made"
        target = None if kind == "task_made" else dice.choice(made[-4:])
        version = dice.choice([one.version for (_, number), one in states.items() if number == target] or [1]) - (
            dice.random() < 0.2
        )
        sent = {"to": dice.choice(("ana", "")), "due": dice.choice(("2030-01-01", "")), "text": f"text {seq}"}
        if kind == "task_made":
            body = tasks.body_of_new(sent["text"], sent["to"], sent["due"])
            made.append(seq)
        elif kind == "task_changed":
            body = tasks.body_of_change(sent["text"], sent["to"], sent["due"], "", version)
            sent["version"] = str(version)
        else:
            places = dice.choice((ranks.FIRST, ranks.LAST, ranks.between(ranks.first(dice.randint(1, seq)), "5")))
            body = tasks.body_of_move(places) if kind == "task_moved" else tasks.body_of_deed("", None)
        history.sent.append(Sent(seq, "ana", f"n{seq}", json.dumps(sent), "form", kind, target))
        history.table.append(Row(seq, "ana", f"n{seq}", body, kind, target))
        given = kind, target, 1, "ana", body, float(seq), f"n{seq}"
        entries.append(Entry("lobby", seq, *given, posts=0, lines=0, is_drawn=False))
        tasks.fold(states, entries[-1:])
    return history, entries


class Folding(unittest.TestCase):
    """The harness has a fold of its own; it is that of the site."""

    def test_it_is_the_fold_of_the_site(self) -> None:
        for seed in range(40):
            history, entries = history_of(random.Random(seed))
            states: dict[tuple[str, int], tasks.TaskState] = {}
            tasks.fold(states, entries)
            in_order = sorted(states.values(), key=lambda state: (state.rank, state.id))
            folded = fold(history)
            self.assertEqual([course.row.seq for course in folded.in_order()], [state.id for state in in_order])
            for state in in_order:
                said = json.loads(entries[state.version - 1].body)
                one = folded.courses[state.id].state
                self.assertEqual(one.text, f"n{state.version}")
                self.assertEqual((one.to, one.due, one.is_done), (state.to, said["due"], state.is_done))
                self.assertEqual((one.version, one.changed), (state.version, state.changed_seq))
                self.assertEqual(one.place, place_of(state.rank))

    def test_the_ends_are_those_of_the_site(self) -> None:
        for seq in (1, 35, 36, 1295, 10**6):
            self.assertEqual(place_at_end(seq), place_of(ranks.last(seq)))
            self.assertEqual(place_at_beginning(seq), place_of(ranks.first(seq)))


class Seen(unittest.TestCase):
    """What is told of a task; testsuite/test_task_pages.py has the page."""

    def test_an_entry(self) -> None:
        _, entries = history_of(random.Random(1))
        state = tasks.begin(dataclasses.replace(entries[0], body=tasks.body_of_new("x", "ana", "")))
        task = tasks.Task(state, f"ana plans {'1f' * 8}", "", None, "ana", 1.0)
        seen = look(1, "1f" * 8, False, "ana", "", str(place_at_end(1)), 1, 1, "ana")
        self.assertEqual(task_in(json.loads(entry_message(entries[0], body="", task=task.as_json()))), seen)
        self.assertEqual(task_in(json.loads(entry_message(entries[0], body="", task=None))), GONE)
        self.assertIsNone(task_in(json.loads(entry_message(entries[0], body=""))))


if __name__ == "__main__":
    unittest.main()
