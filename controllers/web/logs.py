"""Log lines: short ones, without secrets."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any

import tornado.httputil
import tornado.web

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("tornado.access")

MAX_PATH_CHARS = 200
SECRET = ("/join/", "/hooks/", "/feed/")  # how paths with a secret in them begin
MAX_LINE_BYTES = 900  # of a log line, without its date and place
QUOTED = re.compile(r"(?!^)b?['\"].*", re.DOTALL)  # a message that begins with a quote names a field


def loggable_path(request: tornado.httputil.HTTPServerRequest) -> str:
    """Return the path of a request without a query, or the secret of an invitation, a webhook or a feed."""
    return next((f"{start}..." for start in SECRET if request.path.startswith(start)), request.path[:MAX_PATH_CHARS])


def log_request(handler: tornado.web.RequestHandler) -> None:
    """Log one line for a request."""
    level = logging.ERROR if handler.get_status() >= 500 else logging.INFO
    milliseconds = 1000 * handler.request.request_time()
    path = loggable_path(handler.request)
    access_logger.log(level, "%d %s %s %.1f ms", handler.get_status(), handler.request.method, path, milliseconds)


class FailureLog(tornado.web.RequestHandler):
    """A handler that logs errors without the full address of the request, which Tornado would log."""

    request: Any  # sockjs/ sets attributes of it that its class does not declare

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer an error; 503 where the process stops, since another process can answer the same request."""
        if isinstance(sys.exception(), asyncio.CancelledError):
            status_code = 503
        super().send_error(status_code, **kwargs)

    def log_exception(
        self, typ: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Log why a request was refused, or the traceback of an error; nothing where the process stops."""
        if isinstance(value, asyncio.CancelledError):
            return
        where = f"{self.request.method} {loggable_path(self.request)}"
        if not isinstance(value, tornado.web.HTTPError):
            logger.error("%s failed", where, exc_info=(typ, value, tb))  # type: ignore[arg-type]
        elif value.log_message:
            logger.warning("%d %s: %s", value.status_code, where, without_quotes(value.get_message() or ""))


def without_quotes(message: str) -> str:
    """Return a message of Tornado's up to its first quotation of the request: that can be a cookie or a password."""
    return QUOTED.sub("...", message)


def shorten_record(record: logging.LogRecord) -> bool:
    """Make a record one line of at most 1 KiB, and its traceback lines of at most 1 KiB; a filter for handlers."""
    message = record.getMessage()
    record.msg = one_line(without_quotes(message) if record.name == "tornado.general" else message)
    record.args = ()
    if record.exc_info and not record.exc_text:
        lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
        record.exc_text = "\n".join(map(one_line, lines))
    return True


def one_line(text: str) -> str:
    """Return `text` with control characters escaped, cut to MAX_LINE_BYTES."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_LINE_BYTES:
        return text  # nearly always
    plain = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:MAX_LINE_BYTES])
    return plain.encode("utf-8", "replace")[:MAX_LINE_BYTES].decode("utf-8", "ignore")
