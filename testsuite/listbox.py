"""What the tests of completion and of the finder share: choices in a list, and requests that are held."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, Route, expect

from testsuite.browser import PHONE
from testsuite.waiting import wait_for

MARKUP = "Ana <img src=x onerror=alert(1)>"
ARABIC = "آنا"
LONG = "Anna" + "W" * 36
LONG_PAUSE_MS = 1000  # in which the page would ask the server
DARK_PHONE: dict[str, Any] = {**PHONE, "color_scheme": "dark", "locale": "pt-BR"}

# Whether a key comes to those who listen at the whole page.
RECORD_KEYS = "window.keys = []; addEventListener('keydown', ({ key }) => keys.push(key));"


def options(page: Page) -> Locator:
    """Return the choices that can be seen."""
    return page.get_by_role("option")


def names(page: Page) -> list[str]:
    """Return the names that are offered."""
    return options(page).locator(".name").all_inner_texts()


def expect_selected(page: Page, name: str) -> None:
    """Wait until a choice is selected, for the eye and for a screen reader."""
    selected = page.get_by_role("option", selected=True)
    expect(selected).to_have_count(1)
    expect(selected.locator(".name")).to_have_text(name)
    field = page.locator("[aria-activedescendant]")
    expect(field).to_have_attribute("aria-activedescendant", selected.get_attribute("id") or "?")
    expect(field).to_be_focused()


def hold(page: Page) -> list[Route]:
    """Keep the page's questions about people from now on; return the list of them, which grows."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route("**/people?*", keep)
    return held


def query(route: Route) -> str:
    """Return what a page asks for."""
    return route.request.url.partition("?q=")[2]


def wait_for_routes(page: Page, held: list[Route], count: int) -> None:
    """Wait until the page has asked `count` times; the list grows while something else is asked of the page."""
    wait_for(lambda: page.evaluate("true") and len(held) >= count, f"{count} questions")
