"""What every answer tells the browser about what it may do, and which page a request may come from."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
from urllib.parse import urlsplit

import tornado.httputil
import tornado.web

EMPTY_POLICY = "default-src 'none'; frame-ancestors 'none'"
FRAME_POLICY = "default-src 'none'; frame-ancestors 'self'"  # what SockJS posts from a frame of the page
YEAR_SECONDS = 365 * 24 * 3600  # seconds
# Hosts that a policy can name (Content Security Policy 3, 2.3.1): of addresses browsers compare that one alone.
NAMED_HOST = re.compile(r"(127\.0\.0\.1|(?![0-9.]+(:|$))[a-z0-9-]+(\.[a-z0-9-]+)*)(:[0-9]{1,5})?", re.IGNORECASE)
MAX_HOST_CHARS = 300
DEFAULT_PORTS = {"http": 80, "https": 443}


def set_security_headers(handler: tornado.web.RequestHandler, content: str) -> None:
    """Set the headers of OWASP's HTTP headers cheat sheet; `content` is the Content-Security-Policy."""
    handler.set_header("Content-Security-Policy", content)
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Referrer-Policy", "same-origin")
    handler.set_header("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    handler.clear_header("Server")
    if handler.request.protocol == "https":
        handler.set_header("Strict-Transport-Security", f"max-age={YEAR_SECONDS}")
    site = handler.settings.get("site")  # not in an application of another's, with a chat of ours
    if site is not None and site.is_stopping:
        handler.set_header("Connection", "close")  # Nginx keeps connections, and shall take another process's


def page_policy(request: tornado.httputil.HTTPServerRequest, *scripts: str) -> str:
    """Return the Content-Security-Policy of a page that takes scripts from these places of the site.

    Not from all of it: JSONP (/chat/) is a script that says what its address wants, and so one of whoever finds an
    injection.
    """
    return (
        f"default-src 'none'; script-src {script_sources(request, *scripts)}; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def script_sources(request: tornado.httputil.HTTPServerRequest, *places: str) -> str:
    """Return places of the site, as a policy names them; the whole site where it cannot name the host."""
    if len(request.host) > MAX_HOST_CHARS:
        return "'self'"
    return _named_sources(request.protocol, request.host, places)


@functools.lru_cache(maxsize=64)  # a site has few names
def _named_sources(protocol: str, host: str, places: tuple[str, ...]) -> str:
    if not NAMED_HOST.fullmatch(host):
        return "'self'"
    return " ".join(f"{protocol}://{host}{place}" for place in places)


def supported_methods(handler: tornado.web.RequestHandler) -> list[str]:
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
    origin = origin_of(source)
    return origin is not None and origin == origin_of(f"{request.protocol}://{request.host}")


def states_origin(request: tornado.httputil.HTTPServerRequest) -> bool:
    """Tell whether a request says where it comes from.

    Over plain HTTP a page may keep that back (`referrerpolicy`), so that saying nothing proves nothing.
    """
    return any(name in request.headers for name in ("Sec-Fetch-Site", "Origin", "Referer"))


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Return the scheme, host and port of `url`, the same for two spellings of one origin (RFC 6454, 4); else None.

    A dot at the end of a host stays: for browsers that is another one.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or "@" in parts.netloc or parts.scheme not in DEFAULT_PORTS:
        return None
    with contextlib.suppress(ValueError):  # it is a name
        host = str(ipaddress.ip_address(host))
    return parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port
