"""Right-to-left texts and piled marks in a real browser: neither changes what is beside them."""

from __future__ import annotations

import secrets
from typing import Any

from playwright.sync_api import Locator, expect

from testsuite.browser import BrowserTest, expect_live, expect_message, write
from testsuite.cases import add_user
from testsuite.roompage import form

HEBREW = "שלום לכולם!"
NAME = "מרים (7)"
OVERRIDE = "\u202eabc"
PILE = ("Z" + "\u0302\u0303\u0330\u0323" * 15) * 8  # above and below
# Draws a row's text far beyond the row, which keeps its height.
TOWER = """row => {
  row.style.height = `${row.offsetHeight}px`;
  row.querySelector('.body').style.cssText = 'font-size: 5em; line-height: 1; margin-top: -.5em';
}"""


class Directions(BrowserTest):
    """docs/security.rst 36: no text turns around what stands beside it."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        added = add_user(cls.folder, NAME, "--admin")
        if added.returncode:
            raise AssertionError(added.stderr)

    def test_a_message_runs_in_the_direction_of_its_words(self) -> None:
        miriam = self.chat(NAME)
        page = self.member("ana")
        expect_live(page)
        for body, direction in ((HEBREW, "rtl"), ("hello " + HEBREW, "ltr"), (f"> {HEBREW}\n\n- {HEBREW}", "rtl")):
            nonce = miriam.post(body)
            seq = miriam.until("ack", nonce=nonce)["seq"]
            row = page.locator(f'.row[data-seq="{seq}"]')
            expect(row.locator(".body")).to_have_css("direction", direction)
            expect(row.locator(".body p").first).to_have_css("unicode-bidi", "plaintext")
            expect(row.locator(".author")).to_have_css("unicode-bidi", "isolate")
            expect(row.locator(".author")).to_have_css("direction", "rtl")
            expect(row.locator(".heading")).to_have_css("direction", "ltr")
        write(page, HEBREW + secrets.token_hex(2))
        expect(page.locator(".row.own .body").last).to_have_css("direction", "rtl")

    def test_what_is_typed_runs_in_its_own_direction(self) -> None:
        page = self.member("ana")
        page.locator("#body").fill(HEBREW)
        expect(page.locator("#body")).to_have_css("direction", "rtl")
        stranger = self.page()
        stranger.goto("/login")
        stranger.locator("#username").fill(NAME)
        expect(stranger.locator("#username")).to_have_css("direction", "rtl")

    def test_a_name_is_kept_apart_wherever_it_stands(self) -> None:
        page = self.member(NAME)
        expect_live(page)
        for path, places in (
            ("/rooms/lobby", (".self b bdi", "#online .name bdi", ".places bdi", "h1 bdi")),
            ("/members", (".people bdi",)),
            ("/account", (".about bdi",)),
            ("/rooms", (".item bdi",)),
        ):
            page.goto(path)
            for place in places:
                expect(page.locator(place).first).to_have_css("unicode-bidi", "isolate")
        other = self.member("ana")
        expect_live(other)
        self.chat(NAME).send("typing", room="lobby")
        expect(other.locator("#writing bdi")).to_have_text(NAME)

    def test_a_name_is_kept_apart_in_every_sentence(self) -> None:
        browser, kept = self.client(NAME), f"\u2068{NAME}\u2069"
        browser.post("/members/invitations")
        self.assertIn(f"by {kept};", browser.get("/members").text)
        of_miriams_page = {**form(browser.get("/rooms/lobby"), "/rooms/lobby"), "body": "hello"}
        of_anas_page = {**form(browser.sign_in("ana").get("/rooms/lobby"), "/rooms/lobby"), "body": "hello"}
        self.assertIn(f"this page was made for {kept}.", browser.post("/rooms/lobby", of_miriams_page).text)
        answer = browser.sign_in(NAME).post("/rooms/lobby", of_anas_page)
        self.assertIn(f"You are signed in as {kept} now", answer.text)
        self.assertIn(f">Open as {kept}<", answer.text)
        page = self.member("ana")
        expect_live(page)
        for name, is_kept in ((NAME, True), ("\U00010d00", True), ("ࠀ", True), ("ana", False), ("王", False)):
            said = page.evaluate(
                "async (name) => (await import(document.querySelector('[href*=\"locale.js\"]').href))"
                ".translate('open_as', { name })",
                name,
            )
            self.assertEqual("\u2068" in said, is_kept, name)

    def test_a_direction_that_is_forced_ends_with_the_message(self) -> None:
        page = self.member("ana")
        expect_live(page)
        write(page, OVERRIDE)
        write(page, "next")
        expect_message(page, "next")
        expect(page.locator(".row .body").last).to_have_css("direction", "ltr")

    def test_a_pile_of_marks_paints_over_no_other_row(self) -> None:
        ana = self.chat("ana")
        seqs = [ana.until("ack", nonce=ana.post(body))["seq"] for body in ("above", PILE, "below")]
        page = self.member("carla", java_script_enabled=False)  # nothing moves by itself
        above, pile, below = (page.locator(f'.row[data-seq="{seq}"]') for seq in seqs)
        pile.evaluate(TOWER)  # how high marks are piled is the font's affair
        beside_a_pile = looks(above, below)
        pile.evaluate("row => { row.style.overflow = 'visible'; }")
        for with_pile, overlaid in zip(beside_a_pile, looks(above, below), strict=True):
            self.assertNotEqual(with_pile, overlaid, "such a pile would not reach the next row")
        pile.evaluate("row => { row.style.overflow = ''; row.querySelector('.body').textContent = ''; }")
        self.assertEqual(looks(above, below), beside_a_pile)


def looks(*places: Locator) -> list[bytes]:
    """Return what is painted where these are, without the pixel at each edge that two rows may share."""
    pictures = []
    for place in places:
        box = place.bounding_box()
        assert box is not None
        clip: Any = {"x": box["x"], "y": round(box["y"]) + 1, "width": box["width"], "height": round(box["height"]) - 2}
        pictures.append(place.page.screenshot(clip=clip))
    return pictures
