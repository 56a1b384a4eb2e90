"""Frames that a websocket's other side may not send, and how each is refused (RFC 6455; Autobahn's cases 3 to 7)."""

from __future__ import annotations

import json
import select
import socket
import struct
import threading
import time
from urllib.parse import urlsplit

from testsuite.cases import SiteTest
from testsuite.clients import Chat, Client
from testsuite.polling import WebSocket, Xhr
from testsuite.sockjs import UPGRADE
from testsuite.waiting import TIMEOUT_SECONDS

TEXT, BINARY, CLOSE, PING = 0x81, 0x82, 0x88, 0x89  # the first byte, of a frame that is whole
BEGIN, GO_ON, END = 0x01, 0x00, 0x80  # a text in pieces
MAY_CLOSE = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999)
MAY_NOT_CLOSE = (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535)


def frame(first: int, payload: bytes = b"", masked: bool = True) -> bytes:
    """Return a frame as a client sends it, or unmasked; the mask changes nothing."""
    mask = 0x80 if masked else 0
    size = bytes([mask | len(payload)]) if len(payload) < 126 else struct.pack("!BH", mask | 126, len(payload))
    return bytes([first]) + size + (bytes(4) if masked else b"") + payload


def closing(code: int, reason: bytes = b"") -> bytes:
    """Return the frame that closes with a code."""
    return frame(CLOSE, struct.pack("!H", code) + reason)


