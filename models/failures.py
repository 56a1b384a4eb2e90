"""Counted failures: how often a password was wrong, by account and address, for all processes and across restarts.

The accounts that were made by one invitation and right passwords are counted in the same way.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import time
from collections.abc import Iterator

import peewee

from models.database import writing
from models.errors import TooManyFailures, TryLater
from models.models import Failure
from models.names import fold

MOST = 10  # failures within WINDOW; then a key is refused
WINDOW = 180.0  # seconds


def account_key(username: str) -> str:
    """Return what failures of this name are counted for, whether somebody has it or not.

    It is hashed, since now and then somebody types a password where the name belongs.
    """
    return f"account {hashlib.sha256(fold(username).encode()).hexdigest()}"


def address_key(address: str) -> str:
    """Return what failures from this IP address are counted for; who has one of IPv6 has its whole /64."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # no network at all, or what a proxy calls an address
        return f"address {address}"
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return f"address {ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False)}"


def check(*keys: str, most: int = MOST) -> None:
    """Raise TooManyFailures if one of `keys` must wait; asking does not make the wait longer."""
    now = time.time()
    wait = max(_wait(key, now, most) for key in keys)
    if wait > 0:
        raise TooManyFailures(wait)


def count(*keys: str, most: int = MOST) -> list[int]:
    """Count one failure for each of `keys`, and return their ids.

    Raise TooManyFailures, and count nothing, if it is one too many.
    """
    with writing():
        check(*keys, most=most)
        now = time.time()
        Failure.delete().where(~_is_near(now)).execute()
        return [Failure.create(key=key, at=now).id for key in keys]


def take_back(ids: list[int]) -> None:
    """Forget what was counted before it was known to be right."""
    with writing():
        Failure.delete().where(Failure.id << ids).execute()


@contextlib.contextmanager
def told_as(refusal: type[TryLater]) -> Iterator[None]:
    """Say by this refusal of what there were too many, where it was no failure that was counted."""
    try:
        yield
    except TooManyFailures as error:
        raise refusal(error.retry_after) from error


def _wait(key: str, now: float, most: int) -> float:
    """Return the seconds after which fewer than `most` failures of `key` lie within WINDOW; nothing if it is so now."""
    newest = Failure.select(Failure.at).where(Failure.key == key, _is_near(now)).order_by(Failure.at.desc())
    row = newest.offset(most - 1).first()
    return row.at + WINDOW - now if row else 0.0


def _is_near(now: float) -> peewee.Expression:
    """Tell which failures count. Those far in the future do not: when the clock is set back nobody waits for hours."""
    near: peewee.Expression = Failure.at.between(now - WINDOW, now + WINDOW)
    return near
