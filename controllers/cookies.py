"""The cookies: what they are called, and the keys that sign them."""

from __future__ import annotations

import hashlib
from typing import Any

import tornado.web

HOST = "__Host-"
LAST_ROOM = "room"  # holds the room in which its member was last, on this device
SHORTEST_SECRET = 32  # characters

# Refused as secrets: they stand in the tutorial and in Tornado's documentation, so everybody knows them.
EXAMPLES = ("__TODO:_GENERATE_YOUR_OWN_RANDOM_VALUE_HERE__", "1d7e5627ed07425aa0d8829628c6a284")


def cookie_name(handler: tornado.web.RequestHandler, name: str) -> str:
    """Return a cookie's name; over HTTPS the prefix ties it to this very host (RFC 6265bis, 4.1.3.2)."""
    return f"{HOST}{name}" if handler.request.protocol == "https" and not name.startswith(HOST) else name


def session_cookie(handler: tornado.web.RequestHandler) -> str:
    """Return the name of the cookie that says who is signed in."""
    return cookie_name(handler, "session")


def device_cookie(handler: tornado.web.RequestHandler) -> str:
    """Return the name of the cookie that says whose account was used on this device before."""
    return cookie_name(handler, "device")


def signed_cookie(handler: tornado.web.RequestHandler, name: str, days: float) -> str:
    """Return the value of a cookie that this site signed at most `days` ago; else nothing.

    Version 1 of the signature knows no keys by number, and Tornado stops at one with an error.
    """
    value = handler.get_signed_cookie(name, max_age_days=days, min_version=2)
    return value.decode("ascii", "replace") if value else ""


def parted(secrets: str) -> list[str]:
    """Return the secrets in `secrets`, which commas part."""
    return [secret.strip() for secret in secrets.split(",")]


def signing_keys(secrets: str) -> dict[str, Any]:
    """Return Tornado's settings for the secrets in `secrets`: the first signs, all are good.

    Tornado finds the key by a number in the cookie. It is made from the secret, so that it stays the same when
    another secret is put in front. 0 is what cookies had before there were several.
    """
    given = parted(secrets)
    keys = {_key_version(secret): secret for secret in given}
    return {"cookie_secret": {0: given[-1], **keys}, "key_version": _key_version(given[0])}


def _key_version(secret: str) -> int:
    return int.from_bytes(hashlib.sha256(secret.encode()).digest()[:4], "big")


def are_good_secrets(secrets: str) -> bool:
    """Tell whether nobody can guess one of the secrets, as far as their looks tell."""
    return all(len(secret) >= SHORTEST_SECRET and secret not in EXAMPLES for secret in parted(secrets))
