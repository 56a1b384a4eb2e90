"""The wall clock is wrong by an hour, either way, and put right again."""

from __future__ import annotations

import re
from pathlib import Path

from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.tables import sql
from testsuite.waiting import wait_for

HOUR_SECONDS = 3600.0
DAY_SECONDS = 24 * HOUR_SECONDS
SESSION_SECONDS = 30 * DAY_SECONDS


class Clock(SiteTest):
    """docs/security.rst 26: the clock jumps, and neither order nor sessions are lost."""

    processes = 2
    altered = (
        "clock=clock",
        "controllers.web.query_cache:MAX_AGE_SECONDS=0.2",
        "controllers.realtime.presence:GRACE_SECONDS=0.2",
    )

    def setUp(self) -> None:
        self.is_off(0)

    def is_off(self, seconds: float) -> None:
        """Let the clock of every process be wrong by so much from now on."""
        written = Path(self.folder) / "new"
        written.write_text(str(seconds))
        written.replace(Path(self.folder) / "clock")

    def chat_of(self, client: Client, server: int) -> Chat:
        """Return a chat client at one of the processes."""
        return self.listen(self.elsewhere(client, server))

    def test_order_is_unchanged_and_everybody_stays(self) -> None:
        ana, beto = self.client("ana"), self.client("beto")
        here, there = self.chat_of(ana, 0), self.chat_of(beto, 1)
        for off in (0, HOUR_SECONDS, 0, -HOUR_SECONDS, 0):
            with self.subTest(off=off):
                self.is_off(off)
                nonces = [here.post(f"while {off:.0f} off"), there.post(f"while {off:.0f} off")]
                heard = [[(entry["seq"], entry["nonce"]) for entry in chat.entries(2)] for chat in (here, there)]
                self.assertEqual(heard[0], heard[1])
                self.assertEqual({nonce for _, nonce in heard[0]}, set(nonces))
                self.assertEqual([ana.get("/rooms/lobby").status, beto.get("/rooms/lobby").status], [200, 200])
        ats = sql(self.folder, "SELECT at FROM entry ORDER BY seq")
        self.assertNotEqual(ats, sorted(ats))  # the clock did jump
        self.assertEqual(sql(self.folder, "SELECT seq FROM entry ORDER BY seq"), [(seq,) for seq in range(1, 11)])
        bodies = [body for (body,) in sql(self.folder, "SELECT body FROM entry ORDER BY seq")]
        for path in ("/rooms/lobby", "/rooms/lobby?before=11"):  # from memory, and from the log
            self.assertEqual(re.findall(r"while -?\d+ off", ana.get(path).text), bodies)

    def test_what_ended_after_a_jump_is_over_at_once_at_every_process(self) -> None:
        for off in (-HOUR_SECONDS, HOUR_SECONDS):
            with self.subTest(off=off):
                self.is_off(0)
                carla, beto = self.client("carla"), self.client("beto")
                there, stays = self.chat_of(carla, 1), self.chat_of(beto, 1)
                self.is_off(off)
                self.assertEqual(carla.post("/logout").status, 302)
                self.assertEqual(there.until_closed(), 4008)
                stays.until("entry", nonce=stays.post("still here"))

    def test_a_session_that_began_in_the_wrong_hour_lasts_thirty_days_and_not_for_ever(self) -> None:
        for off in (HOUR_SECONDS, 0, -HOUR_SECONDS):
            with self.subTest(off=off):
                self.is_off(off)
                client = self.client("ana")
                self.is_off(0)
                self.assertEqual(client.get("/rooms").status, 200)
                self.is_off(SESSION_SECONDS - 2 * HOUR_SECONDS)
                self.assertEqual(client.get("/rooms").status, 200)
                self.is_off(SESSION_SECONDS + HOUR_SECONDS + 60)
                wait_for(lambda client=client: client.get("/rooms").status == 302, "it is over")  # type: ignore[misc]

    def test_who_is_there_is_seen_again_after_a_jump(self) -> None:
        here, there = self.chat("ana"), self.chat("beto", server=1)
        for chat in (here, there):
            chat.until("presence", online=["ana", "beto"])
        for off in (HOUR_SECONDS, 0, -HOUR_SECONDS):
            with self.subTest(off=off):
                self.is_off(off)
                carla = self.chat("carla")
                there.until("presence", online=["ana", "beto", "carla"])
                carla.close()
                for chat in (here, there):
                    chat.until("presence", online=["ana", "beto"])
