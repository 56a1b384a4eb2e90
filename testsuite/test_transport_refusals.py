"""Access to SockJS's transports, and their answers to malformed requests."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import secrets
import time
from http.client import HTTPResponse
from urllib.parse import urlsplit

from controllers.sockjs.pages import IFRAME_SCRIPT_SHA256
from testsuite.cases import SiteTest
from testsuite.clients import Client
from testsuite.jar import Jar
from testsuite.memory import resident
from testsuite.polling import (
    ALL_TRANSPORTS,
    HTTP_TRANSPORTS,
    EventSource,
    HtmlFile,
    Jsonp,
    SockJS,
    WebSocket,
    Xhr,
    XhrStreaming,
    close_code,
    knock,
)
from testsuite.waiting import TIMEOUT_SECONDS, wait_for


class Strangers(SiteTest):
    """docs/sockjs.rst 1, 3, 5, 6, 7 and 8: only members, from our pages, are let in.

    docs/security.rst 14: who is not signed in, or comes from another site's page, is kept out.
    """

    options = ("--messages_per_second=0", "--xheaders")
    URLS = (
        ("GET", "/chat"),
        ("GET", "/chat/info"),
        ("GET", "/chat/iframe.html"),
        ("GET", "/chat/websocket"),
        ("GET", "/chat/000/abc/websocket"),
        ("POST", "/chat/000/abc/xhr"),
        ("POST", "/chat/000/abc/xhr_send"),
        ("POST", "/chat/000/abc/xhr_streaming"),
        ("GET", "/chat/000/abc/eventsource"),
        ("GET", "/chat/000/abc/htmlfile?c=cb"),
        ("GET", "/chat/000/abc/jsonp?c=cb"),
        ("POST", "/chat/000/abc/jsonp_send"),
    )
    UPGRADE = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }

    def test_the_info_is_told_to_members(self) -> None:
        answer = self.client("ana").get("/chat/info")
        self.assertEqual((answer.status, answer.json()["websocket"]), (200, True))

    def test_nobody_gets_in_without_signing_in(self) -> None:
        stranger, forger = self.client(), self.client()
        forger.cookies["session"] = "2|1:0|10:1700000000|7:session|4:YWJj|" + "0" * 64
        for who in (stranger, forger):
            for method, path in self.URLS:
                with self.subTest(path=path, forged=who is forger):
                    headers = self.UPGRADE if path.endswith("websocket") else {}
                    self.assertEqual(knock(who, method, path, **headers).status, 403)

    def test_a_session_that_was_ended_lets_nobody_in(self) -> None:
        ana = self.client("ana")
        old = self.client()
        old.cookies = Jar(ana.cookies)
        self.assertEqual(old.get("/chat/info").status, 200)
        ana.post("/logout")
        self.assertEqual(old.get("/chat/info").status, 403)

    def test_another_members_session_can_be_neither_used_nor_heard(self) -> None:
        ana = XhrStreaming(self.client("ana"))
        self.addCleanup(ana.close)
        ana.join()
        beto = self.client("beto")
        for method, path in self.URLS[5:]:
            with self.subTest(path=path):
                answer = beto.request(method, path.replace("/abc/", f"/{ana.session}/"), '["{}"]' * (method == "POST"))
                self.assertEqual(answer.status, 403)
        self.assertEqual(ana.until("entry", nonce=ana.post("mine alone"))["author"], "ana")

    def test_pages_of_other_sites_are_refused(self) -> None:
        ana = self.client("ana")
        host = ana.url.removeprefix("http://")
        foreign = ["null", "http://evil.example", f"https://{host}", f"http://{host}.evil.example", f"http://x{host}"]
        foreign += [f"http://{host.split(':')[0]}", f"http://{host}0", "http://evil.example/" + host, "file://"]
        own = [{}, {"Origin": ana.url}, {"Sec_Fetch_Site": "same-origin", "Origin": ana.url}]
        refused = [{"Origin": origin} for origin in foreign]
        refused += [{"Referer": f"{origin}/page"} for origin in foreign[1:]]
        refused += [{"Sec_Fetch_Site": site} for site in ("cross-site", "same-site", "anything")]
        for method, path in self.URLS[1:]:
            with self.subTest(path=path):
                self.assertLessEqual({self.status(ana, method, path, headers) for headers in own}, {200, 101, 404})
                self.assertEqual({self.status(ana, method, path, headers) for headers in refused}, {403})

    def test_a_page_of_this_host_without_https_is_another_sites(self) -> None:
        for scheme, other in (("https", "http"), ("http", "https")):
            ana = self.client()
            ana.headers = {"X-Forwarded-Proto": scheme}
            ana.sign_in("ana")
            host = ana.url.removeprefix("http://")
            for method, path in self.URLS[1:]:
                with self.subTest(path=path, scheme=scheme):
                    own = {"X_Forwarded_Proto": scheme, "Origin": f"{scheme}://{host}"}
                    self.assertIn(self.status(ana, method, path, own), (200, 101, 404))
                    foreign = {"X_Forwarded_Proto": scheme, "Origin": f"{other}://{host}"}
                    self.assertEqual(self.status(ana, method, path, foreign), 403)

    def status(self, who: Client, method: str, path: str, headers: dict[str, str]) -> int:
        """Return the status of a request to a session of its own."""
        upgrade = self.UPGRADE if path.endswith("websocket") else {}
        return knock(who, method, path.replace("/abc/", f"/{secrets.token_hex(8)}/"), **upgrade, **headers).status

    def test_what_any_page_may_ask_for_by_its_address_says_where_it_comes_from(self) -> None:
        """Over plain HTTP `<script referrerpolicy=no-referrer>` of a page beside the site names nothing at all."""
        ana = self.client("ana")
        for kind in (EventSource, HtmlFile, Jsonp):
            for source in ({}, {"Origin": ana.url}, {"Referer": f"{ana.url}/"}, {"Sec_Fetch_Site": "same-origin"}):
                with self.subTest(kind.__name__, source=source):
                    path = f"/chat/000/{secrets.token_hex(8)}/{kind.receiving}?c=cb"
                    connection = http.client.HTTPConnection(urlsplit(ana.url).netloc, timeout=TIMEOUT_SECONDS)
                    self.addCleanup(connection.close)
                    headers = {name.replace("_", "-"): value for name, value in source.items()}
                    cookies = "; ".join(f"{name}={value}" for name, value in ana.cookies.items())
                    connection.request("GET", path, headers={"Cookie": cookies, **headers})
                    self.assertEqual(connection.getresponse().status, 200 if source else 403)

    def test_no_answer_invites_other_origins(self) -> None:
        for who in (self.client("ana"), self.client()):
            for method, path in self.URLS:
                for asked in (method, "OPTIONS"):
                    with self.subTest(path=path, method=asked):
                        answer = knock(who, asked, path, Origin="http://evil.example", Sec_Fetch_Site="cross-site")
                        self.assertGreaterEqual(answer.status, 400)
                        self.no_invitation(answer)
                        self.no_invitation(knock(who, asked, path, Origin=who.url))

    def no_invitation(self, answer: HTTPResponse) -> None:
        """Fail if an answer has a CORS header, or sets a cookie."""
        names = [name.lower() for name, _ in answer.getheaders()]
        self.assertEqual([name for name in names if name.startswith("access-control-") or name == "set-cookie"], [])

    def test_every_method_is_answered_at_once(self) -> None:
        ana, foreign = self.client("ana"), {"Origin": "http://evil.example"}
        for who, headers in ((ana, {}), (ana, foreign), (self.client(), {})):
            for _, path in self.URLS:
                for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "TRACE"):
                    with self.subTest(path=path, method=method, headers=headers):
                        begun = time.monotonic()
                        status = self.status(who, method, path, headers)
                        self.assertLess(time.monotonic() - begun, 1)
                        self.assertIn(status, (101, 200, 400, 404, 405) if who is ana and not headers else (403, 405))


class Nonsense(SiteTest):
    """docs/sockjs.rst 9, 18 and 19: nonsense is refused, and the session goes on.

    docs/security.rst 15: what no SockJS client sends is refused, and the session goes on.
    """

    def talk(self, kind: type[SockJS]) -> SockJS:
        """Return ana on this transport."""
        chat = kind(self.client("ana"))
        self.addCleanup(chat.close)
        return chat.join()

    def test_bad_payloads_are_refused_and_the_session_goes_on(self) -> None:
        bad = ["{", "7", "null", "{}", '{"a":"b"}', "[1]", "[null]", '[["a"]]', "[" * 5000, "\xff"]
        for kind in (Xhr, Jsonp):
            ana = self.talk(kind)
            for payload, words in [("", "Payload expected."), *[(one, "Broken JSON encoding.") for one in bad]]:
                with self.subTest(transport=kind.__name__, payload=payload[:20]):
                    answer = ana.send_payload(payload)
                    self.assertEqual((answer.status, answer.text), (500, words))
            nonce = ana.post("still here")
            self.assertEqual(ana.until("entry", nonce=nonce)["body"], "still here")

    def test_half_a_character_is_no_message(self) -> None:
        posted = json.dumps({"type": "post", "room": "lobby", "body": "\ud800", "nonce": "half"})
        for kind in ALL_TRANSPORTS:
            for text in (posted, "plain \ud800 text"):
                with self.subTest(transport=kind.__name__, text=text):
                    ana = self.talk(kind)
                    ana.send_texts(text)
                    self.assertEqual(ana.until("error")["code"], "bad_message")
                    self.assertEqual(ana.until("entry", nonce=ana.post("all is well"))["body"], "all is well")

    def test_broken_framing_closes_the_websocket(self) -> None:
        for payload in ("[", "{}", "7"):
            with self.subTest(payload=payload):
                ana = self.talk(WebSocket)
                ana.socket.send(payload)
                self.assertEqual(close_code(ana), 1002)

    def test_too_much_in_one_send_is_refused(self) -> None:
        """docs/security.rst 16: a body over 64 KiB is 413."""
        for kind in (Xhr, Jsonp):
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind)
                self.assertIn(ana.send_payload(json.dumps(["one of sixteen"] * 16)).status, (200, 204))
                ana.until("entry")
                self.assertEqual(ana.send_payload(json.dumps(["x"] * 17)).status, 500)
                self.assertEqual(ana.send_payload(json.dumps(["x" * 66_000])).status, 413)

    def test_sending_to_a_session_that_is_not_there_is_not_found(self) -> None:
        ana = self.client("ana")
        for path in ("xhr_send", "jsonp_send"):
            self.assertEqual(ana.request("POST", f"/chat/000/nosuchsession/{path}", '["x"]').status, 404)

    def test_session_names_are_short_and_plain(self) -> None:
        ana = self.client("ana")
        self.assertEqual(knock(ana, "POST", f"/chat/000/{'s' * 64}/xhr").status, 200)
        for name in ("s" * 65, "a.b", "a%20b", "%E2%98%83", "a:b"):
            with self.subTest(name=name):
                self.assertEqual(knock(ana, "POST", f"/chat/000/{name}/xhr").status, 404)

    def test_a_callback_is_a_plain_name(self) -> None:
        ana = self.client("ana")
        for kind in (HtmlFile, Jsonp):
            for callback in ("cb", "_jp.a1b2c3", "A" * 128):
                self.assertEqual(self.with_callback(ana, kind, f"?c={callback}").status, 200)
            for query in ("?c=alert(1)", "?c=%3Cscript%3E", "?c=a%0Ab", "?c=%C3%A1", f"?c={'A' * 129}", "?c=a;b", ""):
                with self.subTest(transport=kind.__name__, query=query):
                    answer = self.with_callback(ana, kind, query)
                    self.assertEqual(answer.status, 500)
                    self.assertNotIn("script", answer.getheader("Content-Type", ""))

    def with_callback(self, who: Client, kind: type[SockJS], query: str) -> HTTPResponse:
        """Ask for a session of its own with this query."""
        return knock(who, "GET", f"/chat/000/{secrets.token_hex(8)}/{kind.receiving}{query}")


class Crowding(SiteTest):
    """docs/sockjs.rst 18: a member has only so many sessions."""

    options = ("--connections_per_member=3",)

    def test_a_member_has_only_so_many_connections_whatever_the_transport(self) -> None:
        ana = self.client("ana")
        kinds = (Xhr, XhrStreaming, WebSocket)
        chats = [kind(ana) for kind in kinds]
        for chat in chats:
            self.addCleanup(chat.close)
            chat.join()
        for kind in ALL_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                late = kind(ana)
                self.addCleanup(late.close)
                self.assertEqual(close_code(late), 1008)
        self.assertEqual(chats[0].until("entry", nonce=chats[2].post("we were here first"))["author"], "ana")
        chats[2].close()
        wait_for(lambda: self.fits(ana), "there is room for another one")
        self.chat("beto")

    def test_a_loop_of_those_who_are_refused_leaves_nothing_behind(self) -> None:
        carla = self.client("carla")
        self.refuse(carla, 100)
        before = resident(self.server.process.pid)
        self.refuse(carla, 600)
        self.assertLess(resident(self.server.process.pid) - before, 8 * 1024, "KiB; all that was asked is twice that")

    def refuse(self, client: Client, times: int) -> None:
        """Begin more sessions than fit, each by one request."""
        for _ in range(times):
            for kind in (Xhr, XhrStreaming, EventSource):
                path = f"/chat/000/{secrets.token_hex(8)}/{kind.receiving}"
                knock(client, kind.method, path, Accept="x" * 2000).close()

    def fits(self, client: Client) -> bool:
        """Tell whether one more connection is let in."""
        chat = WebSocket(client)
        self.addCleanup(chat.close)
        chat.read_frame()
        return chat.read_frame()[0] == "a"


class Policies(SiteTest):
    """docs/sockjs.rst 9 and 12: what the answers allow the browser to do.

    docs/security.rst 13: what the chat's own pages allow the browser to do.
    """

    def test_the_htmlfile_runs_only_its_own_scripts(self) -> None:
        answer = knock(self.client("ana"), "GET", "/chat/000/htmlfilepolicy/htmlfile?c=cb")
        policy = answer.getheader("Content-Security-Policy", "")
        self.assertRegex(policy, r"^default-src 'none'; script-src 'nonce-[\w-]{22}'; frame-ancestors 'self'$")
        other = knock(self.client("ana"), "GET", "/chat/000/htmlfilepolicy2/htmlfile?c=cb")
        self.assertNotEqual(policy, other.getheader("Content-Security-Policy"))

    def test_the_iframe_page_runs_only_its_own_scripts(self) -> None:
        answer = self.client("ana").get("/chat/iframe.html")
        script = re.search(r"<script>(.*?)</script>", answer.text, re.DOTALL)
        assert script is not None
        digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
        self.assertIn(f"'sha256-{digest}'", answer.headers["Content-Security-Policy"])
        self.assertNotIn("unsafe", answer.headers["Content-Security-Policy"])

    def test_the_iframe_page_loads_our_own_copy_of_the_pages_version(self) -> None:
        ana = self.client("ana")
        page, frame = ana.get("/rooms/lobby").text, ana.get("/chat/iframe.html").text
        sources = [re.search(r'src="([^"]*sockjs[^"]*)"', text) for text in (page, frame)]
        found = [source[1] for source in sources if source]
        self.assertEqual(found[1:], found[:1])
        self.assertRegex(found[0], "^/static/vendor/v-")
        self.assertIn("immutable", ana.get(found[0]).headers["Cache-Control"])
        self.assertEqual(ana.get("/chat/iframe.html").headers["Cache-Control"], "no-cache")

    def test_only_the_rooms_page_takes_scripts_from_the_chat_and_none_takes_them_inline_or_from_elsewhere(self) -> None:
        ana = self.client("ana")
        for path in (
            "/rooms/lobby",
            "/rooms",
            "/account",
            "/members",
            "/nothing",
            "/rooms/nothing",
            "/chat/iframe.html",
        ):
            with self.subTest(path):
                policy = ana.get(path).headers["Content-Security-Policy"]
                scripts = {
                    "/rooms/lobby": f"{ana.url}/static/ {ana.url}/chat/",
                    "/chat/iframe.html": f"{ana.url}{self.sockjs()} 'sha256-{IFRAME_SCRIPT_SHA256}'",
                }.get(path, f"{ana.url}/static/")
                directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
                self.assertEqual((directives["default-src"], directives["script-src"]), ("'none'", scripts))
                self.assertNotIn("unsafe", policy)
                self.assertNotIn("*", policy)

    def sockjs(self) -> str:
        """Return where the room's page finds sockjs-client."""
        found = re.search(r'src="(/static/vendor/[^"]+)"', self.client("ana").get("/rooms/lobby").text)
        assert found is not None
        return found[1]

    def test_a_host_that_a_policy_cannot_name_breaks_out_of_none(self) -> None:
        ana, named = self.client("ana"), f"chat.example:{self.server.port}"
        self.assertIn(f"script-src http://{named}/static/;", self.policy(ana, named))
        for host in ("[::1]:80", "192.0.2.1", "127.0.0.1.", "a_b", "'unsafe-inline'", "*", "*.example", "x" * 301):
            self.assertIn("script-src 'self';", self.policy(ana, host), host)

    def policy(self, client: Client, host: str) -> str:
        return client.get("/rooms", Host=host).headers["Content-Security-Policy"] or ""

    def test_jsonp_is_nothing_but_a_script(self) -> None:
        chat = Jsonp(self.client("ana"))
        answer = chat.open()
        self.assertEqual(answer.getheader("Content-Type"), "application/javascript; charset=UTF-8")
        self.assertEqual(answer.getheader("X-Content-Type-Options"), "nosniff")
        self.assertTrue(answer.read().startswith(b"/**/_jp.a1b2c3("))
        chat.close()

    def test_live_answers_are_never_cached(self) -> None:
        ana = self.client("ana")
        for kind in HTTP_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                chat = kind(ana)
                self.assertIn("no-store", chat.open().getheader("Cache-Control", ""))
                chat.close()
