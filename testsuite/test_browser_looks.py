"""How the pages look and sound: two languages, two grounds, a phone, a keyboard, a screen reader."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from testsuite.browser import PHONE, BrowserTest, expect_listed, expect_message, invite, open_details, write

LONG = "W" * 40  # the longest name, without a place to break
PAGES = ("/rooms", "/rooms/lobby", "/members", "/logout")
LETTER = """Bom dia! Olhem o que escrevi:

```
def greet(name):
    return f"Olá, {name}!"
```

> Quem fala muito, dá bom dia a cavalo.

1. **one** 2. *two* https://www.example.org/a/very/long/address/that/goes/on/and/on/and/on/and/on/and/on/and/on/for/ever
"""


class Languages(BrowserTest):
    """English and Brazilian Portuguese, by the browser's preference."""

    def test_every_page_is_in_the_browsers_language(self) -> None:
        self.tolerate("404")
        words = {"en-US": ("en", "Members", "Sign out"), "pt-BR": ("pt-BR", "Membros", "Sair")}
        for locale, (lang, members, out) in words.items():
            page = self.member("ana", locale=locale)
            for path in (*PAGES, "/nowhere"):
                with self.subTest(path=path, locale=locale):
                    page.goto(path)
                    expect(page.locator("html")).to_have_attribute("lang", lang)
                    if path in PAGES[:3]:
                        expect(page.get_by_role("link", name=members)).to_be_attached()
                        expect(page.get_by_role("button", name=out)).to_be_attached()

    def test_a_brazilian_sees_no_english_in_the_room(self) -> None:
        page = self.member("beto", locale="pt-BR", timezone_id="America/Sao_Paulo")
        expect(page.locator("#state")).to_have_text("Ao vivo")
        write(page, LETTER)
        expect(page.locator("#rows .row pre")).to_be_visible()
        expect_listed(page, "beto")
        self.chat("carla").send("typing", room="lobby")
        expect(page.locator("#writing")).to_have_text("carla está escrevendo…")
        expect(page.locator(".presence-line").last).to_contain_text("carla entrou")
        expect(page.locator("#rows .day")).to_have_text("Hoje")
        self.shoot(page, "room-portuguese")
        text = page.locator("body").inner_text()
        self.assertEqual(
            re.findall(r"\b(?:Send|Online now|Members|Today|Write to|joined|writing|Enter sends)\b", text), []
        )

    def test_the_clock_is_that_of_the_readers_region(self) -> None:
        beto = self.chat("beto")
        beto.until("ack", nonce=beto.post("what time is it?"))
        of_12, of_24 = r"^1?\d:\d\d\s[AP]M$", r"^[012]\d:\d\d$"
        regions = (
            ("en-US", of_12),
            ("en-GB", of_24),
            ("en-AU", r"^1?\d:\d\d\s[ap]m$"),
            ("de-DE", of_24),
            ("pt-PT", of_24),
        )
        for locale, pattern in regions:
            with self.subTest(locale):
                page = self.member("ana", locale=locale)
                expect(page.locator("#rows .heading time").last).to_have_text(re.compile(pattern))
                beto.until("ack", nonce=beto.post(f"and for {locale}?"))
                expect_message(page, f"and for {locale}?")
                self.assertRegex(page.locator("#rows time").last.inner_text(), pattern)
                row = page.locator("#rows .row.follows").last
                row.hover()
                self.shoot(page, f"clock-{locale}")
                time = row.locator("time").bounding_box()
                ground = row.bounding_box()
                assert time is not None and ground is not None
                self.assertGreaterEqual(time["x"], ground["x"], "the time stands beside its row")
        plain = self.member("ana", java_script_enabled=False)
        self.assertRegex(plain.locator("#rows .heading time").last.inner_text(), of_24)

    def test_a_browser_that_names_no_language_there_is_reads_and_writes(self) -> None:
        for name in ("C", "en-US@posix", ""):
            with self.subTest(name):
                page = self.page()
                page.add_init_script(
                    f"for (const [key, value] of [['language', '{name}'], ['languages', ['{name}']]])"
                    "{ Object.defineProperty(navigator, key, { get: () => value }); }"
                )
                self.enter(page, "ana")
                write(page, f"from {name}")
                expect_message(page, f"from {name}".strip())

    def test_the_card_pages_speak_portuguese(self) -> None:
        page = self.page(locale="pt-BR")
        page.goto("/login")
        expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
        expect(page.get_by_label("Senha")).to_be_visible()
        self.shoot(page, "login-portuguese")


