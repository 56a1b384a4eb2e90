"""Chromium for the tests, driven by Playwright. Whatever its console complains about fails the test."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect, sync_playwright
from playwright.sync_api import TimeoutError as WaitedInVain

from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Client
from testsuite.needs import need
from testsuite.waiting import TIMEOUT_SECONDS, wait_for

CARD_SECONDS = 1.0  # after which the mouse is no longer on the row that it was moved to

# Chromium takes the last list of features to do without, and this replaces Playwright's: theirs, in their order, and
# what it would do for every context that the tests open: pages for its address bar, in a process of their own, and a
# process for the next page.
WITHOUT = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "TcpPortRandomizationWin",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "msForceBrowserSignIn",
    "msEdgeUpdateLaunchServicesPreferredVersion",
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
    "SpareRendererForSitePerProcess",
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(WITHOUT)}",
    "--host-resolver-rules=MAP *.example 127.0.0.1",  # hosts that browsers treat as any over plain HTTP
)
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}

# A violation of the Content-Security-Policy is an error like any other.
RECORD_VIOLATIONS = """addEventListener('securitypolicyviolation', (event) => {
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`);
});"""

# Lets the page take longer messages than the server does; runs before the page's modules.
ALLOW_EVERYTHING = """document.addEventListener('readystatechange', () => {
  const room = document.getElementById('room');
  if (room) room.dataset.maxChars = 9000;
}, { once: true });"""

# Records each text that appears or changes in a live region, which a screen reader reads aloud by itself.
RECORD_LINES = """() => {
  window.heard = [];
  const LIVE = ['[role=log]', '[role=status]', '[role=alert]', '[aria-live]']
    .map((region) => `${region}:not([aria-live=off])`).join();
  const isLive = (node) => Boolean((node.closest ? node : node.parentElement)?.closest(LIVE));
  const within = (node) => (node.querySelectorAll ? [node, ...node.querySelectorAll('*')] : []);
  new MutationObserver((records) => {
    for (const { type, target, addedNodes } of records) {
      const said = type === 'characterData' ? [target] : [...addedNodes];
      const spoken = isLive(target) ? said : said.flatMap(within).filter((it) => it.matches(LIVE));
      heard.push(...spoken.map((it) => it.textContent));
    }
  }).observe(document.documentElement, { childList: true, characterData: true, subtree: true });
}"""


# What Chromium says of a connection that breaks, of a message that is sent just then (no page can know of it yet), and
# of the protocol's own pages, which SockJS tries when it finds no other way.
BROKEN_CONNECTION = (
    "net::ERR_|WebSocket connection to|WebSocket is already in CLOSING|document.domain mutation is ignored"
)
# What it says when a page whose session has ended tries to connect before it knows who is signed in.
ENDED_SESSION = "status of 403"


class BrowserTest(SiteTest):
    """A test with a running site and a browser; each page has a context, so cookies, of its own."""

    needs = ("chromium",)
    browser: Browser

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        need("chromium")
        program = shutil.which("chromium")
        if program is None:
            raise AssertionError("chromium is missing (apt-get install chromium)")
        playwright = cls.enterClassContext(sync_playwright())
        cls.browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        cls.addClassCleanup(cls.browser.close)
        expect.set_options(timeout=TIMEOUT_SECONDS * 1000)

    def setUp(self) -> None:
        self.troubles: list[str] = []
        self.tolerated: list[str] = []
        self.addCleanup(self.check_troubles)

    def check_troubles(self) -> None:
        """Fail if a page complained about something that the test did not announce."""
        unexpected = [line for line in self.troubles if not any(re.search(one, line) for one in self.tolerated)]
        self.assertEqual(unexpected, [])

    def tolerate(self, pattern: str) -> None:
        """Announce that a page will complain."""
        self.tolerated.append(pattern)

    def page(self, url: str = "", **context: Any) -> Page:
        """Return an empty page in a context of its own."""
        opened = self.browser.new_context(
            **{"locale": "en-US", "base_url": url or self.server.url, **DESKTOP, **context}
        )
        opened.set_default_timeout(TIMEOUT_SECONDS * 1000)
        opened.add_init_script(RECORD_VIOLATIONS)
        page = opened.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        page.on("request", lambda request: self._check_origin(request, url or self.server.url))
        self.addCleanup(self._close, page)
        return page

    def _close(self, page: Page) -> None:
        """Close a page; that it breaks off a connection just then is no error."""
        page.remove_listener("console", self._hear)
        page.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"{message.type}: {message.text}")

    def _check_origin(self, request: Request, url: str) -> None:
        host = url.removeprefix("http://")
        if not request.url.startswith((f"http://{host}/", f"ws://{host}/", "data:", "blob:", "about:")):
            self.troubles.append(f"foreign request: {request.url}")

    def member(self, name: str, server: int = 0, **context: Any) -> Page:
        """Return the lobby, open in a new context in which `name` is signed in."""
        url = self.servers[server].url
        page = self.page(url, **context)
        self.enter(page, name, server)
        if context.get("java_script_enabled", True):
            expect_live(page)
        return page

    def enter(self, page: Page, name: str, server: int = 0) -> None:
        """Sign in and open the lobby, without the form."""
        url = self.servers[server].url
        cookies = Client(url).sign_in(name).cookies
        page.context.add_cookies([{"name": key, "value": value, "url": url} for key, value in cookies.items()])
        page.goto("/rooms/lobby")

    def shoot(self, page: Page, name: str, full_page: bool = False) -> None:
        """Save a screenshot of the page, if the environment asks for screenshots."""
        folder = os.environ.get("PROSA_SCREENSHOTS")
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=full_page, animations="disabled")


def sign_in(page: Page, name: str, password: str = PASSWORD) -> None:
    """Sign in by the form."""
    page.goto("/login")
    page.locator("#username").fill(name)
    page.locator("#password").fill(password)
    page.locator("form button").click()
    page.wait_for_url(lambda url: "/login" not in url)


def follow(thing: Locator) -> None:
    """Click on a link or a form's button and wait for the whole page that comes; a click waits for its first bytes."""
    with thing.page.expect_navigation():
        thing.click()


def invite(page: Page) -> None:
    """Make an invitation on the page of members."""
    page.goto("/members")
    follow(page.get_by_role("button", name="Make an invitation link"))


def expect_listed(page: Page, me: str) -> None:
    """Wait until the page has heard that its own member is online; from then on it tells who comes and goes."""
    expect(page.locator("#online .name").get_by_text(me, exact=True)).to_have_count(1)


def expect_live(page: Page) -> None:
    """Wait until the page is connected."""
    expect(page.locator("#state")).to_have_class("state live")


def click_beside(row: Locator, button: str) -> None:
    """Click a button of the card beside a message, with the mouse.

    Where somebody comes or leaves, the rows move away under the mouse, and the card goes to another one: then again.
    """

    def is_clicked() -> bool:
        row.hover()
        try:
            row.locator(f".toolbar {button}").first.click(timeout=CARD_SECONDS * 1000)
        except WaitedInVain:
            return False
        return True

    wait_for(is_clicked, f"the card beside the message has {button}")


def write(page: Page, body: str) -> None:
    """Write a message and send it with Enter."""
    page.locator("#body").fill(body)
    page.locator("#body").press("Enter")


def open_details(page: Page) -> None:
    """Open the connection's panel and its details."""
    for part in ("#connection", "#connection-details"):
        if page.locator(part).get_attribute("open") is None:
            page.locator(f"{part} > summary").click()


def choose_transports(page: Page, *names: str) -> None:
    """Tick only these transports in the connection's panel, and reconnect."""
    open_details(page)
    for box in page.locator("#transports input").all():
        if box.is_checked() != (box.input_value() in names):
            box.press("Space")
    page.get_by_role("button", name="Reconnect").click()


def messages(page: Page) -> list[str]:
    """Return the bodies of the messages in the conversation, without those in the outbox."""
    return [text.strip() for text in page.locator("#rows .row .body").all_inner_texts()]


def expect_message(page: Page, body: str, count: int = 1) -> None:
    """Wait until exactly `count` messages in the conversation have this body."""
    found = page.locator("#rows .row .body", has_text=re.compile(f"^\\s*{re.escape(body)}\\s*$"))
    try:
        expect(found).to_have_count(count)
    except AssertionError as error:
        lines = page.locator("#rows").inner_text().splitlines()
        error.add_note(f"{page.url} has {len(lines)} lines, at last {lines[-6:]}")
        raise


def listen(page: Page) -> None:
    """Begin to record what a screen reader would say by itself."""
    page.evaluate(RECORD_LINES)


def heard(page: Page) -> list[str]:
    """Return what a screen reader has said by itself since `listen`."""
    return list(page.evaluate("heard"))
