"""The fold of the fault harness, and what it reads off pages, are those of the site."""

from __future__ import annotations

import dataclasses
import random
import unittest
from typing import Any

from controllers.web.rendering import MessageRenderer
from faults.folding import endings, fold
from faults.history import (
    Row,
)
from faults.seen import GONE, look, look_of, parts, shown_by, texts_in
from models import messages
from models.logs.base import CHANGES, Entry
from models.messages import Quote, Reaction
from testsuite.servers import ROOT


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