class Looks(BrowserTest):
    """Colours, sizes and pictures."""

    members = (*BrowserTest.members, LONG)

    def furnish(self, page: Page) -> None:
        """Fill the lobby as on a busy day."""
        carla, beto = self.chat("carla"), self.chat("beto")
        for chat, body in ((carla, "Good morning everybody"), (carla, "Who has the key?"), (beto, LETTER)):
            chat.until("ack", nonce=chat.post(body))
        expect(page.locator("#rows .row pre").last).to_be_visible()
        own = page.locator("#rows .row.own .body", has_text="I have it. It is on the table, under the README.")
        before = own.count()
        page.locator("#body").fill("I have it. It is **on the table**, under the `README`.")
        page.get_by_role("button", name="Send").click()
        expect(own).to_have_count(before + 1)

    def test_a_busy_lobby_on_a_desk(self) -> None:
        for scheme, ground in (("light", "rgb(250, 248, 244)"), ("dark", "rgb(23, 22, 20)")):
            page = self.member("ana", color_scheme=scheme)
            self.furnish(page)
            self.assertEqual(style(page, "body", "background-color"), ground)
            self.shoot(page, f"room-{scheme}")
            no_sideways(self, page)

    def test_a_busy_lobby_on_a_phone(self) -> None:
        page = self.member("ana", **PHONE)
        self.furnish(page)
        no_sideways(self, page)
        expect(page.locator("#sidebar")).not_to_be_in_viewport()
        self.shoot(page, "room-phone")
        page.locator("#menu summary").click()
        expect(page.locator("#sidebar")).to_be_in_viewport()
        self.shoot(page, "room-phone-menu")
        small = page.locator("#sidebar a:visible, #sidebar button:visible").evaluate_all(SMALL)
        self.assertEqual(small, [], "targets under 44 px")

    def test_the_open_panel_of_the_connection(self) -> None:
        looks: tuple[dict[str, Any], ...] = ({}, {"color_scheme": "dark", "locale": "pt-BR", **PHONE})
        for name, look in zip(("desk", "phone-dark-portuguese"), looks, strict=True):
            with self.subTest(look=name):
                page = self.member("ana", **look)
                page.locator("#connection > summary").click()
                self.shoot(page, f"connection-{name}")
                open_details(page)
                expect(page.locator("#round-trip")).to_have_text(re.compile(r"^\d+ ms$"))
                self.shoot(page, f"connection-details-{name}")
                no_sideways(self, page)
                expect(page.locator("#connection-form")).to_be_in_viewport(ratio=1)
                self.assertEqual(page.evaluate(FAINT), [])
        small = page.locator("#connection-form label, #connection-form button, #connection-form summary").evaluate_all(
            SMALL
        )
        self.assertEqual(small, [], "targets under 44 px")
        expect(page.locator("dt")).to_have_text(["Em uso", "Processo", "Ida e volta", "Reconectou"])

    def test_a_phone_without_javascript_opens_the_menu_too(self) -> None:
        page = self.member("ana", java_script_enabled=False, **PHONE)
        page.locator("#menu summary").click()
        expect(page.get_by_role("link", name="Members")).to_be_in_viewport()

    def test_cards_on_a_phone_in_the_dark(self) -> None:
        page = self.page(color_scheme="dark", **PHONE)
        page.goto("/login")
        no_sideways(self, page)
        self.shoot(page, "login-phone-dark")

    def test_motion_is_reduced_for_who_wants_that(self) -> None:
        page = self.member("ana", reduced_motion="reduce")
        moving = page.evaluate("document.getAnimations().length")
        self.assertEqual(moving, 0)

    def test_texts_stand_out_from_their_grounds(self) -> None:
        for scheme in ("light", "dark"):
            page = self.member("ana", color_scheme=scheme)
            write(page, "to be read in any light")
            expect_message(page, "to be read in any light", 1 if scheme == "light" else 2)
            for path in PAGES:
                page.goto(path)
                with self.subTest(scheme=scheme, path=path):
                    self.assertEqual(page.evaluate(FAINT), [])

    def test_what_waits_and_who_was_online_can_be_read_as_well(self) -> None:
        self.tolerate("net::ERR|WebSocket")
        for scheme in ("light", "dark"):
            with self.subTest(scheme=scheme):
                page = self.member("ana", color_scheme=scheme)
                expect(page.locator("#online .present").first).to_be_visible()
                page.context.set_offline(True)
                expect(page.locator("#state")).to_have_class("state offline")
                write(page, "to wait")
                expect(page.locator("#outbox .pending .note").first).to_have_text("waiting")
                expect(page.locator(".stale #online")).to_be_visible()
                self.shoot(page, f"room-waiting-{scheme}")
                self.assertEqual(page.evaluate(FAINT), [])

    def test_the_borders_of_fields_stand_out_on_both_sides(self) -> None:
        for scheme in ("light", "dark"):
            page = self.member("ana", color_scheme=scheme, **PHONE)
            for path in ("/rooms/lobby", "/account"):
                page.goto(path)
                with self.subTest(scheme=scheme, path=path):
                    self.assertEqual(page.evaluate(FAINT_BORDERS), [])
            invite(page)
            self.assertEqual(page.evaluate(FAINT_BORDERS), [])
            page = self.page(color_scheme=scheme)
            page.goto("/login")
            self.assertEqual(page.evaluate(FAINT_BORDERS), [])

    def test_text_is_as_large_as_the_browser_says(self) -> None:
        for look in ({}, PHONE):
            page = self.member("ana", **look)
            for path in PAGES:
                page.goto(path)
                page.evaluate("document.documentElement.style.fontSize = '30px'")
                self.assertEqual(style(page, "body", "fontSize"), "30px")
                no_sideways(self, page)
            page.goto("/rooms/lobby")
            page.evaluate("document.documentElement.style.fontSize = '30px'")
            self.shoot(page, "room-large-phone" if look else "room-large")

    def test_the_line_of_who_is_writing_keeps_its_verb(self) -> None:
        for look in ({"viewport": {"width": 320, "height": 600}, "locale": "pt-BR"}, {"locale": "pt-BR"}):
            page = self.member("ana", **look)
            for name in (LONG, "beto"):
                self.chat(name).send("typing", room="lobby")
            expect(page.locator("#writing")).to_have_text(f"beto e {LONG} estão escrevendo…")
            self.shoot(page, f"writing-{page.viewport_size and page.viewport_size['width']}")
            cut = page.locator("#writing, #writing bdi").evaluate_all(
                "all => all.filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.textContent)"
            )
            self.assertEqual(cut, [LONG])

    def test_who_is_online_does_not_show_through_below_ones_own_card(self) -> None:
        for name in ("beto", "carla", LONG):
            self.chat(name)
        page = self.member("ana", viewport={"width": 1000, "height": 260})
        expect(page.locator("#online li")).to_have_count(4)
        for x in (20, 60, 150):
            below = page.evaluate("x => document.elementFromPoint(x, innerHeight - 3).closest('.self') !== null", x)
            self.assertTrue(below, f"something else than one's own card at {x}")

    def test_forced_colours_keep_buttons_states_and_places(self) -> None:
        page = self.member("ana", forced_colors="active", color_scheme="dark")
        ground = style(page, "body", "backgroundColor")
        for selector in (".composer .button", ".self .quiet"):
            self.assertEqual(style(page, selector, "borderTopStyle"), "solid", selector)
        self.assertEqual(style(page, ".box", "outlineStyle"), "solid")  # the composer has the focus
        self.assertNotEqual(style(page, ".places a[aria-current]", "backgroundColor"), ground)
        for selector, part in (("#state", "::before"), ("#online .present", "::after")):
            self.assertNotEqual(style(page, selector, "backgroundColor", part), ground, selector)
        self.shoot(page, "room-forced-colours")
        phone = self.member("ana", forced_colors="active", color_scheme="dark", **PHONE)
        border = style(phone, "#menu summary", "borderTopColor", "::after")
        image = style(phone, "#menu summary", "backgroundImage", "::after")
        self.assertIn(border, image, "a line of the menu's sign keeps a colour of ours")


