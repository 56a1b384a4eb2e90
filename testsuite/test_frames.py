"""Frames that a websocket's other side may not send, and how each is refused (RFC 6455; Autobahn's cases 3 to 7)."""

from __future__ import annotations

import socket
import struct
from urllib.parse import urlsplit

from testsuite.live import TIMEOUT, Client, SiteTest
from testsuite.sockjs import UPGRADE

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
        self.socket = socket.create_connection((parts.hostname, parts.port), TIMEOUT)
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
    """Line 42 of what the site withstands."""

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
            self.assertIn(b'"code":"empty"', peer.until(TEXT) + peer.until(TEXT))
