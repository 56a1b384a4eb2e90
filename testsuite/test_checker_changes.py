"""The checker of the fault harness finds what goes wrong with changes, positions, counts, rooms."""

from __future__ import annotations

import dataclasses
from typing import Any

from faults import places
from faults.checker import check
from faults.history import (
    Acked,
    Beside,
    Counted,
    Cried,
    Door,
    Heard,
    Joined,
    Marked,
    Opened,
    Refused,
    Row,
    Said,
    Sent,
    Shown,
    Told,
)
from faults.seen import GONE, look, parts
from testsuite.checker_case import HEALTHY_AT, CheckerTest, hear, page

FOUND = ("old texts", "states", "last looks")  # where a page shows what was replaced


class Changes(CheckerTest):
    """Messages that change, and what follows for their readers."""

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

    def test_counts_of_more_mentions_than_are_told(self) -> None:
        posts = [Row(seq, "ana", f"n{seq}", f"body {seq} @carla", posts=seq) for seq in range(1, 602)]
        self.history.table, self.history.head = posts, 601
        for mentions, found in ((range(102, 602), 0), (range(152, 602), 0), (range(501), 1), (range(600, 602), 1)):
            self.history.counted = [Counted(10.0, "carla", "carla", 601, 0, 601, list(mentions))]
            self.assertEqual(len(list(places.counts(self.history))), found, mentions)

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

    def test_rooms_beside_that_have_something_else_or_in_another_order_than_was_said_there(self) -> None:
        self.history.cried = [Cried("room1", "a"), Cried("room2", "b"), Cried("room1", "c")]
        self.history.beside = [Beside("room1", ["a", "c"], [1, 2, 3]), Beside("room2", ["b"], [1, 2])]
        self.assert_found()
        for nonces in (["a"], ["c", "a"], ["a", "a", "c"], ["a", "b", "c"]):
            self.history.beside[0] = Beside("room1", nonces, [*range(1, len(nonces) + 2)])
            self.assert_found("beside")
        self.history.beside[0] = Beside("room1", ["a", "c"], [1, 2, 4])
        self.assert_found("beside")

    def test_meetings_of_the_same_people_in_two_rooms_or_of_others_in_theirs(self) -> None:
        self.history.opened = [Opened(1.0, name, "ana, beto", "/rooms/d-1") for name in ("ana", "beto")]
        self.assert_found()
        self.history.opened.append(Opened(2.0, "ana", "ana, carla", "/rooms/d-2"))
        self.assert_found()
        self.history.opened.append(Opened(3.0, "carla", "ana, carla", "/rooms/d-1"))
        self.assert_found("meetings")
        self.assertEqual(len(check(self.history)), 2)