class Peer:
    """A websocket of a member's, of which every byte is seen."""

    def __init__(self, client: Client, path: str = "/chat/websocket") -> None:
        parts = urlsplit(client.url)
        self.socket = socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS)
        self.file = self.socket.makefile("rb")
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        lines = [f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", f"Cookie: {cookies}"]
        lines += [f"{name}: {value}" for name, value in UPGRADE.items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        while self.file.readline() != b"\r\n":
            pass

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def receive(self) -> tuple[int, bytes]:
        """Return the first byte and the payload of the next frame."""
        first, size = self.file.read(2)
        if size == 126:
            size = int.from_bytes(self.file.read(2), "big")
        return first, self.file.read(size)

    def until(self, first: int) -> bytes:
        """Return the payload of the next frame that begins so."""
        while True:
            found, payload = self.receive()
            if found == first:
                return payload

    def until_closed(self) -> int:
        """Return the close code, 0 if none is named; fail unless the server hangs up, too."""
        payload = self.until(CLOSE)
        if self.file.read():
            raise AssertionError("something came after the closing frame")
        return int.from_bytes(payload[:2], "big")

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Refused(SiteTest):
    """docs/security.rst 42."""

    def peer(self, path: str = "/chat/websocket") -> Peer:
        peer = Peer(self.ana, path)
        self.addCleanup(peer.close)
        return peer

    def setUp(self) -> None:
        self.ana = self.client("ana")
        self.addCleanup(self.check_log)

    def check_log(self) -> None:
        """Fail if anything went wrong inside."""
        self.assertEqual([line for line in self.server.lines if "Traceback" in line or line.startswith("[E")], [])

    def test_it_closes_with_the_code_that_the_other_side_closes_with_if_that_may_be_sent(self) -> None:
        for code in MAY_CLOSE:
            with self.subTest(code):
                peer = self.peer()
                peer.send(closing(code, "até já".encode()))
                self.assertEqual(peer.until_closed(), code)
        peer = self.peer()
        peer.send(frame(CLOSE))
        self.assertEqual(peer.until_closed(), 0)

    def test_a_close_code_that_may_not_be_sent_is_refused(self) -> None:
        for path in ("/chat/websocket", "/chat/000/frames/websocket"):
            for code in MAY_NOT_CLOSE:
                with self.subTest(code, path=path):
                    peer = self.peer(path)
                    peer.send(closing(code))
                    self.assertEqual(peer.until_closed(), 1002)

    def test_half_a_close_code_and_a_reason_that_is_no_text_are_refused(self) -> None:
        for payload, code in ((b"\x03", 1002), (b"\x03\xe8\xff\xfe", 1007), (b"\x03\xe8\xed\xa0\x80", 1007)):
            peer = self.peer()
            peer.send(frame(CLOSE, payload))
            self.assertEqual(peer.until_closed(), code, payload)

    def test_an_unmasked_frame_of_any_kind_is_refused_and_not_heard(self) -> None:
        whole = (TEXT, BINARY, PING, CLOSE)
        for before, first in [*((b"", first) for first in (*whole, BEGIN)), (frame(BEGIN, b"not "), END)]:
            with self.subTest(first):
                peer, beto = self.peer(), self.chat("beto")
                peer.send(before, frame(first, b"" if first == CLOSE else b"masked", masked=False))
                self.assertEqual(peer.until_closed(), 1002)
                self.assertEqual(beto.until("entry", nonce=beto.post("alone"))["seq"], beto.head + 1)

    def test_frames_that_break_the_protocol_are_refused(self) -> None:
        broken = {
            "a reserved bit": frame(TEXT | 0x40, b"x"),
            "a reserved opcode": frame(0x83, b"x"),
            "a reserved control opcode": frame(0x8B),
            "a ping in pieces": frame(0x09),
            "a ping that is too long": frame(PING, b"x" * 126),
            "the end of nothing": frame(END, b"x"),
            "a text within a text": frame(BEGIN, b"x") + frame(TEXT, b"x"),
        }
        for name, frames in broken.items():
            with self.subTest(name):
                peer = self.peer()
                peer.send(frames)
                self.assertEqual(peer.until_closed(), 1002)

    def test_a_text_that_is_no_utf8_is_refused_in_pieces_too(self) -> None:
        for frames in (frame(TEXT, b"\xff"), frame(BEGIN, b"\xce") + frame(END, b"\xff")):
            peer = self.peer()
            peer.send(frames)
            self.assertEqual(peer.until_closed(), 1007)

    def test_an_empty_text_is_a_message_like_another(self) -> None:
        for frames in (frame(TEXT), frame(BEGIN) + frame(GO_ON) + frame(END)):
            peer = self.peer()
            peer.send(frames)
            until_text(peer, b'"code":"empty"')


def asks(type: str, **fields: str) -> bytes:
    """Return the frame of a message of the chat."""
    return frame(TEXT, json.dumps({"type": type, **fields}).encode())


class Floods(SiteTest):
    """docs/security.rst 37 and 42: an endless stream from one member delays no other."""

    needs = ("quiet",)
    options = ("--messages_per_second=50", "--connections_per_member=0")  # the last flood's have not ended yet
    SOCKETS = 45
    MAX_P99_SECONDS = 0.25
    PLAIN = {
        "pings": frame(PING, b"x" * 100),
        "pongs": frame(0x8A),
        "pieces of nothing": frame(BEGIN) + frame(GO_ON) * 100,
        "binary": frame(BINARY, b"x"),
        "empty texts": frame(TEXT),
        "bad JSON": frame(TEXT, b'{"type'),
        "long texts that are refused": frame(TEXT, b"x" * 60_000),
        "unknown types": asks("sing"),
        "questions": asks("ping"),
        "typing": asks("typing", room="lobby"),
        "coming and going": asks("join", room="lobby") + asks("leave", room="lobby"),
        "joining with all that was missed": frame(TEXT, b'{"type":"join","room":"lobby","after":0}'),
    }
    SOCKJS = {"lists of nothing": frame(TEXT, b"[]"), "empty frames": frame(TEXT)}

    def test_floods_on_a_plain_websocket(self) -> None:
        self.assert_nobody_notices("/chat/websocket", self.PLAIN)

    def test_floods_on_a_websocket_of_sockjs(self) -> None:
        self.assert_nobody_notices("/chat/000/flood/websocket", self.SOCKJS)

    def assert_nobody_notices(self, path: str, floods: dict[str, bytes]) -> None:
        """Fail if another member has to wait during one of these floods; a slow moment of the machine's is none."""
        waits = {name: self.waits(path, frames) for name, frames in floods.items()}
        together = sorted(wait for some in waits.values() for wait in some)
        slowest = {name: max(some) for name, some in waits.items()}
        self.assertLess(together[int(len(together) * 0.99)], self.MAX_P99_SECONDS, slowest)

    def waits(self, path: str, frames: bytes) -> list[float]:
        """Return how long another member waits while one sends these frames on many websockets as fast as it goes."""
        carla = self.client("carla")
        peers = [Peer(carla, path) for _ in range(self.SOCKETS)]
        ana, over = self.chat("ana"), threading.Event()
        flooding = threading.Thread(target=self.flood, args=(peers, frames, over))
        flooding.start()
        try:
            return self.converse(ana)
        finally:
            over.set()
            flooding.join()
            for peer in peers:
                peer.close()

    def flood(self, peers: list[Peer], frames: bytes, over: threading.Event) -> None:
        """Send whole rounds of these frames wherever there is room, and read what comes back, until it is over."""
        data = frames * (1 + 65536 // len(frames))
        rest = dict.fromkeys((peer.socket for peer in peers), data)
        for sock in rest:
            sock.setblocking(False)
        while not over.is_set() and rest:
            readable, writable, _ = select.select(list(rest), list(rest), [], 0.1)
            for sock in readable:
                if not receive(sock):
                    rest.pop(sock)
            for sock in set(writable) & set(rest):
                rest[sock] = rest[sock][send(sock, rest[sock]) :] or data
            over.wait(0.001)

    def converse(self, chat: Chat) -> list[float]:
        """Post in peace for a while; return how long each message took to come back, in seconds."""
        waits: list[float] = []
        ends, pace = time.monotonic() + 1.5, threading.Event()
        while time.monotonic() < ends:
            began = time.monotonic()
            chat.until("entry", nonce=chat.post("in peace"))
            waits.append(time.monotonic() - began)
            pace.wait(0.03)
        return waits

    def test_what_comes_faster_waits_and_none_of_it_is_lost(self) -> None:
        for kind in (WebSocket, Xhr):
            beto = kind(self.client("beto")).join()
            self.addCleanup(beto.close)
            began = time.monotonic()
            for _ in range(50):
                beto.send_texts(*[json.dumps({"type": "ping"})] * 16)
            for _ in range(800):
                beto.until("pong")
            self.assertGreater(time.monotonic() - began, 1.0)  # 600 more than may come at once, 500 a second

    def test_a_message_in_many_pieces_is_heard(self) -> None:
        beto = Peer(self.client("beto"))
        self.addCleanup(beto.close)
        beto.send(frame(BEGIN, b"in"), *[frame(GO_ON, b" pieces")] * 150, frame(END))
        until_text(beto, b'"ack"')


def until_text(peer: Peer, piece: bytes) -> None:
    """Wait for a text that contains `piece`."""
    while piece not in peer.until(TEXT):
        pass


def receive(sock: socket.socket) -> bool:
    """Read what has come, and tell whether the connection stands."""
    try:
        return bool(sock.recv(65536))
    except BlockingIOError:
        return True
    except OSError:
        return False


def send(sock: socket.socket, data: bytes) -> int:
    """Return how much of `data` could be sent."""
    try:
        return sock.send(data)
    except OSError:
        return 0
