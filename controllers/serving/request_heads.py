"""How long a request's address and headers may be, cookies among them."""

from __future__ import annotations

from tornado.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine

MAX_HEAD_CHARS = 16 * 1024
MAX_READ_BYTES = 32 * 1024  # as much as Nginx passes on; who sends more is hung up on, without an answer
ADDED_CHARS = len(": \r\n")
MAX_KEPT_CHARS = 200  # of an address that is too long, for the log

StartLine = RequestStartLine | ResponseStartLine


def size(start_line: StartLine, headers: HTTPHeaders) -> int:
    """Return how many characters a head has."""
    sizes = [len(name) + len(value) + ADDED_CHARS for name, value in headers.get_all()]
    return sum(sizes) + sum([len(str(part)) for part in start_line])


def cut(start_line: StartLine) -> tuple[RequestStartLine, HTTPHeaders]:
    """Return as much of a head as it takes to answer that it is too long."""
    method, address, version = map(str, start_line)
    return RequestStartLine(method[:MAX_KEPT_CHARS], address[:MAX_KEPT_CHARS], version), HTTPHeaders({"Host": "-"})
