"""Signing in and out: right and wrong passwords, redirects, what answers reveal, and what ends with a session."""

from __future__ import annotations

import re
import statistics
import time
from urllib.parse import quote, urlencode, urljoin, urlsplit

from testsuite.cases import SiteTest
from testsuite.clients import PASSWORD
from testsuite.jar import Jar
from testsuite.servers import run_app
from testsuite.tables import forget_failures, sql

# Every way to say "another site" that some browser or some server has understood, and lines that are no path at all.
ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "////evil.example/%2e%2e",
    "//evil.example@{host}/",
    "//{host}@evil.example/",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "/\r/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\x00/evil.example",
    "/\x0b/evil.example",
    "/rooms/lobby\r\nSet-Cookie: session=x",
    "/rooms/lobby\nLocation: https://evil.example/",
    "/\u2028/evil.example",
    "https://evil.example",
    "HTTPS://evil.example",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "http://{host}.evil.example/",
    "http://{host}@evil.example/",
    "ftp://evil.example",
    "javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    ".evil.example",
    ":80",
    "%2f%2fevil.example",
    "%2fevil.example",
    "/%09/evil.example",
    "/%5cevil.example",
    "\uff0f\uff0fevil.example",
    "//[",
    "//[::1",
    "http://[evil",
    "",
)
HERE = ("/", "/rooms/lobby", "/rooms/lobby?before=7", "/members?made=1", "/rooms/lobby?x=//evil.example", "/caf%C3%A9")


def lands_at(url: str, location: str) -> str:
    """Return the origin that a browser goes to (WHATWG URL: trimmed, no tabs and line ends, "\\" is "/")."""
    seen = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(33))))).replace("\\", "/")
    parts = urlsplit(urljoin(url + "/login", re.sub("^///+", "//", seen)))
    return f"{parts.scheme}://{parts.netloc}"


class SignInTest(SiteTest):
    """docs/security.rst 8: whether a name is known is not told by the answer."""

    def setUp(self) -> None:
        forget_failures(self.folder)

    def test_a_member_signs_in_and_sees_the_rooms(self) -> None:
        beto = self.client()
        self.assertEqual(beto.get("/").location, "/login")
        answer = beto.post("/login", {"username": "beto", "password": PASSWORD})
        self.assertEqual((answer.status, answer.location), (302, "/"))
        self.assertIn("beto", beto.get("/rooms").text)

    def test_upper_and_lower_case_of_the_name_are_one(self) -> None:
        self.assertIn("beto", self.client("BeTo").get("/rooms").text)

    def test_a_wrong_password_and_an_unknown_name_get_the_form_again(self) -> None:
        wrong = (("beto", PASSWORD.upper()), ("beto", ""), ("beto", PASSWORD + " "), ("nobody", PASSWORD), ("", ""))
        for username, password in wrong:
            with self.subTest((username, password)):
                client = self.client()
                answer = client.post("/login", {"username": username, "password": password})
                self.assertEqual(answer.status, 403)
                self.assertIn('name="password"', answer.text)
                self.assertIn('role="alert"', answer.text)
                self.assertNotIn("session", client.cookies)
                self.assertEqual(client.get("/").location, "/login")
        self.client("beto")

    def test_fields_that_are_missing_or_no_text_are_refused(self) -> None:
        client = self.client()
        self.assertEqual(client.post("/login").status, 403)
        form = f"_xsrf={quote(client.cookies['_xsrf'])}&username=%ff%fe&password=%00"
        answer = client.request("POST", "/login", form, Content_Type="application/x-www-form-urlencoded")
        self.assertEqual(answer.status, 400)

    def test_a_browser_that_keeps_no_cookies_is_told_that_the_site_needs_them(self) -> None:
        visitor, sessions = self.client(), sql(self.folder, "SELECT count(*) FROM session")
        visitor.get("/login")
        form = {"_xsrf": visitor.xsrf, "username": "ana", "password": PASSWORD}
        for cookies in ({}, {"other": "1"}):
            for language, words in (("en", "keeps no cookies for this site"), ("pt", "não guarda cookies deste site")):
                visitor.cookies = Jar(cookies)
                headers = {"Content_Type": "application/x-www-form-urlencoded", "Accept_Language": language}
                refused = visitor.request("POST", "/login", urlencode(form), **headers)
                self.assertEqual(refused.status, 403)
                self.assertIn(words, refused.text)
        self.assertEqual(sql(self.folder, "SELECT count(*) FROM session"), sessions)

    def test_a_known_and_an_unknown_name_get_the_same_page(self) -> None:
        pages = []
        for username in ("beto", "otto"):
            answer = self.client().post("/login", {"username": username, "password": "wrong password"})
            pages.append((answer.status, re.sub(r'name="_xsrf" value="[^"]*"', "", answer.text).replace(username, "?")))
        self.assertEqual(pages[0], pages[1])

    def test_the_page_says_nothing_of_the_password(self) -> None:
        answer = self.client().post("/login", {"username": "beto", "password": "hunter2-hunter2"})
        self.assertNotIn("hunter2", answer.text)

    def test_a_signed_in_member_does_not_see_the_form(self) -> None:
        answer = self.client("beto").get("/login?next=/members")
        self.assertEqual((answer.status, answer.location), (302, "/members"))


