"""Where in a room one reads: links to messages, older and newer ones, what is new, reloading; in a real browser."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, Route, expect

from testsuite.browser import PHONE, BrowserTest, expect_live, follow, write
from testsuite.page_checks import violations
from testsuite.roompage import make_room, rows
from testsuite.talking import say
from testsuite.test_browser_away import wait_for_route
from testsuite.test_browser_messages import choose, row
from testsuite.waiting import wait_for

MORE: dict[str, Any] = {"viewport": {"width": 1280, "height": 500}}


def place_of(page: Page, seq: int) -> float:
    """Return where on the screen the row of a message begins."""
    return float(row(page, seq).evaluate("it => it.getBoundingClientRect().top"))


def expect_place(page: Page, seq: int, place: float) -> None:
    """Wait until the row of a message is where it was."""
    wait_for(lambda: place_of(page, seq) == place, f"message {seq} is at {place}")


class Places(BrowserTest):
    """Permalinks, and what is new."""

    def test_a_link_to_a_message_shows_it_in_the_middle_and_leads_on_to_the_live_end(self) -> None:
        beto = self.chat("beto")
        seqs = [say(beto, f"number {number} of many") for number in range(150)]
        page = self.member("ana", **MORE)
        page.goto(f"/rooms/lobby?at={seqs[40]}")
        expect(row(page, seqs[40])).to_have_class(re.compile("marked"))
        expect(row(page, seqs[40])).to_be_in_viewport(ratio=1)
        self.shoot(page, "permalink")
        place = place_of(page, seqs[60])
        page.locator("#newer").evaluate("it => it.click()")
        expect(row(page, seqs[100])).to_have_count(1)
        expect_place(page, seqs[60], place)
        while page.locator("#newer").count():
            page.locator("#newer").evaluate_all("all => all.forEach((it) => it.click())")
            expect(page.get_by_text("Loading…")).to_have_count(0)
        expect_live(page)
        expect_place(page, seqs[60], place)
        last = say(beto, "and one more")
        expect(row(page, last)).to_have_count(1)
        shown = page.locator("#rows .row").evaluate_all("rows => rows.map((one) => Number(one.dataset.seq))")
        self.assertEqual(shown, list(range(shown[0], last + 1)))

    def test_around_a_message_older_and_newer_ones_load_as_one_nears_the_ends_and_the_place_stays(self) -> None:
        beto = self.chat("beto")
        seqs = [say(beto, f"number {number} of more") for number in range(160)]
        page = self.member("ana", **MORE)
        page.goto(f"/rooms/lobby?at={seqs[80]}")
        held: list[Route] = []
        page.route(re.compile(r"\?(before|after)="), lambda route: held.append(route))  # noqa: PLW0108 - wants a function
        for direction, near, further in ((-1, 60, 30), (1, 100, 130)):
            expect(row(page, seqs[near])).to_have_count(1)
            page.locator("#scroller").evaluate("(it, direction) => it.scrollBy(0, direction * 10000)", direction)
            wait_for_route(page, held)
            place = place_of(page, seqs[near])
            held.pop().continue_()
            expect(row(page, seqs[further])).to_have_count(1)
            expect_place(page, seqs[near], place)
        page.unroute(re.compile(r"\?(before|after)="))
        while page.locator("#newer").count():
            page.locator("#newer").evaluate_all("all => all.forEach((it) => it.click())")
            expect(page.get_by_text("Loading…")).to_have_count(0)
        expect_live(page)
        last = say(beto, "at the live end")
        expect(row(page, last)).to_have_count(1)
        shown = page.locator("#rows .row").evaluate_all("rows => rows.map((one) => Number(one.dataset.seq))")
        self.assertEqual(shown, list(range(shown[0], last + 1)))
        self.assertLessEqual(shown[0], seqs[30])

    def test_reload_and_back_come_to_the_same_place(self) -> None:
        beto = self.chat("beto")
        seqs = [say(beto, f"line {number} of many") for number in range(120)]
        page = self.member("ana", **MORE)
        row(page, seqs[100]).scroll_into_view_if_needed()
        place = place_of(page, seqs[100])
        page.reload()
        expect_live(page)
        expect_place(page, seqs[100], place)
        page.get_by_role("link", name="Older messages").evaluate("it => it.click()")
        expect(row(page, seqs[30])).to_have_count(1)
        row(page, seqs[30]).scroll_into_view_if_needed()
        follow(page.get_by_role("link", name="Members"))
        page.go_back()
        expect(row(page, seqs[30])).to_be_in_viewport()

    def test_the_round_button_leads_to_the_first_unread_and_then_to_the_end(self) -> None:
        beto = self.chat("beto")
        read = say(beto, "read so far")
        self.client("carla").post("/rooms/lobby/read")
        seqs = [say(beto, f"unread {number}") for number in range(80)]
        page = self.page(**MORE)
        self.enter(page, "carla")
        page.locator("#scroller").evaluate("it => it.scrollBy(0, -300)")
        page.get_by_role("button", name="To the newest messages").click()
        page.wait_for_url(f"**/rooms/lobby?after={read}")
        expect(row(page, seqs[0])).to_be_in_viewport()
        self.shoot(page, "first-unread")
        page.get_by_role("button", name="To the newest messages").click()
        page.wait_for_url("**/rooms/lobby")
        expect(row(page, seqs[-1])).to_be_in_viewport()

    def test_what_is_new_stands_below_a_line_and_the_count_is_in_the_title_and_the_sidebar(self) -> None:
        carla = self.member("carla")
        expect(carla).to_have_title("Lobby · Prosa")
        carla.goto("/members")
        beto = self.chat("beto")
        for number in range(3):
            say(beto, f"number {number}")
        say(beto, "and @carla, look")
        page = self.page()
        self.enter(page, "carla")
        expect(page.locator("#rows .new-line + .row .body")).to_have_text("number 0")
        expect(page.locator(".new-line")).to_contain_text("New since")
        self.shoot(page, "new-line")
        expect(page).to_have_title("Lobby · Prosa")  # it has been seen
        room = self.client("ana").post("/rooms", {"name": "Attic", "kind": "open"}).location
        self.client("beto").post(f"{room}/join")
        self.client("carla").post(f"{room}/join")
        expect(page.locator('.place[data-room="attic"] .name')).to_have_text("Attic")
        ana = self.chat("ana", room="attic")
        say(ana, "up here", room="attic")
        expect(page.locator('.place[data-room="attic"] .count')).to_have_text("1 new", use_inner_text=True)
        expect(page).to_have_title(re.compile(r"^\(1\) Lobby"))
        expect(page.locator("link[rel=icon]")).to_have_attribute("href", "/favicon-1.svg")
        say(ana, "@carla", room="attic")
        expect(page.locator('.place[data-room="attic"] .mentions')).to_be_visible()
        self.shoot(page, "mention")
        page.locator('.place[data-room="attic"] a').click()
        expect(page).to_have_title(re.compile("^Attic"))
        expect(page.locator('.place[data-room="attic"] .count')).to_have_count(0)
        phone = self.member("carla", **PHONE)
        expect(phone).to_have_title("Lobby · Prosa")

    def test_what_is_written_in_one_window_is_new_in_another_and_read_on_all_devices_at_once(self) -> None:
        room = make_room(self.client("ana"), "Loft")
        self.client("beto").post(f"{room}/join")
        ana, beto, phone = self.member("ana"), self.member("beto"), self.member("beto", **PHONE)
        ana.goto(room)
        expect_live(ana)
        place = '.place[data-room="loft"]'
        for body, words in (("who is up here?", "1 new"), ("is it you, @beto?", "1 mention")):
            write(ana, body)
            for page in (beto, phone):
                expect(page.locator(f"{place} .count")).to_have_text(re.compile(f"^{words}"))
                expect(page).to_have_title(re.compile(r"^\(\d+\) Lobby"))
        self.shoot(phone, "mention-phone")
        follow(beto.locator(f"{place} a"))
        expect(beto.locator("#rows .mention[data-own]")).to_be_in_viewport()
        for page in (beto, phone):
            expect(page.locator(f"{place} .count")).to_have_count(0)

    def test_what_is_said_to_a_member_leads_to_its_place_by_keyboard_and_rooms_may_have_the_same_numbers(self) -> None:
        beto, carla = self.client("beto"), self.client("carla")
        attic, cellar = (make_room(beto, name) for name in ("An attic", "A cellar"))
        for room in (attic, cellar):
            carla.post(f"{room}/join")
            carla.post(room, {"body": "a question"})
            question = rows(carla.get(room))[-1].seq
            beto.post(room, {"body": "@carla, look"})
            beto.post(room, {"body": "an answer", "target": str(question)})
            beto.post(room, {"body": "something else"})
        page = self.member("carla")
        page.goto("/new")
        expect(page.locator("main h2")).to_have_text(["You were named", "Replies to you", "A cellar", "An attic"])
        self.assertEqual(violations(page), [])
        page.locator(".scroller").focus()
        for name in ("A cellar", "beto"):
            page.keyboard.press("Tab")
            expect(page.locator(":focus")).to_have_text(name)
        page.get_by_role("region", name="Replies to you").get_by_role("link", name="An attic").press("Enter")
        page.wait_for_url(f"**{attic}?at=*")
        expect(page.locator(".row.marked")).to_contain_text("an answer")

    def test_mark_as_unread_from_here(self) -> None:
        beto = self.chat("beto")
        seqs = [say(beto, f"number {number}") for number in range(3)]
        page = self.member("carla")
        expect(row(page, seqs[-1])).to_be_visible()
        expect(page).to_have_title("Lobby · Prosa")
        choose(page, seqs[1], "Mark as unread from here")
        expect(page).to_have_title("(2) Lobby · Prosa")
        page.goto("/new")
        expect(page.get_by_text("number 1")).to_be_visible()
        self.shoot(page, "new")
        follow(page.get_by_role("button", name="Mark all as read"))
        expect(page.get_by_text("Nothing is new.")).to_be_visible()
