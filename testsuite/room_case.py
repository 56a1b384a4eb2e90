"""Tests of rooms by their pages: who asks, what is stored, and how it is said that something was not done."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from testsuite.cases import SiteTest
from testsuite.clients import Answer
from testsuite.roompage import refusals
from testsuite.tables import sql

# What is said to whom may not.
NOT_YOURS = "Only who made this room, or an administrator, can do that."
STAYS = "Nobody leaves this room. You can mute it."
ARCHIVED = "This room is archived: it can be read, and nothing is added to it."
NO_ROOM = "There is no such room among yours."
NOBODY = "Nobody has this name."


class RoomCase(SiteTest):
    """A site with ana, who looks after it, and others."""

    members = (*SiteTest.members, "Dora Maar")

    def setUp(self) -> None:
        self.ana, self.beto, self.carla = (self.client(name) for name in ("ana", "beto", "carla"))

    def stored(self) -> list[Any]:
        """Return all that is stored of rooms, people there and messages. Read positions move by themselves."""
        own = "room_id, user_id, notify, is_muted, pinned_at"
        tables = {"room": "*", "address": "*", "membership": own, "entry": "*"}
        return [sorted(sql(self.folder, f"SELECT {of} FROM {table}"), key=repr) for table, of in tables.items()]

    def assert_refused(self, answer: Answer, status: int, sentence: str) -> None:
        self.assertEqual((answer.status, refusals(answer)), (status, [sentence]))

    def refused(self, status: int, sentence: str, act: Callable[..., Answer], *given: Any) -> Answer:
        """Do something that is refused, with this one sentence if one is given, and changes nothing."""
        before = self.stored()
        answer = act(*given)
        self.assertEqual(answer.status, status)
        if sentence:
            self.assertEqual(refusals(answer), [sentence])
        self.assertEqual(self.stored(), before)
        return answer

    def id_of(self, name: str) -> int:
        """Return the id of a member."""
        ((found,),) = sql(self.folder, "SELECT id FROM user WHERE username = ?", name)
        return int(found)

    def address(self, path: str) -> str:
        return path.removeprefix("/rooms/")


def at_once(*acts: tuple[Any, ...]) -> list[Answer]:
    """Do several things at the same moment, each a function with what it is given; return the answers in order."""
    start = threading.Barrier(len(acts))
    answers: dict[int, Answer] = {}

    def run(number: int, act: Callable[..., Answer], *given: Any) -> None:
        start.wait()
        answers[number] = act(*given)

    threads = [threading.Thread(target=run, args=(number, *act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [answers[number] for number in range(len(acts))]
