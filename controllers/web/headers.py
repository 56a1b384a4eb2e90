"""The security headers of every answer, and the check of a request's origin."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import re
from urllib.parse import urlsplit

import tornado.httputil
import tornado.web

EMPTY_POLICY = "default-src 'none'; frame-ancestors 'none'"
FRAME_POLICY = "default-src 'none'; frame-ancestors 'self'"  # for answers that SockJS loads into a frame of the page
YEAR_SECONDS = 365 * 24 * 3600
# Hosts that a policy can name (Content Security Policy 3, 2.3.1); 127.0.0.1 is the only address that browsers match.
NAMED_HOST = re.compile(r"(127\.0\.0\.1|(?![0-9.]+(:|$))[a-z0-9-]+(\.[a-z0-9-]+)*)(:[0-9]{1,5})?", re.IGNORECASE)
MAX_HOST_CHARS = 300
DEFAULT_PORTS = {"http": 80, "https": 443}


def set_security_headers(handler: tornado.web.RequestHandler, content_policy: str) -> None:
    """Set the headers of OWASP's HTTP headers cheat sheet."""
    handler.set_header("Content-Security-Policy", content_policy)
    handler.set_header("X-Content-Type-Options", "nosniff")
    handler.set_header("Referrer-Policy", "same-origin")
    handler.set_header("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    handler.clear_header("Server")
    if handler.request.protocol == "https":
        handler.set_header("Strict-Transport-Security", f"max-age={YEAR_SECONDS}")
    site = handler.settings.get("site")  # None where another application uses the chat's router
    if site is not None and site.is_stopping:
        handler.set_header("Connection", "close")  # or Nginx would send more requests to this process


def page_policy(request: tornado.httputil.HTTPServerRequest, *scripts: str) -> str:
    """Return the Content-Security-Policy of a page that loads scripts from these paths of the site.

    Not from all paths: the content of a JSONP script (/chat/) depends on its address, so an injected address of it
    could run code.
    """
    return (
        f"default-src 'none'; script-src {script_sources(request, *scripts)}; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def script_sources(request: tornado.httputil.HTTPServerRequest, *places: str) -> str:
    """Return the source list of these paths; the whole site where a policy cannot name the host."""
    if len(request.host) > MAX_HOST_CHARS:
        return "'self'"
    return _named_sources(request.protocol, request.host, places)


@functools.lru_cache(maxsize=64)  # a site has few names
def _named_sources(protocol: str, host: str, places: tuple[str, ...]) -> str:
    if not NAMED_HOST.fullmatch(host):
        return "'self'"
    return " ".join(f"{protocol}://{host}{place}" for place in places)


def supported_methods(handler: tornado.web.RequestHandler) -> list[str]:
    """Return the methods among GET, HEAD and POST that a handler implements."""
    plain = tornado.web.RequestHandler
    names = ("GET", "HEAD", "POST")
    return [name for name in names if getattr(type(handler), name.lower()) is not getattr(plain, name.lower())]


def is_same_origin(request: tornado.httputil.HTTPServerRequest) -> bool:
    """Tell whether a request comes from a page of this site, or from no page at all.

    The comparison is exact (RFC 6454): a page at this host without HTTPS is another site, too, since it could have
    been changed on its way through the network.
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
    """Tell whether a request has a header that states its origin.

    Over plain HTTP a page can omit it (`referrerpolicy`), so that a missing header proves nothing.
    """
    return any(name in request.headers for name in ("Sec-Fetch-Site", "Origin", "Referer"))


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Return the scheme, host and port of `url`, equal for all spellings of an origin (RFC 6454, 4); else None.

    A dot at the end of a host stays, since browsers treat it as another host.
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
