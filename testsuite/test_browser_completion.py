"""Completing names and emoji in the message box, in a real browser."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from testsuite.browser import PHONE, BrowserTest, expect_message, heard, listen, messages, write
from testsuite.listbox import (
    ARABIC,
    DARK_PHONE,
    LONG,
    LONG_PAUSE_MS,
    MARKUP,
    RECORD_KEYS,
    expect_selected,
    hold,
    names,
    options,
    query,
    wait_for_routes,
)
from testsuite.page_checks import SIDEWAYS, violations
from testsuite.tables import add_room


class Completion(BrowserTest):
    members = (*BrowserTest.members, "Ana Costa", "Joana Ana", MARKUP, ARABIC, LONG)

    def box(self, page: Page) -> Locator:
        return page.locator("#body")

    def value(self, page: Page) -> str:
        return self.box(page).input_value()

    def load(self, page: Page) -> None:
        """Type a letter, which loads what completes."""
        self.box(page).press("x")
        expect(self.box(page)).to_have_attribute("aria-autocomplete", "list")
        self.box(page).press("Backspace")

    def test_a_name_is_completed_by_the_keyboard_and_nothing_is_sent(self) -> None:
        page = self.member("beto")
        page.keyboard.type("hello @AN")
        expect(options(page)).to_have_count(5)
        self.assertEqual(names(page), ["ana", MARKUP, "Ana Costa", LONG, "Joana Ana"])
        expect_selected(page, "ana")
        for key, name in (
            ("ArrowUp", "Joana Ana"),
            ("ArrowDown", "ana"),
            ("ArrowDown", MARKUP),
            ("ArrowDown", "Ana Costa"),
        ):
            page.keyboard.press(key)
            expect_selected(page, name)
        self.assertEqual(violations(page), [])
        page.keyboard.press("Enter")
        self.assertEqual(self.value(page), "hello @Ana Costa ")
        expect(options(page)).to_have_count(0)
        self.assertNotIn("hello @Ana Costa", messages(page))
        page.keyboard.type("here you are")
        page.keyboard.press("Enter")
        expect_message(page, "hello @Ana Costa here you are")

    def test_what_is_typed_on_filters_and_what_is_taken_back_shows_more(self) -> None:
        page = self.member("beto")
        page.keyboard.type("@ana")
        expect(options(page)).to_have_count(4)
        page.keyboard.type(" co")
        expect(options(page)).to_have_count(1)
        page.keyboard.press("Backspace")
        page.keyboard.press("Backspace")
        expect(options(page)).to_have_count(2)
        page.keyboard.type("zz")
        expect(options(page)).to_have_count(0)
        page.keyboard.press("Control+A")
        page.keyboard.type("mail to ana@an")
        page.keyboard.type(" or @ana")
        expect(options(page)).to_have_count(4)
        page.keyboard.press("Home")
        expect(options(page)).to_have_count(0)

    def test_escape_closes_the_list_and_nothing_else(self) -> None:
        page = self.member("beto")
        page.evaluate(RECORD_KEYS)
        page.keyboard.type("@an")
        expect(options(page)).not_to_have_count(0)
        page.keyboard.press("Escape")
        expect(options(page)).to_have_count(0)
        self.assertNotIn("Escape", page.evaluate("keys"))
        with page.expect_response("**/people?*"):
            page.keyboard.type("a @c")
        expect(options(page)).to_have_count(2)
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        self.assertEqual(page.evaluate("keys").count("Escape"), 1)
        page.keyboard.press("Enter")
        expect_message(page, "@ana @c")

    def test_escape_closes_the_list_before_it_leaves_an_edit_and_arrows_move_in_the_list(self) -> None:
        page = self.member("beto")
        write(page, "to be edited")
        expect_message(page, "to be edited")
        page.keyboard.press("ArrowUp")
        expect(page.locator("#doing")).to_be_visible()
        page.keyboard.type(" @an")
        expect(options(page)).not_to_have_count(0)
        page.keyboard.press("ArrowUp")
        expect_selected(page, "Joana Ana")
        page.keyboard.press("Escape")
        expect(options(page)).to_have_count(0)
        expect(page.locator("#doing")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#doing")).to_be_hidden()

    def test_tab_and_a_click_take_a_choice_and_undo_brings_back_what_was_typed(self) -> None:
        page = self.member("beto")
        page.keyboard.type("@joa")
        expect_selected(page, "Joana Ana")
        page.keyboard.press("Tab")
        self.assertEqual(self.value(page), "@Joana Ana ")
        expect(self.box(page)).to_be_focused()
        page.keyboard.type("@ca")
        options(page).get_by_text("carla").click()
        self.assertEqual(self.value(page), "@Joana Ana @carla ")
        expect(self.box(page)).to_be_focused()
        page.keyboard.press("Control+Z")
        self.assertEqual(self.value(page), "@Joana Ana @ca")

    def test_everybody_is_offered_and_a_name_that_is_complete_is_sent_at_once(self) -> None:
        page = self.member("beto")
        page.keyboard.type("@ro")
        expect_selected(page, "room")
        expect(options(page)).to_contain_text("everybody in this room")
        page.keyboard.press("Enter")
        self.assertEqual(self.value(page), "@room ")
        with page.expect_response("**/people?*"):
            page.keyboard.type("and @carla")
        page.keyboard.press("Enter")
        expect_message(page, "@room and @carla")

    def test_an_emoji_is_completed_and_screen_readers_hear_of_the_choices(self) -> None:
        page = self.member("beto")
        listen(page)
        page.keyboard.type("10:30 or a::b, not :s but :thumbsu")
        expect_selected(page, "thumbsup")
        self.assertRegex("|".join(heard(page)), r"^\d+ choices?\. ")
        self.assertEqual(violations(page), [])
        page.keyboard.press("Enter")
        self.assertEqual(self.value(page), "10:30 or a::b, not :s but 👍 ")
        page.keyboard.type(":cat")
        expect(options(page)).to_have_count(8)
        page.keyboard.type(":")
        expect(options(page)).to_have_count(0)
        page.keyboard.press("Control+A")
        page.keyboard.type(":zzzz")
        expect(options(page)).to_have_count(0)

    def test_a_finger_takes_a_choice_on_a_dark_phone_in_portuguese(self) -> None:
        page = self.member("beto", **DARK_PHONE)
        self.box(page).tap()
        page.keyboard.type("oi @a")
        expect(options(page)).to_have_count(5)
        self.shoot(page, "completion-phone-dark")
        self.assertEqual((violations(page), page.evaluate(SIDEWAYS)), ([], []))
        self.assertEqual(
            [box["height"] for one in options(page).all() if (box := one.bounding_box()) and box["height"] < 44], []
        )
        options(page).get_by_text("Ana Costa").tap()
        self.assertEqual(self.value(page), "oi @Ana Costa ")
        page.keyboard.type(":coracao_ve")
        expect_selected(page, "coração vermelho")
        options(page).first.tap()
        self.assertEqual(self.value(page), "oi @Ana Costa ❤️ ")
        page.keyboard.type("@roo")
        expect(options(page)).to_contain_text("todo mundo nesta sala")
        self.assertEqual(violations(page), [])

    def test_names_are_shown_as_text_each_in_its_own_direction(self) -> None:
        page = self.member("beto")
        for typed, name in (("@ana <", MARKUP), (f"@{ARABIC[:2]}", ARABIC), ("@annaw", LONG)):
            page.keyboard.type(f"{typed}")
            expect_selected(page, name)
            self.assertEqual(page.locator(".listbox img").count(), 0)
            self.assertEqual((violations(page), page.evaluate(SIDEWAYS)), ([], []))
            page.keyboard.press("Enter")
            self.assertEqual(self.value(page), f"@{name} ")
            page.keyboard.press("Control+A")
            page.keyboard.press("Delete")

    def test_an_input_method_keeps_its_own_keys(self) -> None:
        page = self.member("beto")
        self.load(page)
        page.clock.install()
        held = hold(page)
        keys = page.context.new_cdp_session(page)
        self.box(page).focus()
        keys.send("Input.imeSetComposition", {"text": "@ana", "selectionStart": 4, "selectionEnd": 4})
        expect(self.box(page)).to_have_value("@ana")
        page.clock.fast_forward(LONG_PAUSE_MS)
        keys.send("Input.insertText", {"text": "@ana"})
        page.clock.fast_forward(LONG_PAUSE_MS)
        wait_for_routes(page, held, 1)
        held[0].continue_()
        expect(options(page)).to_have_count(4)
        self.assertEqual([query(route) for route in held], ["ana"])

    def test_an_on_screen_keyboard_composes_each_word_and_a_finger_takes_the_choice(self) -> None:
        page = self.member("beto", **PHONE)
        keys = page.context.new_cdp_session(page)
        self.box(page).tap()
        keys.send("Input.imeSetComposition", {"text": "@anab", "selectionStart": 5, "selectionEnd": 5})
        keys.send("Input.imeSetComposition", {"text": "@ana", "selectionStart": 4, "selectionEnd": 4})
        expect(options(page)).to_have_count(4)
        keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "key": "Enter", "windowsVirtualKeyCode": 229})
        self.assertEqual(self.value(page), "@ana")
        options(page).get_by_text("Joana").tap()
        self.assertEqual(self.value(page), "@Joana Ana ")

    def test_what_was_taken_or_closed_is_not_offered_again(self) -> None:
        page = self.member("beto")
        page.keyboard.type("@an")
        expect_selected(page, "ana")
        page.clock.install()
        held = hold(page)
        for key in ("Enter", "c", "Control+A", "Delete", "@", "c"):
            page.keyboard.press(key)
            page.clock.fast_forward(LONG_PAUSE_MS)
        wait_for_routes(page, held, 1)
        held[0].continue_()
        expect_selected(page, "carla")
        for key in ("Escape", "o", "s", "Backspace", "Backspace", "Backspace", "a"):
            page.keyboard.press(key)
            page.clock.fast_forward(LONG_PAUSE_MS)
        wait_for_routes(page, held, 2)
        self.assertEqual([query(route) for route in held], ["c", "a"])

    def test_who_leaves_the_room_is_not_offered_any_more(self) -> None:
        add_room(self.folder, "chess", "beto", "Ana Costa", "carla")
        page = self.member("beto")
        page.goto("/rooms/chess")
        self.box(page).fill("@a")
        expect(options(page)).to_have_count(1)
        self.assertEqual(self.client("Ana Costa").post("/rooms/chess/leave").status, 302)
        self.box(page).fill("")
        self.box(page).fill("@a")
        expect(options(page)).to_have_count(0)
        self.box(page).fill("@c")
        expect_selected(page, "carla")

    def test_one_request_runs_at_a_time_and_only_the_newest_text_is_asked_for(self) -> None:
        page = self.member("beto")
        self.load(page)
        page.clock.install()
        held = hold(page)
        for letter in "@@@ @@ @a":
            page.keyboard.type(letter)
            page.clock.fast_forward(LONG_PAUSE_MS)
        wait_for_routes(page, held, 1)
        for letter in "na c":
            page.keyboard.type(letter)
            page.clock.fast_forward(LONG_PAUSE_MS)
        held[0].continue_()
        wait_for_routes(page, held, 2)
        self.assertEqual(names(page), [])
        held[1].continue_()
        expect_selected(page, "Ana Costa")
        self.assertEqual([query(route) for route in held], ["a", "ana+c"])

    def test_enter_takes_nothing_that_does_not_fit_any_more_while_the_answer_is_on_its_way(self) -> None:
        page = self.member("beto")
        page.keyboard.type("@a")
        expect(options(page)).to_have_count(5)
        hold(page)
        page.keyboard.type("na c")
        expect_selected(page, "Ana Costa")
        page.keyboard.press("Enter")
        self.assertEqual(self.value(page), "@Ana Costa ")

    def test_a_server_that_fails_is_no_trouble(self) -> None:
        self.tolerate("net::ERR_|status of 503")
        page = self.member("beto")
        page.route("**/people?*", lambda route: route.abort())
        page.route("**/emoji.json", lambda route: route.fulfill(status=503, body="<html>"))
        page.keyboard.type(":smile @r")
        expect_selected(page, "room")
        page.keyboard.press("Escape")
        page.unroute("**/people?*")
        page.unroute("**/emoji.json")
        page.keyboard.type(" @ca")
        expect_selected(page, "carla")
        page.keyboard.press("Enter")
        page.keyboard.type(":smil")
        expect(options(page)).not_to_have_count(0)
