"""Every page, in each state that it has: sound by axe-core, without sideways scrolling, with targets for fingers."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, expect

from testsuite.browser import ALLOW_EVERYTHING, PHONE, BrowserTest, expect_live, follow, open_details
from testsuite.servers import ROOT, Server

LONG = "W" * 40  # the longest name, without a place to break
DESK: dict[str, Any] = {}
DARK_PHONE: dict[str, Any] = {**PHONE, "color_scheme": "dark", "locale": "pt-BR"}
# A window of 1,280 pixels at 400 %.
ZOOMED: dict[str, Any] = {"viewport": {"width": 320, "height": 200}, "locale": "pt-BR"}

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


class Pages(BrowserTest):
    """A walk over all pages, in the looks that people have."""

    members = (*BrowserTest.members, LONG)

    def test_axe_finds_nothing_on_a_desk(self) -> None:
        for state, page in self.walk(DESK):
            with self.subTest(state=state):
                self.assertEqual(violations(page), [])

    def test_axe_finds_nothing_on_a_dark_phone_in_portuguese_and_fingers_find_their_targets(self) -> None:
        for state, page in self.walk(DARK_PHONE):
            with self.subTest(state=state):
                self.assertEqual(violations(page), [])
                self.assertEqual(page.evaluate(SMALL), [])
                self.assertEqual(page.evaluate(SIDEWAYS), [])

    def test_nothing_is_wider_than_a_window_at_400_percent(self) -> None:
        for state, page in self.walk(ZOOMED):
            with self.subTest(state=state):
                self.shoot(page, f"zoomed-{state}".replace(" ", "-"))
                self.assertEqual(page.evaluate(SIDEWAYS), [])
                self.assertEqual(page.evaluate(CUT), [])
                page.evaluate("document.documentElement.style.fontSize = '200%'")
                self.shoot(page, f"zoomed-{state}-large".replace(" ", "-"))
                self.assertEqual(page.evaluate(SIDEWAYS), [])
                self.assertEqual(page.evaluate(CUT), [])
                page.evaluate("document.documentElement.style.fontSize = ''")

    def walk(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        """Go from page to page, through their states, and name each."""
        self.tolerate("status of 40|net::ERR|WebSocket")
        yield from self.walk_the_set_up(look)
        yield from self.walk_the_cards(look)
        yield from self.walk_the_lists(look)
        yield from self.walk_the_room(look)
        yield from self.walk_what_was_refused(look)

    def walk_the_set_up(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        server = Server(self.enterContext(tempfile.TemporaryDirectory())).wait()
        self.addCleanup(server.stop)
        page = self.page(url=server.url, **look)
        page.goto(server.setup_path)
        yield "set up", page
        fill(page, username="ana", email="a@b.org", password="short", again="other")
        follow(page.locator("form button"))
        yield "set up, refused", page

    def walk_the_cards(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        page = self.page(**look)
        page.goto("/login")
        yield "sign in", page
        fill(page, username=LONG, password="wrong")
        follow(page.locator("form button"))
        yield "sign in, refused", page
        page.goto(self.invitation())
        yield "join", page
        fill(page, username=LONG, password="short", again="other")
        follow(page.locator("form button"))
        yield "join, refused", page
        page.goto("/join/nothing")
        yield "join, over", page

    def invitation(self) -> str:
        """Return the path of an invitation."""
        ana = self.client("ana")
        ana.post("/members/invitations")
        page = ana.get("/members").text
        return "/join/" + page.split("/join/")[1].split('"')[0]

    def walk_the_lists(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        page = self.member("ana", **look)
        for path in ("/rooms", "/members", "/account", "/logout", "/nothing"):
            page.goto(path)
            yield path[1:], page
        page.goto("/members")
        follow(page.locator("a[href$='/remove']").last)
        yield "remove", page
        page.goto("/account")
        fill(page, current="wrong", password="short", again="other")
        follow(page.locator("form.narrow button"))
        yield "account, refused", page

    def walk_the_room(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        long = self.chat(LONG)
        for body in (
            "w" * 200,
            "> quoted\n\n- a\n- b\n\n```\n" + "code " * 40 + "\n```\n\nhttps://example.org/" + "a" * 90,
        ):
            long.until("ack", nonce=long.post(body))
        page = self.member("ana", **look)
        long.send("typing", room="lobby")
        expect(page.locator("#writing")).not_to_be_empty()
        yield "room", page
        send(page, "z" * 8001)
        expect(page.locator("#refusal")).to_be_visible()
        yield "room, too long", page
        page.locator("#body").fill("")
        open_details(page)
        yield "room, panel", page
        page.keyboard.press("Escape")
        if page.locator("#menu").is_visible():
            page.locator("#menu summary").click()
            yield "room, menu", page
            page.keyboard.press("Escape")
        page.context.set_offline(True)
        expect(page.locator("#state")).to_have_class("state offline")
        send(page, "to wait")
        expect(page.locator("#outbox .pending")).to_be_visible()
        yield "room, offline", page
        page.context.set_offline(False)
        expect_live(page)
        page.goto("/rooms/lobby?before=2")
        yield "room, past", page

    def walk_what_was_refused(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        page = self.page(**look)
        page.add_init_script(ALLOW_EVERYTHING)
        self.enter(page, "ana")
        expect_live(page)
        for letter in "qw":
            send(page, letter * 8001)
            expect(page.locator("#outbox .failed", has_text=letter)).to_be_visible()
        yield "room, failed", page
        send_by_form(page, "z" * 8001)
        expect(page.locator("#refusal")).to_be_visible()
        yield "room, refused", page
        cookies = {name: value for name, value in self.client(LONG).cookies.items() if "xsrf" not in name}
        page.context.add_cookies([{"name": name, "value": cookies[name], "url": self.server.url} for name in cookies])
        send_by_form(page, "made for ana " + "w" * 200)
        expect(page.locator(".unsent textarea")).to_be_visible()
        yield "kept from another", page
        page.goto("/rooms/lobby")
        page.context.clear_cookies()
        send_by_form(page, "signed out " * 90)
        expect(page.locator(".unsent textarea")).to_be_visible()
        yield "kept, signed out", page


def fill(page: Page, **fields: str) -> None:
    """Fill a form, without what the browser itself would ask."""
    page.locator("form").evaluate_all("forms => forms.forEach((form) => { form.noValidate = true; })")
    for name, value in fields.items():
        page.locator(f"#{name}").fill(value)


def send(page: Page, body: str) -> None:
    """Write a message and send it by the button: on touch devices Enter makes a new line."""
    page.locator("#body").fill(body)
    page.locator("#composer button").click()


def send_by_form(page: Page, body: str) -> None:
    """Send a message as a page without a script does."""
    page.locator("#body").fill(body)
    with page.expect_navigation():
        page.evaluate("document.getElementById('composer').submit()")


def violations(page: Page) -> list[str]:
    """Return what axe-core has to say."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] }).then(({ violations }) => violations)")
    return [
        f"{one['id']}: {node['html'][:150]} {json.dumps(node['any'][0]['data'] if node['any'] else '')[:200]}"
        for one in found
        for node in one["nodes"]
    ]


