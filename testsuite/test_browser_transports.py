"""The panel "Connection": each of the tutorial's transports, chosen alone, carries the chat in a real browser."""

from __future__ import annotations

import re
import secrets

from playwright.sync_api import Page, Request, WebSocket, WebSocketRoute, expect

from controllers.sockjs.router import TRANSPORTS
from testsuite.browser import BrowserTest, choose_transports, expect_live, expect_message, open_details, write
from testsuite.standstill import standing_still
from testsuite.waiting import wait_for

HOUR_SECONDS = 3600
MILLISECONDS = re.compile(r"^\d+ ms$")


class Connection(BrowserTest):
    """What a member may choose."""

    def test_the_tutorials_seven_transports_can_be_chosen(self) -> None:
        ana = self.member("ana")
        open_details(ana)
        names = ana.locator("#transports input").evaluate_all("all => all.map((one) => one.value)")
        self.assertEqual(names, list(TRANSPORTS))
        expect(ana.locator("#transport")).to_have_text("websocket")
        process = self.client().get("/healthz").json()["process"]
        expect(ana.locator("#process")).to_have_text(process)
        self.shoot(ana, "room-connection")

    def test_members_read_a_sentence_and_who_asks_for_details_gets_them(self) -> None:
        for locale, words, details in (
            ("en-US", "You hear new messages at once.", "Details"),
            ("pt-BR", "As mensagens novas chegam na hora.", "Detalhes"),
        ):
            page = self.member("beto", locale=locale)
            page.locator("#connection > summary").click()
            expect(page.get_by_text(words)).to_be_visible()
            expect(page.locator("#next-try")).to_be_hidden()
            for detail in ("#transports", "#process", "#round-trip"):
                expect(page.locator(detail)).to_be_hidden()
            page.locator("summary", has_text=details).last.press("Enter")
            for detail in ("#transports", "#process", "#round-trip"):
                expect(page.locator(detail)).to_be_visible()

    def test_each_transport_chosen_alone_carries_the_chat_and_is_shown(self) -> None:
        self.assert_all_work(self.member("ana"))

    def test_so_it_is_under_a_name_over_plain_http_where_browsers_say_little_of_where_a_request_comes_from(
        self,
    ) -> None:
        url = f"http://chat.example:{self.server.port}"
        ana, asked = self.page(url), list[Request]()

        def keep(request: Request) -> None:
            asked.append(request)

        ana.on("request", keep)
        cookies = self.client("ana").cookies
        ana.context.add_cookies([{"name": name, "value": value, "url": url} for name, value in cookies.items()])
        ana.goto("/rooms/lobby")
        self.assert_all_work(ana)
        live = [request for request in asked if "/jsonp?" in request.url or "/eventsource" in request.url]
        self.assertNotIn("sec-fetch-site", {name for request in live for name in request.headers})

    def assert_all_work(self, ana: Page) -> None:
        """Fail unless each transport carries messages to and from a room's page."""
        self.tolerate("document.domain mutation is ignored")  # it stands in the protocol's own pages
        beto = self.chat("beto")
        for name in TRANSPORTS:
            with self.subTest(transport=name):
                choose_transports(ana, name)
                expect(ana.locator("#transport")).to_have_text(name)
                expect_live(ana)
                said = f"by {name} ☃ {secrets.token_hex(2)}"
                write(ana, said)
                expect_message(ana, said)
                beto.until("entry", body=said)
                expect(ana.locator("#outbox .row")).to_have_count(0)
                beto.post(f"and back, {said}")
                expect_message(ana, f"and back, {said}")

    def test_what_was_chosen_is_kept_over_a_reload(self) -> None:
        ana = self.member("ana")
        choose_transports(ana, "xhr-polling", "jsonp-polling")
        expect(ana.locator("#transport")).to_have_text("xhr-polling")
        ana.reload()
        expect_live(ana)
        expect(ana.locator("#transport")).to_have_text("xhr-polling")

    def test_a_websocket_that_is_slow_to_open_is_waited_for(self) -> None:
        page, held = self.page(), list[WebSocketRoute]()
        page.clock.install()
        page.route_web_socket(re.compile("/websocket$"), lambda route: held.append(route))  # noqa: PLW0108  Playwright sets an attribute on it
        self.enter(page, "ana")
        wait_for(lambda: page.evaluate("true") and held, "a websocket")
        page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)
        held[0].connect_to_server()
        page.clock.resume()
        expect_live(page)
        expect(page.locator("#transport")).to_have_text("websocket")
        self.assertEqual(len(held), 1)

    def test_choosing_nothing_is_refused(self) -> None:
        ana = self.member("ana")
        choose_transports(ana)
        expect(ana.get_by_text("Choose at least one.")).to_be_visible()
        expect_live(ana)


