"""The list of tasks in a real browser: what people expect of a to-do list, and what several do to one list at once."""

from __future__ import annotations

import re

from playwright.sync_api import Page, Route, expect

from testsuite.browser import (
    BROKEN_CONNECTION,
    PHONE,
    click_beside,
    expect_live,
    expect_message,
    follow,
    heard,
    listen,
)
from testsuite.browser import write as say
from testsuite.servers import Server
from testsuite.task_page import PATH, TaskPageTest, call, edit, expect_texts, row, write
from testsuite.waiting import wait_for

NETWORK = f"{BROKEN_CONNECTION}|status of (40[349]|50)"


class ToDo(TaskPageTest):
    """TodoMVC's specification."""

    def left(self, page: Page, words: str) -> None:
        """Wait until the page says how many tasks are left."""
        expect(page.locator(".task-filter .left")).to_have_text(words)

    def test_adding_and_ticking(self) -> None:
        page = self.open()
        field = page.locator(".new-task")
        expect(field).to_be_focused()
        expect(page.locator(".task-list, .task-filter, .toggle-all")).to_have_count(0)
        for text in ("  Print the pairings \t", "   ", "Buy batteries"):
            page.keyboard.type(text)
            page.keyboard.press("Enter")
        expect(field).to_have_value("   Buy batteries"[:0])
        expect(field).to_be_focused()
        expect_texts(page, "Print the pairings", "Buy batteries")
        self.left(page, "2 tasks left")
        row(page, "Buy").locator(".tick").click()
        self.left(page, "1 task left")
        page.locator(".toggle-all").click()
        self.left(page, "0 tasks left")
        expect(page.locator(".toggle-all")).to_be_checked()
        row(page, "Print").locator(".tick").click()
        expect(page.locator(".toggle-all")).not_to_be_checked()
        page.get_by_role("button", name="Clear done").click()
        expect_texts(page, "Print the pairings")
        expect(page.get_by_role("button", name="Clear done")).to_have_count(0)
        page.reload()
        expect_texts(page, "Print the pairings")

    def test_editing(self) -> None:
        self.add("Call the hall", "Ask Paula")
        page = self.open()
        field = edit(page, "Call")
        expect(field).to_have_value("Call the hall")
        field.fill("  Call the hall about Sunday ")
        field.press("Enter")
        expect_texts(page, "Call the hall about Sunday", "Ask Paula")
        expect(row(page, "Call").locator(".tick")).to_be_focused()
        edit(page, "Ask").fill("never mind")
        page.keyboard.press("Escape")
        expect_texts(page, "Call the hall about Sunday", "Ask Paula")
        row(page, "Ask").hover()
        row(page, "Ask").get_by_role("button", name="Edit: Ask Paula").click()
        page.locator(".edit-field").fill("Ask Paula for the trophies")
        page.locator(".new-task").click()  # leaving saves
        expect_texts(page, "Call the hall about Sunday", "Ask Paula for the trophies")
        edit(page, "Call").fill("  ")
        page.keyboard.press("Enter")
        expect_texts(page, "Ask Paula for the trophies")
        expect(row(page, "Ask").locator(".tick")).to_be_focused()
        page.reload()
        expect_texts(page, "Ask Paula for the trophies")

    def test_what_is_shown_is_in_the_address(self) -> None:
        self.add("one")
        self.add("two", to="ana")
        page = self.open()
        row(page, "one").locator(".tick").click()
        shown = page.get_by_role("navigation", name="Shown tasks")
        for name, query, texts in (
            ("Open", "active", ["two"]),
            ("Done", "completed", ["one"]),
            ("Mine", "mine", ["two"]),
        ):
            shown.get_by_role("link", name=name).click()
            expect_texts(page, *texts)
            self.assertTrue(page.url.endswith(f"{PATH}?show={query}"))
            page.reload()
            expect_texts(page, *texts)
            expect(shown.locator("[aria-current]")).to_have_text(name)
        for texts in (["one"], ["two"], ["one", "two"]):
            page.go_back()
            expect_texts(page, *texts)
        page.goto(f"{PATH}?show=completed")
        row(page, "one").locator(".tick").click()  # and it is gone from here, and the focus with it to the field
        expect(page.locator(".new-task")).to_be_focused()

    def test_who_and_by_when(self) -> None:
        page = self.open(locale="en-US")
        page.locator(".new-task").fill("Bring the clocks")
        who = page.locator("#new-task-to")
        who.press_sequentially("be")
        expect(page.get_by_role("option")).to_have_text(["Bbeto"])
        who.press("Enter")
        expect(who).to_have_value("beto")
        page.locator(".task-form input[type=date]").fill("2020-01-31")
        page.locator(".new-task").press("Enter")
        expect(row(page, "clocks").locator(".task-due.overdue")).to_have_text(re.compile("^overdue Jan 31, 2020$"))
        expect(row(page, "clocks").locator(".task-to")).to_have_attribute("title", "beto")
        edit(page, "clocks")
        page.locator(".task-edit .to").fill("nobody at all")
        page.locator(".edit-field").press("Enter")
        self.tolerate("status of 40")
        expect(page.locator(".task-trouble .error-text")).to_contain_text("Nobody in this room has this name")
        page.get_by_role("button", name="discard").click()
        expect(row(page, "clocks").locator(".task-to")).to_have_attribute("title", "beto")
        expect(self.member("beto").locator(".tasks-link .count")).to_contain_text("1")

    def test_the_order_by_keys_and_by_a_mouse(self) -> None:
        self.add("one", "two", "three")
        page, other = self.open(), self.open("beto")
        row(page, "three").locator(".tick").focus()
        page.keyboard.press("Alt+ArrowUp")
        page.keyboard.press("Alt+ArrowUp")
        expect_texts(page, "three", "one", "two")
        expect(row(page, "three").locator(".tick")).to_be_focused()
        expect_texts(other, "three", "one", "two")
        row(page, "three").locator(".handle").hover()
        page.mouse.down()
        last = row(page, "two").bounding_box()
        assert last is not None
        page.mouse.move(last["x"] + 20, last["y"] + last["height"] - 3, steps=3)
        page.mouse.up()
        expect_texts(page, "one", "two", "three")
        expect_texts(other, "one", "two", "three")
        row(page, "one").locator(".handle").hover()
        page.mouse.down()
        page.mouse.move(last["x"] + 20, last["y"] + 200, steps=3)
        page.keyboard.press("Escape")
        page.mouse.up()
        expect_texts(page, "one", "two", "three")


