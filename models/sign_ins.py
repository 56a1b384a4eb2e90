"""Counted sign-ins: a right password is no failure, but nobody signs in without end. By account and by address."""

from __future__ import annotations

from models import failures
from models.database import writing
from models.errors import TooManySignIns

# Within the window of models/failures.py, for all processes.
MAX_OF_ONE = 100  # by one account: a class that shares it is in at once
MAX_OF_ADDRESS = 300  # a school behind one router; to hash for them takes some 10 s


def check(*keys: str) -> None:
    """Raise TooManySignIns if one of `keys` must wait."""
    with failures.told_as(TooManySignIns):
        for key in keys:
            failures.check(_right(key), most=_most(key))


def count(*keys: str) -> None:
    """Count one sign-in for each of `keys`. Raise TooManySignIns, and count nothing, if it is one too many."""
    with writing(), failures.told_as(TooManySignIns):
        for key in keys:
            failures.count(_right(key), most=_most(key))


def _right(key: str) -> str:
    """Return what is counted apart from the failures of `key`."""
    return f"right {key}"


def _most(key: str) -> int:
    return MAX_OF_ADDRESS if key.startswith("address ") else MAX_OF_ONE
