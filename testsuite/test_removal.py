"""A connection whose membership or session was ended receives nothing more, at every process."""

from __future__ import annotations

from testsuite.cases import SiteTest
from testsuite.tables import sql


class Removal(SiteTest):
    processes = 2

    def setUp(self) -> None:
        self.remaining = self.chat("ana")
        self.removed = self.chat("carla", server=1)
        self.remaining.post("before")
        self.removed.until("entry", body="before")

    def tearDown(self) -> None:
        sql(
            self.folder,
            "INSERT INTO membership (user_id, room_id) SELECT id, 'lobby' FROM user WHERE TRUE ON CONFLICT DO NOTHING",
        )

    def remove(self) -> None:
        sql(self.folder, "DELETE FROM membership WHERE user_id = (SELECT id FROM user WHERE username = 'carla')")

    def test_a_removed_member_is_told_so_and_hears_nothing_more(self) -> None:
        self.remove()
        self.removed.until("error", code="not_member", room="lobby")
        self.remaining.post("after")
        self.remaining.until("entry", body="after")
        self.removed.send("ping")
        self.removed.until("pong")
        self.assertNotIn("after", [message.get("body") for message in self.removed.heard])

    def test_a_removed_member_can_neither_join_nor_post_nor_see_the_page(self) -> None:
        page = self.client("carla")
        self.assertEqual(page.get("/rooms/lobby").status, 200)
        self.remove()
        self.assertEqual(page.get("/rooms/lobby").status, 404)
        self.assertEqual(page.post("/rooms/lobby", {"body": "by form"}).status, 404)
        nonce = self.removed.post("by socket")
        self.removed.until("error", code="not_member", nonce=nonce)
        self.removed.send("join", room="lobby")
        self.removed.until("error", code="unknown_room")
        self.remaining.post("the last one")
        self.remaining.until("entry", body="the last one")
        self.assertEqual(
            [message["body"] for message in self.remaining.heard if message["type"] == "entry"],
            ["before", "the last one"],
        )

    def test_the_others_stay(self) -> None:
        beto = self.chat("beto", server=1)
        self.remove()
        self.removed.until("error", code="not_member", room="lobby")
        self.remaining.post("still here")
        beto.until("entry", body="still here")
