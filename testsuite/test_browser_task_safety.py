"""Expressions of AngularJS in everything that members write stay text: docs/security.rst 35, in a real browser."""

from __future__ import annotations

from urllib.parse import quote

from playwright.sync_api import Page, Route, expect

from testsuite.browser import expect_live, expect_message, open_details
from testsuite.cases import add_user
from testsuite.task_page import PATH, TaskPageTest, edit, expect_texts, row, write

NAME = "{{constructor.constructor('hit=1')()}}"
# What is known to break out of the sandboxes of AngularJS, from 1.0 to 1.5, and what runs in 1.6 and later, where there
# is none; and what it would find as an element or an attribute of its own.
EXPRESSIONS = (
    NAME,
    "{{$on.constructor('hit=1')()}}",
    "{{'a'.constructor.prototype.charAt=[].join;$eval('x=1} } };hit=1//');}}",
    "{{toString().constructor.prototype.charAt=[].join; [1,2]|orderBy:toString().constructor.fromCharCode(104,49)}}",
    "{{c=''.sub.call;b=''.sub.bind;a=''.sub.apply;c.$apply=$apply;$apply='hit=1'}}",
    "{{x={'y':''.constructor.prototype};x['y'].charAt=[].join;$eval('x=hit=1')}}",
    "{{_='';(_.sub).constructor(hit=1)}}",
    "<div ng-app ng-csp ng-init=\"constructor.constructor('hit=1')()\">{{1+1}}</div>",
    "<input ng-focus=$event.composedPath()|orderBy:'(z=hit=1)' autofocus>",
    "<p class=\"ng-init: constructor.constructor('hit=1')()\"><!-- directive: ng-init hit=1 -->",
    "<img ng-srcset='x' srcset=x onerror=hit=1>",
    "&#123;&#123;constructor.constructor('hit=1')()&#125;&#125;",
    "[[constructor.constructor('hit=1')()]]${hit=1}",
)
SHORT_NAMES = (NAME, "{{$on.constructor('hit=1')()}}")


class Expressions(TaskPageTest):
    """The browser has its Content-Security-Policy switched off, so that nothing else stands between."""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        for name in SHORT_NAMES:
            added = add_user(cls.folder, name)
            if added.returncode:
                raise AssertionError(added.stderr)

    def check(self, page: Page) -> None:
        """Check that none of them has run."""
        self.assertEqual(page.evaluate("typeof hit"), "undefined", page.url)

    def test_such_a_browser_would_run_one_that_is_compiled(self) -> None:
        page = self.open(bypass_csp=True)
        page.evaluate(
            """(text) => {
              const scope = angular.injector(['ng']).get('$rootScope');
              const element = angular.element('<p></p>').text(text);
              angular.injector(['ng']).invoke(['$compile', ($compile) => $compile(element)(scope)]);
              scope.$digest();
            }""",
            NAME,
        )
        page.wait_for_function("typeof hit === 'number'")

    def test_in_tasks_by_all_ways_on_which_they_come(self) -> None:
        self.add(*EXPRESSIONS[:4])
        page = self.open(bypass_csp=True)
        self.add(*EXPRESSIONS[4:8], by="beto")  # live
        for text in EXPRESSIONS[8:]:
            write(page, text)
        expect_texts(page, *EXPRESSIONS)
        self.check(page)
        field = edit(page, NAME)
        field.fill(f"{NAME} changed")
        field.press("Enter")
        expect_texts(page, f"{NAME} changed", *EXPRESSIONS[1:])
        page.reload()
        expect_texts(page, f"{NAME} changed", *EXPRESSIONS[1:])
        self.check(page)
        self.assertEqual(page.locator("#tasks :is(img, script, svg, iframe, [ng-init], [ng-app])").count(), 0)

    def test_in_names_and_messages(self) -> None:
        page = self.open(bypass_csp=True)
        chat = self.chat(SHORT_NAMES[1])
        self.addCleanup(chat.close)
        self.add("for somebody", to=NAME)
        expect(row(page, "for somebody").locator(".task-to")).to_have_attribute("title", NAME)
        edit(page, "for somebody")
        page.locator(".task-edit .to").fill("{{")
        expect(page.get_by_role("option")).to_have_count(len(SHORT_NAMES))
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
        open_details(page)
        self.check(page)
        for body in EXPRESSIONS:
            self.client("beto").post("/rooms/lobby", {"body": body})
        for path in ("/rooms/lobby", "/tasks", "/members"):
            page.goto(path)
            self.check(page)
        own = self.open(NAME, bypass_csp=True)
        write(own, "by such a name")
        expect_texts(own, "for somebody", "by such a name")
        own.goto("/tasks")
        self.check(own)

    def test_in_addresses_and_the_names_of_rooms(self) -> None:
        ana = self.client("ana")
        made = ana.post("/rooms", {"name": f"A {NAME}", "description": EXPRESSIONS[1], "kind": "open"})
        page = self.open(path=f"{made.location}/tasks", bypass_csp=True)
        write(page, "one")
        expect_texts(page, "one")
        self.check(page)
        for text in ("".join(EXPRESSIONS), NAME):
            page.goto(f"{PATH}?show={quote(text)}&x={quote(text)}#{quote(text)}")
            expect_live(page)
            self.check(page)

    def test_what_another_site_puts_into_a_form_is_not_run(self) -> None:
        page = self.open("carla", bypass_csp=True)
        for text in EXPRESSIONS[:2]:
            page.evaluate("(text) => localStorage.setItem(`prosa.tasks.carla.lobby.${text}`, text)", text)
        page.reload()
        expect_live(page)
        self.check(page)

    def test_without_the_files_from_npm_the_plain_list_stays(self) -> None:
        self.add("still here")
        page = self.page()
        self.tolerate("net::ERR_FAILED|angular is not defined")

        def refuse(route: Route) -> None:
            route.abort()

        page.route("**/angular.min.js", refuse)
        self.enter(page, "ana")
        page.goto(PATH)
        expect(page.locator("#tasks-plain .task")).to_contain_text("still here")
        expect(page.locator("#tasks-plain")).to_be_visible()
        expect_message(page, "nothing", 0)
