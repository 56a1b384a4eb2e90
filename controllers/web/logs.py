"""What is written to the log: one short line for whatever happens, and no secret in any of them."""

from __future__ import annotations

import asyncio
import logging
import re
import sys
import traceback
from typing import Any

import tornado.httputil
import tornado.web

logger = logging.getLogger(__name__)
access_logger = logging.getLogger("tornado.access")

MAX_PATH_CHARS = 200  # characters
MAX_LINE_BYTES = 900  # bytes of a line, besides its date and place
QUOTED = re.compile(r"(?!^)b?['\"].*", re.DOTALL)  # a message that begins with a quote is about a field, by its name


def loggable_path(request: tornado.httputil.HTTPServerRequest) -> str:
    """Return the path of a request: no query, no invitation, since those may be secrets."""
    return "/join/..." if request.path.startswith("/join/") else request.path[:MAX_PATH_CHARS]


def log_request(handler: tornado.web.RequestHandler) -> None:
    """Write the line for a request."""
    level = logging.ERROR if handler.get_status() >= 500 else logging.INFO
    milliseconds = 1000 * handler.request.request_time()
    path = loggable_path(handler.request)
    access_logger.log(level, "%d %s %s %.1f ms", handler.get_status(), handler.request.method, path, milliseconds)


class FailureLog:
    """A handler that logs what went wrong without the address as it was sent, which Tornado would write."""

    request: Any

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer an error. Whoever the process's end cuts off may try again: another process can do it."""
        if isinstance(sys.exception(), asyncio.CancelledError):
            status_code = 503
        super().send_error(status_code, **kwargs)  # type: ignore[misc]

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Write why a request was refused; or where an error was made. Whoever the process's end cuts off made none."""
        if isinstance(value, asyncio.CancelledError):
            return
        where = f"{self.request.method} {loggable_path(self.request)}"
        if not isinstance(value, tornado.web.HTTPError):
            logger.error("%s failed", where, exc_info=(typ, value, tb))  # type: ignore[arg-type]
        elif value.log_message:
            logger.warning("%d %s: %s", value.status_code, where, without_quotes(value.get_message() or ""))


def without_quotes(message: str) -> str:
    """Return a message of Tornado's up to where it quotes what was sent: that can be a cookie or a password."""
    return QUOTED.sub("...", message)


def shorten_record(record: logging.LogRecord) -> bool:
    """Make a record one line of at most 1 KiB, and its traceback lines of at most 1 KiB; a filter of handlers."""
    message = record.getMessage()
    record.msg, record.args = one_line(without_quotes(message) if record.name == "tornado.general" else message), ()
    if record.exc_info and not record.exc_text:
        lines = "".join(traceback.format_exception(*record.exc_info)).splitlines()
        record.exc_text = "\n".join(map(one_line, lines))
    return True


def one_line(text: str) -> str:
    """Return `text` with nothing in it that a terminal obeys, and its end cut off if it is long."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_LINE_BYTES:
        return text  # nearly always
    plain = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:MAX_LINE_BYTES])
    return plain.encode("utf-8", "replace")[:MAX_LINE_BYTES].decode("utf-8", "ignore")
