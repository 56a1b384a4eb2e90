"""A rate limit for successful sign-ins, by account and by address."""

from __future__ import annotations

from models import failures
from models.database import writing
from models.errors.accounts import TooManySignIns

# In failures.WINDOW_SECONDS, at all processes.
MAX_PER_ACCOUNT = 100  # a class that shares an account signs in at once
MAX_PER_ADDRESS = 300  # a school behind one router; hashing its passwords takes about 10 s


def check(*keys: str) -> None:
    """Raise TooManySignIns if one of `keys` has reached its limit."""
    with failures.raised_as(TooManySignIns):
        for key in keys:
            failures.check(_sign_in_key(key), limit=_limit(key))


def count(*keys: str) -> None:
    """Count one sign-in for each of `keys`. Raise TooManySignIns, and count nothing, if one has reached its limit."""
    with writing(), failures.raised_as(TooManySignIns):
        for key in keys:
            failures.count(_sign_in_key(key), limit=_limit(key))


def _sign_in_key(key: str) -> str:
    """Return the key under which sign-ins are counted, apart from the failures of `key`."""
    return f"right {key}"


def _limit(key: str) -> int:
    return MAX_PER_ADDRESS if key.startswith("address ") else MAX_PER_ACCOUNT
