"""The fault harness's checker is fed histories with each anomaly, so that a run without a finding means something."""

from __future__ import annotations

import dataclasses
import io
import random
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any

from controllers.web.rendering import MessageRenderer
from faults.checker import CHECKS, check
from faults.folding import endings, fold
from faults.history import (
    SETTLING_SECONDS,
    Acked,
    Counted,
    Door,
    Gap,
    Heard,
    History,
    Joined,
    Marked,
    Opened,
    Page,
    Refused,
    Row,
    Said,
    Sent,
    Shown,
    Told,
    load,
)
from faults.mutants import MUTANTS, apply
from faults.seen import GONE, look, look_of, parts, shown_by, texts_in
from models import messages
from models.logs.base import CHANGES, Entry
from models.messages import Quote, Reaction
from testsuite.servers import ROOT

HEALTHY_AT = 100.0
FOUND = ("old texts", "states", "last looks")  # where a page shows what was replaced


def good_history() -> History:
    """Return a run of two writers and two readers, in which message n is sent at n, acknowledged at n.5."""
    history = History(seed=1, readers=["carla", "davi"], healthy_at=HEALTHY_AT, head=4)
    history.joined = [Joined(0.0, 0, "carla", "websocket", 0), Joined(0.0, 1, "davi", "xhr-polling", None)]
    for seq in range(1, 5):
        writer, nonce, body = ("ana", "beto")[seq % 2], f"nonce{seq}", f"body {seq}"
        history.sent.append(Sent(float(seq), writer, nonce, body, "websocket"))
        history.acked.append(Acked(seq + 0.5, writer, nonce, seq))
        history.table.append(Row(seq, writer, nonce, body, posts=seq))
        history.heard += [hear(seq + 0.6, join, seq, writer) for join in (0, 1)]
    return history


def hear(at: float, join: int, seq: int, author: str = "ana", accepted: bool = True) -> Heard:
    """Return that a post was heard as it was written."""
    nonce = f"nonce{seq}"
    return Heard(at, join, seq, nonce, accepted, shows={str(seq): look(author, nonce, digest="d")}, texts=[nonce])


def page(at: float, reader: str, head: int) -> Page:
    """Return a page with all posts up to `head` as they were written."""
    shows = {str(seq): look(("ana", "beto")[seq % 2], f"nonce{seq}", digest="d") for seq in range(1, head + 1)}
    return Page(at, at, reader, head, 1, list(range(1, head + 1)), shows, [f"nonce{seq}" for seq in range(1, head + 1)])


