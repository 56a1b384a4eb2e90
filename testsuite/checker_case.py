"""A history of the fault harness for the tests of its checker."""

from __future__ import annotations

import dataclasses
import unittest

from faults.checker import check
from faults.history import (
    Acked,
    Heard,
    History,
    Joined,
    Page,
    Row,
    Sent,
)
from faults.seen import look

HEALTHY_AT = 100.0


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


class CheckerTest(unittest.TestCase):
    """A history without a violation, and what a test does to it."""

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
