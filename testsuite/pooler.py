"""A pooler before PostgreSQL that changes connections between transactions, as PgBouncer's `transaction` mode does."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from testsuite.waiting import TIMEOUT_SECONDS

READY, QUERY, SYNC, TERMINATE = b"Z", b"Q", b"S", b"X"  # PostgreSQL's protocol 3.0: "Message Formats"


class Pooler:
    """One connection to the server serves all clients, one query after the other."""

    def __init__(self, server: int) -> None:
        self._server = ("127.0.0.1", server)
        self._turn = threading.Lock()
        self._shared: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open = [self._listener]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                self._threads.append(threading.Thread(target=self._serve, args=(client,)))
                self._threads[-1].start()

    def _serve(self, client: socket.socket) -> None:
        """Let a client sign in on a connection of its own, then answer it on the one that all share."""
        with contextlib.suppress(OSError, EOFError):
            own = socket.create_connection(self._server, TIMEOUT_SECONDS)
            self._open.append(own)
            self._sign_in(client, own)
            self._shared = self._shared or own
            while True:
                question = b"".join(iter_messages(client, {QUERY, SYNC, TERMINATE}))
                if question[:1] == TERMINATE:
                    return
                with self._turn:
                    self._shared.sendall(question)
                    client.sendall(b"".join(iter_messages(self._shared, {READY})))

    def _sign_in(self, client: socket.socket, own: socket.socket) -> None:
        head = read(client, 8)
        while struct.unpack(">II", head)[1] in (80877103, 80877104):  # asks for TLS, or for GSSAPI
            client.sendall(b"N")
            head = read(client, 8)
        own.sendall(head + read(client, struct.unpack(">I", head[:4])[0] - 8))
        while True:
            for message in iter_messages(own, {b"R", READY, b"E"}):
                client.sendall(message)
                if message[:1] == READY:
                    return
                if message[:1] == b"R" and struct.unpack(">I", message[5:9])[0] not in (0, 12):
                    own.sendall(b"".join(iter_messages(client, {b"p"})))

    def close(self) -> None:
        """End all connections."""
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(TIMEOUT_SECONDS)


def iter_messages(source: socket.socket, last: set[bytes]) -> Iterator[bytes]:
    """Yield messages up to one of a kind in `last`."""
    kind = b""
    while kind not in last:
        head = read(source, 5)
        kind = head[:1]
        yield head + read(source, struct.unpack(">I", head[1:])[0] - 4)


def read(source: socket.socket, count: int) -> bytes:
    """Return just so many bytes."""
    data = b""
    while len(data) < count:
        more = source.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data
