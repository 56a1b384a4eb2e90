"""docs/sockjs.rst, seen on the site: clients that move, that hang up, that send what they like."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.polling import (
    ALL_TRANSPORTS,
    HTTP_TRANSPORTS,
    EventSource,
    HtmlFile,
    Jsonp,
    SockJS,
    WebSocket,
    Xhr,
    close_code,
    knock,
)
from testsuite.servers import ROOT
from testsuite.sockjs import NOT_CACHED
from testsuite.test_sockjs_pages import PAGE

MAX_FRAME_BYTES = 64 * 1024  # of a frame or a body


class Travellers(SiteTest):
    """docs/sockjs.rst 4 and 22: no session is bound to a network, no message to a poll."""

    def test_a_session_goes_on_from_another_address(self) -> None:
        for kind in HTTP_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                ana = kind(self.client("ana")).join()
                self.addCleanup(ana.close)
                nonce = ana.post("on the train")
                self.assertEqual(ana.until("entry", nonce=nonce)["author"], "ana")
                if not ana.streams:
                    ana.address = "127.0.0.2"
                    nonce = ana.post("in another network now")
                    self.assertEqual(ana.until("entry", nonce=nonce)["author"], "ana")

    def test_what_a_cut_off_poll_took_along_is_asked_for_again(self) -> None:
        beto, ana = self.chat("beto"), self.client("ana")
        for kind in (Xhr, Jsonp):
            cursor = beto.until("entry", nonce=beto.post("from here on"))["seq"]
            nonces = []
            for number in range(12):
                poll = kind(ana).join(after=cursor)
                poll.ask()
                nonces.append(beto.post(f"said as the poll is cut off {number}"))
                poll.hang_up()
            again = kind(ana).join(after=cursor)
            self.assertEqual([entry["nonce"] for entry in again.entries(12)], nonces)
            again.close()


class Cookies(SiteTest):
    """docs/sockjs.rst 13: the site sets no JSESSIONID, whatever comes as one."""

    def test_no_transport_sets_it_or_stumbles_over_it(self) -> None:
        ana = self.client("ana")
        self.assertIs(ana.get("/chat/info").json()["cookie_needed"], False)
        session = ana.cookies["session"]
        for value in ("dummy", '"\\012Set-Cookie: x=y"', '"a;b"', "\xe1", "x" * 4000):
            for kind in HTTP_TRANSPORTS:
                with self.subTest(transport=kind.__name__, value=value[:20]):
                    path = kind(ana, secrets.token_hex(8)).path
                    answer = knock(ana, kind.method, path, Cookie=f"session={session}; JSESSIONID={value}")
                    self.assertEqual((answer.status, answer.getheader("Set-Cookie")), (200, None))


class Limits(SiteTest):
    """docs/sockjs.rst 18: no frame and no body is too large."""

    def test_what_is_as_large_as_it_may_be_is_heard_and_one_byte_more_is_not(self) -> None:
        for kind in (Xhr, Jsonp):
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind)
                self.assertIn(ana.send_payload(f'["{"x" * (MAX_FRAME_BYTES - 4)}"]').status, (200, 204))
                self.assertEqual(ana.until("error")["code"], "too_long")
                self.assertEqual(ana.send_payload(f'["{"x" * (MAX_FRAME_BYTES - 3)}"]').status, 413)
        ana = self.talk(WebSocket)
        ana.socket.send(f'["{"x" * (MAX_FRAME_BYTES - 4)}"]')
        self.assertEqual(ana.until("error")["code"], "too_long")
        ana.socket.send(f'["{"x" * (MAX_FRAME_BYTES - 3)}"]')
        self.assertEqual(close_code(ana), 1009)

    def test_sixteen_messages_are_heard_at_once_and_seventeen_are_not(self) -> None:
        for kind in ALL_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                ana = self.talk(kind)
                ana.send_texts(*[json.dumps({"type": "ping"})] * 16)
                for _ in range(16):
                    ana.until("pong")
                if kind is WebSocket:
                    ana.send_texts(*["x"] * 17)
                    self.assertEqual(close_code(ana), 1002)
                else:
                    self.assertEqual(ana.send_payload('["x"' + ',"x"' * 16 + "]").status, 500)

    def talk(self, kind: type[SockJS]) -> SockJS:
        """Return ana on this transport."""
        chat = kind(self.client("ana"))
        self.addCleanup(chat.close)
        return chat.join()


class Pages(SiteTest):
    """docs/sockjs.rst 12: the iframe page is ours, with our copy of sockjs-client."""

    def test_the_iframe_page_loads_the_version_that_the_room_page_loads(self) -> None:
        ana = self.client("ana")
        page = PAGE.fullmatch(ana.get("/chat/iframe.html").text)
        assert page is not None
        brought = ana.get(page[1]).body
        script = re.search(r'src="(/static/vendor/[^"]+)"', ana.get("/rooms/lobby").text)
        assert script is not None
        self.assertEqual(ana.get(script[1]).body, brought)
        package = json.loads((Path(ROOT) / "node_modules" / "sockjs-client" / "package.json").read_text())
        self.assertIn(f"sockjs-client v{package['version']} ".encode(), brought[:200])


class Answers(SiteTest):
    """docs/sockjs.rst 10 and 27: the answers are those of the protocol, on the site too."""

    def test_an_htmlfile_calls_the_function_that_was_named(self) -> None:
        chat = HtmlFile(self.client("ana"))
        self.addCleanup(chat.close)
        head = chat.open().read1(2000).decode()
        self.assertIn("var c = parent._jp.a1b2c3;\n", head)

    def test_live_answers_are_not_kept_and_not_changed_on_the_way(self) -> None:
        ana = self.client("ana")
        for kind in HTTP_TRANSPORTS:
            with self.subTest(transport=kind.__name__):
                chat = kind(ana)
                self.addCleanup(chat.close)
                self.assertEqual(chat.open().getheader("Cache-Control"), NOT_CACHED)
                chat.join()
                sent = chat.send_payload('["{}"]')
                self.assertEqual(sent.headers["Cache-Control"], NOT_CACHED)
                self.assertEqual(sent.headers["Content-Type"], "text/plain; charset=UTF-8")
        self.assertEqual(ana.get("/chat/info").headers["Cache-Control"], NOT_CACHED)

    def test_an_event_stream_has_no_charset(self) -> None:
        chat = EventSource(self.client("ana"))
        self.addCleanup(chat.close)
        self.assertEqual(chat.open().getheader("Content-Type"), "text/event-stream")

    def test_a_method_that_is_not_there_is_refused_without_a_body(self) -> None:
        ana = self.client("ana")
        for path, allowed in (("/chat", "GET"), ("/chat/info", "GET"), ("/chat/000/s/xhr", "POST"),
                              ("/chat/000/s/xhr_send", "POST"), ("/chat/000/s/websocket", "GET")):  # fmt: skip
            for method in ("PUT", "OPTIONS"):
                with self.subTest(path=path, method=method):
                    answer = ana.request(method, path)
                    self.assertEqual((answer.status, answer.text, answer.headers["Allow"]), (405, "", allowed))
                    self.assertIsNone(answer.headers["Content-Type"])

    def test_a_plain_websocket_is_told_why_it_is_closed(self) -> None:
        ana: Client = self.client("ana")
        chat: Chat = ana.chat()
        self.addCleanup(chat.close)
        ana.post("/logout")
        with self.assertRaises(ConnectionClosed) as caught:
            chat.until("nothing that comes")
        assert caught.exception.rcvd is not None
        self.assertEqual(caught.exception.rcvd.code, 4008)
        self.assertTrue(caught.exception.rcvd.reason)