def style(page: Page, selector: str, name: str, part: str = "") -> Any:
    """Return a computed style of the first such element, or of a part of it, in one step: the page may draw it anew."""
    expect(page.locator(selector).first).to_be_attached()
    return page.evaluate(
        "([selector, name, part]) => getComputedStyle(document.querySelector(selector), part)[name]",
        [selector, name, part],
    )


def no_sideways(test: BrowserTest, page: Page) -> None:
    """Fail if the page or the conversation can be scrolled sideways."""
    for selector in ("html", "#scroller, main"):
        wide = page.locator(selector).first.evaluate("it => it.scrollWidth - it.clientWidth")
        test.assertLessEqual(wide, 0, selector)


SMALL = """all => all.filter((one) => one.getBoundingClientRect().height < 44)
    .map((one) => `${one.textContent.trim()} ${one.getBoundingClientRect().height}`)"""

# Of two colours, as WCAG 2.2 counts; and the nearest ground that is painted.
CONTRAST = """
  const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  const contrast = (one, other) => {
    const [x, y] = [light(one), light(other)].sort((a, b) => b - a);
    return (x + 0.05) / (y + 0.05);
  };
  const ground = (one) => {
    for (let it = one; it; it = it.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(it).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
"""

# Contrast of each text with its ground, through the transparency of all that it is in; 1.4.3.
FAINT = f"""() => {{{CONTRAST}
  const opacity = (it) => it ? getComputedStyle(it).opacity * opacity(it.parentElement) : 1;
  const faint = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {{
    const one = walk.currentNode.parentElement;
    const solid = opacity(one);  // 0: a time that comes on hover
    if (!walk.currentNode.data.trim() || !one.checkVisibility() || one.matches('script, noscript') || !solid) continue;
    const behind = ground(one);
    const ink = parse(getComputedStyle(one).color).slice(0, 3).map((c, i) => c * solid + behind[i] * (1 - solid));
    const ratio = contrast(ink, behind);
    if (ratio < 4.5) faint.push(`${{walk.currentNode.data.trim()}}: ${{ratio.toFixed(2)}}`);
  }}
  return faint;
}}"""

# Contrast of the border of each field with its ground within and without; 1.4.11.
FAINT_BORDERS = f"""() => {{{CONTRAST}
  document.activeElement.blur();
  const fields = [...document.querySelectorAll('.box, .field input, .link, .unsent textarea')];
  if (!fields.length) return ['no field'];
  return fields.flatMap((one) => [one, one.parentElement].map((side) => {{
    const ratio = contrast(parse(getComputedStyle(one).borderTopColor), ground(side));
    return ratio < 3 ? `${{one.className}} ${{one.id}}: ${{ratio.toFixed(2)}}` : '';
  }})).filter(Boolean);
}}"""
