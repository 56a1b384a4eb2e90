"""The HTTP server at its limits: bodies that are too large, clients that dribble, more connections than files."""

from __future__ import annotations

import functools
import logging
import re
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import tornado.httpserver
import tornado.web
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine

from controllers.base import BaseHandler
from controllers.serving import request_heads
from controllers.serving.connection_limits import Places, Stream, holder_of
from controllers.web.fields import limit_fields

log = logging.getLogger(__name__)

MAX_BODY = 256 * 1024  # bytes: the longest message, in the most wasteful encoding of a form
HEADER_TIMEOUT = 75.0  # seconds for a request's head, and between two requests; Nginx keeps connections for less
BODY_TIMEOUT = 60.0  # seconds for a request's body: MAX_BODY at 4 KiB/s

RESERVE = 100  # of the files that the process may open are no connection's: database, pages' files, fetchers
REFUSING = 5.0  # seconds for which a connection that is refused may take one of them
SILENCE = 60.0  # seconds between two complaints
ABSOLUTE = re.compile(r"https?://([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)


def open_files() -> int:
    """Let this process have as many files open as the system allows it; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = soft if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


class Refusing(BaseHandler):
    """Answers every request with the same error."""

    needs_member = False
    status: int

    def check_xsrf_cookie(self) -> None:
        """Nothing: there is nothing here that a forged request could do."""

    def check_trusted_origin(self, origin: str) -> bool:
        return True

    async def prepare(self) -> None:
        raise tornado.web.HTTPError(self.status)


class TooLarge(Refusing):
    """There is too much in the request."""

    status = 413


class HeadTooLarge(Refusing):
    """The address or the headers are too long."""

    status = 431


class NoRoom(Refusing):
    """There are too many connections for this one."""

    status = 503

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Connection", "close")
        self.set_header("Retry-After", "5")


class Refuser(tornado.web.Application):
    """Answers in place of an application, with its settings: whatever is asked, by one handler."""

    def __init__(self, handler: type[Refusing], settings: dict[str, Any]) -> None:
        super().__init__([(r".*", handler)])
        self.settings.update(settings)  # given before, a static_path would have routes of its own


def in_origin_form(start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return a request's first line with a path as its target.

    Of an absolute one (`GET http://host/path`) the host counts instead of the header's (RFC 9112, 3.2.2). Where there
    is not just one header, Tornado refuses the request.
    """
    absolute = ABSOLUTE.fullmatch(start_line.path)
    if absolute is None:
        return start_line
    host, rest = absolute.groups()
    if len(headers.get_list("Host")) == 1:
        headers["Host"] = host
    return start_line._replace(path=rest if rest.startswith("/") else f"/{rest}")


Refuse = Callable[[], HTTPMessageDelegate]


class Bounded(HTTPMessageDelegate):
    """Lets a request through unless its head is longer than MAX_HEAD_CHARS or its body than MAX_BODY.

    Such a body is read to its end, without keeping it, and refused then: a client that is answered earlier may
    still be sending, and would see a broken connection instead of the answer (RFC 9112, 9.6).
    """

    def __init__(
        self, delegate: HTTPMessageDelegate, hear: Callable[[], None], refuse_head: Refuse, refuse_body: Refuse
    ) -> None:
        self._delegate = delegate
        self._hear = hear
        self._refuse_head = refuse_head
        self._refuse_body = refuse_body
        self._left = MAX_BODY

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._hear()
        if request_heads.size(start_line, headers) > request_heads.MAX_HEAD_CHARS:
            self._delegate = self._refuse_head()
            start_line, headers = request_heads.cut(start_line)
        self._head = in_origin_form(start_line, headers), headers  # type: ignore[arg-type]
        return self._delegate.headers_received(*self._head)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        was_left, self._left = self._left, self._left - len(chunk)
        if self._left >= 0:
            return self._delegate.data_received(chunk)
        if was_left >= 0:
            self._give_up()
        return None

    def _give_up(self) -> None:
        refusal = self._refuse_body()
        refusal.headers_received(*self._head)
        self._delegate.on_connection_close()  # last: it forgets what a proxy has said about the request
        self._delegate = refusal

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class Server(tornado.httpserver.HTTPServer):
    """Serves an application to as many connections as the process may have files open, and to all who come."""

    def initialize(self, application: tornado.web.Application, xheaders: bool) -> None:  # type: ignore[override]
        super().initialize(
            application,
            xheaders=xheaders,
            idle_connection_timeout=HEADER_TIMEOUT,
            body_timeout=BODY_TIMEOUT,
            max_header_size=request_heads.MAX_READ_BYTES,
            max_body_size=sys.maxsize,  # Bounded refuses more politely
        )
        limit_fields()
        self._files = open_files()
        reserve = min(RESERVE, self._files // 2)
        self._places = Places(self._files - reserve)
        self._refused = Places(reserve // 2)
        self._is_behind_proxy = xheaders  # to whom all connections belong, and who counts those of each address
        self._head_too_large = Refuser(HeadTooLarge, application.settings)
        self._too_large = Refuser(TooLarge, application.settings)
        self._full = Refuser(NoRoom, {**application.settings, "log_function": lambda handler: None})
        self._complained_at = -SILENCE

    def _handle_connection(self, connection: socket.socket, address: Any) -> None:
        """Serve a connection: as Tornado's, with a stream that tells when it closes."""
        self.handle_stream(Stream(connection, self.max_buffer_size, self.read_chunk_size), address)

    def handle_stream(self, stream: Stream, address: Any) -> None:  # type: ignore[override]
        """Serve a connection. One that is too many is told so as long as half of the reserve lasts, then hung up."""
        holder = "" if self._is_behind_proxy or not address else holder_of(address[0])
        if not self._places.take(stream, holder):
            self._complain(holder)
            if not self._refused.take(stream, ""):
                stream.close()
                return
            stream.io_loop.call_later(REFUSING, stream.close)
        super().handle_stream(stream, address)

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return what reads a request."""
        stream: Stream = server_conn.stream  # type: ignore[attr-defined]
        if stream.places is not self._places:
            return self._full.start_request(server_conn, request_conn)
        delegate = super().start_request(server_conn, request_conn)
        refusals = self._head_too_large, self._too_large
        refuse = (functools.partial(one.start_request, server_conn, request_conn) for one in refusals)
        return Bounded(delegate, functools.partial(self._places.hear, stream), *refuse)

    def _complain(self, holder: str) -> None:
        now = time.monotonic()
        if now - self._complained_at >= SILENCE:
            self._complained_at = now
            whose = holder or "all"
            log.warning("only %d files may be open here: further connections of %s are refused", self._files, whose)
