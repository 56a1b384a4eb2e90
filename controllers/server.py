"""The HTTP server, with its limits: length of requests, time to send them, number of connections."""

from __future__ import annotations

import logging
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Mapping

import tornado.httpserver
import tornado.web
from tornado.http1connection import HTTP1ServerConnection
from tornado.httputil import HTTPConnection, HTTPHeaders, HTTPMessageDelegate, RequestStartLine, ResponseStartLine

from controllers.base import BaseHandler
from controllers.serving import request_heads
from controllers.serving.connection_limits import ConnectionLimit, LimitedStream, client_key
from controllers.web.field_limits import limit_fields

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 256 * 1024  # the longest message, in the most wasteful encoding of a form
HEAD_TIMEOUT_SECONDS = 75.0  # to send a head, and between two requests; Nginx keeps idle connections for less
BODY_TIMEOUT_SECONDS = 60.0  # to send a body: MAX_BODY_BYTES at 4 KiB/s

RESERVED_FILES = 100  # for the database, for files of pages and for fetching; no connection takes them
REFUSAL_SECONDS = 5.0  # for which a connection over the limit may take one of the reserved files
RETRY_SECONDS = 5  # after which a client that was refused may try again
WARNING_INTERVAL_SECONDS = 60.0

Address = tuple[str, int] | tuple[str, int, int, int] | str  # of IPv4, of IPv6, of a Unix socket


