"""What every answer tells the browser about what it may do, and which page a request may come from."""

from __future__ import annotations

from urllib.parse import urlsplit

import tornado.httputil
import tornado.web

PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
NOTHING = "default-src 'none'; frame-ancestors 'none'"
FRAMED = "default-src 'none'; frame-ancestors 'self'"  # what SockJS posts from a frame of the page
YEAR = 365 * 24 * 3600  # seconds


def set_headers(handler: tornado.web.RequestHandler, content: str) -> None:
    """Set the headers of OWASP's HTTP headers cheat sheet; `content` is the Content-Security-Policy."""
    handler.set_header("Content-Security-Policy", content)
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Referrer-Policy", "same-origin")
    handler.set_header("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    handler.clear_header("Server")
    if handler.request.protocol == "https":
        handler.set_header("Strict-Transport-Security", f"max-age={YEAR}")
    site = handler.settings.get("site")  # not in an application of another's, with a chat of ours
    if site is not None and site.is_stopping:
        handler.set_header("Connection", "close")  # Nginx keeps connections, and shall take another process's


def methods_of(handler: tornado.web.RequestHandler) -> list[str]:
    """Return which methods a handler has been given, besides those of every handler."""
    plain = tornado.web.RequestHandler
    names = ("GET", "HEAD", "POST")
    return [name for name in names if getattr(type(handler), name.lower()) is not getattr(plain, name.lower())]


def is_same_origin(request: tornado.httputil.HTTPServerRequest) -> bool:
    """Tell whether a request comes from a page of this site, or from no page at all.

    The comparison is exact (RFC 6454): also a page at this host without HTTPS, into which anybody on the way
    could have written, is another site.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    source = request.headers.get("Origin") or request.headers.get("Referer")
    if source is None:
        return True
    try:
        parts = urlsplit(source)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc.lower()) == (request.protocol, request.host.lower())