class Checker(unittest.TestCase):
    def setUp(self) -> None:
        self.history = good_history()

    def assert_found(self, *names: str) -> None:
        """Fail unless exactly these checks find something."""
        self.assertEqual({violation.check for violation in check(self.history)}, set(names))

    def replace_heard(self, index: int, **changes: object) -> None:
        """Change one of the receipts: 0, 2, 4, 6 are carla's, 1, 3, 5, 7 are davi's."""
        heard = self.history.heard[index]
        assert isinstance(heard, Heard)
        self.history.heard[index] = dataclasses.replace(heard, **changes)  # type: ignore[arg-type]

    def replace_ack(self, index: int, **changes: object) -> None:
        """Change one of the acknowledgements."""
        self.history.acked[index] = dataclasses.replace(self.history.acked[index], **changes)  # type: ignore[arg-type]

    def test_a_good_history_has_no_violation(self) -> None:
        self.assert_found()

    def test_each_check_is_exercised_here(self) -> None:
        named = " ".join(name for name in dir(self) if name.startswith("test_"))
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

    # --- what changes messages

    def change(self, kind: str, body: str = "", author: str = "beto", shown: str | None = None, **more: Any) -> int:
        """Let an author change post 1, which is by beto, at the time that is its seq; return that seq."""
        seq = self.history.head = len(self.history.table) + 1
        nonce, join = f"nonce{seq}", (0, 1)
        self.history.sent.append(Sent(float(seq), author, nonce, body, "websocket", kind, 1))
        self.history.acked.append(Acked(seq + 0.5, author, nonce, seq))
        self.history.table.append(Row(seq, author, nonce, body, kind, 1, 4))
        shows = {} if shown is None else {"1": shown}
        heard = [Heard(seq + 0.6, one, seq, nonce, True, kind, 1, shows, **more) for one in join]
        self.history.heard += heard
        return seq

    def edit(self) -> int:
        """Edit post 1."""
        return self.change(
            "edit", "new", shown=look("beto", "nonce5", True, digest="e"), texts=["nonce5"], quote="nonce5"
        )

    def delete(self) -> int:
        """Delete post 1, which nobody answers."""
        self.history.table[0] = dataclasses.replace(self.history.table[0], body="")
        return self.change("delete", shown=GONE, quote="")

    def test_changes_that_are_seen_by_all_are_good(self) -> None:
        self.edit()
        self.history.table[4] = dataclasses.replace(self.history.table[4], body="")
        self.delete()
        self.assert_found()

    def test_last_looks_without_an_edit(self) -> None:
        self.edit()
        self.replace_heard(-1, shows={})
        self.assert_found("last looks")

    def test_last_looks_without_a_reaction(self) -> None:
        self.change("react", "👍", "ana", look("beto", "nonce1", reactions=[["👍", "ana", 1]], digest="d"))
        self.assert_found()
        self.replace_heard(-1, shows={})
        self.assert_found("last looks")

    def test_last_looks_of_a_page_without_an_edit(self) -> None:
        self.edit()
        for shown, found in (
            (look("beto", "nonce5", True, digest="e"), ()),
            (look("beto", "nonce1", digest="d"), FOUND),
        ):
            last = page(5.2, "edu", 4)
            texts = [parts(shown)[1], "nonce2", "nonce3", "nonce4"]
            last = dataclasses.replace(last, head=5, rows=[1, 2, 3, 4], shows={**last.shows, "1": shown}, texts=texts)
            self.history.heard = [*self.history.heard[:10], last]
            self.assert_found(*found)

    def test_last_looks_with_an_old_quote(self) -> None:
        seq = self.change("post", "answer", "ana")
        quoting = look("ana", f"nonce{seq}", quote=[1, "nonce1"], digest="a")
        counting = look("beto", "nonce1", replies=1, digest="d")
        for place in (-1, -2):
            shows = {str(seq): quoting, "1": counting}
            self.replace_heard(place, shows=shows)
        self.history.table[-1] = dataclasses.replace(self.history.table[-1], posts=5)
        self.assert_found()
        shown = look("beto", "nonce6", True, replies=1, digest="e")
        self.change("edit", "new", shown=shown, texts=["nonce6"])
        self.history.table[-1] = dataclasses.replace(self.history.table[-1], posts=5)
        self.assert_found("last looks")

    def test_states_that_the_message_never_had(self) -> None:
        self.change("react", "👍", "ana", look("beto", "nonce1", reactions=[["👍", "beto", 1]], digest="d"))
        self.assert_found("states", "last looks")

    def test_states_before_an_edit_that_is_brought(self) -> None:
        self.change("edit", "new", shown=look("beto", "nonce1", digest="d"), texts=["nonce1"])
        self.assert_found("states", "old texts", "last looks")

    def test_old_texts_in_what_is_sent_later(self) -> None:
        self.edit()
        self.history.joined.append(Joined(8.0, 2, "carla", "websocket", 0, head=5))
        self.history.heard.append(hear(8.1, 2, 1, "beto", accepted=False))
        self.assert_found("old texts", "states")

    def test_old_texts_on_a_page_that_is_fetched_later(self) -> None:
        self.edit()
        self.history.heard.append(page(8.0, "edu", 4))
        self.assert_found("old texts", "states")
        self.history.heard[-1] = page(4.9, "edu", 4)
        self.assert_found()

    def test_erased_texts_that_are_not(self) -> None:
        self.delete()
        self.history.table[0] = dataclasses.replace(self.history.table[0], body="body 1")
        self.assert_found("erased")

    def test_erased_texts_that_are_left_in_a_file(self) -> None:
        self.delete()
        self.history.left_texts = ["nonce2"]
        self.assert_found()
        self.history.left_texts = ["nonce1"]
        self.assert_found("erased")

    def test_rules_for_who_may_edit(self) -> None:
        self.change("edit", "new", "ana", look("beto", "nonce5", True, digest="e"), texts=["nonce5"])
        self.assert_found("rules")

    def test_rules_for_what_was_deleted_and_too_late_a_change(self) -> None:
        self.delete()
        self.change("delete", shown=GONE, quote="")
        self.assert_found("rules", "too late")

    def test_too_late_a_reaction(self) -> None:
        self.delete()
        self.change("react", "👍", "ana", GONE)
        self.assert_found("too late")

    def test_refused_what_is_in_the_log(self) -> None:
        self.edit()
        self.history.refused.append(Refused(6.0, "beto", "nonce5", "unknown_target", "websocket"))
        self.assertIn("refused", {violation.check for violation in check(self.history)})

    def test_refused_without_a_reason(self) -> None:
        self.history.sent.append(Sent(5.0, "ana", "react", "👍", "websocket", "react", 1))
        self.history.refused.append(Refused(6.0, "ana", "react", "unknown_target", "websocket"))
        self.assert_found("refused")
        self.history.sent.append(Sent(3.0, "beto", "nonce5", "", "websocket", "delete", 1))
        self.history.sent.pop()
        self.delete()
        self.assert_found()

    def test_refused_to_who_has_written_it(self) -> None:
        for writer, found in (("ana", ()), ("beto", ("refused",))):
            self.history.sent.append(Sent(5.0, writer, "try", "new", "websocket", "edit", 1))
            self.history.refused = [Refused(6.0, writer, "try", "not_yours", "websocket")]
            self.history.acked = [*self.history.acked, Acked(6.0, writer, "try", None)][:4]
            self.assertEqual({one.check for one in check(self.history)} - {"unanswered"}, set(found))

    def test_pages_with_a_hole(self) -> None:
        whole = page(8.0, "edu", 4)
        self.history.heard.append(whole)
        self.assert_found()
        self.history.heard[-1] = dataclasses.replace(whole, rows=[1, 3, 4])
        self.assert_found("pages")
        self.history.heard[-1] = dataclasses.replace(whole, rows=[1, 3, 2, 4])
        self.assert_found("pages")

    def test_pages_without_the_newest(self) -> None:
        self.history.heard.append(dataclasses.replace(page(8.0, "edu", 4), rows=[1, 2, 3]))
        self.assert_found("pages")

    def test_reading_on_pages_that_do_not_reach_back(self) -> None:
        self.history.joined.append(Joined(0.0, 2, "edu", "websocket", 0))
        self.history.heard.append(hear(7.0, 2, 1, "beto"))
        self.history.heard.append(dataclasses.replace(page(8.0, "edu", 4), rows=[3, 4], reach=3))
        self.assert_found("reading")

    # --- positions, counts, and who is in the room

    def test_positions_that_are_not_stored(self) -> None:
        self.history.marked.append(Marked(9.0, "carla", 3))
        self.history.positions = {"carla": [3, 3]}
        self.assert_found()
        self.history.positions = {"carla": [2, 2]}
        self.assert_found("positions")

    def test_positions_that_a_device_is_not_told_of(self) -> None:
        self.history.marked.append(Marked(9.0, "carla", 3))
        self.history.positions = {"carla": [3, 3]}
        self.history.counted = [Counted(10.0, "carla later", "carla", 4, 3, 1, [])]
        self.assert_found()
        self.history.counted = [Counted(10.0, "carla later", "carla", 4, 2, 2, [])]
        self.assert_found("positions")

    def test_moved_back_without_a_word(self) -> None:
        self.history.told = [
            Told(5.0, "carla", "carla", 3, is_first=True),
            Told(7.0, "carla", "carla", 2, is_first=False),
        ]
        self.assert_found("moved back")
        for said, found in (
            (Said(6.0, "carla", "unread", 3), ()),
            (Said(6.0, "carla", "read", 2), ("moved back",)),
            (Said(6.0, "davi", "unread", 3), ("moved back",)),
            (Said(6.0, "carla", "unread", 2), ("moved back",)),
            (Said(8.0, "carla", "unread", 3), ("moved back",)),
        ):
            self.history.said = [said]
            self.assert_found(*found)

    def test_a_new_connection_may_be_told_less(self) -> None:
        self.history.told = [
            Told(5.0, "carla", "carla", 3, is_first=True),
            Told(7.0, "carla", "carla", 2, is_first=True),
        ]
        self.assert_found()

    def test_counts_that_are_not_those_of_a_recount(self) -> None:
        self.delete()
        for head, read, unread, found in ((5, 0, 3, []), (5, 0, 4, ["counts"]), (4, 0, 3, ["counts"]), (5, 2, 2, [])):
            self.history.counted = [Counted(10.0, "carla", "carla", head, read, unread, [])]
            self.assert_found(*found)

    def test_counts_of_mentions(self) -> None:
        self.history.counted = [Counted(10.0, "carla", "carla", 4, 0, 4, [2])]
        self.assert_found("counts")
        self.history.table[1] = dataclasses.replace(self.history.table[1], body="body 2 @carla")
        self.history.sent[1] = dataclasses.replace(self.history.sent[1], body="body 2 @carla")
        self.assert_found()

    def test_counts_on_pages_that_are_not_those_of_a_recount(self) -> None:
        self.delete()
        self.history.marked = [Marked(9.0, "carla", 1)]
        self.history.positions = {"carla": [1, 1]}
        for total, count, found in ((3, 3, ()), (3, 4, ("counts on pages",)), (4, 3, ("counts on pages",))):
            self.history.shown = [Shown(10.0, "carla", total, count)]
            self.assert_found(*found)
        self.history.table[1] = dataclasses.replace(self.history.table[1], body="body 2 @carla")
        self.history.sent[1] = dataclasses.replace(self.history.sent[1], body="body 2 @carla")
        for count, found in ((1, ()), (3, ("counts on pages",))):
            self.history.shown = [Shown(10.0, "carla", 3, count)]
            self.assert_found(*found)

    def test_outsiders_who_hear_more_after_they_were_told(self) -> None:
        self.history.doors.append(Door(5.0, 1.0, "carla", "told", 0))
        self.assert_found()
        self.history.doors.append(Door(4.0, 1.0, "carla", "told", 0))
        self.history.doors.pop(0)
        self.assert_found("outsiders")

    def test_outsiders_who_join(self) -> None:
        self.history.doors = [Door(6.0, 5.9, "carla", "out"), Door(9.0, 8.9, "carla", "in")]
        self.history.joined.append(Joined(9.5, 2, "carla", "websocket", 4, asked=8.0))
        self.assert_found()
        self.history.joined[-1] = dataclasses.replace(self.history.joined[-1], at=8.1)
        self.assert_found("outsiders")
        self.history.doors[0] = dataclasses.replace(self.history.doors[0], is_certain=False)
        self.assert_found()

    def test_outsiders_who_are_not_told(self) -> None:
        self.history.doors = [Door(HEALTHY_AT + 1.1, HEALTHY_AT + 1.0, "carla", "out")]
        self.assert_found("outsiders")
        self.history.doors.append(Door(HEALTHY_AT + 2.0, 0.0, "carla", "told", 0))
        self.assert_found()

    def test_meetings_of_the_same_people_in_two_rooms_or_of_others_in_theirs(self) -> None:
        self.history.opened = [Opened(1.0, name, "ana, beto", "/rooms/d-1") for name in ("ana", "beto")]
        self.assert_found()
        self.history.opened.append(Opened(2.0, "ana", "ana, carla", "/rooms/d-2"))
        self.assert_found()
        self.history.opened.append(Opened(3.0, "carla", "ana, carla", "/rooms/d-1"))
        self.assert_found("meetings")
        self.assertEqual(len(check(self.history)), 2)

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