def raise_file_limit() -> int:
    """Let this process open as many files as the system allows; return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = _hard_limit(soft, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return limit


def _hard_limit(soft: int, hard: int) -> int:
    """Return the hard limit, or the soft one if the hard one is infinite."""
    return soft if hard == resource.RLIM_INFINITY else hard


class ErrorHandler(BaseHandler):
    """Answers every request with the same error."""

    needs_member = False
    status: int

    def check_xsrf_cookie(self) -> None:
        """Check nothing: a forged request can do nothing here."""

    def check_trusted_origin(self, origin: str) -> bool:
        return True

    async def prepare(self) -> None:
        raise tornado.web.HTTPError(self.status)


class BodyTooLarge(ErrorHandler):
    """The body is longer than MAX_BODY_BYTES."""

    status = 413


class HeadTooLarge(ErrorHandler):
    """The address and the headers are longer than MAX_HEAD_CHARS."""

    status = 431


class TooManyConnections(ErrorHandler):
    """The connection is one too many."""

    status = 503

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("Connection", "close")
        self.set_header("Retry-After", str(RETRY_SECONDS))


class ErrorApplication(tornado.web.Application):
    """Answers every request with one error, with the settings of the application that it stands in for."""

    def __init__(self, handler: type[ErrorHandler], settings: Mapping[str, object]) -> None:
        super().__init__([(r".*", handler)])
        self.settings.update(settings)  # passed to the constructor, a static_path would add routes


class BodyLimit(HTTPMessageDelegate):
    """Passes a request on unless its body is longer than MAX_BODY_BYTES or its head longer than MAX_HEAD_CHARS.

    Such a body is read to its end without being kept, and only then refused: a client that is answered earlier may
    still be sending, and would see a broken connection instead of the answer (RFC 9112, 9.6).
    """

    def __init__(
        self, delegate: HTTPMessageDelegate, server: Server, server_conn: object, request_conn: HTTPConnection
    ) -> None:
        self._delegate = delegate
        self._server = server
        self._request = server_conn, request_conn
        self._bytes_left = MAX_BODY_BYTES

    def headers_received(
        self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders
    ) -> Awaitable[None] | None:
        self._server.request_arrived(self._request[0])
        if request_heads.count_chars(start_line, headers) > request_heads.MAX_HEAD_CHARS:
            self._delegate = self._server.head_too_large.start_request(*self._request)
            start_line, headers = request_heads.truncate(start_line)
        self._head = request_heads.in_origin_form(start_line, headers), headers  # type: ignore[arg-type]
        return self._delegate.headers_received(*self._head)

    def data_received(self, chunk: bytes) -> Awaitable[None] | None:
        had_room, self._bytes_left = self._bytes_left >= 0, self._bytes_left - len(chunk)
        if self._bytes_left >= 0:
            return self._delegate.data_received(chunk)
        if had_room:
            self._refuse_body()
        return None

    def _refuse_body(self) -> None:
        refusal = self._server.body_too_large.start_request(*self._request)
        refusal.headers_received(*self._head)
        self._delegate.on_connection_close()  # last: it undoes what a proxy's headers say about the connection
        self._delegate = refusal

    def finish(self) -> None:
        self._delegate.finish()

    def on_connection_close(self) -> None:
        self._delegate.on_connection_close()


class Server(tornado.httpserver.HTTPServer):
    """Serves an application on as many connections as the process may open files, and answers 503 on further ones."""

    def initialize(self, application: tornado.web.Application, xheaders: bool) -> None:  # type: ignore[override]
        super().initialize(
            application,
            xheaders=xheaders,
            idle_connection_timeout=HEAD_TIMEOUT_SECONDS,
            body_timeout=BODY_TIMEOUT_SECONDS,
            max_header_size=request_heads.MAX_READ_BYTES,
            max_body_size=sys.maxsize,  # Tornado closes the connection; BodyLimit answers 413
        )
        limit_fields()
        self._max_files = raise_file_limit()
        reserved = min(RESERVED_FILES, self._max_files // 2)
        self._limit = ConnectionLimit(self._max_files - reserved)
        self._refused_limit = ConnectionLimit(reserved // 2)
        self._is_behind_proxy = xheaders  # all connections are the proxy's, which limits those of each address
        self.head_too_large = ErrorApplication(HeadTooLarge, application.settings)
        self.body_too_large = ErrorApplication(BodyTooLarge, application.settings)
        unlogged = {**application.settings, "log_function": lambda handler: None}
        self._too_many_connections = ErrorApplication(TooManyConnections, unlogged)
        self._warned_at = -WARNING_INTERVAL_SECONDS

    def _handle_connection(self, connection: socket.socket, address: Address) -> None:
        """Serve a connection as Tornado does, by a stream that is counted."""
        self.handle_stream(LimitedStream(connection, self.max_buffer_size, self.read_chunk_size), address)

    def handle_stream(self, stream: LimitedStream, address: Address) -> None:  # type: ignore[override]
        """Serve a connection. Over the limit it is answered 503 while half of the reserved files last, else closed."""
        client = "" if self._is_behind_proxy or not address else client_key(address[0])
        if not self._limit.add(stream, client):
            self._warn(client)
            if not self._refused_limit.add(stream, ""):
                stream.close()
                return
            stream.io_loop.call_later(REFUSAL_SECONDS, stream.close)
        super().handle_stream(stream, address)  # type: ignore[arg-type]

    def start_request(self, server_conn: object, request_conn: HTTPConnection) -> HTTPMessageDelegate:
        """Return what reads a request."""
        if _stream(server_conn).limit is not self._limit:
            return self._too_many_connections.start_request(server_conn, request_conn)
        return BodyLimit(super().start_request(server_conn, request_conn), self, server_conn, request_conn)

    def request_arrived(self, server_conn: object) -> None:
        """Note that the head of a request has come on this connection."""
        self._limit.mark_used(_stream(server_conn))

    def _warn(self, client: str) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARNING_INTERVAL_SECONDS:
            self._warned_at = now
            text = "only %d files may be open here: further connections of %s are refused"
            logger.warning(text, self._max_files, client or "all")


def _stream(server_conn: object) -> LimitedStream:
    """Return the stream of a connection, as Tornado's server hands the connection to `start_request`."""
    assert isinstance(server_conn, HTTP1ServerConnection)
    assert isinstance(server_conn.stream, LimitedStream)
    return server_conn.stream
