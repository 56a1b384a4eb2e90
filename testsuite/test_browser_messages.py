"""Messages that are edited, deleted, answered and reacted to, in two windows, by mouse, keyboard, finger and forms."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from testsuite.browser import (
    ENDED_SESSION,
    PHONE,
    BrowserTest,
    click_beside,
    expect_live,
    expect_message,
    follow,
    write,
)
from testsuite.clients import PASSWORD
from testsuite.roompage import make_room
from testsuite.talking import THUMB, do, say

# The menu has opened when the key has been handled: the next one may be on its way already.
OPENS_MENU_AT_ONCE = """row => {
  row.dispatchEvent(new KeyboardEvent('keydown', { key: '+', bubbles: true }));
  return document.querySelector('dialog.sheet-menu[open]') !== null;
}"""


def row(page: Page, seq: int) -> Locator:
    """Return the row of a message."""
    return page.locator(f'#rows .row[data-seq="{seq}"]')


def choose(page: Page, seq: int, words: str) -> None:
    """Choose something from the menu of a message, with the mouse."""
    click_beside(row(page, seq), ".do-menu")
    page.get_by_role("dialog").get_by_role("button", name=words, exact=True).click()


class Messages(BrowserTest):
    def setUp(self) -> None:
        super().setUp()
        self.ana, self.beto = self.member("ana"), self.member("beto")
        self.voice = self.chat("ana")

    def say(self, body: str, **fields: int) -> int:
        """Post as ana; return the number of the message once both windows show it."""
        seq = say(self.voice, body, **fields)
        for page in (self.ana, self.beto):
            expect(row(page, seq)).to_be_visible()
        return seq

    def test_the_last_own_message_is_edited_by_arrow_up_and_says_so_in_both_windows(self) -> None:
        write(self.ana, "a *firts* try")
        expect_message(self.beto, "a firts try")
        self.ana.locator("#body").press("ArrowUp")
        expect(self.ana.locator("#body")).to_have_value("a *firts* try")
        expect(self.ana.locator("#doing")).to_contain_text("Editing your message")
        self.shoot(self.ana, "editing")
        write(self.ana, "a *first* try")
        for page in (self.ana, self.beto):
            expect_message(page, "a first try")
            expect(page.locator("#rows .row").last.locator(".edited")).to_contain_text("edited")
        expect(self.ana.locator("#doing")).to_be_hidden()
        expect(self.ana.locator("#body")).to_have_value("")

    def test_escape_leaves_the_edit_and_the_draft_comes_back(self) -> None:
        self.say("to be left alone")
        self.ana.locator("#body").press("ArrowUp")
        expect(self.ana.locator("#body")).to_have_value("to be left alone")
        self.ana.locator("#body").fill("something else")
        self.ana.keyboard.press("Escape")
        expect(self.ana.locator("#body")).to_have_value("")
        self.ana.locator("#body").fill("a draft")
        row(self.ana, self.say("another")).press("e")
        expect(self.ana.locator("#body")).to_have_value("another")
        self.ana.keyboard.press("Escape")
        expect(self.ana.locator("#body")).to_have_value("a draft")

    def test_a_deleted_message_goes_from_both_windows_and_an_answered_one_leaves_a_line(self) -> None:
        gone, answered = self.say("soon gone"), self.say("who brings the boards?")
        self.say("I do", target=answered)
        for seq, body in ((gone, "soon gone"), (answered, "who brings the boards?")):
            choose(self.ana, seq, "Delete the message")
            expect(self.ana.get_by_role("button", name="Keep it")).to_be_focused()
            self.shoot(self.ana, "deleting")
            self.ana.get_by_role("button", name="Delete it").click()
            expect(self.ana.locator("#rows .row .body", has_text=body)).to_have_count(0)  # it moves what is below it
        for page in (self.ana, self.beto):
            expect(row(page, gone)).to_have_count(0)
            expect(row(page, answered).locator(".body")).to_have_text("This message was deleted", use_inner_text=True)
            expect(page.locator("#rows .quote .words").last).to_have_text(
                "This message was deleted", use_inner_text=True
            )
            self.assertNotIn("boards", page.locator("#rows").inner_html())

    def test_an_answer_shows_what_it_answers_and_leads_there(self) -> None:
        seq = self.say("the hall is empty on Saturday")
        click_beside(row(self.beto, seq), ".do-reply")
        expect(self.beto.locator("#doing")).to_contain_text("Replying to ana: the hall is empty")
        self.shoot(self.beto, "replying")
        write(self.beto, "good")
        for page in (self.ana, self.beto):
            answer = page.locator("#rows .row").last
            expect(answer.locator(".quote")).to_contain_text("ana the hall is empty on Saturday")
            expect(row(page, seq).locator(".replies")).to_have_text("1 reply", use_inner_text=True)
        follow(self.ana.locator("#rows .row").last.locator(".quote a"))
        expect(row(self.ana, seq)).to_have_class(re.compile("marked"))
        expect(row(self.ana, seq)).to_be_in_viewport()

    def test_a_reaction_is_given_and_taken_back_and_says_by_whom(self) -> None:
        seq = self.say("shall we?")
        click_beside(row(self.beto, seq), ".do-react")
        pill = row(self.beto, seq).get_by_role("button", name=f"{THUMB} 1 beto")
        expect(pill).to_have_attribute("aria-pressed", "true")
        expect(row(self.ana, seq).locator(".reaction")).to_have_attribute("title", "beto")
        expect(row(self.ana, seq).locator(".reaction")).to_have_attribute("aria-pressed", "false")
        row(self.ana, seq).locator(".reaction").click()
        expect(row(self.beto, seq).locator(".reaction b")).to_have_text("2")
        self.shoot(self.beto, "reactions")
        expect(row(self.beto, seq).locator(".reaction")).to_have_attribute("aria-pressed", "true")
        self.beto.reload()
        expect(row(self.beto, seq).locator(".reaction")).to_have_attribute("aria-pressed", "true")
        expect_live(self.beto)
        row(self.beto, seq).locator(".reaction").click()
        expect(row(self.ana, seq).locator(".reaction")).to_have_attribute("title", "ana")
        expect(row(self.beto, seq).locator(".reaction")).to_have_attribute("aria-pressed", "false")

    def test_by_keyboard_alone(self) -> None:
        first, second = self.say("the first"), self.say("the second")
        page = self.beto
        page.locator("#body").focus()
        while page.evaluate("document.activeElement.dataset.seq") != str(second):
            page.keyboard.press("Shift+Tab")
        page.keyboard.press("ArrowUp")
        expect(row(page, first)).to_be_focused()
        page.keyboard.press("r")
        expect(page.locator("#body")).to_be_focused()
        page.keyboard.type("an answer")
        page.keyboard.press("Enter")
        expect(row(self.ana, second + 1).locator(".quote")).to_contain_text("the first")
        row(page, second).focus()
        page.keyboard.press("+")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        page.keyboard.press("Enter")  # the emoji that was used last
        expect(row(self.ana, second).locator(".reaction")).to_have_attribute("title", "beto")
        row(page, second).focus()
        self.assertTrue(row(page, second).evaluate(OPENS_MENU_AT_ONCE))
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        expect(row(page, second)).to_be_focused()
        for part in (".author", ".when"):
            page.keyboard.press("Tab")
            expect(row(page, second).locator(part)).to_be_focused()

    def test_on_a_phone_a_long_press_opens_a_sheet(self) -> None:
        seq = self.say("press me")
        phone = self.member("beto", locale="pt-BR", color_scheme="dark", **PHONE)
        expect(row(phone, seq)).to_be_visible()
        row(phone, seq).dispatch_event("pointerdown", {"pointerType": "touch"})
        sheet = phone.get_by_role("dialog")
        expect(sheet.get_by_role("button", name="Responder")).to_be_visible()
        self.shoot(phone, "sheet-phone-dark-portuguese")
        sheet.locator(".emoji button").first.tap()
        expect(row(self.ana, seq).locator(".reaction")).to_have_attribute("title", "beto")
        expect(sheet).to_be_hidden()

    def test_somebody_elses_message_cannot_be_edited_here_and_an_administrator_deletes_any(self) -> None:
        seq = self.say("mine")
        click_beside(row(self.beto, seq), ".do-menu")
        expect(self.beto.get_by_role("dialog").locator(".deeds button")).to_have_text(
            [
                "Reply",
                "Make a task of it",
                "Copy link",
                "Copy text",
                "Mark as unread from here",
                "Write to the author",
                "Open the message’s page",
            ],
        )
        follow(self.beto.get_by_role("dialog").get_by_role("button", name="Write to the author"))
        expect(self.beto.locator("h1")).to_have_text("ana")
        write(self.beto, "between us")
        expect(self.ana.locator('[data-kind="people"] .count')).to_have_text("1 new", use_inner_text=True)
        self.shoot(self.ana, "direct")
        other = say(self.chat("beto"), "his")
        choose(self.ana, other, "Delete the message")
        self.ana.get_by_role("button", name="Delete it").click()
        expect(row(self.beto, other)).to_have_count(0)

    def test_what_is_refused_is_said_and_the_text_is_not_lost(self) -> None:
        seq = self.say("to be deleted elsewhere")
        self.ana.locator("#body").press("ArrowUp")
        expect(self.ana.locator("#body")).to_have_value("to be deleted elsewhere")
        do(self.voice, "delete", seq)
        expect(row(self.ana, seq)).to_have_count(0)
        write(self.ana, "a long new text")
        expect(self.ana.locator("#refusal")).to_contain_text("This message was deleted.")
        expect(self.ana.locator("#body")).to_have_value("a long new text")

    def test_without_a_script_each_is_a_form(self) -> None:
        seq = self.say("by form")
        plain = self.member("ana", java_script_enabled=False)
        follow(row(plain, seq).locator(".more"))
        self.shoot(plain, "message-page")
        plain.get_by_label("The text of the message").fill("by form, edited")
        follow(plain.get_by_role("button", name="Save"))
        expect(row(plain, seq)).to_contain_text("by form, edited")
        expect(row(self.beto, seq)).to_contain_text("by form, edited")
        follow(row(plain, seq).locator(".more"))
        follow(plain.get_by_role("button", name=THUMB, exact=True))
        expect(row(self.beto, seq).locator(".reaction")).to_have_attribute("title", "ana")
        follow(row(plain, seq).locator(".more"))
        plain.get_by_label("Your reply").fill("my own answer")
        follow(plain.get_by_role("button", name="Send"))
        expect_message(self.beto, "my own answer")
        plain.goto(f"/rooms/lobby/messages/{seq}")
        follow(plain.get_by_role("link", name="Earlier texts"))
        expect(plain.locator(".texts .body")).to_have_text(["by form", "by form, edited"])
        self.shoot(plain, "history")
        plain.goto(f"/rooms/lobby/messages/{seq}")
        follow(plain.get_by_role("button", name="Delete the message"))
        expect(row(self.beto, seq).locator(".body")).to_have_text("This message was deleted", use_inner_text=True)


class Drafts(BrowserTest):
    """A text that is not sent yet."""

    def test_who_is_signed_out_in_the_middle_gets_the_text_back_after_signing_in(self) -> None:
        self.tolerate(ENDED_SESSION)
        page = self.member("ana")
        page.locator("#body").fill("half a thought,")
        elsewhere = self.client("ana")
        for device in re.findall(r"/account/devices/\d+/end", elsewhere.get("/account").text):
            self.assertEqual(elsewhere.post(device).status, 302)
        expect(page.locator("#state")).to_have_text("Signed out")
        page.locator("#body").press("End")
        page.keyboard.type(" and the other half")
        follow(page.get_by_role("link", name="Sign in again"))
        page.locator("#username").fill("ana")
        page.locator("#password").fill(PASSWORD)
        follow(page.locator("form button"))
        expect_live(page)
        expect(page.locator("#body")).to_have_value("half a thought, and the other half")
        page.locator("#body").press("Enter")
        expect_message(page, "half a thought, and the other half")

    def test_each_room_keeps_its_own(self) -> None:
        client = self.client("ana")
        rooms = ["/rooms/lobby", *(make_room(client, name) for name in ("Cellar", "Garret"))]
        page = self.member("ana")
        for way in ("write", "read"):
            for room in rooms:
                page.goto(room)
                expect_live(page)
                if way == "write":
                    page.locator("#body").fill(f"for {room}")
                expect(page.locator("#body")).to_have_value(f"for {room}")
        page.locator("#body").press("Enter")
        expect_message(page, f"for {rooms[-1]}")
        page.reload()
        expect(page.locator("#body")).to_have_value("")