class RoundTrip(BrowserTest):
    """The response time that the page shows while its panel is open."""

    def open_anew(self, page: Page) -> WebSocket:
        """Load the room again, with a clock that the test can put forward; return its websocket."""
        page.clock.install()
        with page.expect_websocket() as found:
            page.reload()
        expect_live(page)
        return found.value

    def test_it_is_measured_every_few_seconds_while_the_panel_is_open(self) -> None:
        page = self.member("ana")
        socket = self.open_anew(page)
        sent: list[str | bytes] = []

        def keep(frame: str | bytes) -> None:
            sent.append(frame)

        socket.on("framesent", keep)
        with socket.expect_event("framesent", is_ping):
            open_details(page)
        expect(page.locator("#round-trip")).to_have_text(MILLISECONDS)
        with socket.expect_event("framesent", is_ping):
            page.clock.fast_forward(3000)
        page.keyboard.press("Escape")
        expect(page.locator("#round-trip")).to_be_hidden()
        before = pings(sent)
        page.clock.fast_forward(20_000)
        write(page, "nobody looks")
        expect_message(page, "nobody looks")
        self.assertEqual(pings(sent), before)

    def test_it_is_unknown_until_an_answer_came_and_then_as_long_as_that_took(self) -> None:
        page = self.member("ana")
        socket = self.open_anew(page)
        with standing_still(self.server.process.pid):
            with socket.expect_event("framesent", is_ping):
                open_details(page)
            expect(page.locator("#round-trip")).to_have_text("measuring…")
            page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 6)  # and nothing is measured after that
            expect(page.locator("#round-trip")).to_have_text("measuring…")
        expect(page.locator("#round-trip")).to_have_text(MILLISECONDS)
        shown = page.locator("#round-trip").inner_text()
        self.assertGreaterEqual(int(shown.removesuffix(" ms")), 5000)

    def test_a_dead_connection_is_noticed_although_the_clock_was_set_back(self) -> None:
        page = self.member("ana")
        self.open_anew(page)
        with standing_still(self.server.process.pid):
            set_back(page)
            page.clock.fast_forward(31_000)  # nothing was heard for so long: it asks
            page.clock.fast_forward(9_000)  # and nobody answers
            expect(page.locator("#state")).not_to_have_class("state live")

    def test_who_writes_is_told_although_the_clock_was_set_back(self) -> None:
        page = self.member("ana")
        socket = self.open_anew(page)
        with socket.expect_event("framesent", lambda frame: '"typing' in str(frame)):
            page.locator("#body").press_sequentially("a")
        set_back(page)
        page.clock.fast_forward(3500)
        with socket.expect_event("framesent", lambda frame: '"typing' in str(frame)):
            page.locator("#body").press_sequentially("b")

    def test_an_answer_that_was_lost_with_its_connection_is_not_waited_for(self) -> None:
        self.tolerate("net::ERR_INTERNET_DISCONNECTED")
        page = self.member("ana")
        with standing_still(self.server.process.pid):
            open_details(page)
            expect(page.locator("#round-trip")).to_have_text("measuring…")
            page.context.set_offline(True)
            expect(page.locator("#round-trip")).to_have_text("\u2013")
        page.context.set_offline(False)
        expect_live(page)
        expect(page.locator("#round-trip")).to_have_text(MILLISECONDS)
        expect(page.locator("#reconnects")).to_have_text("1 time")


def set_back(page: Page) -> None:
    """Set a page's clock back by an hour."""
    page.clock.set_system_time(page.evaluate("Date.now()") / 1000 - HOUR_SECONDS)


def is_ping(frame: str | bytes) -> bool:
    """Tell whether a frame asks for a pong."""
    return '"ping' in str(frame)


def pings(frames: list[str | bytes]) -> int:
    """Return how many of these ask for a pong."""
    return sum(map(is_ping, frames))
