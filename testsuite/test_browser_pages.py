"""Every page, in each state that it has: sound by axe-core, without sideways scrolling, with targets for fingers."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import count
from typing import Any, Literal

from playwright.sync_api import Page, expect

from testsuite.browser import ALLOW_EVERYTHING, PHONE, BrowserTest, expect_live, follow, open_details
from testsuite.page_checks import CUT, SHOW_NOSCRIPT, SIDEWAYS, SMALL, violations
from testsuite.roompage import make_room, rows
from testsuite.servers import Server
from testsuite.tables import sql

SEARCH = "/search?q=an+answ+-nothing&after=2020-01-01"
LONG = "W" * 40  # the longest name, without a place to break
DESK: dict[str, Any] = {}
DARK_PHONE: dict[str, Any] = {**PHONE, "color_scheme": "dark", "locale": "pt-BR"}
# A window of 1,280 pixels at 400 %.
ZOOMED: dict[str, Any] = {"viewport": {"width": 320, "height": 200}, "locale": "pt-BR"}

NUMBERS = count()  # of rooms, so that each has a name of its own

Scheme = Literal["light", "dark"]


class Pages(BrowserTest):
    """A walk over all pages, in the looks that people have."""

    is_long = True
    members = (*BrowserTest.members, LONG)

    def test_axe_finds_nothing_on_a_desk_light_or_dark(self) -> None:
        self.check(DESK, {"desk": "light", "desk-dark": "dark"})

    def test_axe_finds_nothing_on_a_phone_and_fingers_find_their_targets(self) -> None:
        self.check(PHONE, {"phone": "light"}, is_touched=True)

    def test_axe_finds_nothing_on_a_dark_phone_in_portuguese_and_fingers_find_their_targets(self) -> None:
        self.check(DARK_PHONE, {"phone-dark-portuguese": "dark"}, is_touched=True)

    def check(self, look: dict[str, Any], schemes: dict[str, Scheme], is_touched: bool = False) -> None:
        """Ask axe-core about each state of each page in these colours; `make screenshots` saves a picture of it."""
        for state, page in self.walk(look):
            for name, scheme in schemes.items():
                with self.subTest(state=state, look=name):
                    page.emulate_media(color_scheme=scheme)
                    self.shoot(page, f"{state.replace(', ', '-').replace(' ', '-')}-{name}")
                    self.assertEqual(violations(page), [])
                    self.assertEqual(page.evaluate(SIDEWAYS), [])
                    if is_touched:
                        self.assertEqual(page.evaluate(SMALL), [])

    def test_axe_finds_nothing_where_no_script_runs(self) -> None:
        for name, look in (("desk", DESK), ("phone-dark-portuguese", DARK_PHONE)):
            for state, page in self.walk_plainly(look):
                with self.subTest(look=name, state=state):
                    page.evaluate(SHOW_NOSCRIPT)
                    self.shoot(page, f"plain-{state}-{name}".replace(" ", "-"))
                    self.assertEqual(violations(page), [])
                    self.assertEqual(page.evaluate(SIDEWAYS), [])
                    if look:
                        self.assertEqual(page.evaluate(SMALL), [])

    def walk_plainly(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        """Go through the pages for members, and what they refuse, where none of their scripts comes.

        Scripts as such are not forbidden: axe-core is one.
        """
        self.tolerate("status of 40|net::ERR_BLOCKED_BY_CLIENT")
        room, message = self.furnish(f"Plain hall {next(NUMBERS)}")
        page = self.page(**look)
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.setBlockedURLs", {"urls": ["*.js"]})
        self.enter(page, "ana")
        for path in ("/rooms", "/new", "/search", "/members", "/account", "/logout", f"/people/{LONG}", "/rooms/lobby"):
            page.goto(path)
            yield path[1:].split("/")[-1][:9], page
        for name, path in (
            ("what was found", SEARCH),
            ("a room", room),
            ("a room around a message", f"{room}?at={message}"),
            ("an older page of a room", f"{room}?before={message + 1}"),
            ("its settings", f"{room}/settings"),
            ("a message", f"{room}/messages/{message}"),
            ("its history", f"{room}/messages/{message}/history"),
        ):
            page.goto(path)
            yield name, page
        page.goto(room)
        page.locator("#body").fill("z" * 8001)
        follow(page.locator("#composer .button"))
        yield "a room, refused", page
        yield from self.walk_what_a_room_refuses(page, room, message)

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

    def test_nor_is_any_state_of_the_connection(self) -> None:
        page = self.member("ana", **ZOOMED)
        expect_live(page)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        for words in ("Connecting…", "Reconnecting…", "Reconectando…", "Offline, 12 messages waiting"):
            page.evaluate("words => { document.getElementById('state').textContent = words; }", words)
            self.assertEqual(page.evaluate(SIDEWAYS), [], words)

    def walk(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        """Go from page to page, through their states, and name each."""
        self.tolerate("status of 40|net::ERR|WebSocket")
        yield from self.walk_the_set_up(look)
        yield from self.walk_the_cards(look)
        yield from self.walk_the_lists(look)
        yield from self.walk_the_rooms(look)
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
        for path in ("/rooms", "/members", f"/people/{LONG}", "/account", "/logout", "/nothing"):
            page.goto(path)
            yield path[1:], page
        page.goto("/members")
        follow(page.locator("a[href$='/remove']").last)
        yield "remove", page
        page.goto("/account")
        fill(page, current="wrong", password="short", again="other")
        follow(page.locator("form[action='/account'] .button"))
        yield "account, refused", page
        yield from self.walk_the_tokens(page)

    def walk_the_tokens(self, page: Page) -> Iterator[tuple[str, Page]]:
        """Go through a bot and its tokens, and one's own."""
        page.goto("/members")
        page.locator("#bot").fill(f"{'b' * 34} {next(NUMBERS)}")
        follow(page.locator("form.beside .button"))
        yield "bot", page
        for path in (page.url, "/account"):
            page.goto(path)
            page.locator("#name").fill("w" * 60)
            follow(page.locator("form[action$='/tokens'] .button"))
            expect(page.locator("#new-token")).to_be_focused()
            yield f"{path.split('/')[-1]}, new token".replace(page.url.split("/")[-2], "bot"), page
        page.locator("#name").fill(" ")
        follow(page.locator("form[action$='/tokens'] .button"))
        yield "account, token refused", page
        follow(page.locator("form[action='/account/feed'] .button"))
        expect(page.locator("#new-feed")).to_be_focused()
        yield "account, new feed", page
        follow(page.locator("form[action='/account/feed/end'] button"))
        yield "account, feed ended", page
        yield from self.walk_the_hooks(page)

    def walk_the_hooks(self, page: Page) -> Iterator[tuple[str, Page]]:
        """Go through the webhooks of a room, in all their states."""
        page.goto("/rooms/lobby/hooks")
        yield "webhooks", page
        for kind, url in (("in", ""), ("out", f"https://192.0.2.1/{'u' * 90}")):
            page.locator("#name").fill("w" * 60)
            page.locator("#url").fill(url)
            page.locator(f"[name=kind][value={kind}]").check()
            follow(page.locator("form[action$='/hooks'] .button"))
            expect(page.locator("#secret")).to_be_focused()
            yield f"webhooks, a new one {kind}", page
        ((number,),) = sql(self.folder, "SELECT max(id) FROM hook")
        sql(self.folder, "UPDATE hook SET failing_since = 1, last_status = 'HTTP 503' WHERE id = ?", number)
        page.goto("/rooms/lobby/hooks")
        yield "webhooks, failing", page
        sql(self.folder, "UPDATE hook SET off_at = 90000 WHERE id = ?", number)
        page.locator("#name").fill("w")
        page.locator("#url").fill("http://192.0.2.1:1/")
        page.locator("[name=kind][value=out]").check()
        follow(page.locator("form[action$='/hooks'] .button"))
        yield "webhooks, off and one refused", page

    def walk_the_rooms(self, look: dict[str, Any]) -> Iterator[tuple[str, Page]]:
        """Go through a room of its own, in which everything has happened, and what is said of it on other pages."""
        room, message = self.furnish(f"Hall {next(NUMBERS)}")
        page = self.member("ana", **look)
        direct = self.client("ana").post("/direct", {"username": LONG}).location
        for name, path in (
            ("rooms", "/rooms"),
            ("what is new", "/new"),
            ("search", "/search"),
            ("what was found", SEARCH),
            ("nothing found", "/search?q=nothingness+in:nowhere+from:nobody+before:x"),
            ("a direct room", f"{direct}/settings"),
            ("a room with notes", f"{room}?at={message}"),
            ("its settings", f"{room}/settings"),
            ("a message", f"{room}/messages/{message}"),
            ("its history", f"{room}/messages/{message}/history"),
        ):
            page.goto(path)
            if name == "a room with notes":
                expect_live(page)
            yield name, page
        yield from self.walk_what_a_room_refuses(page, room, message)

    def walk_what_a_room_refuses(self, page: Page, room: str, message: int) -> Iterator[tuple[str, Page]]:
        page.goto(f"{room}/messages/{message}")
        page.locator("#emoji").fill("no emoji " + "w" * 90)
        follow(page.locator("form.beside .button"))
        yield "a message, refused", page
        page.goto("/rooms")
        page.locator("#name").fill("w" * 61)
        follow(page.locator("form.narrow .button"))
        yield "rooms, refused", page
        page.goto(f"{room}/settings")
        page.locator("#username").fill("nobody " + "w" * 90)
        follow(page.locator("form.beside .button"))
        yield "settings, refused", page
        page.goto("/members")
        follow(page.locator(".together .button"))
        yield "members, refused", page
        self.client("ana").post(f"{room}/archive", {"archived": "on"})
        for name, path in (("an archived room", room), ("its settings, archived", f"{room}/settings")):
            page.goto(path)
            yield name, page

    def furnish(self, name: str) -> tuple[str, int]:
        """Make a room of ana's in which everything has happened; return its path, and the number of a message."""
        ana, other = self.client("ana"), self.client(LONG)
        room = make_room(ana, name, description="w" * 200)
        other.post(f"{room}/join")
        make_room(other, f"{name} {'w' * 40}", description="to be joined")
        for body in ("a message " + "w" * 90, "to be deleted"):
            ana.post(room, {"body": body})
        first, second = (row.seq for row in rows(ana.get(room))[-2:])
        for client in (ana, other):
            client.post(f"{room}/messages/{first}/react", {"emoji": "👍"})
        ana.post(f"{room}/messages/{first}/edit", {"body": "> edited\n\n```python\n" + "code " * 40 + "\n```"})
        for target in (first, second):
            other.post(room, {"body": "@ana @room an answer", "target": str(target)})
        other.post(room, {"body": "an answer " + "w" * 90, "target": str(first)})
        other.post("/rooms/lobby", {"body": "@ana, look at the hall"})
        ana.post(f"{room}/messages/{second}/delete")
        return room, first

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
        page.locator("#rows .row:not(.follows) .author").last.dispatch_event("click")
        expect(page.get_by_role("dialog", name=LONG)).to_be_visible()
        yield "room, card", page
        page.keyboard.press("Escape")
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
    page.locator("#composer .box button").click()


def send_by_form(page: Page, body: str) -> None:
    """Send a message as a page without a script does."""
    page.locator("#body").fill(body)
    with page.expect_navigation():
        page.evaluate("document.getElementById('composer').submit()")
