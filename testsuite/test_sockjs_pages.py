"""SockJS protocol 0.3.3: the base URL, the iframe page, the info; and HTTP as such.

docs/sockjs.rst 27 is what these and the other tests of the protocol ask for together.
"""

from __future__ import annotations

import re

from testsuite.sockjs import ProtocolTest

GREETING = "Welcome to SockJS!\n"
PAGE = re.compile(
    r"""<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="([^"]+)"></script>
  <script>
    document\.domain = document\.domain;
    SockJS\.bootstrap_iframe\(\);
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe\. It's used for cross domain magic\.</p>
</body>
</html>\s*"""
)


class BaseUrl(ProtocolTest):
    def test_it_greets(self) -> None:
        for path in ("/echo", "/echo/"):
            with self.subTest(path=path):
                answer = self.get(path)
                self.assert_text(answer, GREETING)
                self.assert_type(answer, "text/plain;charset=UTF-8")
                self.assertIsNone(answer.headers["Set-Cookie"])

    def test_what_the_protocol_does_not_have_is_not_found(self) -> None:
        for path in ("/a", "/a.html", "//", "///", "/a/", "/a/a", "/a/a/", "/a/b/c", "/xhr", "/info/"):
            with self.subTest(path=path):
                self.assertEqual(self.get(f"/echo{path}").status, 404)


class IframePage(ProtocolTest):
    def assert_page(self, path: str) -> None:
        answer = self.get(path)
        self.assertEqual(answer.status, 200)
        self.assert_type(answer, "text/html;charset=UTF-8")
        self.assert_cached(answer)
        self.assertTrue(answer.headers["ETag"])
        self.assertIsNone(answer.headers["Last-Modified"])
        self.assertIsNone(answer.headers["Set-Cookie"])
        found = PAGE.fullmatch(answer.text)
        assert found is not None, answer.text
        self.assertIn("SockJS", self.get(found[1]).text)

    def test_it_is_the_page_of_the_protocol(self) -> None:
        self.assert_page("/echo/iframe.html")

    def test_every_version_of_it_is_the_same(self) -> None:
        for version in ("-a", "-", "-0.1.2", "-0.1.2abc-dirty.2144"):
            with self.subTest(version=version):
                self.assert_page(f"/echo/iframe{version}.html")

    def test_a_query_changes_nothing(self) -> None:
        for page in ("-a.html?t=1", "-0.1.2.html?t=1234", "-0.1.2abc-dirty.2144.html?t=nothing"):
            with self.subTest(page=page):
                self.assert_page(f"/echo/iframe{page}")

    def test_other_names_are_not_found(self) -> None:
        for page in (
            "/iframe.htm",
            "/iframe",
            "/IFRAME.HTML",
            "/IFRAME",
            "/iframe.HTML",
            "/iframe.xml",
            "/iframe-/.html",
        ):
            with self.subTest(page=page):
                self.assertEqual(self.get(f"/echo{page}").status, 404)

    def test_whoever_has_it_is_told_that_it_has_not_changed(self) -> None:
        etag = self.get("/echo/iframe.html").headers["ETag"]
        self.assertEqual(self.get("/echo/iframe.html").headers["ETag"], etag)
        again = self.get("/echo/iframe.html", If_None_Match=etag)
        self.assertEqual((again.status, again.text, again.headers["Content-Type"]), (304, "", None))
        self.assertEqual(self.get("/echo/iframe.html", If_None_Match='"another"').status, 200)


class Info(ProtocolTest):
    def test_it_says_what_the_server_can(self) -> None:
        for origin in ("http://other.example", None):
            with self.subTest(origin=origin):
                answer = self.get("/echo/info", **({"Origin": origin} if origin else {}))
                self.assertEqual(answer.status, 200)
                self.assert_type(answer, "application/json;charset=UTF-8")
                self.assert_not_cached(answer)
                self.assert_welcome(answer, origin)
                self.assertIsNone(answer.headers["Set-Cookie"])
                info = answer.json()
                del info["entropy"]
                self.assertEqual(info, {"websocket": True, "cookie_needed": False, "origins": ["*:*"]})

    def test_its_entropy_is_a_new_number_of_32_bits(self) -> None:
        numbers = [self.get("/echo/info").json()["entropy"] for _ in range(20)]
        self.assertEqual({type(number) for number in numbers}, {int})
        self.assertTrue(all(0 <= number < 2**32 for number in numbers), numbers)
        self.assertGreater(len({*numbers}), 18)
        self.assertGreater(max(numbers), 2**24)

    def test_pages_of_every_origin_may_ask(self) -> None:
        self.assert_preflight("/echo/info", "OPTIONS, GET")

    def test_a_page_without_an_origin_may_ask(self) -> None:
        answer = self.ask("OPTIONS", "/echo/info", Origin="null", Access_Control_Request_Method="GET")
        self.assertEqual((answer.status, answer.text), (204, ""))
        self.assert_welcome(answer, "null")

    def test_it_says_that_there_are_no_websockets_where_there_are_none(self) -> None:
        self.assertIs(self.get("/disabled_websocket_echo/info").json()["websocket"], False)


