"""Finding rooms and people, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from models import memberships
from models.database import database, writing
from models.models import User, create_tables
from models.rooms import OPEN
from testsuite.browser import BrowserTest, heard, listen
from testsuite.listbox import (
    ARABIC,
    DARK_PHONE,
    LONG,
    MARKUP,
    RECORD_KEYS,
    expect_selected,
    hold,
    names,
    options,
    wait_for_routes,
)
from testsuite.page_checks import SIDEWAYS, SMALL, violations
from testsuite.tables import add_room, address


def find(page: Page) -> None:
    """Lead to the finder by the keyboard, and wait until it is loaded."""
    page.keyboard.press("Control+K")
    expect(page.get_by_role("combobox")).to_be_focused()


class Finding(BrowserTest):
    members = (*BrowserTest.members, "Ana Costa", "Carlos", MARKUP, ARABIC, LONG)

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for slug in ("chess", "tea-room", "the-chessboard", "café"):
            add_room(cls.folder, slug, "beto", "carla")

    def field(self, page: Page) -> Locator:
        return page.locator("#find-place")

    def test_control_k_leads_from_anywhere_to_a_room(self) -> None:
        page = self.member("beto")
        expect(page.locator("#finder kbd")).to_have_text("Ctrl K")
        self.shoot(page, "finder-empty")
        page.locator("#body").focus()
        page.keyboard.press("Control+K")
        expect(self.field(page)).to_be_focused()
        page.keyboard.type("CHESS")
        expect(options(page)).to_have_count(2)
        self.assertEqual(names(page), ["Chess", "The-Chessboard"])
        expect_selected(page, "Chess")
        expect(page.locator(".places").first).to_be_hidden()
        self.assertEqual((violations(page), page.evaluate(SIDEWAYS)), ([], []))
        self.shoot(page, "finder")
        page.keyboard.press("ArrowDown")
        expect_selected(page, "The-Chessboard")
        page.keyboard.press("Enter")
        page.wait_for_url("**/rooms/the-chessboard")

    def test_accents_make_no_difference_and_a_click_leads_there(self) -> None:
        page = self.member("beto")
        page.goto("/members")
        find(page)
        page.keyboard.type("cafe")
        options(page).get_by_text("Café").click()
        page.wait_for_url("**/rooms/caf%C3%A9")

    def test_what_is_no_name_is_searched_for_in_the_messages(self) -> None:
        self.client("carla").post("/rooms/lobby", {"body": "the zeppelin lands at noon"})
        page = self.member("beto")
        for by_key in (True, False):
            find(page)
            page.keyboard.type("zeppelin lands")
            link = page.get_by_role("link", name="Search the messages for it")
            expect(link).to_be_visible()
            page.keyboard.press("Enter") if by_key else link.click()
            page.wait_for_url("**/search?q=zeppelin+lands")
            expect(page.locator(".hit mark")).to_have_text(["zeppelin", "lands"])
        page.locator(".hit").click()
        page.wait_for_url("**/rooms/lobby?at=*")
        expect(page.locator(".row.marked .body")).to_have_text("the zeppelin lands at noon")

    def test_escape_clears_and_gives_the_focus_back(self) -> None:
        page = self.member("beto")
        page.evaluate(RECORD_KEYS)
        page.locator("#scroller").focus()
        find(page)
        page.keyboard.type("chess")
        expect(options(page)).to_have_count(2)
        page.keyboard.press("Escape")
        expect(page.locator("#scroller")).to_be_focused()
        expect(self.field(page)).to_have_value("")
        expect(options(page)).to_have_count(0)
        expect(page.locator(".place a").first).to_be_visible()
        self.assertNotIn("Escape", page.evaluate("keys"))
        page.goto("/members")
        find(page)
        page.keyboard.press("Escape")
        expect(page.locator("#main")).to_be_focused()

    def test_somebody_is_found_and_written_to_and_afterwards_stands_among_the_rooms(self) -> None:
        page = self.member("beto")
        find(page)
        page.keyboard.type("ana c")
        expect_selected(page, "Ana Costa")
        page.keyboard.press("Enter")
        page.wait_for_url("**/rooms/d-*")
        find(page)
        page.keyboard.type("ana")
        expect(options(page)).to_have_count(3)
        self.assertEqual(names(page), ["Ana Costa", "ana", MARKUP])
        page.keyboard.press("ArrowUp")
        expect_selected(page, MARKUP)
        self.assertEqual(page.locator(".listbox img").count(), 0)
        self.assertEqual(violations(page), [])

    def test_what_was_chosen_stays_chosen_when_people_are_found_later(self) -> None:
        page = self.member("carla")
        held = hold(page)
        find(page)
        page.keyboard.type("c")
        wait_for_routes(page, held, 1)
        self.assertEqual(names(page), ["Café", "Chess", "The-Chessboard"])
        page.keyboard.press("ArrowDown")
        held[0].continue_()
        expect(options(page)).to_have_count(5)
        expect_selected(page, "Chess")

    def test_people_who_were_found_for_earlier_letters_are_not_added(self) -> None:
        page = self.member("carla")
        held = hold(page)
        find(page)
        page.keyboard.type("a")
        wait_for_routes(page, held, 1)
        page.keyboard.type("nn")
        held[0].continue_()
        wait_for_routes(page, held, 2)
        held[1].continue_()
        expect(options(page)).to_have_count(1)
        expect_selected(page, LONG)

    def test_what_is_not_found_is_said(self) -> None:
        page = self.member("beto", locale="pt-BR")
        listen(page)
        find(page)
        page.keyboard.type("zzz")
        expect(page.locator(".nothing")).to_have_text("Nenhuma sala e ninguém com esse nome. Buscar nas mensagens")
        self.assertIn("Nenhuma sala e ninguém com esse nome.", "".join(heard(page)))
        self.assertEqual(violations(page), [])
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Buscar nas mensagens")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.locator(".nothing")).to_be_empty()
        expect(page.locator(".place a").first).to_be_visible()

    def test_on_a_dark_phone_the_menu_opens_first_and_a_finger_finds_its_targets(self) -> None:
        page = self.member("beto", **DARK_PHONE)
        find(page)
        expect(self.field(page)).to_be_focused()
        page.keyboard.type("a")
        expect(options(page).get_by_text(LONG)).to_be_visible()
        self.shoot(page, "finder-phone-dark")
        self.assertEqual((violations(page), page.evaluate(SIDEWAYS)), ([], []))
        self.assertEqual([one for one in page.evaluate(SMALL) if "find" in one], [])
        self.assertEqual(
            [box["height"] for one in options(page).all() if (box := one.bounding_box()) and box["height"] < 44], []
        )
        page.keyboard.press("Escape")
        expect(self.field(page)).to_have_value("")
        expect(self.field(page)).to_be_focused()
        page.keyboard.press("Escape")
        expect(self.field(page)).to_be_hidden()
        page.locator("#menu summary").tap()
        self.field(page).tap()
        page.keyboard.type(ARABIC)
        options(page).get_by_text(ARABIC).tap()
        page.wait_for_url("**/rooms/d-*")


class FiveHundredRooms(BrowserTest):
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        add_rooms(cls.folder, "beto", [f"room {number}" for number in range(499)])

    def test_they_are_filtered_by_each_letter_as_it_is_typed(self) -> None:
        page = self.member("beto")
        expect(page.locator(".place")).to_have_count(500)
        find(page)
        page.keyboard.type("room 49")
        expect(options(page)).to_have_count(10)
        page.keyboard.type("8")
        page.keyboard.press("Enter")
        page.wait_for_url("**/rooms/room-498")


def add_rooms(folder: str, member: str, room_names: list[str]) -> None:
    """Make rooms in which there is one member."""
    create_tables(address(folder))
    user = User.get(User.username == member)
    with writing():
        for name in room_names:
            memberships.make_room(user.id, name, "", OPEN)
    database.close()