# Links within text are as high as its lines (WCAG 2.2, 2.5.8); what only a keyboard finds is no target.
SMALL = """() => [...document.querySelectorAll('a, button, summary, label:has(input), input, textarea')]
  .filter((one) => one.checkVisibility())
  .filter((one) => !one.closest('.body, .alert, .visually-hidden, .skip, label *, [type=hidden]'))
  .map((one) => [one, one.getBoundingClientRect()])
  .filter(([one, { width, height }]) => width < 43.9 || height < 43.9)
  .map(([one, { width, height }]) => `${one.outerHTML.slice(0, 120)} ${width} x ${height}`)"""

# Texts of which a part cannot be seen. Names may be cut where they only tell whose the rest is.
CUT = """() => [...document.querySelectorAll('main *')]
  .filter((one) => one.checkVisibility() && one.textContent.trim() && !one.closest('.visually-hidden, .skip, textarea'))
  .filter((one) => !one.matches('.author, #writing, #writing bdi, .room h1'))
  .filter((one) => /hidden|clip/.test(getComputedStyle(one).overflowX) && one.scrollWidth > one.clientWidth + 1)
  .map((one) => `${one.localName}.${one.className} ${one.textContent} ${one.scrollWidth} > ${one.clientWidth}`)"""

# What can be scrolled sideways, but for code, which is what it is; and what ends outside the window without being cut.
SIDEWAYS = """() => [...document.querySelectorAll('*')]
  .filter((one) => one.checkVisibility() && !one.closest('pre, .visually-hidden, .skip, textarea, input'))
  .filter((one) => {
    const overflow = (it) => getComputedStyle(it).overflowX;
    const up = (it) => it.parentElement ?? document.body;
    const isCut = (it) => it !== document.body && (overflow(it) === 'hidden' || isCut(up(it)));
    const scrolls = one === document.documentElement || /auto|scroll/.test(overflow(one));
    const { width, right } = one.getBoundingClientRect();
    const isOutside = width > 0 && right > innerWidth + 0.5;
    return (scrolls && one.scrollWidth > one.clientWidth) || (isOutside && !isCut(up(one)));
  }).map((one) => `${one.localName}.${one.className}#${one.id} ${one.scrollWidth} > ${one.clientWidth}`)"""
