"""SockJS protocol 0.3.3: websocket, as RFC 6455 has it, and the raw websocket without SockJS's frames."""

from __future__ import annotations

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from testsuite.sockjs import ACCEPTED, UPGRADE, ProtocolTest
from testsuite.waiting import TIMEOUT_SECONDS


class Requests(ProtocolTest):
    """What is no websocket yet."""

    def test_a_plain_request_is_refused(self) -> None:
        for path in (f"{self.session()}/websocket", "/echo/websocket"):
            answer = self.get(path)
            self.assertEqual((answer.status, answer.text), (400, 'Can "Upgrade" only to "WebSocket".'))

    def test_a_connection_that_a_proxy_has_closed_is_refused(self) -> None:
        for path in (f"{self.session()}/websocket", "/echo/websocket"):
            wire = self.wire().ask("GET", path, headers={**UPGRADE, "Connection": "close"})
            self.assertEqual(wire.status, 400)
            self.assertIn('"Connection" must be "Upgrade".', wire.rest())

    def test_only_get_opens_one(self) -> None:
        for path in (f"{self.session()}/websocket", "/echo/websocket"):
            for headers in (UPGRADE, {}):
                wire = self.wire().ask("POST", path, headers=headers)
                self.assertEqual(wire.status, 405)
                self.assertIsNone(wire.headers["Content-Type"])
                self.assertEqual(wire.headers["Allow"], "OPTIONS, GET")
                self.assertEqual(wire.headers["Content-Length"], "0")

    def test_the_answer_is_that_of_the_websocket_protocol(self) -> None:
        for connection in ("Upgrade", "keep-alive, Upgrade"):
            for path in (f"{self.session()}/websocket", "/echo/websocket"):
                with self.subTest(connection=connection, path=path):
                    headers = {**UPGRADE, "Connection": connection, "Origin": "http://other.example"}
                    wire = self.wire().ask("GET", path, headers=headers)
                    self.assertEqual(wire.status, 101)
                    self.assertEqual(wire.headers["Sec-WebSocket-Accept"], ACCEPTED)
                    self.assertEqual(wire.headers["Connection"].lower(), "upgrade")
                    self.assertEqual(wire.headers["Upgrade"].lower(), "websocket")
                    self.assertIsNone(wire.headers["Content-Length"])


class WebSocket(ProtocolTest):
    def opened(self, path: str = "") -> ClientConnection:
        socket = self.websocket(path or f"{self.session()}/websocket")
        self.assertEqual(socket.recv(TIMEOUT_SECONDS), "o")
        return socket

    def test_it_brings_frames_and_takes_messages(self) -> None:
        socket = self.opened()
        for payload in ('["a"]', '"a"'):
            socket.send(payload)
            self.assertEqual(socket.recv(TIMEOUT_SECONDS), 'a["a"]')

    def test_what_the_server_closes_is_closed_after_saying_so(self) -> None:
        socket = self.opened(f"{self.session('/close')}/websocket")
        self.assertEqual(socket.recv(TIMEOUT_SECONDS), 'c[3000,"Go away!"]')
        with self.assertRaises(ConnectionClosed):
            socket.recv(TIMEOUT_SECONDS)

    def test_frames_without_messages_are_ignored(self) -> None:
        socket = self.opened()
        for payload in ("", "[]", '["a"]'):
            socket.send(payload)
        self.assertEqual(socket.recv(TIMEOUT_SECONDS), 'a["a"]')

    def test_a_session_id_may_be_used_again_even_at_the_same_time(self) -> None:
        path = f"{self.session()}/websocket"
        first, second = self.opened(path), self.opened(path)
        for socket, text in ((first, "a"), (second, "b"), (first, "c")):
            socket.send(f'["{text}"]')
            self.assertEqual(socket.recv(TIMEOUT_SECONDS), f'a["{text}"]')
        first.close()
        second.close()
        third = self.opened(path)
        third.send('["d"]')
        self.assertEqual(third.recv(TIMEOUT_SECONDS), 'a["d"]')

    def test_what_is_no_json_ends_the_connection_at_once(self) -> None:
        for payload in ('["a', "{}", "[1]", "7"):
            with self.subTest(payload=payload):
                socket = self.opened()
                socket.send(payload)
                with self.assertRaises(ConnectionClosed) as caught:
                    socket.recv(TIMEOUT_SECONDS)
                self.assertIsNone(caught.exception.rcvd, "the server has hung up without a word")

    def test_there_are_none_where_they_are_off(self) -> None:
        self.assertEqual(self.wire().ask("GET", f"{self.session()}/websocket", headers=UPGRADE).status, 101)
        for path in (f"{self.session('/disabled_websocket_echo')}/websocket", "/disabled_websocket_echo/websocket"):
            self.assertEqual(self.wire().ask("GET", path, headers=UPGRADE).status, 404)


class RawWebSocket(ProtocolTest):
    def test_it_brings_messages_as_they_are(self) -> None:
        socket = self.websocket("/echo/websocket")
        for text in ("Hello world!\uffff", '["a"]', "\U0001f980 \x00\u2028"):
            socket.send(text)
            self.assertEqual(socket.recv(TIMEOUT_SECONDS), text)

    def test_the_server_says_why_it_closes(self) -> None:
        socket = self.websocket("/close/websocket")
        with self.assertRaises(ConnectionClosed) as caught:
            socket.recv(TIMEOUT_SECONDS)
        assert caught.exception.rcvd is not None
        self.assertEqual((caught.exception.rcvd.code, caught.exception.rcvd.reason), (3000, "Go away!"))
