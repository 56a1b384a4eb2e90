"""The site by keyboard and by screen reader."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from playwright.sync_api import expect

from testsuite.browser import (
    ALLOW_EVERYTHING,
    PHONE,
    BrowserTest,
    expect_listed,
    expect_live,
    expect_message,
    heard,
    invite,
    listen,
    open_details,
    write,
)
from testsuite.clients import Chat


class Access(BrowserTest):
    """The site by keyboard and by screen reader."""

    def test_everything_in_the_room_can_be_reached_by_keyboard(self) -> None:
        page = self.member("ana")
        page.locator("body").click(position={"x": 640, "y": 2})
        reached: list[str] = []
        for _ in range(40):
            page.keyboard.press("Tab")
            reached.append(page.evaluate(FOCUSED))
            outline = page.evaluate(OUTLINE)
            self.assertTrue(outline, f"no focus ring on {reached[-1]}")
        for wanted in ("a /members", "summary Live", "textarea", "button Send", "button Sign out"):
            self.assertTrue([one for one in reached if one.startswith(wanted)], f"{wanted} in {reached}")
        page.locator("#body").focus()
        page.keyboard.type("by keyboard alone")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect_message(page, "by keyboard alone")

    def test_skip_links_lead_past_the_sidebar_and_to_where_one_writes(self) -> None:
        page = self.member("ana")
        for name, wanted in (("Skip to the content", "#main"), ("Write", "#body")):
            link = page.get_by_role("link", name=name)
            link.focus()
            expect(link).to_be_in_viewport(ratio=1)
            page.keyboard.press("Enter")
            expect(page.locator(wanted)).to_be_focused()
        page.goto("/members")
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        expect(page.get_by_role("link", name="Write")).to_have_count(0)

    def test_at_a_desk_one_can_write_at_once(self) -> None:
        expect(self.member("ana").locator("#body")).to_be_focused()
        for elsewhere in ("#newest", "?before=999999"):
            page = self.member("ana")
            page.goto(f"/rooms/lobby{elsewhere}")
            page.reload()
            expect(page.locator("#hint")).to_be_visible()
            expect(page.locator("#body")).not_to_be_focused()
        expect(self.member("ana", **PHONE).locator("#body")).not_to_be_focused()

    def test_escape_closes_the_panel(self) -> None:
        page = self.member("ana")
        summary, reconnect = page.locator("#connection > summary"), page.get_by_role("button", name="Reconnect")
        open_details(page)
        reconnect.focus()
        page.keyboard.press("Escape")
        expect(reconnect).to_be_hidden()
        expect(summary).to_be_focused()
        page.keyboard.press("Enter")
        expect(reconnect).to_be_visible()
        reconnect.focus()
        page.keyboard.press("Tab")
        expect(reconnect).to_be_hidden()
        expect(page.get_by_role("region", name="Messages in Lobby")).to_be_focused()

    def test_the_menu_of_a_phone_shows_and_keeps_the_focus(self) -> None:
        page = self.member("ana", **PHONE)
        summary, sidebar = page.locator("#menu summary"), page.locator("#sidebar")
        summary.focus()
        page.keyboard.press("Enter")
        expect(sidebar).to_be_in_viewport()
        expect(page.locator("#main")).to_have_js_property("inert", True)
        self.assertTrue(page.evaluate(RING_IN_SIGHT), "no focus ring on the open menu")
        reached = set()
        for _ in range(14):
            page.keyboard.press("Tab")
            reached.add(page.evaluate(FOCUSED))
        self.assertTrue({"a /members", "a /account", "button Sign out"} <= reached, reached)
        self.assertEqual({one for one in reached if one.startswith(("textarea", "summary Live"))}, set())
        page.get_by_role("link", name="Members").focus()
        page.keyboard.press("Escape")
        expect(sidebar).to_be_hidden()
        expect(summary).to_be_focused()
        self.assertTrue(page.evaluate(RING_IN_SIGHT), "no focus ring on the closed menu")
        page.keyboard.press("Enter")
        page.set_viewport_size({"width": 1000, "height": 700})
        expect(page.locator("#main")).to_have_js_property("inert", False)

    def test_the_focus_goes_on_where_something_leaves_the_page(self) -> None:
        say(self.chat("beto"), *(f"line {number}" for number in range(120)))
        page = self.page()
        page.add_init_script(ALLOW_EVERYTHING)
        self.enter(page, "ana")
        expect_live(page)
        body, scroller = page.locator("#body"), page.locator("#scroller")
        for deed in ("edit", "discard"):
            write(page, "q" * 8001)
            page.get_by_role("button", name=deed).last.press("Enter")
            expect(body).to_be_focused()
        older = page.get_by_role("link", name="Older messages")
        while older.count():
            count = page.locator("#rows .row").count()
            older.press("Enter")
            page.wait_for_function("count => document.querySelectorAll('#rows .row').length > count", arg=count)
            self.assertNotEqual(page.evaluate(FOCUSED), "body")
        expect(scroller).to_be_focused()
        say(self.chat("beto"), "below")
        page.get_by_role("button", name="1 new message").press("Enter")
        expect(body).to_be_focused()

    def test_no_two_buttons_or_links_of_a_page_are_called_alike_unless_they_lead_to_the_same_page(self) -> None:
        page = self.member("ana")
        self.tolerate("404")
        for _ in range(2):
            invite(page)
        for _ in range(3):
            self.client("ana")
        for path in ("/rooms", "/rooms/lobby", "/members", "/account", "/logout", "/nowhere"):
            with self.subTest(path=path):
                page.goto(path)
                snapshot = page.locator("body").aria_snapshot()
                links = {*re.findall(r'- link "(.*?)"[^\n]*\n +- /url: (.*)', snapshot)}
                names = re.findall(r'- button "(.*?)"', snapshot) + [name for name, _ in links]
                self.assertGreater(len(names), 1)
                self.assertEqual([name for name in names if names.count(name) > 1], [])

    def test_the_buttons_of_messages_that_failed_say_of_which_they_are(self) -> None:
        page = self.page()
        page.add_init_script(ALLOW_EVERYTHING)
        self.enter(page, "ana")
        expect_live(page)
        for letter in "qw":
            write(page, letter * 8001)
            expect(page.locator("#outbox .failed", has_text=letter)).to_be_visible()
        for deed in ("edit", "discard"):
            for letter in "qw":
                button = page.get_by_role("button", name=f"{deed}: {letter * 40}", exact=True)
                expect(button).to_have_text(deed)

    def test_the_parts_of_the_room_have_names(self) -> None:
        page = self.member("ana")
        expect(page.get_by_role("region", name="Messages in lobby")).to_have_id("scroller")
        expect(page.get_by_role("textbox")).to_have_accessible_name("Write to Lobby")


class Spoken(BrowserTest):
    """What a screen reader says by itself: the messages of others, each once, and what is wrong; nothing else."""

    # dora is in one test only: who was here a moment ago, in another test, has never left.
    members = (*BrowserTest.members, "dora")

    def test_each_message_of_others_is_spoken_once_and_the_voice_is_emptied(self) -> None:
        page = self.member("ana")
        beto = self.chat("beto")
        say(beto, "www.example.org")
        page.locator("#rows .body a").evaluate("link => link.focus({ preventScroll: true })")
        listen(page)
        bodies = [f"number {number}" for number in range(1200)]
        for body in bodies:
            last = beto.post(body)
        beto.until("ack", nonce=last)
        expect_message(page, bodies[-1])
        self.assertEqual(heard(page), [f"beto: {body}" for body in bodies])
        self.assertLess(page.locator("#rows li").count(), 1102)
        expect(page.locator("#scroller")).to_be_focused()  # what had the focus was trimmed
        expect(page.get_by_role("log")).to_have_text("")

    def test_only_words_of_others_are_spoken(self) -> None:
        page = self.member("ana")
        listen(page)
        expect_listed(page, "ana")
        carla, dora = self.chat("carla"), self.chat("dora")
        expect(page.locator(".presence-line", has_text="dora joined")).to_be_visible()
        carla.send("typing", room="lobby")
        expect(page.locator("#writing")).to_have_text("carla is writing…")
        write(page, "my own words")
        expect_message(page, "my own words")
        dora.close()
        expect(page.locator(".presence-line", has_text="dora left")).to_be_visible()
        say(carla, "# Title\n\n- *first*\n- `second`", "w" * 500)
        expect_message(page, "w" * 500)
        self.assertEqual(heard(page), ["carla: # Title first second", f"carla: {'w' * 193}…"])

    def test_older_pages_and_midnight_are_silent(self) -> None:
        say(self.chat("beto"), *(f"leaf {number}" for number in range(60)))
        page = self.page(timezone_id="UTC")
        page.clock.install(time=datetime.combine(datetime.now(UTC), time(23, 59), UTC))
        self.enter(page, "ana")
        expect_live(page)
        expect(page.locator("#rows .day").last).to_have_text("Today")
        listen(page)
        page.clock.fast_forward(90_000)
        expect(page.locator("#rows .day").last).to_have_text("Yesterday")
        page.get_by_role("link", name="Older messages").click()
        expect_message(page, "leaf 9")
        expect_live(page)
        self.assertEqual(heard(page), [])

    def test_a_state_of_the_connection_is_spoken_once_it_lasts(self) -> None:
        page = self.page()
        page.clock.install()
        self.enter(page, "ana")
        listen(page)
        self.tolerate("net::ERR|WebSocket is closed")
        page.context.set_offline(True)
        expect(page.locator("#state")).to_have_text("Offline")
        page.context.set_offline(False)
        expect_live(page)
        page.clock.fast_forward(6000)
        self.assertEqual(heard(page), [])
        page.context.set_offline(True)
        expect(page.locator("#state")).to_have_text("Offline")
        page.clock.fast_forward(6000)
        write(page, "to wait")
        page.context.set_offline(False)
        expect_live(page)
        page.clock.fast_forward(6000)
        self.assertEqual(heard(page), ["Offline", "Live"])

    def test_a_message_that_failed_is_told(self) -> None:
        page = self.page()
        page.add_init_script(ALLOW_EVERYTHING)
        self.enter(page, "ana")
        expect_live(page)
        listen(page)
        write(page, "z" * 8001)
        expect(page.get_by_text("not sent").first).to_be_visible()
        self.assertEqual(heard(page), ["not sent. This message is too long."])


FOCUSED = """() => {
  const one = document.activeElement;
  const name = one.getAttribute('href') ?? one.textContent.trim();
  return one === document.body ? 'body' : `${one.localName} ${name}`;
}"""

# Whether something of the ring around what has the focus is drawn within the window.
RING_IN_SIGHT = """() => {
  const one = document.activeElement;
  const { outlineStyle, outlineWidth, outlineOffset } = getComputedStyle(one);
  const box = one.getBoundingClientRect();
  const out = parseFloat(outlineWidth) + parseFloat(outlineOffset);
  const isInside = Math.min(box.left, box.top, innerWidth - box.right, innerHeight - box.bottom) >= out;
  return outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 && isInside;
}"""

# The browser's own focus ring counts: what matters is that there is one, on the element or around it.
OUTLINE = """() => {
  const hasRing = (one) => {
    const style = getComputedStyle(one);
    return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
  };
  const one = document.activeElement;
  return one === document.body || hasRing(one) || hasRing(one.parentElement);
}"""


def say(chat: Chat, *bodies: str) -> None:
    """Post messages and wait until they are on disk."""
    for body in bodies:
        last = chat.post(body)
    chat.until("ack", nonce=last)
