"""The components of the list of tasks, each by itself: their real page and policy, and angular-mocks for the server."""

from __future__ import annotations

from functools import partial

from playwright.sync_api import Page, Route

from testsuite.browser import BrowserTest
from testsuite.servers import ROOT

SCRIPT = "text/javascript; charset=utf-8"
SERVED = {  # below /static/
    "tasks/task_harness.js": ROOT / "testsuite" / "task_harness.js",
    "tasks/task_components.js": ROOT / "testsuite" / "task_components.js",
    "vendor/angular-mocks.js": ROOT / "node_modules" / "angular-mocks" / "angular-mocks.js",
}


def serve_tests(page: Page) -> None:
    """Let the page of the tasks load the tests in the place of its own script."""
    for path, file in SERVED.items():
        page.route(f"**/{path}", partial(_answer, file.read_text(encoding="utf-8")))
    page.route("**/tasks/main.js", partial(_answer, "import './task_harness.js';"))


def _answer(script: str, route: Route) -> None:
    route.fulfill(body=script, content_type=SCRIPT)


class Components(BrowserTest):
    """Each test is a function of testsuite/task_components.js."""

    def test_each_of_them(self) -> None:
        page = self.page(timezone_id="America/New_York")
        serve_tests(page)
        self.enter(page, "ana")
        page.goto("/rooms/lobby/tasks")
        names = page.evaluate("ready")
        self.assertGreater(len(names), 15)
        for name in names:
            with self.subTest(name):
                page.evaluate("(name) => runTest(name)", name)
