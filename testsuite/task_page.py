"""The page of a room's tasks, as its tests see it."""

from __future__ import annotations

import json
import secrets
from typing import Any

from playwright.sync_api import Locator, Page, expect

from testsuite.browser import BrowserTest, expect_live
from testsuite.clients import Answer, Client

PATH = "/rooms/lobby/tasks"


class TaskPageTest(BrowserTest):
    """A test with the list of tasks of the lobby, empty at the beginning of each."""

    def setUp(self) -> None:
        super().setUp()
        ana = self.client("ana")
        for deed in ("done", "clear"):
            self.assertEqual(ana.post(f"{PATH}/all", {"do": deed}).status, 302)

    def open(self, name: str = "ana", path: str = PATH, **context: Any) -> Page:
        """Return the page of the tasks, live, in a new context in which `name` is signed in."""
        page = self.page(**context)
        self.enter(page, name)
        page.goto(path)
        if context.get("java_script_enabled", True):
            expect_live(page)
        return page

    def add(self, *texts: str, by: str = "ana", **fields: Any) -> list[int]:
        """Add tasks to the list as a program does; return their numbers."""
        client = self.client(by)
        answers = [
            call(client, "POST", PATH, {"text": text, "nonce": secrets.token_hex(8), **fields}) for text in texts
        ]
        return [answer.json()["id"] for answer in answers]


def call(client: Client, method: str, path: str, fields: dict[str, Any] | None = None) -> Answer:
    """Call the API as a page does."""
    body = None if fields is None else json.dumps(fields)
    return client.request(method, f"/api{path}", body, X_Xsrftoken=client.xsrf, Content_Type="application/json")


def write(page: Page, text: str) -> None:
    """Add a task by the field for a new one."""
    page.locator(".new-task").fill(text)
    page.locator(".new-task").press("Enter")


def row(page: Page, text: str) -> Locator:
    """Return the row of a task."""
    return page.locator(".task").filter(has=page.locator(".task-text", has_text=text))


def edit(page: Page, text: str) -> Locator:
    """Begin to edit a task by a double click; return the field."""
    row(page, text).locator(".task-text").dblclick()
    expect(page.locator(".edit-field")).to_be_focused()
    return page.locator(".edit-field")


def expect_texts(page: Page, *texts: str) -> None:
    """Wait until these are the texts of the list."""
    expect(page.locator("task-panel .task .task-text")).to_have_text(list(texts))
