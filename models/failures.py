"""Rate limits that all processes share and that survive restarts: wrong passwords by account and by address.

Accounts made with an invitation, and successful sign-ins (sign_ins.py), are counted in the same way.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import time
from collections.abc import Iterator

import peewee

from models.database import writing
from models.errors.accounts import TooManyFailures
from models.errors.base import TryLater
from models.models import Failure
from models.names import fold

MAX_FAILURES = 10  # of one key in WINDOW_SECONDS
WINDOW_SECONDS = 180.0


def account_key(username: str) -> str:
    """Return the key under which failures of this username are counted, whether there is such a user or not.

    It is hashed, since people sometimes type their password into the field for the name.
    """
    return f"account {hashlib.sha256(fold(username).encode()).hexdigest()}"


def address_key(address: str) -> str:
    """Return the key for failures from this IP address. Of IPv6 it is the /64, all of which one client may use."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a socket without an address, or whatever a proxy has sent
        return f"address {address}"
    if ip.version == 6 and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return f"address {ip if ip.version == 4 else ipaddress.ip_network((ip, 64), strict=False)}"


def check(*keys: str, limit: int = MAX_FAILURES) -> None:
    """Raise TooManyFailures if one of `keys` has reached the limit; this counts nothing."""
    now = time.time()
    wait = max(_wait_seconds(key, now, limit) for key in keys)
    if wait > 0:
        raise TooManyFailures(wait)


def count(*keys: str, limit: int = MAX_FAILURES) -> list[int]:
    """Count one failure for each of `keys` and return their row ids.

    Raise TooManyFailures, and count nothing, if one of them has reached the limit.
    """
    with writing():
        check(*keys, limit=limit)
        now = time.time()
        Failure.delete().where(~_in_window(now)).execute()
        return [Failure.create(key=key, at=now).id for key in keys]


def uncount(ids: list[int]) -> None:
    """Delete the failures with these row ids: the password was counted as wrong in advance, and was right."""
    with writing():
        Failure.delete().where(Failure.id << ids).execute()


@contextlib.contextmanager
def raised_as(refusal: type[TryLater]) -> Iterator[None]:
    """Raise `refusal` instead of TooManyFailures, for what is counted but is no failure."""
    try:
        yield
    except TooManyFailures as error:
        raise refusal(error.retry_after) from error


def _wait_seconds(key: str, now: float, limit: int) -> float:
    """Return after how many seconds `key` will be below the limit again; 0 if it is."""
    newest = Failure.select(Failure.at).where(Failure.key == key, _in_window(now)).order_by(Failure.at.desc())
    row = newest.offset(limit - 1).first()
    return row.at + WINDOW_SECONDS - now if row else 0.0


def _in_window(now: float) -> peewee.Expression:
    """Return the condition for failures that count. When the clock is set back, those of the future soon do not."""
    condition: peewee.Expression = Failure.at.between(now - WINDOW_SECONDS, now + WINDOW_SECONDS)
    return condition