class SignInTimeTest(SiteTest):
    """docs/security.rst 8: whether a name is known is not told by the time of the answer."""

    fresh = True
    needs = ("quiet",)

    def test_a_known_and_an_unknown_name_take_the_same_time(self) -> None:
        client = self.client()
        times: dict[str, list[float]] = {"beto": [], "otto": []}
        # Noise goes away with more tries; a difference does not.
        for _ in range(4):
            for number in range(100):
                if number % 4 == 0:
                    forget_failures(self.folder)
                for username, taken in times.items():
                    begin = time.perf_counter()
                    answer = client.post("/login", {"username": username, "password": "wrong password"})
                    taken.append(time.perf_counter() - begin)
                    self.assertEqual(answer.status, 403)
            known, unknown = map(statistics.median, times.values())
            if abs(known - unknown) <= 0.1 * min(known, unknown):
                return
        self.fail(f"{known * 1000:.2f} ms for a known name, {unknown * 1000:.2f} ms for an unknown one")


class NextTest(SiteTest):
    """docs/security.rst 11: `next` never leaves the site."""

    def test_one_comes_back_to_where_one_wanted_to_go(self) -> None:
        client = self.client()
        sent = client.get("/rooms/lobby?before=7").location
        self.assertEqual(sent, "/login?next=%2Frooms%2Flobby%3Fbefore%3D7")
        self.assertIn('name="next" value="/rooms/lobby?before=7"', client.get(sent).text)

    def test_paths_of_this_site_are_followed(self) -> None:
        for path in HERE:
            with self.subTest(path):
                client = self.client()
                answer = client.post("/login", {"username": "beto", "password": PASSWORD, "next": path})
                self.assertEqual((answer.status, answer.location), (302, path))
                self.assertEqual(client.get(f"/login?next={quote(path, safe='')}").location, path)

    def test_nothing_leads_to_another_site(self) -> None:
        member = self.client("beto")
        host = urlsplit(member.url).netloc
        self.assertEqual(lands_at(member.url, "/\t/evil.example"), "http://evil.example")
        for spelling in ELSEWHERE:
            target = spelling.format(host=host)
            with self.subTest(target):
                client = self.client()
                after_form = client.post("/login", {"username": "beto", "password": PASSWORD, "next": target})
                at_once = member.get(f"/login?next={quote(target, safe='')}")
                for answer in (after_form, at_once):
                    self.assertEqual(answer.status, 302)
                    self.assertEqual(lands_at(member.url, answer.location), member.url)
                    self.assertNotIn("session=x", str(answer.headers))
                page = self.client().get(f"/login?next={quote(target, safe='')}")
                self.assertEqual(page.status, 200)
                offered = re.search(r'name="next" value="([^"]*)"', page.text)
                assert offered is not None
                self.assertEqual(lands_at(member.url, offered[1]), member.url)

    def test_a_script_in_next_is_shown_as_text(self) -> None:
        page = self.client().get("/login?next=" + quote('/"><script>alert(1)</script>', safe=""))
        self.assertEqual(page.status, 200)
        self.assertIn("&lt;script&gt;", page.text)
        self.assertNotIn("<script>", page.text)


