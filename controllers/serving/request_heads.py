"""The head of a request: the limit of its length, and the form of its target."""

from __future__ import annotations

import re

from tornado.httputil import HTTPHeaders, RequestStartLine, ResponseStartLine

MAX_HEAD_CHARS = 16 * 1024  # a longer head is answered with 431
MAX_READ_BYTES = 32 * 1024  # as much as Nginx passes on; after more the connection is closed without an answer
MAX_LOGGED_CHARS = 200  # of an address that is too long
SEPARATOR_CHARS = len(": \r\n")
ABSOLUTE_URL = re.compile(r"https?://([^/?#]+)(.*)", re.IGNORECASE | re.DOTALL)

StartLine = RequestStartLine | ResponseStartLine


def count_chars(start_line: StartLine, headers: HTTPHeaders) -> int:
    """Return the length of a head in characters."""
    lengths = [len(name) + len(value) + SEPARATOR_CHARS for name, value in headers.get_all()]
    return sum(lengths) + sum([len(str(part)) for part in start_line])


def truncate(start_line: StartLine) -> tuple[RequestStartLine, HTTPHeaders]:
    """Return as much of a head as it takes to answer that it is too long."""
    method, target, version = map(str, start_line)
    return RequestStartLine(method[:MAX_LOGGED_CHARS], target[:MAX_LOGGED_CHARS], version), HTTPHeaders({"Host": "-"})


def in_origin_form(start_line: RequestStartLine, headers: HTTPHeaders) -> RequestStartLine:
    """Return the start line with a path as its target.

    If the target is a whole URL (`GET http://host/path`), its host replaces that of the header Host (RFC 9112, 3.2.2).
    Tornado refuses a request that does not have exactly one such header.
    """
    absolute = ABSOLUTE_URL.fullmatch(start_line.path)
    if absolute is None:
        return start_line
    host, rest = absolute.groups()
    if len(headers.get_list("Host")) == 1:
        headers["Host"] = host
    return start_line._replace(path=rest if rest.startswith("/") else f"/{rest}")
