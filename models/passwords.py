"""Password hashes: Argon2id with the parameters that OWASP's password storage cheat sheet asks for."""

from __future__ import annotations

import base64
import secrets

import argon2

from models.errors import BadPassword

SHORTEST = 8  # characters
LONGEST = 1000  # characters; nothing is cut off

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class PasswordHash(str):
    """A finished Argon2id hash in its standard text form, as opposed to a password."""


def hash_password(password: str) -> PasswordHash:
    """Return the hash of `password`; takes some 20 ms, so the event loop leaves it to a thread."""
    return PasswordHash(_hasher.hash(password))


def _nobodys() -> PasswordHash:
    """Return what looks like the hash of a password, and takes as long to refuse, but is chance."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return PasswordHash(f"$argon2id$v=19${costs}${salt}${digest}")


NOBODYS = _nobodys()  # is asked where there is no member


def verify(stored: str | None, password: str) -> bool:
    """Tell whether `password` is the one behind `stored`; None (no such member) takes as long to refuse."""
    try:
        right = _hasher.verify(stored or NOBODYS, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
    return right and stored is not None


def is_outdated(stored: str) -> bool:
    """Tell whether `stored` was made with weaker parameters than today's; stronger ones are left alone."""
    found = argon2.extract_parameters(stored)
    return found.memory_cost < _hasher.memory_cost or found.time_cost < _hasher.time_cost


def check_password_length(password: str) -> None:
    """Raise BadPassword unless a member may choose `password`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise BadPassword()
