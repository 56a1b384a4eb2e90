"""The cookies: what they are called, and the keys that sign them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from typing import Any

import tornado.web
from tornado.httputil import HTTPServerRequest, parse_cookie

HOST_PREFIX = "__Host-"
MARK_CHARS = 8
MAX_AGE_DAYS = 10_000  # older than any cookie of this site
SESSION_COOKIE = "session"  # says who is signed in
DEVICE_COOKIE = "device"  # says whose account was used on this device before
LAST_ROOM_COOKIE = "room"  # holds the room in which its member was last, on this device
MIN_SECRET_CHARS = 32  # characters

# Refused as secrets: they stand in the tutorial and in Tornado's documentation, so everybody knows them.
EXAMPLE_SECRETS = ("__TODO:_GENERATE_YOUR_OWN_RANDOM_VALUE_HERE__", "1d7e5627ed07425aa0d8829628c6a284")


def cookie_name(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return what a cookie of this site is called in the browser.

    Browsers keep the cookies of all ports of a host together: the mark tells those of this site from another's. Over
    HTTPS the prefix ties it to this very host (RFC 6265bis, 4.1.3.2).
    """
    return signed_name(handler, f"{name}_{handler.settings['cookie_mark']}")


def signed_name(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return the name for which a cookie's value is signed: one of plain HTTP means nothing over HTTPS."""
    return f"{HOST_PREFIX}{name}" if handler.request.protocol == "https" else name


def cookies_of(request: HTTPServerRequest) -> Mapping[str, str]:
    """Return the cookies of a request by their names in the browser."""
    return _parsed(request.headers.get("Cookie", ""))


# A browser sends the same ones again and again; 4 MB, if all are as long as they may be.
_parsed = functools.lru_cache(maxsize=128)(parse_cookie)


def signed_value(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return the value of a signed cookie as it came; of one that an earlier version set, which knew no marks, else."""
    cookies = cookies_of(handler.request)
    for called in (cookie_name(handler, name), signed_name(handler, name)):
        if called in cookies:
            return cookies[called]
    return ""


def was_signed_here(handler: tornado.web.RequestHandler, called: str) -> bool:
    """Tell whether a cookie came that is called so, and that this site signed, whenever that was."""
    came = cookies_of(handler.request).get(called)
    return bool(came and handler.get_signed_cookie(called, came, max_age_days=MAX_AGE_DAYS, min_version=2))


def read_signed_cookie(handler: tornado.web.RequestHandler, name: str, days: float) -> str:
    """Return what is in a cookie that this site signed at most `days` ago; else nothing.

    Version 1 of the signature knows no keys by number, and Tornado stops at one with an error.
    """
    signed = signed_value(handler, name)
    value = handler.get_signed_cookie(signed_name(handler, name), signed, max_age_days=days, min_version=2)
    return value.decode("ascii", "replace") if value else ""


def cookie_mark(site_id: str) -> str:
    """Return what the names of this site's cookies end with."""
    return hashlib.sha256(site_id.encode()).hexdigest()[:MARK_CHARS]


def split_secrets(secrets: str) -> list[str]:
    """Return the secrets in `secrets`, which commas part."""
    return [secret.strip() for secret in secrets.split(",")]


def signing_keys(secrets: str) -> dict[str, Any]:
    """Return Tornado's settings for the secrets in `secrets`: the first signs, all are good.

    Tornado finds the key by a number in the cookie. It is made from the secret, so that it stays the same when
    another secret is put in front. 0 is what cookies had before there were several.
    """
    given = split_secrets(secrets)
    keys = {_key_version(secret): secret for secret in given}
    return {"cookie_secret": {0: given[-1], **keys}, "key_version": _key_version(given[0])}


def _key_version(secret: str) -> int:
    return int.from_bytes(hashlib.sha256(secret.encode()).digest()[:4], "big")


def are_good_secrets(secrets: str) -> bool:
    """Tell whether nobody can guess one of the secrets, as far as their looks tell."""
    return all(len(secret) >= MIN_SECRET_CHARS and secret not in EXAMPLE_SECRETS for secret in split_secrets(secrets))
