"""The cookies: their names, their attributes, and the keys that sign them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import tornado.web
from tornado.httputil import HTTPServerRequest, parse_cookie

HOST_PREFIX = "__Host-"
MARK_CHARS = 8
MAX_COOKIE_AGE_DAYS = 10_000  # older than any cookie of this site
SESSION_COOKIE = "session"  # the token of a sign-in
DEVICE_COOKIE = "device"  # the account that was used on this device before
LAST_ROOM_COOKIE = "room"  # the room in which the member was last, on this device
DEVICE_COOKIE_DAYS = 365
MIN_SECRET_CHARS = 32

# Refused as secrets, since everybody can read them in the tutorial and in Tornado's documentation.
EXAMPLE_SECRETS = ("__TODO:_GENERATE_YOUR_OWN_RANDOM_VALUE_HERE__", "1d7e5627ed07425aa0d8829628c6a284")


class CookieHandler(tornado.web.RequestHandler):
    """A handler whose cookies, the `_xsrf` one too, have names of this site, and stay with its host and HTTPS."""

    def set_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """Set a cookie; over HTTPS it is Secure."""
        kwargs.setdefault("secure", self.request.protocol == "https")
        super().set_cookie(cookie_name(self, name), value, *args, **kwargs)

    def get_cookie(self, name: str, default: Any = None) -> Any:
        return cookies_of(self.request).get(cookie_name(self, name), default)

    def set_own_cookie(self, name: str, value: str | bytes, days: float) -> None:
        """Set a cookie that no script reads."""
        self.set_cookie(name, value, expires_days=days, httponly=True, samesite="Lax")

    def sign_cookie(self, name: str, value: str, days: float) -> None:
        """Set a signed cookie, in place of the one that an earlier version of this site has set."""
        self.set_own_cookie(name, self.create_signed_value(signed_name(self, name), value), days)
        self.clear_unmarked(name)

    def clear_own_cookie(self, name: str) -> None:
        """Clear a cookie that no script reads."""
        self.clear_cookie(name, httponly=True, samesite="Lax")

    def clear_unmarked(self, name: str) -> None:
        """Clear a cookie that an earlier version of this site has set, but not another program's of that name."""
        if was_signed_here(self, old := signed_name(self, name)):
            secure = self.request.protocol == "https"
            super().set_cookie(old, "", expires_days=-1, httponly=True, samesite="Lax", secure=secure)


def cookie_name(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return the name that a cookie of this site has in the browser.

    Browsers send the cookies of a host to all its ports: the mark tells this site's cookies from those of another
    program. Over HTTPS the prefix ties a cookie to this very host (RFC 6265bis, 4.1.3.2).
    """
    return signed_name(handler, f"{name}_{handler.settings['cookie_mark']}")


def signed_name(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return the name for which a cookie's value is signed: one set over plain HTTP is not valid over HTTPS."""
    return f"{HOST_PREFIX}{name}" if handler.request.protocol == "https" else name


def cookies_of(request: HTTPServerRequest) -> Mapping[str, str]:
    """Return the cookies of a request by their names in the browser."""
    return _parsed(request.headers.get("Cookie", ""))


# A browser sends the same cookies again and again; 4 MB, if all are as long as they may be.
_parsed = functools.lru_cache(maxsize=128)(parse_cookie)


def signed_value(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return the value of a signed cookie as it came, also of one without a mark, which an earlier version has set."""
    cookies = cookies_of(handler.request)
    for browser_name in (cookie_name(handler, name), signed_name(handler, name)):
        if browser_name in cookies:
            return cookies[browser_name]
    return ""


def was_signed_here(handler: tornado.web.RequestHandler, browser_name: str) -> bool:
    """Tell whether the request has a cookie of this name in the browser that this site signed, at any time."""
    value = cookies_of(handler.request).get(browser_name)
    return bool(
        value and handler.get_signed_cookie(browser_name, value, max_age_days=MAX_COOKIE_AGE_DAYS, min_version=2)
    )


def read_signed_cookie(handler: tornado.web.RequestHandler, name: str, days: float) -> str:
    """Return the content of a cookie that this site signed at most `days` ago; else "".

    Version 1 of the signature has no key numbers, and Tornado raises an error when it reads one.
    """
    signed = signed_value(handler, name)
    value = handler.get_signed_cookie(signed_name(handler, name), signed, max_age_days=days, min_version=2)
    return value.decode("ascii", "replace") if value else ""


def cookie_mark(site_id: str) -> str:
    """Return the end of the names of this site's cookies."""
    return hashlib.sha256(site_id.encode()).hexdigest()[:MARK_CHARS]


def split_secrets(secrets: str) -> list[str]:
    """Return the secrets in `secrets`, which are separated by commas."""
    return [secret.strip() for secret in secrets.split(",")]


def signing_keys(secrets: str) -> dict[str, Any]:
    """Return Tornado's settings for the secrets in `secrets`: the first signs, all verify.

    Tornado finds the key by a number in the cookie. The number is made from the secret, so that it stays the same when
    another secret is put in front. 0 is the number in cookies of the version that had one secret.
    """
    given = split_secrets(secrets)
    keys = {_key_version(secret): secret for secret in given}
    return {"cookie_secret": {0: given[-1], **keys}, "key_version": _key_version(given[0])}


def _key_version(secret: str) -> int:
    return int.from_bytes(hashlib.sha256(secret.encode()).digest()[:4], "big")


def are_good_secrets(secrets: str) -> bool:
    """Tell whether all secrets are long enough and none is published."""
    return all(len(secret) >= MIN_SECRET_CHARS and secret not in EXAMPLE_SECRETS for secret in split_secrets(secrets))
