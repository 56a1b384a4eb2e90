"""A page was made for one member, and in its browser another one signs in."""

from __future__ import annotations

import signal

from playwright.sync_api import Page, expect

from testsuite.browser import (
    BROKEN_CONNECTION,
    BrowserTest,
    choose_transports,
    expect_live,
    expect_message,
    messages,
    write,
)
from testsuite.clients import Client
from testsuite.servers import Server
from testsuite.tables import sql

NETWORK = f"{BROKEN_CONNECTION}|status of (40[34]|50)"
COME_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


class Who(BrowserTest):
    """docs/security.rst 44: a page made for one member never writes as another."""

    members = (*BrowserTest.members, "dora", "emil", "fred", "gina", "hugo")
    processes = 2

    def setUp(self) -> None:
        super().setUp()
        self.tolerate(NETWORK)

    def session(self, name: str) -> Client:
        """Return a new session of a member, to be set in a browser."""
        return self.client(name)

    def take_over(self, page: Page, who: Client) -> None:
        """Replace the session in the browser of `page` by that of `who`."""
        cookies = [(name, value) for name, value in who.cookies.items() if "xsrf" not in name]
        page.context.add_cookies([{"name": name, "value": value, "url": self.server.url} for name, value in cookies])

    def authors(self, body: str) -> list[str]:
        """Return the authors of the stored messages with this body, one for each."""
        found = sql(self.folder, 'SELECT username FROM entry JOIN "user" ON "user".id = author_id WHERE body = ?', body)
        return [name for (name,) in found]

    def expect_stopped(self, page: Page, me: str = "ana", other: str = "beto") -> None:
        """Wait until a page says that it was made for another member."""
        expect(page.locator("#refusal")).to_contain_text(f"You are signed in as {other} now")
        expect(page.locator("#refusal")).to_contain_text(f"this page was made for {me}.")
        expect(page.get_by_role("link", name=f"Open as {other}")).to_be_visible()

    def test_words_that_waited_for_a_restart_are_not_sent_as_who_is_signed_in_by_then(self) -> None:
        ana, beto = self.member("ana"), self.session("beto")
        port = self.server.port
        self.servers[0].stop(signal.SIGKILL)
        write(ana, "waiting for the process")
        self.take_over(ana, beto)
        self.servers[0] = Server(self.folder, *self.options, port=port).wait()
        self.expect_stopped(ana)
        expect(ana.locator("#state")).to_have_text("Stopped")
        write(ana, "typed afterwards")
        expect(ana.locator("#body")).to_have_value("typed afterwards")
        self.expect_stopped(ana)
        ana.locator("#body").press("End")
        ana.locator("#body").press_sequentially("!")
        self.expect_stopped(ana)  # typing does not take that away
        self.shoot(ana, "room-another")
        ana.get_by_role("link", name="Open as beto").click()
        expect_live(ana)
        expect(ana.locator("#body")).to_have_value("")
        expect(ana.locator("#outbox .row")).to_have_count(0)
        write(ana, "beto himself")
        expect_message(ana, "beto himself")
        self.take_over(ana, self.session("ana"))
        ana.goto("/rooms/lobby")
        expect_message(ana, "waiting for the process")
        expect(ana.locator("#body")).to_have_value("typed afterwards!")
        self.assertEqual(self.authors("waiting for the process"), ["ana"])
        self.assertEqual(self.authors("beto himself"), ["beto"])
        self.assertEqual(self.authors("typed afterwards"), [])

    def test_a_page_that_polls_is_stopped_as_soon_as_it_speaks(self) -> None:
        ana = self.member("ana")
        choose_transports(ana, "xhr-polling")
        expect(ana.locator("#transport")).to_have_text("xhr-polling")
        expect_live(ana)
        self.take_over(ana, self.session("beto"))
        write(ana, "over whose line")
        self.expect_stopped(ana)
        self.assertEqual(self.authors("over whose line"), [])

    def test_who_signs_out_and_another_in_leaves_a_page_that_says_so(self) -> None:
        ana = self.member("ana")
        other = ana.context.new_page()
        other.goto("/rooms/lobby")
        expect_live(other)
        write(other, "before")
        expect_message(ana, "before")
        other.get_by_role("button", name="Sign out").click()
        other.wait_for_url("**/login")
        expect(ana.locator("#state")).to_have_text("Signed out")
        self.take_over(ana, self.session("beto"))
        come_back(ana)
        self.expect_stopped(ana)
        self.take_over(ana, self.session("ana"))
        come_back(ana)
        expect_live(ana)
        expect(ana.locator("#refusal")).to_be_hidden()
        write(ana, "and ana again")
        expect_message(ana, "and ana again")

    def test_who_was_removed_is_told_so_at_once_and_nothing_goes_out_any_more(self) -> None:
        admin = self.client("ana", server=1)
        for name, way in (("dora", "websocket"), ("emil", "xhr-streaming")):
            with self.subTest(way):
                page = self.member(name)
                choose_transports(page, way)
                expect(page.locator("#transport")).to_have_text(way)
                expect_live(page)
                admin.post(f"/members/{self.id_of(name)}/remove")
                expect(page.locator("#state")).to_have_text("Stopped")
                write(page, "to nobody")
                come_back(page)
                expect(page.locator("#refusal")).to_have_text(
                    "You were removed from this site. What you wrote is kept here."
                )
                self.shoot(page, "room-removed")
                expect(page.locator("#body")).to_have_value("to nobody")

    def test_who_was_removed_while_away_is_told_so_when_the_page_is_back(self) -> None:
        admin = self.client("ana", server=1)
        for name, path in (("gina", "/rooms/lobby"), ("hugo", "/rooms/lobby/tasks")):
            with self.subTest(path):
                page = self.member(name)
                page.goto(path)
                expect(page.locator("#state")).to_have_text("Live")
                page.context.set_offline(True)
                admin.post(f"/members/{self.id_of(name)}/remove")
                page.context.set_offline(False)
                expect(page.locator("#state")).to_have_text("Stopped")
                expect(page.locator("main")).to_contain_text("You were removed from this site.")

    def id_of(self, name: str) -> int:
        """Return the number of a member."""
        return int(sql(self.folder, 'SELECT id FROM "user" WHERE username = ?', name)[0][0])

    def test_a_room_that_is_not_ones_own_any_more_says_so_and_stops(self) -> None:
        page = self.member("fred")
        sql(self.folder, "DELETE FROM membership WHERE user_id = ?", self.id_of("fred"))
        expect(page.locator("#state")).to_have_text("Stopped")
        expect(page.locator("#refusal")).to_have_text("You are not a member of this room.")
        write(page, "to a room of others")
        expect(page.locator("#body")).to_have_value("to a room of others")
        sql(self.folder, "INSERT INTO membership (user_id, room_id) VALUES (?, 'lobby')", self.id_of("fred"))
        come_back(page)
        expect_live(page)
        expect(page.locator("#refusal")).to_be_hidden()

    def test_a_new_session_of_the_same_member_goes_on_without_loss(self) -> None:
        old = self.session("ana")
        ana = self.page()
        self.take_over(ana, old)
        ana.goto("/rooms/lobby")
        expect_live(ana)
        self.take_over(ana, self.session("ana"))
        old.post("/logout")
        write(ana, "by the old or the new one")
        expect_message(ana, "by the old or the new one")
        expect_live(ana)
        write(ana, "by the new one")
        expect_message(ana, "by the new one")
        self.assertEqual(self.authors("by the old or the new one"), ["ana"])

    def test_a_new_session_goes_on_while_nobody_answers_who_is_signed_in(self) -> None:
        old = self.session("ana")
        ana = self.page()
        self.take_over(ana, old)
        ana.goto("/rooms/lobby")
        expect_live(ana)
        ana.route("**/logout", lambda route: route.abort())
        self.take_over(ana, self.session("ana"))
        with ana.expect_event("requestfailed"):
            old.post("/logout")
        write(ana, "to whichever session")
        expect_message(ana, "to whichever session")
        self.assertEqual(self.authors("to whichever session"), ["ana"])

    def test_a_page_that_was_signed_out_asks_until_it_is_answered(self) -> None:
        old = self.session("ana")
        ana = self.page()
        self.take_over(ana, old)
        ana.goto("/rooms/lobby")
        expect_live(ana)
        old.post("/logout")
        expect(ana.locator("#state")).to_have_text("Signed out")
        ana.route("**/logout", lambda route: route.abort(), times=2)
        self.take_over(ana, self.session("ana"))
        come_back(ana)
        expect_live(ana)
        expect(ana.locator("#refusal")).to_be_hidden()

    def test_a_page_out_of_the_browsers_memory_asks_again_who_one_is(self) -> None:
        ana = self.member("ana")
        self.take_over(ana, self.session("beto"))
        ana.evaluate(COME_BACK)
        self.expect_stopped(ana)
        write(ana, "out of a cache")
        self.assertEqual(self.authors("out of a cache"), [])
        self.take_over(ana, self.session("ana"))
        ana.goto("/members")
        ana.evaluate("window.isOld = true")
        ana.evaluate(COME_BACK)  # nothing to do: it is still ana
        self.take_over(ana, self.session("beto"))
        ana.evaluate(COME_BACK)
        ana.wait_for_function("() => !window.isOld")
        expect(ana.locator(".self b")).to_have_text("beto")

    def test_by_the_form_nothing_goes_out_either_where_no_live_connection_can_be_had(self) -> None:
        ana = self.page()
        ana.clock.install()
        self.enter(ana, "ana")
        expect_live(ana)
        ana.route("**/chat/**", lambda route: route.abort())
        choose_transports(ana, "websocket")
        expect(ana.locator("#state")).to_contain_text("Offline")
        write(ana, "by the form, as ana")
        expect_message(ana, "by the form, as ana")
        ana.clock.pause_at(ana.evaluate("Date.now()") / 1000 + 1)  # or the next try to connect could find it out first
        self.take_over(ana, self.session("beto"))
        write(ana, "by the form, as whom")
        self.expect_stopped(ana)
        self.assertEqual(self.authors("by the form, as ana"), ["ana"])
        self.assertEqual(self.authors("by the form, as whom"), [])
        expect(ana.locator("#outbox .row")).to_contain_text("by the form, as whom")

    def test_older_messages_of_another_members_page_are_not_mixed_in(self) -> None:
        beto = self.chat("beto")
        for number in range(120):
            beto.post(f"older {number}")
        beto.until("entry", body="older 119")
        ana = self.member("ana")
        shown = messages(ana)
        self.take_over(ana, self.session("beto"))
        ana.get_by_role("link", name="Older messages").click()
        self.expect_stopped(ana)
        self.assertEqual(messages(ana), shown)
        self.take_over(ana, self.session("ana"))
        ana.goto("/rooms/lobby?before=120")
        shown = messages(ana)
        self.take_over(ana, self.session("beto"))
        ana.get_by_role("link", name="Older messages").click()
        self.expect_stopped(ana)
        self.assertEqual(messages(ana), shown)

    def test_without_a_script_the_words_stand_in_the_page_that_refuses_them(self) -> None:
        ana = self.member("ana", java_script_enabled=False)
        self.take_over(ana, self.session("beto"))
        ana.locator("#body").fill("no script,\n  but words")
        ana.get_by_role("button", name="Send").click()
        expect(ana).to_have_title("Somebody else is signed in · Prosa")
        expect(ana.get_by_text("You are signed in as beto now; this page was made for ana.")).to_be_visible()
        expect(ana.get_by_label("What you wrote")).to_have_value("no script,\n  but words")
        self.shoot(ana, "kept")
        self.assertEqual(self.authors("no script,\n  but words"), [])
        with ana.context.expect_page() as opened:
            ana.get_by_role("link", name="Open as beto").click()
        expect(opened.value.locator(".self b")).to_have_text("beto")
        self.take_over(ana, self.session("ana"))
        ana.get_by_role("button", name="Send").click()
        expect_message(ana, "no script,\nbut words")
        self.assertEqual(self.authors("no script,\n  but words"), ["ana"])

    def test_the_browser_does_not_fill_in_for_one_what_another_has_typed(self) -> None:
        ana = self.member("ana")
        ana.locator("#body").fill("for ana only")
        self.take_over(ana, self.session("beto"))
        ana.goto("/members")
        ana.go_back()
        expect(ana.locator(".self b")).to_have_text("beto")
        expect_live(ana)
        expect(ana.locator("#body")).to_have_value("")


def come_back(page: Page) -> None:
    """Tell the page that its tab was shown again."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
