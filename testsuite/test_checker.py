"""The fault harness's checker is fed histories with each anomaly, so that a run without a finding means something."""

from __future__ import annotations

import dataclasses
import io
import shutil
import tempfile
import unittest
from pathlib import Path

from faults.checker import CHECKS, check
from faults.history import (
    SETTLING_SECONDS,
    Acked,
    Gap,
    History,
    Joined,
    Row,
    Sent,
    load,
)
from faults.mutants import MUTANTS, apply
from faults.seen import look
from testsuite import test_checker_changes, test_checker_tasks
from testsuite.checker_case import HEALTHY_AT, CheckerTest, hear, page
from testsuite.servers import ROOT


class Checker(CheckerTest):
    def test_a_good_history_has_no_violation(self) -> None:
        self.assert_found()

    def test_each_check_is_exercised_here(self) -> None:
        classes = (Checker, test_checker_changes.Changes, test_checker_tasks.Tasks)
        named = " ".join(name for one in classes for name in dir(one) if name.startswith("test_"))
        missing = [name for name in CHECKS if name.replace(" ", "_") not in named]
        self.assertEqual(missing, [])

    # --- the table

    def test_lost_an_acknowledged_message_that_is_not_in_the_table(self) -> None:
        self.history.table.pop()
        self.history.head = 3
        self.assert_found("lost", "unknown", "states", "last looks")

    def test_lost_the_same_nonce_of_somebody_else_is_no_excuse(self) -> None:
        self.history.table[3] = Row(4, "beto", "nonce4", "body 4", posts=4)
        self.assert_found("lost", "unknown", "states", "last looks")

    def test_wrong_seq_in_an_acknowledgement(self) -> None:
        self.replace_ack(2, seq=2)
        self.assert_found("wrong seq")

    def test_wrong_seq_in_a_second_acknowledgement(self) -> None:
        self.history.acked.append(Acked(9.0, "ana", "nonce2", 4))
        self.assert_found("wrong seq")

    def test_an_acknowledgement_that_names_no_seq_is_good(self) -> None:
        self.replace_ack(2, seq=None)
        self.assert_found()

    def test_doubled_an_acknowledged_message(self) -> None:
        self.history.table.append(Row(5, "ana", "nonce4", "body 4", posts=5))
        self.history.head = 5
        self.assertIn("doubled", {violation.check for violation in check(self.history)})

    def test_doubled_an_unacknowledged_message(self) -> None:
        self.history.sent.append(Sent(200.0, "ana", "late", "late", "form"))
        self.history.table += [Row(5, "ana", "late", "late", posts=5), Row(6, "ana", "late", "late", posts=6)]
        self.history.head = 6
        self.assert_found("doubled", "late readers", "unanswered")

    def test_numbering_with_a_hole_in_the_table(self) -> None:
        self.history.table[3] = dataclasses.replace(self.history.table[3], seq=5)
        self.history.head = 5
        self.assertIn("numbering", {violation.check for violation in check(self.history)})

    def test_numbering_with_a_head_that_is_not_the_newest(self) -> None:
        self.history.head = 3
        self.assert_found("numbering")

    def test_unknown_a_row_that_nobody_sent(self) -> None:
        self.history.table[0] = dataclasses.replace(self.history.table[0], body="something else")
        self.assert_found("unknown")

    def test_unknown_an_entry_was_heard_that_is_not_in_the_table(self) -> None:
        self.history.heard += [hear(9.0, join, 5) for join in (0, 1)]
        self.assert_found("unknown", "states", "last looks")

    def test_unknown_an_entry_was_heard_under_another_nonce(self) -> None:
        self.replace_heard(3, nonce="nonce9")
        self.assert_found("unknown")

    def test_integrity_of_the_database(self) -> None:
        self.history.integrity = ["wrong # of entries in index entry_nonce_author_id"]
        self.assert_found("integrity")

    # --- the readers

    def test_content_that_differs_between_two_readers(self) -> None:
        self.replace_heard(3, shows={"2": look("ana", "nonce2", digest="other")})
        self.assert_found("content")

    def test_reading_with_a_hole(self) -> None:
        del self.history.heard[2]
        self.assert_found("reading", "sending")

    def test_reading_with_a_double(self) -> None:
        self.history.heard.insert(4, dataclasses.replace(self.history.heard[2], at=3.0))
        self.assert_found("reading", "sending")

    def test_reading_out_of_order(self) -> None:
        heard = self.history.heard
        heard[2], heard[4] = heard[4], heard[2]
        self.assert_found("reading", "sending")

    def test_reading_goes_on_over_two_joins(self) -> None:
        self.history.joined.append(Joined(2.9, 2, "carla", "websocket", 2))
        for index in (4, 6):
            self.replace_heard(index, join=2)
        self.assert_found()

    def test_reading_with_a_hole_between_two_joins(self) -> None:
        self.history.joined.append(Joined(2.9, 2, "carla", "websocket", 3))
        del self.history.heard[4]
        self.replace_heard(5, join=2)
        self.assert_found("reading")

    def test_reading_may_begin_anywhere(self) -> None:
        del self.history.heard[1]
        self.assert_found()

    def test_sending_a_double_that_the_reader_dropped(self) -> None:
        self.history.heard.insert(3, hear(2.7, 0, 2, accepted=False))
        self.assert_found("sending")

    def test_sending_what_the_reader_said_that_it_has(self) -> None:
        self.history.joined.append(Joined(8.0, 2, "carla", "websocket", 4))
        self.history.heard.append(hear(8.1, 2, 4, accepted=False))
        self.assert_found("sending")

    def test_sending_a_hole_after_a_join(self) -> None:
        self.history.joined.append(Joined(8.0, 2, "carla", "websocket", 2))
        self.history.heard.append(hear(8.1, 2, 4, accepted=False))
        self.assert_found("sending")

    def test_a_gap_that_was_announced_is_no_hole(self) -> None:
        self.history.joined.append(Joined(0.0, 2, "edu", "websocket", 0))
        self.history.heard.append(Gap(8.0, 2, 3))
        self.history.heard.append(page(8.0, "edu", 3))
        self.history.heard.append(hear(8.2, 2, 4))
        self.history.readers.append("edu")
        self.assert_found()

    def test_late_readers_who_never_hear_the_last(self) -> None:
        del self.history.heard[-1]
        self.assert_found("late readers")

    def test_late_readers_who_hear_it_too_late(self) -> None:
        self.replace_heard(7, at=HEALTHY_AT + SETTLING_SECONDS - 0.1)
        self.assert_found()
        self.replace_heard(7, at=HEALTHY_AT + SETTLING_SECONDS + 0.1)
        self.assert_found("late readers")

    def test_late_readers_who_never_hear_anything(self) -> None:
        self.history.readers.append("edu")
        self.assert_found("late readers")

    # --- the writers

    def test_real_time_order_between_two_writers(self) -> None:
        self.replace_ack(3, at=2.9)
        self.history.sent[3] = dataclasses.replace(self.history.sent[3], at=2.5)
        self.assert_found("real time")

    def test_real_time_order_between_what_was_heard_and_what_is_sent(self) -> None:
        self.history.sent[1] = dataclasses.replace(self.history.sent[1], at=3.7)
        self.replace_ack(1, at=3.9)
        for index in (2, 3):
            self.replace_heard(index, at=3.9)
        self.assert_found("real time")

    def test_messages_that_overlap_in_time_have_any_order(self) -> None:
        self.history.sent[3] = dataclasses.replace(self.history.sent[3], at=1.2)
        self.assert_found()

    def test_real_time_counts_from_when_a_message_was_first_sent(self) -> None:
        self.history.sent.append(Sent(50.0, "beto", "nonce1", "body 1", "form"))
        self.assert_found()

    def test_unanswered_messages(self) -> None:
        self.history.sent.append(Sent(9.0, "ana", "nonce9", "body 9", "form"))
        self.assert_found("unanswered")

    def test_unanswered_for_too_long(self) -> None:
        self.replace_ack(0, at=HEALTHY_AT + SETTLING_SECONDS + 0.1)
        self.assert_found("unanswered")

    def test_a_message_after_the_faults_has_its_own_time(self) -> None:
        late = HEALTHY_AT + 2 * SETTLING_SECONDS
        self.history.sent.append(Sent(late, "ana", "last", "last", "form"))
        self.history.acked.append(Acked(late + SETTLING_SECONDS - 0.1, "ana", "last", None))
        self.history.table.append(Row(5, "ana", "last", "last", posts=5))
        self.history.heard += [
            dataclasses.replace(hear(late + SETTLING_SECONDS, join, 5), nonce="last", shows={}) for join in (0, 1)
        ]
        self.history.head = 5
        self.assert_found()
        self.replace_ack(4, at=late + SETTLING_SECONDS + 0.1)
        self.assert_found("unanswered")

    # --- the whole

    def test_nothing_is_no_proof(self) -> None:
        self.history = History()
        self.assert_found("nothing")

    def test_processes_that_complain(self) -> None:
        self.history.complaints.append("process 2: Traceback")
        self.assert_found("processes")

    def test_a_history_that_was_written_down_is_found_the_same(self) -> None:
        self.history.heard.append(Gap(8.0, 0, 3))
        written = io.StringIO("\n".join(self.history.lines()))
        self.assertEqual(load(written), [self.history])


class Mutants(unittest.TestCase):
    def test_the_site_still_has_each_text_that_a_mutant_replaces(self) -> None:
        for mutant in MUTANTS:
            with self.subTest(mutant.name), tempfile.TemporaryDirectory() as folder:
                for path in {change.path for change in mutant.changes}:
                    (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / path, Path(folder) / path)
                apply(mutant, Path(folder))
