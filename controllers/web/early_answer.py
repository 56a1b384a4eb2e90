"""Answers that leave at once, when a thousand requests get the same: Tornado finishes each request afterwards."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

import tornado.httputil
import tornado.web

Fields = tuple[tuple[str, str], ...]
Encode = Callable[[Sequence[str]], bytes]

MAX_ENCODERS = 16  # answers differ in their headers by scheme, and by what they are made of


class EarlyAnswer:
    """The way to send a whole answer of a handler, whose headers are set, before the handler finishes."""

    def __init__(self, handler: tornado.web.RequestHandler) -> None:
        self.fields: Fields = tuple(one for one in handler._headers.get_all() if one[0] != "Date")
        self._request = handler.request
        self._stream = getattr(handler.request.connection, "stream", None)

    @property
    def is_possible(self) -> bool:
        """Whether the client stays connected and its socket has taken all that was sent before."""
        request = self._request
        is_kept = request.version == "HTTP/1.1" and request.headers.get("Connection", "").lower() in ("", "keep-alive")
        stream = self._stream
        return request.method == "GET" and is_kept and stream is not None and not (stream.closed() or stream.writing())

    def send(self, answer: bytes) -> None:
        """Send a whole answer, head and body. What the socket does not take now waits in the stream's buffer."""
        assert self._stream is not None
        try:
            sent = self._stream.socket.send(answer)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._stream.close()
            return
        if sent < len(answer):
            self._stream.write(memoryview(answer)[sent:])


@functools.lru_cache(maxsize=MAX_ENCODERS)
def encoder(fields: Fields, encode: Encode) -> Encode:
    """Return the function that makes a whole answer with these headers of what `encode` makes of a frame.

    It is the same one for the same arguments, so that a frame keeps what it has returned.
    """
    return lambda messages: whole_answer(fields, encode(messages))


def whole_answer(fields: Fields, body: bytes) -> bytes:
    """Return an answer with its head."""
    date = tornado.httputil.format_timestamp(time.time())
    lines = [*fields, ("Date", date), ("Content-Length", str(len(body)))]
    head = "".join(f"{name}: {value}\r\n" for name, value in lines)
    return b"HTTP/1.1 200 OK\r\n" + head.encode("latin-1") + b"\r\n" + body