class Together(TaskPageTest):
    """Several windows on one list."""

    def setUp(self) -> None:
        super().setUp()
        self.tolerate(NETWORK)

    def test_two_windows_and_a_third_without_a_script(self) -> None:
        ana, beto = self.open("ana"), self.open("beto")
        plain = self.open("carla", java_script_enabled=False)
        listen(ana)
        write(beto, "from beto")
        expect_texts(ana, "from beto")
        plain.reload()
        plain.locator("#tasks-plain [name=text]").fill("from carla")
        follow(plain.locator("#tasks-plain form").filter(has=plain.locator("[name=text]")).get_by_role("button").first)
        expect_texts(ana, "from beto", "from carla")
        expect_texts(beto, "from beto", "from carla")
        row(ana, "from beto").locator(".tick").click()
        expect(row(beto, "from beto").locator(".tick")).to_be_checked()
        plain.reload()
        expect(plain.locator("#tasks-plain .task.done")).to_contain_text("from beto")
        wait_for(lambda: "carla added: from carla" in heard(ana), "the announcement")
        self.assertIn("beto added: from beto", heard(ana))

    def test_what_others_do_does_not_disturb_who_is_typing(self) -> None:
        self.add("mine", "other")
        ana, beto = self.open("ana"), self.open("beto")
        field = edit(ana, "mine")
        field.fill("half a wo")
        row(beto, "mine").locator(".tick").click()
        row(beto, "other").locator(".handle").hover()
        write(beto, "news")
        row(beto, "mine").locator(".tick").focus()
        beto.keyboard.press("Alt+ArrowDown")
        expect_texts(beto, "other", "mine", "news")
        expect(row(ana, "news")).to_be_visible()
        expect(field).to_be_focused()
        row(beto, "mine").hover()
        row(beto, "mine").locator(".delete").click()
        expect(ana.locator(".task-edit")).to_contain_text("Somebody has removed this task. Your text is kept.")
        expect(field).to_be_focused()
        ana.keyboard.type("rd")
        ana.keyboard.press("Enter")
        expect_texts(ana, "other", "news", "half a word")
        expect_texts(beto, "other", "news", "half a word")

    def test_both_texts_are_shown_and_nothing_is_lost(self) -> None:
        self.add("Print the pairings")
        ana, beto = self.open("ana"), self.open("beto")
        for page, text in ((ana, "Print the list"), (beto, "Print 20 pairings")):
            edit(page, "Print").fill(text)
        ana.locator(".edit-field").press("Enter")
        expect_texts(ana, "Print the list")
        beto.locator(".edit-field").press("Enter")
        expect(beto.locator(".task-trouble dd")).to_have_text(["Print the list", "Print 20 pairings"])
        beto.reload()  # still there
        beto.get_by_role("button", name="Take yours").click()
        expect_texts(ana, "Print 20 pairings")
        expect(beto.locator(".task-trouble")).to_have_count(0)

    def test_a_change_of_something_else_is_no_conflict(self) -> None:
        self.add("Print the pairings")
        ana, beto = self.open("ana"), self.open("beto")
        edit(beto, "Print").fill("Print 20 pairings")
        edit(ana, "Print")
        ana.locator(".task-edit .to").fill("carla")
        ana.locator(".edit-field").press("Enter")
        expect(row(ana, "Print").locator(".task-to")).to_have_attribute("title", "carla")
        beto.locator(".edit-field").press("Enter")
        expect_texts(ana, "Print 20 pairings")
        expect(row(ana, "Print").locator(".task-to")).to_have_attribute("title", "carla")
        expect(beto.locator(".task-trouble")).to_have_count(0)

    def test_what_was_to_go_in_front_of_a_task_that_is_removed_stays(self) -> None:
        two = self.add("one", "two", "three")[1]
        ana = self.open("ana")
        held: list[Route] = []

        def hold(route: Route) -> None:
            held.append(route)

        ana.route("**/api/rooms/lobby/tasks/*", hold)
        with ana.expect_request("**/api/rooms/lobby/tasks/*"):
            row(ana, "three").locator(".tick").focus()
            ana.keyboard.press("Alt+ArrowUp")
        self.assertEqual(call(self.client("beto"), "DELETE", f"{PATH}/{two}").status, 204)
        expect_texts(ana, "one", "three")
        held[0].continue_()
        expect(ana.locator("task-panel .alert")).to_contain_text(
            "The task in front of which this one was to go is not there any more."
        )
        expect_texts(ana, "one", "three")

    def test_offline_and_back_over_a_reload_of_the_process(self) -> None:
        self.add("stays")
        ana, beto = self.open("ana"), self.open("beto")
        port = self.server.port
        self.server.stop()
        write(ana, "written without the site")
        row(ana, "written").locator(".tick").click()
        edit(ana, "stays").fill("changed without it")
        ana.keyboard.press("Enter")
        expect(row(ana, "written").locator(".task-note")).to_have_text("waiting")
        self.servers[0] = Server(self.folder, *self.options, port=port).wait()
        for page in (ana, beto):
            expect_texts(page, "changed without it", "written without the site")
            expect(row(page, "written").locator(".tick")).to_be_checked()
        expect(ana.locator(".task-note")).to_have_count(0)
        self.assertEqual(ana.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('prosa.tasks'))"), [])

    def test_a_list_made_for_one_member_never_writes_as_another(self) -> None:
        """docs/security.rst 44, for changes that wait and for those that come."""
        page = self.open("ana")
        expect(page.locator(".new-task")).to_be_visible()
        beto = self.client("beto").cookies
        page.context.add_cookies([{"name": name, "value": it, "url": self.server.url} for name, it in beto.items()])
        write(page, "by whom?")
        expect(page.locator("task-panel .alert")).to_contain_text(
            "You are signed in as beto now; this page was made for ana."
        )
        expect(page.locator("#state")).to_have_text("Stopped")
        follow(page.get_by_role("link", name="Open as beto"))
        expect_live(page)
        expect(page.locator("task-panel .empty-tasks")).to_be_visible()
        ana = self.client("ana").cookies
        page.context.add_cookies([{"name": name, "value": it, "url": self.server.url} for name, it in ana.items()])
        page.reload()
        expect_texts(page, "by whom?")
        (made,) = call(self.client("ana"), "GET", PATH).json()["tasks"]
        self.assertEqual(made["author"], "ana")

    def test_a_message_becomes_a_task_and_the_task_leads_back(self) -> None:
        self.client("beto").post("/rooms/lobby", {"body": "Somebody must **call** the hall"})
        page = self.member("ana")
        expect_message(page, "Somebody must call the hall")
        click_beside(page.locator("#rows .row").last, ".do-menu")
        page.get_by_role("button", name="Make a task of it").click()
        expect(page.locator(".said")).to_contain_text("It is a task now: Somebody must call the hall")
        follow(page.get_by_role("link", name="To the tasks"))
        expect_texts(page, "Somebody must call the hall")
        follow(row(page, "call the hall").locator(".source"))
        expect(page.locator("#rows .row.marked")).to_contain_text("Somebody must call the hall")
        say(page, "done")
        expect_live(page)


class Phone(TaskPageTest):
    def test_a_finger_moves_a_task_by_its_handle(self) -> None:
        self.add("one", "two", "three")
        page = self.open(**PHONE)
        expect_texts(page, "one", "two", "three")
        first, last = row(page, "one").locator(".handle").bounding_box(), row(page, "three").bounding_box()
        assert first is not None and last is not None
        finger = page.context.new_cdp_session(page)
        x, y = first["x"] + 8, first["y"] + 20
        for kind, points in (
            ("touchStart", [{"x": x, "y": y}]),
            ("touchMove", [{"x": x, "y": y + 30}]),
            ("touchMove", [{"x": x, "y": last["y"] + last["height"] - 4}]),
            ("touchEnd", []),
        ):
            finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        expect_texts(page, "two", "three", "one")
