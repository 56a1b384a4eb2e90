"""How the list of tasks looks and sounds: two languages, two grounds, a phone, rules of accessibility."""

from __future__ import annotations

import datetime
import re
from typing import Any

from playwright.sync_api import Page, expect

from testsuite.browser import PHONE, heard, listen
from testsuite.page_checks import violations
from testsuite.task_page import PATH, TaskPageTest, edit, expect_texts, row, write
from testsuite.test_browser_looks import SMALL, no_sideways

LONG = "W" * 500
LOOKS: dict[str, dict[str, Any]] = {
    "desk": {},
    "phone-dark-portuguese": {**PHONE, "color_scheme": "dark", "locale": "pt-BR"},
    "phone-narrow": {**PHONE, "viewport": {"width": 320, "height": 640}},
}
ENGLISH = re.compile(
    r"\b(?:Talk|Tasks|Add|Open|Done|Mine|left|Clear|due|overdue|For|By|Save|Cancel|today|Edit|Remove)\b"
)

# The parts that a reader sees of a task, where they hang over its line.
OVERHANGS = """task => {
  const line = task.getBoundingClientRect();
  const hangsOver = (box) => box.left < line.left - .5 || box.right > line.right + .5;
  return [...task.querySelectorAll('.tick, .task-text, .task-due, .picture')]
      .filter((part) => hangsOver(part.getBoundingClientRect())).map((part) => part.className);
}"""


class Looks(TaskPageTest):
    def furnish(self) -> None:
        """Fill the list as on a busy day."""
        today = datetime.date.today()
        self.add("Print the pairings", to="ana", due=today.isoformat())
        self.add("Buy batteries for the other clocks", to="beto", due=(today - datetime.timedelta(1)).isoformat())
        self.add("Call the hall about Sunday", to="carla", due=(today + datetime.timedelta(3)).isoformat())
        self.add(LONG, "Reserve the hall for Saturday")

    def check(self, page: Page, name: str) -> None:
        """Save a picture, and check what can be counted."""
        self.assertEqual(violations(page), [])
        no_sideways(self, page)
        self.assertEqual(page.locator("#scroller").evaluate("it => it.scrollWidth - it.clientWidth"), 0)
        self.shoot(page, f"tasks-{name}")

    def test_it_is_readable_everywhere(self) -> None:
        self.furnish()
        for name, look in LOOKS.items():
            with self.subTest(look=name):
                page = self.open(**look)
                expect(row(page, "Print").locator(".task-due")).to_be_visible()
                done = row(page, "Reserve").locator(".tick")
                if not done.is_checked():
                    done.click()
                self.check(page, name)
                if look.get("has_touch"):
                    parts = "#tasks .top :is(a, summary):visible, task-panel :is(a, button):not(.source):visible"
                    self.assertEqual(page.locator(parts).evaluate_all(SMALL), [], "targets under 44 px")
                row(page, "Buy").locator(".edit").click()
                expect(page.locator(".edit-field")).to_be_focused()
                self.check(page, f"{name}-editing")
                if look.get("locale"):
                    own = page.locator("#tasks").inner_text()
                    for text in ("Print the pairings", "Reserve the hall for Saturday", "Call the hall about Sunday"):
                        own = own.replace(text, "")
                    self.assertEqual(ENGLISH.findall(own), [])

    def test_without_a_script_all_begins_and_ends_with_the_lines_between(self) -> None:
        self.add("Print the pairings", to="ana", due=datetime.date.today().isoformat())
        for look in ("desk", "phone-narrow"):
            for path in (PATH, "/tasks"):
                with self.subTest(look=look, path=path):
                    page = self.open(path=path, java_script_enabled=False, **LOOKS[look])
                    self.assertEqual(page.locator(".task").evaluate(OVERHANGS), [])

    def test_what_is_done_is_said(self) -> None:
        self.add("one", "two")
        page = self.open()
        listen(page)
        write(page, "three")
        row(page, "one").locator(".tick").click()
        row(page, "three").locator(".tick").focus()
        page.keyboard.press("Alt+ArrowUp")
        row(page, "two").hover()
        row(page, "two").locator(".delete").click()
        expect_texts(page, "one", "three")
        said = ("Added: three", "Done: one", "Moved to place 2 of 3.", "Removed: two")
        self.assertEqual([line for line in heard(page) if line in said], list(said))

    def test_all_of_it_by_the_keyboard(self) -> None:
        self.add("one", "two")
        page = self.open()
        expect_texts(page, "one", "two")
        names = []
        for _ in range(8):
            page.keyboard.press("Tab")
            names.append(
                page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.id")
            )
        self.assertEqual(names[:4], ["", "", "Edit: one", "Remove: one"])
        edit(page, "one").fill("uno")
        page.keyboard.press("Tab")
        expect(page.locator(".task-edit .to")).to_be_focused()
        page.keyboard.press("Enter")
        expect_texts(page, "uno", "two")

    def test_an_empty_list_says_what_to_do(self) -> None:
        page = self.open()
        expect(page.locator("task-panel .empty-tasks")).to_have_text(
            "Nothing is to be done here. Write down the first task."
        )
        self.check(page, "empty")