class Http10(ProtocolTest):
    def test_an_answer_of_known_length_says_it(self) -> None:
        wire = self.wire()
        for _ in range(2):  # on one connection: the client has asked to keep it
            wire.ask("GET", "/echo", version="1.0", headers={"Connection": "Keep-Alive"})
            self.assertEqual(wire.status, 200)
            self.assertIsNone(wire.headers["Transfer-Encoding"])
            self.assertEqual(wire.headers["Connection"].lower(), "keep-alive")
            self.assertEqual(wire.read(int(wire.headers["Content-Length"])), GREETING)

    def test_a_stream_ends_with_its_connection(self) -> None:
        for transport in ("POST xhr_streaming", "GET eventsource", "GET htmlfile?c=x", "GET jsonp?c=x"):
            with self.subTest(transport=transport):
                method, _, name = transport.partition(" ")
                path = f"{self.session('/close')}/{name}"
                wire = self.wire().ask(method, path, version="1.0", headers={"Connection": "Keep-Alive"})
                self.assertEqual(wire.status, 200)
                self.assertIsNone(wire.headers["Transfer-Encoding"])
                self.assertIsNone(wire.headers["Content-Length"])
                self.assertIn("o", wire.rest())

    def test_a_stream_brings_the_same_frames(self) -> None:
        path = f"{self.session('/close')}/xhr_streaming"
        wire = self.wire().ask("POST", path, version="1.0", headers={"Connection": "Keep-Alive"})
        self.assertEqual(wire.rest(), "h" * 2048 + '\no\nc[3000,"Go away!"]\n')


class Http11(ProtocolTest):
    def test_a_connection_is_kept(self) -> None:
        wire = self.wire()
        for _ in range(2):
            wire.ask("GET", "/echo", headers={"Connection": "Keep-Alive"})
            self.assertEqual((wire.version, wire.status), ("HTTP/1.1", 200))
            self.assertIn((wire.headers["Connection"] or "").lower(), ("keep-alive", ""))
            self.assertIsNone(wire.headers["Transfer-Encoding"])
            self.assertEqual(wire.read(int(wire.headers["Content-Length"])), GREETING)

    def test_a_stream_comes_in_chunks(self) -> None:
        wire = self.stream("POST", f"{self.session('/close')}/xhr_streaming", Connection="Keep-Alive")
        self.assertEqual(wire.headers["Transfer-Encoding"].lower(), "chunked")
        self.assertIsNone(wire.headers["Content-Length"])
        chunks = [wire.chunk() for _ in range(4)]
        self.assertEqual(chunks, ["h" * 2048 + "\n", "o\n", 'c[3000,"Go away!"]\n', ""])
        self.assertEqual(wire.ask("GET", "/echo").status, 200)

    def test_a_method_that_an_url_does_not_have_is_refused_without_a_body(self) -> None:
        session = self.session()
        for path, methods in (("/echo", "GET"), ("/echo/info", "GET"), (f"{session}/xhr", "POST"),
                              (f"{session}/xhr_send", "POST"), (f"{session}/eventsource", "GET"),
                              (f"{session}/jsonp?c=x", "GET"), (f"{session}/websocket", "GET")):  # fmt: skip
            other = {"GET": "POST", "POST": "GET"}[methods]
            for method in (other, "HEAD", "PUT", "DELETE"):
                with self.subTest(path=path, method=method):
                    answer = self.ask(method, path)
                    self.assertEqual((answer.status, answer.text), (405, ""))
                    self.assertIsNone(answer.headers["Content-Type"])
                    self.assertEqual(answer.headers["Allow"], f"OPTIONS, {methods}")
