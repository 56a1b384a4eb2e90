"""Every route, signed out: only sign-in, set-up, invitations, statics and health answer; and what every answer says."""

from __future__ import annotations

import tempfile
import unittest
from html.parser import HTMLParser
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import app
from controllers.site import Limits, Site
from controllers.sockjs.router import TRANSPORTS
from controllers.web.rendering import MessageRenderer
from models.database import open_database
from models.stores import Stores
from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD, Answer, Client
from testsuite.polling import knock
from testsuite.test_four_processes import FourTest
from testsuite.waiting import wait_for

SESSION = "/chat/000/abcdefgh"

# What a visitor gets. A path for each route: a new route fails until it stands here.
OPEN = {
    "/login": 200,
    "/healthz": 200,
    "/static/site.css": 200,
    "/static/vendor/sockjs.min.js": 200,
    "/static/vendor/angular.min.js": 200,
    "/static/vendor/angular-csp.css": 200,
    "/favicon-3.svg": 200,
}
BY_TOKEN = {
    "/setup": 400,
    "/join/not-a-real-token": 400,
    "/hooks/1/not-a-real-secret": 405,
    f"/feed/{'not-a-real-secret':-<43}": 404,
}  # each form looks at its own token
TO_LOGIN = {"/logout": "/login"}
HOME = {"/": "/rooms/lobby"}  # leads on
PAGES = (
    *("/rooms", "/new", "/search", "/tasks", "/account", "/members", "/people/ana"),
    *("/rooms/lobby", "/rooms/lobby/settings", "/rooms/lobby/members", "/rooms/lobby/tasks"),
    *("/rooms", "/new", "/account", "/members", "/people/ana"),
    *("/rooms/lobby", "/rooms/lobby/settings", "/rooms/lobby/members", "/account/tokens"),
    *("/rooms/lobby/hooks", "/account/feed"),
)
MESSAGE = "/rooms/lobby/messages/1"
FORMS = (  # POST only
    "/account/devices/1/end",
    "/account/tokens/1/end",
    "/account/feed/end",
    "/members/invitations",
    "/members/invitations/1/end",
    "/read",
    "/rooms/lobby/hooks/1/end",
    "/rooms/lobby/join",
    "/rooms/lobby/read",
)
NOT_FOR_ALL = (  # nobody leaves or archives the lobby, and there is no message in it, no bot and no hook
    "/rooms/lobby/tasks/all",  # which has to be told what to do
    "/direct",
    *("/members/bots", "/members/bots/1/tokens", "/members/bots/1/tokens/1/end"),
    *(f"/rooms/lobby/{deed}" for deed in ("leave", "archive", "members/1/remove", "hooks/1/on")),
    *(f"{MESSAGE}/{deed}" for deed in ("edit", "delete", "react", "unread")),
)
NOT_THERE = (MESSAGE, f"{MESSAGE}/history", "/rooms/lobby/tasks/1", "/members/bots/1")
ASKED = ("/members/2/remove",)  # a page that asks, and its form
FINDERS = ("/people", "/rooms/lobby/people", "/emoji.json")
API = (  # each by all methods in testsuite/test_api_requests.py
    *(
        "/api/openapi.json",
        "/api/me",
        "/api/members",
        "/api/search",
        "/api/tasks",
        "/api/tokens",
        "/api/rooms",
        "/api/rooms/lobby",
    ),
    *(f"/api/rooms/lobby/{noun}" for noun in ("log", "messages", "messages/1", "tasks", "hooks")),
)
API_CHANGES = (  # without a GET
    *("/api/tokens/1", "/api/rooms/lobby/read", "/api/rooms/lobby/messages/1/reactions/x"),
    *("/api/rooms/lobby/tasks/1", "/api/rooms/lobby/tasks/done", "/api/rooms/lobby/hooks/1"),
)
FETCHERS = ("/async", "/gen", "/stuff/")
CHAT = (
    "/chat",
    "/chat/",
    "/chat/info",
    "/chat/iframe.html",
    "/chat/iframe-1.5.0.html",
    "/chat/websocket",
    *(
        f"{SESSION}/{name}"
        for name in ("websocket", "xhr", "xhr_send", "xhr_streaming", "eventsource", "htmlfile", "jsonp", "jsonp_send")
    ),
)
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
}
ALL = (
    *OPEN,
    *BY_TOKEN,
    *TO_LOGIN,
    *HOME,
    *PAGES,
    *NOT_THERE,
    *ASKED,
    *FORMS,
    *NOT_FOR_ALL,
    *FINDERS,
    *FETCHERS,
    *API,
    *API_CHANGES,
    *CHAT,
)


