"""What the site stores about itself, such as its secrets. Plain functions for the database's threads."""

from __future__ import annotations

import hmac
import secrets
import time

from models import read_only
from models.database import writing
from models.models import Setting, User


def check_health() -> str:
    """Write a row, which fails on a full disk. Return "ok", or "read-only" while the site is moved."""
    with writing():
        checked = Setting.insert(name="checked_at", value=str(time.time()))
        checked.on_conflict(conflict_target=[Setting.name], preserve=[Setting.value]).execute()
    return "read-only" if read_only.is_on() else "ok"


def cookie_secret() -> str:
    """Return the secret that signs cookies, which the first process that asks makes."""
    return _get_or_make("cookie_secret")


def site_id() -> str:
    """Return the random id of this site, which never changes; the first process that asks makes it."""
    return _get_or_make("site_id")


def is_set_up() -> bool:
    """Return whether there is a user."""
    return bool(User.select().exists())


def setup_token() -> str | None:
    """Return the token of the set-up page, the same for all processes, or None once there is a user."""
    return None if is_set_up() else _get_or_make("setup_token")


def can_set_up(token: str) -> bool:
    """Return whether `token` opens the set-up page."""
    expected = setup_token()
    return expected is not None and hmac.compare_digest(expected.encode(), token.encode())


def forget_setup_token() -> None:
    """Delete the token of the set-up page once it was used."""
    Setting.delete().where(Setting.name == "setup_token").execute()


def _get_or_make(name: str) -> str:
    """Return the setting of this name; 256 random bits if there was none."""
    row = Setting.get_or_none(name=name)
    if row is None:
        with writing():
            row, _ = Setting.get_or_create(name=name, defaults={"value": secrets.token_urlsafe(32)})
    value: str = row.value
    return value