class Folding(unittest.TestCase):
    """The harness has a fold of its own; it is that of the site."""

    def test_it_is_the_fold_of_the_site(self) -> None:
        for seed in range(30):
            table = log_of(random.Random(seed))
            entries = {row.seq: entry_of(row) for row in table}
            for seq, course in fold(table).items():
                changes = [entries[row.seq] for row in table if row.target == seq and row.kind in CHANGES]
                replies = sum(not one.deleted for one in fold(table).values() if one.row.target == seq)
                folded = messages.fold(entries[seq], changes, entries, replies)
                reactions = [["".join(one.emoji), ", ".join(one.names), len(one.names)] for one in folded.reactions]
                quote = course.quotes[-1][1]
                shown = look("ana", folded.body, folded.edited_at > 0, reactions, folded.replies, quote)
                self.assertEqual(course.look_at_end(), shown if folded.is_drawn else GONE, seed)

    def test_it_tells_when_each_text_ended(self) -> None:
        table = [
            Row(1, "ana", "one", "one"),
            Row(2, "ana", "two", "two", "edit", 1),
            Row(3, "ana", "x", "", "delete", 1),
        ]
        self.assertEqual(list(endings(fold(table).values())), [("one", 2), ("two", 3)])


def log_of(dice: random.Random) -> list[Row]:
    """Return a log of one room with whatever may happen to a few messages."""
    table: list[Row] = []
    deleted: set[int] = set()
    for seq in range(1, 60):
        targets = [row.seq for row in table if row.kind == "post" and row.seq not in deleted][-4:]
        kind = dice.choice(("post", *CHANGES)) if targets else "post"
        target = dice.choice([*targets, None] if kind == "post" else targets) if targets else None
        deleted |= {target} if kind == "delete" and target else set()
        author = dice.choice(("ana", "beto")) if "react" in kind else "ana"
        body = dice.choice(("👍", "👍🏽", "❤️")) if "react" in kind else "" if kind == "delete" else f"n{seq}"
        table.append(Row(seq, author, f"n{seq}", body, kind, target))
    return table


