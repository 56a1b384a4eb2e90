"""Other sites for the tests of what fetches from them: real servers that behave well, badly, slowly or not at all."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable

Behaviour = Callable[[socket.socket], None]


def says(answer: bytes) -> Behaviour:
    """Return the behaviour of a server that gives this answer and hangs up."""
    return lambda connection: connection.sendall(answer)


def gives(body: bytes, status: str = "200 OK", *headers: str) -> Behaviour:
    """Return the behaviour of a server that gives this body."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", "")
    return says("\r\n".join(lines).encode() + body)


def padded(length: int) -> bytes:
    """Return a JSON object of `length` bytes."""
    return b'{"x": "' + b"x" * (length - 9) + b'"}'


def endless(connection: socket.socket) -> None:
    """Send chunks until the client hangs up."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")


def leads(target: str, status: str = "302 Found") -> Behaviour:
    """Return the behaviour of a server that redirects."""
    return gives(b"", status, f"Location: {target}")


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """Return the behaviour of a server that answers each request in another way; the last one stays."""
    left = list(behaviours)

    def behave(connection: socket.socket) -> None:
        turn = left.pop(0) if len(left) > 1 else left[0]
        turn(connection)

    return behave


class Upstream:
    """A server on a port of its own. Each request is answered by `behave`; `asked` are the lines that came."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.behave: Behaviour = gives(b"{}")
        self.asked: list[str] = []
        self.tls: ssl.SSLContext | None = None
        self._listening = socket.create_server((host, port), backlog=64)
        self.port: int = self._listening.getsockname()[1]
        self.url = f"http://{host}:{self.port}/data"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(connection, self.behave), daemon=True).start()

    def _serve(self, connection: socket.socket, behave: Behaviour) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as opened:  # gone: as it should be, when refused
            opened.enter_context(connection)
            if self.tls is not None:
                connection = opened.enter_context(self.tls.wrap_socket(connection, server_side=True))
            request = b""
            while b"\r\n\r\n" not in request:
                received = connection.recv(65536)
                if not received:
                    return  # hung up before it had asked
                request += received
            self.asked.append(request.partition(b"\r\n")[0].decode())
            behave(connection)

    def close(self) -> None:
        """Listen no longer."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