def first_route(rules: list[Any], path: str) -> int | None:
    """Return the index of the route that takes `path`."""
    for index, rule in enumerate(rules):
        if rule.matcher.regex.match(path):
            return index
    return None


class RouteTableTest(unittest.IsolatedAsyncioTestCase):
    """docs/security.rst 1: each of the application's own routes is known here."""

    async def test_every_route_is_classified(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            open_database(str(Path(folder) / "people.db"))
            site = Site(
                "Prosa",
                Stores(),
                "http://127.0.0.1:1/",
                Limits(8000, 0, 0, TRANSPORTS),
                MessageRenderer(str(app.TEMPLATES_FOLDER)),
            )
            rules = app.App(site, "a secret of this test", "a mark").wildcard_router.rules
            classified = {first_route(rules, path) for path in ALL}
            unclassified = [rule.matcher.regex.pattern for i, rule in enumerate(rules) if i not in classified]  # type: ignore[attr-defined]
            await site.close()
        self.assertGreater(len(rules), 20)
        self.assertEqual(unclassified, [])
        self.assertNotIn(None, classified)


class SignedOutTest(SiteTest):
    """docs/security.rst 1: signed out, only sign-in, set-up, invitations, statics and health answer."""

    chat_paths: tuple[str, ...] = CHAT

    def test_what_is_for_everybody_answers(self) -> None:
        for path, status in (OPEN | BY_TOKEN).items():
            with self.subTest(path):
                self.assertEqual(self.client().get(path).status, status)

    def test_pages_send_to_the_sign_in_and_forms_are_refused(self) -> None:
        for path in (*PAGES, *ASKED):
            with self.subTest(path):
                self.assertEqual(self.client("ana").get(path).status, 200)
                answer = self.client().get(path)
                self.assertEqual((answer.status, answer.location.partition("?")[0]), (302, "/login"))
                self.assertEqual(answer.body, b"")
        for path in NOT_THERE:
            self.assertEqual(self.client().get(path).location.partition("?")[0], "/login")
        for path in (*PAGES, *ASKED, *FORMS, *NOT_FOR_ALL):
            with self.subTest(path):
                self.assertEqual(self.client().post(path).status, 403)
        for path in NOT_FOR_ALL:
            self.assertIn(self.client("ana").post(path).status, (400, 404))
        for path in FORMS:
            self.assertEqual(self.client("ana").post(path).status, 302)
        for path, target in HOME.items():
            self.assertEqual(self.client("ana").get(path).location, target)
            self.assertEqual(self.client().get(path).location, "/login")
            self.assertEqual(self.client().post(path).status, 403)
        for path, target in TO_LOGIN.items():
            self.assertEqual(self.client("ana").get(path).status, 200)
            self.assertEqual(self.client().get(path).location, target)

    def test_a_request_that_names_the_whole_address_is_answered_as_any_other(self) -> None:
        client = self.client("ana")
        for start in (client.url, client.url.upper(), "http://elsewhere.example", "https://elsewhere.example:1"):
            with self.subTest(start):
                self.assertEqual(client.get(f"{start}/rooms/lobby?before=2").status, 200)
                self.assertEqual(client.get(f"{start}/nothing").status, 404)
                self.assertEqual([client.get(start + query).location for query in ("", "?a=b")], ["/rooms/lobby"] * 2)
                self.assertEqual(self.client().get(f"{start}/members").location, "/login?next=%2Fmembers")

    def test_an_address_that_is_too_long_to_come_back_to_leads_home(self) -> None:
        for length in (600, 1900, 2100, 7000):
            for letter, most in (("x", 1950), ("/", 650), ("%C3%A9", 1200)):
                with self.subTest(length=length, letter=letter):
                    path = f"/rooms/lobby?q={letter * (length // len(letter))}"
                    answer = self.client().get(path)
                    self.assertEqual((answer.status, answer.location == "/login"), (302, length > most))
                    self.assertLess(len(str(answer.headers)), 4096 - len("HTTP/1.1 302 Found\r\n"))
                    target = unquote(answer.location.partition("next=")[2]) or path
                    visitor = self.client()
                    answer = visitor.post("/login", {"username": "ana", "password": PASSWORD, "next": target})
                    self.assertEqual((answer.status, answer.location), (302, path if len(path) <= 2000 else "/"))
                    self.assertLess(len(str(answer.headers)), 4096 - len("HTTP/1.1 302 Found\r\n"))

    def test_programs_are_told_401(self) -> None:
        for path in (*FINDERS, *FETCHERS):
            self.assertEqual(self.client("ana").get(path).status, 200)
            self.assertEqual(self.client().get(path).status, 401)
        for path in API:
            self.assertNotIn(self.client("ana").get(path).status, (401, 403))
        for path in (*PAGES, *ASKED, *FORMS, *API):
            with self.subTest(path):
                answer = self.client().get(path, Accept="application/json")
                self.assertEqual((answer.status, answer.json()["error"]["status"]), (401, 401))

    def test_a_head_is_answered_as_a_get_and_what_is_not_taken_as_a_405_that_says_what_is(self) -> None:
        ana = self.client("ana")
        for path in PAGES:
            with self.subTest(path):
                head = ana.request("HEAD", path)
                self.assertEqual((head.status, head.body), (200, b""))
        for path, taken in (("/members", "GET, HEAD"), ("/login", "GET, HEAD, POST"), ("/members/invitations", "POST")):
            for method in ("PUT", "GET" if taken == "POST" else "DELETE"):
                with self.subTest(path, method=method):
                    answer = ana.request(method, path, X_Xsrftoken=ana.xsrf)
                    self.assertEqual((answer.status, answer.headers["Allow"]), (405, taken))

    def test_the_chat_is_closed(self) -> None:
        self.assertEqual(self.client("ana").get("/chat/info").status, 200)
        self.assertEqual(self.client("ana").get("/chat/websocket", **UPGRADE).status, 101)
        for path in self.chat_paths:
            with self.subTest(path):
                upgrade = UPGRADE if path.endswith("/websocket") else {}
                self.assertEqual(self.client().get(path, **upgrade).status, 403)
                self.assertIn(self.client().request("POST", path, "[]").status, (403, 405))


class SignedOutBehindNginx(SignedOutTest, FourTest):
    """docs/security.rst 1, by four processes behind Nginx."""

    chat_paths = tuple(path for path in CHAT if path != "/chat")  # Nginx itself sends that to /chat/

    def client(self, member: str = "", server: int = 0) -> Client:
        return self.through_nginx(member) if member else Client(self.nginx.url)


class LinkReader(HTMLParser):
    """Collects every address that a page loads, links or posts to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("src", "href", "action", "formaction", "poster") if name in given]
        if tag == "style" or (tag == "script" and "src" not in given and given.get("type") != "application/json"):
            self.inline.append(tag)
        self.inline += [name for name in given if name.startswith("on") or name == "style"]


class EveryAnswerTest(SiteTest):
    """docs/security.rst 13: what every answer tells the browser, errors included."""

    options = ("--xheaders",)

    def answers(self, **headers: str) -> dict[str, Answer]:
        """Return an answer of every route, signed out and in, and errors of all kinds."""
        visitor, member = self.client(), self.client()
        visitor.headers = member.headers = headers
        member.sign_in("ana")
        found = {f"visitor {path}": visitor.get(path) for path in ALL}
        endless = ("/xhr", "/xhr_streaming", "/eventsource", "/htmlfile", "/jsonp", "/websocket")
        found |= {f"member {path}": member.get(path) for path in ALL if not path.endswith(endless)}
        found["wrong password"] = visitor.post("/login", {"username": "ana", "password": PASSWORD + "!"})
        found["no token"] = visitor.request("POST", "/login", "")
        found["not found"] = member.get("/nothing")
        found["not found as JSON"] = member.get("/nothing", Accept="application/json")
        found["no such file"] = visitor.get("/static/nothing.js")
        found["no such method"] = member.request("PUT", "/rooms/lobby", "", X_Xsrftoken=member.xsrf)
        found["no such method of a file"] = member.request("POST", "/static/site.css", "")
        found["no method at all"] = member.request("BREW", "/")
        found["head"] = member.request("HEAD", "/rooms/lobby")
        found["part of a file"] = visitor.get("/static/site.css", Range="bytes=0-9")
        found["no part of a file"] = visitor.get("/static/site.css", Range="bytes=9999999-")
        found["no such room"] = member.get("/rooms/elsewhere")
        found["another origin"] = member.get("/chat/info", Origin="https://evil.example")
        statuses = {answer.status for answer in found.values()}
        self.assertLessEqual({200, 206, 302, 400, 401, 403, 404, 405, 416}, statuses)
        found["empty message"] = member.post("/rooms/lobby", {"body": ""})
        found["redirect"] = member.post("/rooms/lobby", {"body": "x"})
        etag = visitor.get("/static/site.css").headers["Etag"]
        found["not modified"] = visitor.get("/static/site.css", If_None_Match=etag)
        self.assertEqual(found["not modified"].status, 304)
        return found

    def assert_policy(self, answer: Answer | HTTPResponse) -> None:
        policy = answer.headers["Content-Security-Policy"] or ""
        for directive in ("default-src 'none'", "frame-ancestors"):
            self.assertIn(directive, policy)
        for hole in ("unsafe-inline", "unsafe-eval", "*"):
            self.assertNotIn(hole, policy)
        self.assertNotRegex(policy, r"(https?|data):([ ;]|$)")
        self.assertEqual(answer.headers["X-Content-Type-Options"], "nosniff")
        self.assertIn(answer.headers["Referrer-Policy"], ("same-origin", "no-referrer", "strict-origin"))
        self.assertIn("camera=()", answer.headers["Permissions-Policy"] or "")
        self.assertNotIn("Tornado", answer.headers["Server"] or "")

    def test_every_answer_carries_the_policy(self) -> None:
        for name, answer in self.answers().items():
            with self.subTest(name):
                self.assert_policy(answer)
                self.assertIsNone(answer.headers["Strict-Transport-Security"])

    def test_over_https_every_answer_asks_to_stay_there(self) -> None:
        for name, answer in self.answers(**{"X-Forwarded-Proto": "https"}).items():
            with self.subTest(name):
                self.assertIn("max-age=", answer.headers["Strict-Transport-Security"] or "")

    def test_what_never_ends_carries_the_policy_at_its_head(self) -> None:
        for headers in ({}, {"X-Forwarded-Proto": "https"}):
            member = self.client()
            member.headers = headers
            member.sign_in("ana")
            for path in CHAT:
                upgrade = UPGRADE if path.endswith("/websocket") else {}
                for method in ("GET", "POST", "BREW"):
                    with self.subTest(path, method=method, **headers):
                        answer = knock(member, method, path + "?c=cb", **upgrade, **headers)
                        self.assert_policy(answer)
                        self.assertEqual("Strict-Transport-Security" in answer.headers, bool(headers))

    def test_nobody_keeps_a_page_of_a_member(self) -> None:
        member = self.client("ana")
        for path in (*PAGES, *FETCHERS):
            self.assertIn("no-store", member.get(path).headers["Cache-Control"])

    def test_pages_load_nothing_from_elsewhere_and_nothing_inline(self) -> None:
        member = self.client("ana")
        member.post("/rooms/lobby", {"body": "no link here"})
        for client, path in (
            (member, "/rooms"),
            (member, "/rooms/lobby"),
            (member, "/members"),
            (self.client(), "/login"),
        ):
            with self.subTest(path):
                page = LinkReader(client.get(path).text)
                self.assertTrue(page.links)
                self.assertEqual([link for link in page.links if not self.is_here(link)], [])
                self.assertEqual(page.inline, [])
                for link in page.links:
                    if link.startswith("/static/"):
                        self.assertEqual(client.get(link).status, 200, link)

    def is_here(self, link: str) -> bool:
        return link.startswith(("/", "?", "#")) and not link.startswith("//")


class QuietTest(SiteTest):
    def test_an_ordinary_visit_logs_no_warning(self) -> None:
        client: Client = self.client("ana")
        client.post("/rooms/lobby", {"body": "hello"})
        for path in (*PAGES, *FETCHERS, *OPEN):
            self.assertEqual(client.get(path).status in (200, 302), True)
        wait_for(lambda: any("healthz" in line for line in self.server.lines), "the visit is logged")
        self.assertEqual([line for line in self.server.lines if line.startswith(("[W", "[E"))], [])
