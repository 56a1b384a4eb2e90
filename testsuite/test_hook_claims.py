"""Which process sends for a webhook, and until when, on each engine."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from models import accounts, bots, deliveries, hooks, memberships
from models.database import database, execute
from models.deliveries import CLAIM_SECONDS, MAX_FAILING_SECONDS, Outgoing
from models.hooks import HookWish
from models.models import LOBBY, create_tables
from models.reads import Position
from testsuite.clients import PASSWORD
from testsuite.postgresql import shared_server
from testsuite.tables import cheap_hash
from testsuite.waiting import together


class OnSqlite(unittest.TestCase):
    """A webhook in a room of its own, and processes p, q and more."""

    def people_url(self) -> str:
        return str(Path(self.enterContext(tempfile.TemporaryDirectory())) / "people.db")

    def setUp(self) -> None:
        create_tables(self.people_url())
        self.addCleanup(database.close)
        self.ana = accounts.add_member("ana", cheap_hash(PASSWORD), is_admin=True).id
        self.robo = bots.make_bot(self.ana, "robo").id
        self.room = memberships.make_room(self.ana, "Attic", "", "closed")
        self.hook_id = self.make().id

    def make(self) -> hooks.HookInfo:
        wish = HookWish("out", "Builds", "robo", "https://site.example/")
        return hooks.make_hook(self.ana, self.room.address, wish, Position(7, 7))[0]

    def look(self, process: str = "p") -> Outgoing:
        found = deliveries.look(self.hook_id, process)
        assert found is not None
        return found

    def move_clock(self, column: str, seconds: float) -> None:
        """Let a stored time be so many seconds later."""
        execute(f"UPDATE hook SET {column} = {column} + ? WHERE id = ?", seconds, self.hook_id)

    def test_one_process_at_a_time_has_it(self) -> None:
        claimed = deliveries.claim(self.hook_id, "p")
        assert claimed is not None
        self.assertEqual((claimed.cursor, claimed.room, claimed.bot), (7, self.room.slug, "robo"))
        self.assertIsNone(deliveries.claim(self.hook_id, "q"))
        self.assertFalse(deliveries.advance(self.hook_id, "q", 9, "HTTP 200"))
        self.assertFalse(deliveries.renew(self.hook_id, "q"))
        deliveries.release(self.hook_id, "q")
        deliveries.fail(self.hook_id, "q", "HTTP 500", 5)
        deliveries.skip(self.hook_id, 7, 9)
        self.assertEqual((self.look().cursor, self.look().failures, self.look().claimed_for), (7, 0, 0))
        self.assertAlmostEqual(self.look("q").claimed_for, CLAIM_SECONDS, delta=5)
        self.assertTrue(deliveries.advance(self.hook_id, "p", 8, "HTTP 200"))
        deliveries.release(self.hook_id, "p")
        deliveries.skip(self.hook_id, 7, 9)
        self.assertEqual(self.look().cursor, 8)
        deliveries.skip(self.hook_id, 8, 9)
        following = deliveries.claim(self.hook_id, "q")
        self.assertEqual(following and following.cursor, 9)

    def test_of_many_that_want_it_at_once_one_gets_it(self) -> None:
        claims = together(*(lambda name=f"p{number}": self.claim_apart(name) for number in range(8)))
        self.assertEqual(sum(claims), 1)

    def claim_apart(self, process: str) -> bool:
        with database.connection_context():
            return deliveries.claim(self.hook_id, process) is not None

    def test_a_claim_ends_by_itself_and_then_its_owner_has_it_no_more(self) -> None:
        deliveries.claim(self.hook_id, "p")
        self.move_clock("claimed_until", -CLAIM_SECONDS - 1)
        self.assertEqual(self.look("q").claimed_for, 0)
        self.assertIsNotNone(deliveries.claim(self.hook_id, "q"))
        self.assertFalse(deliveries.advance(self.hook_id, "p", 8, "HTTP 200"))
        self.assertFalse(deliveries.renew(self.hook_id, "p"))

    def test_after_a_failure_it_rests_and_after_a_day_of_them_it_is_off(self) -> None:
        for count in (1, 2):
            deliveries.claim(self.hook_id, "p")
            deliveries.fail(self.hook_id, "p", "x" * 999, 60)
            self.assertAlmostEqual(self.look().pause, 60, delta=5)
            self.assertEqual(self.look().failures, count)
            self.assertIsNone(deliveries.claim(self.hook_id, "p"))
            self.move_clock("next_try_at", -61)
            self.assertEqual(self.look().pause, 0)
        deliveries.claim(self.hook_id, "p")
        self.move_clock("failing_since", -MAX_FAILING_SECONDS)
        deliveries.fail(self.hook_id, "p", "HTTP 500", 60)
        self.assertIsNone(deliveries.look(self.hook_id, "p"))
        self.assertIsNone(deliveries.claim(self.hook_id, "p"))
        self.assertEqual(deliveries.sending(), {})
        (off,) = hooks.hooks_of(self.ana, self.room.address)
        self.assertEqual((off.state, off.last_status), ("off", "HTTP 500"))
        again, is_new = hooks.switch_on(self.ana, self.room.address, self.hook_id, Position(20, 20))
        self.assertEqual((again.state, again.cursor, again.last_status, is_new), ("working", 20, "", False))
        self.assertIsNotNone(deliveries.claim(self.hook_id, "p"))

    def test_a_success_ends_the_failures(self) -> None:
        deliveries.claim(self.hook_id, "p")
        deliveries.fail(self.hook_id, "p", "HTTP 500", 0.0)
        deliveries.claim(self.hook_id, "p")
        deliveries.advance(self.hook_id, "p", 8, "HTTP 200")
        (hook,) = hooks.hooks_of(self.ana, self.room.address)
        self.assertEqual((hook.state, hook.failures, hook.failing_since), ("working", 0, None))

    def test_what_was_stored_before_the_clock_was_set_back_keeps_nobody_waiting(self) -> None:
        deliveries.claim(self.hook_id, "p")
        deliveries.fail(self.hook_id, "p", "HTTP 500", 60)
        self.move_clock("next_try_at", 86_400)
        self.assertEqual(self.look().pause, 0)
        self.assertIsNotNone(deliveries.claim(self.hook_id, "p"))
        self.move_clock("claimed_until", 86_400)
        self.assertEqual(self.look("q").claimed_for, 0)
        self.assertIsNotNone(deliveries.claim(self.hook_id, "q"))

    def test_what_its_bot_may_not_read_it_does_not_send(self) -> None:
        deliveries.claim(self.hook_id, "p")
        memberships.put_out(self.ana, self.room.address, self.robo)
        self.assertFalse(deliveries.advance(self.hook_id, "p", 8, "HTTP 200"))
        self.assertIsNone(deliveries.look(self.hook_id, "p"))
        self.assertEqual(hooks.hooks_of(self.ana, self.room.address)[0].state, "away")
        memberships.let_in(self.ana, self.room.address, "robo", Position(30, 30))
        self.assertEqual(hooks.hooks_of(self.ana, self.room.address)[0].state, "off")  # until somebody wants it
        self.assertEqual(deliveries.sending(), {})
        hooks.switch_on(self.ana, self.room.address, self.hook_id, Position(30, 30))
        self.assertEqual(deliveries.sending(), {self.hook_id: self.room.slug})
        accounts.remove_member(self.ana, self.robo)
        self.assertEqual(deliveries.sending(), {})

    def test_each_process_learns_that_there_are_others_and_of_no_delivery(self) -> None:
        def version() -> object:
            return execute("SELECT value FROM setting WHERE name = 'people_version'").fetchone()[0]

        before = version()
        deliveries.claim(self.hook_id, "p")
        deliveries.advance(self.hook_id, "p", 8, "HTTP 200")
        deliveries.fail(self.hook_id, "p", "HTTP 500", 0.0)
        self.assertEqual(version(), before)
        made = self.make()
        self.assertNotEqual(version(), before)
        before = version()
        hooks.end_hook(self.ana, self.room.address, made.id)
        self.assertNotEqual(version(), before)
        self.assertGreater(self.make().id, made.id)  # no number is used twice: it stands in the nonces of answers
        self.assertEqual(hooks.hooks_of(self.ana, LOBBY), [])


class OnPostgresql(OnSqlite):
    needs = ("postgres",)

    def people_url(self) -> str:
        return self.enterContext(shared_server().fresh_database())