def entry_of(row: Row) -> Entry:
    """Return a row as the site has it."""
    given = row.seq, row.kind, row.target, 1, row.author, row.body, float(row.seq), row.nonce
    return Entry("lobby", *given, posts=0, lines=0, is_drawn=True)


class Seen(unittest.TestCase):
    """What is read off the HTML is what the site has rendered."""

    def render(self, **parts: Any) -> str:
        message = dataclasses.replace(messages.as_posted(entry_of(Row(7, "ana", "", f"ana says {'0a' * 8}"))), **parts)
        return MessageRenderer(str(ROOT / "views" / "templates")).render(message)

    def test_a_message_with_everything(self) -> None:
        reactions = (Reaction(("👍", "👍🏽"), ("ana", "beto")), Reaction(("❤️",), ("ana",)))
        quote = Quote(3, "beto", f"beto mends {'1b' * 8} and more")
        inner = self.render(edited_at=1.0, reactions=reactions, replies=12, quote=quote)
        seen = [["👍👍🏽", "ana, beto", 2], ["❤️", "ana", 1]]
        self.assertEqual(parts(look_of(inner))[:6], ("ana", "0a" * 8, True, seen, 12, [3, "1b" * 8]))

    def test_a_message_with_nothing(self) -> None:
        self.assertEqual(parts(look_of(self.render()))[:6], ("ana", "0a" * 8, False, [], 0, None))

    def test_a_message_that_was_deleted(self) -> None:
        self.assertEqual(parts(look_of(self.render(body="", replies=1)))[:6], ("ana", "", False, [], 1, None))
        self.assertEqual(look_of(""), GONE)

    def test_an_entry_shows_its_target_and_others(self) -> None:
        inner = self.render()
        entry = {"seq": 9, "kind": "delete", "target": 7, "html": "", "others": {"3": inner}}
        self.assertEqual(shown_by(entry), {"7": GONE, "3": look_of(inner)})
        self.assertEqual(shown_by({"seq": 9, "kind": "edit", "target": 7}), {})
        self.assertEqual(texts_in(inner * 2), ("0a" * 8,))


class Mutants(unittest.TestCase):
    def test_the_site_still_has_each_text_that_a_mutant_replaces(self) -> None:
        for mutant in MUTANTS:
            with self.subTest(mutant.name), tempfile.TemporaryDirectory() as folder:
                for path in {change.path for change in mutant.changes}:
                    (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(ROOT / path, Path(folder) / path)
                apply(mutant, Path(folder))