class SignOutTest(SiteTest):
    """docs/security.rst 5: a session that was ended is over at every process, live and not."""

    processes = 2
    members = ("ana", "beto", "carla", "davi")

    def test_a_get_only_shows_a_button(self) -> None:
        beto = self.client("beto")
        page = beto.get("/logout")
        self.assertEqual(page.status, 200)
        self.assertIn('<form method="post" action="/logout">', page.text)
        self.assertEqual(beto.get("/rooms").status, 200)

    def test_the_session_is_over_at_every_process_even_for_who_kept_the_cookie(self) -> None:
        beto = self.client("beto")
        kept = [self.elsewhere(beto, server) for server in (0, 1)]
        self.assertEqual([client.get("/rooms").status for client in kept], [200, 200])
        answer = beto.post("/logout")
        self.assertEqual((answer.status, answer.location), (302, "/login"))
        self.assertNotIn("session", beto.cookies)
        self.assertEqual([client.get("/").location for client in kept], ["/login", "/login"])

    def test_its_live_connections_close_within_two_seconds_at_both_processes(self) -> None:
        beto, again = self.client("beto"), self.client("beto", server=1)
        ending = [self.listen(beto), self.listen(self.elsewhere(beto, 1))]
        staying = [self.listen(again), self.listen(self.client("carla", server=1))]
        deadline = time.monotonic() + 2
        self.assertEqual(beto.post("/logout").status, 302)
        for chat in ending:
            self.assertEqual(chat.until_closed(max(deadline - time.monotonic(), 0)), 4008)
        for chat in staying:
            chat.send("ping")
            chat.until("pong")

    def test_a_new_password_ends_all_sessions_of_the_member_and_nobody_elses(self) -> None:
        clients = [self.client("davi"), self.client("davi", server=1)]
        chats = [self.listen(client) for client in clients]
        beto = self.listen(self.client("beto"))
        changed = run_app(self.folder, "passwd", "davi", stdin=PASSWORD + " 2\n")
        self.assertEqual(changed.returncode, 0, changed.stderr)
        deadline = time.monotonic() + 2
        self.assertEqual([client.get("/").location for client in clients], ["/login", "/login"])
        for chat in chats:
            self.assertEqual(chat.until_closed(max(deadline - time.monotonic(), 0)), 4008)
        self.client().sign_in("davi", PASSWORD + " 2")
        beto.send("ping")
        beto.until("pong")

    def test_a_second_sign_in_of_one_browser_ends_the_first(self) -> None:
        browser = self.client("beto")
        kept = self.elsewhere(browser, 1)
        self.assertEqual(kept.get("/rooms").status, 200)
        browser.sign_in("ana")
        self.assertEqual(kept.get("/").location, "/login")
        self.assertIn("ana", browser.get("/rooms").text)

    def test_signing_out_twice_or_without_a_session_does_no_harm(self) -> None:
        client = self.client()
        client.get("/login")
        self.assertEqual(client.post("/logout").location, "/login")
        self.assertEqual(client.get("/logout").location, "/login")

    def test_an_ended_session_is_kept_as_ended(self) -> None:
        beto = self.client("beto")
        ((before,),) = sql(self.folder, "SELECT count(*) FROM session WHERE ended_at IS NOT NULL")
        beto.post("/logout")
        ((after,),) = sql(self.folder, "SELECT count(*) FROM session WHERE ended_at IS NOT NULL")
        self.assertEqual(after, before + 1)
