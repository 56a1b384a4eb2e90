"""Password hashes: Argon2id with the parameters that OWASP's password storage cheat sheet asks for."""

from __future__ import annotations

import base64
import secrets
import unicodedata

import argon2

from models.errors import BadPassword

SHORTEST = 8  # characters
LONGEST = 1000  # characters; nothing is cut off
MAX_TYPED_CHARS = 2 * LONGEST  # as it is typed: some keyboards send a letter and its mark as two

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class PasswordHash(str):
    """A finished Argon2id hash in its standard text form, as opposed to a password."""


def hash_password(password: str) -> PasswordHash:
    """Return the hash of `password`; takes some 20 ms, so the event loop leaves it to a thread."""
    return PasswordHash(_hasher.hash(normalized(password)))


def normalized(password: str) -> str:
    """Return `password` as it is hashed: NFC, since keyboards spell the same letters in two ways.

    NIST SP 800-63B-4, 3.1.1.2, of 2025; the editions before it wanted NFKC. What is too long stays as it is.
    """
    return unicodedata.normalize("NFC", password) if len(password) <= MAX_TYPED_CHARS else password


def _nobodys() -> PasswordHash:
    """Return what looks like the hash of a password, and takes as long to refuse, but is chance."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return PasswordHash(f"$argon2id$v=19${costs}${salt}${digest}")


NOBODYS = _nobodys()  # is asked where there is no member


def verify(stored: str | None, password: str) -> bool:
    """Tell whether `password` is the one behind `stored`; None (no such member) takes as long to refuse."""
    return matching(stored, password) is not None


def matching(stored: str | None, password: str) -> str | None:
    """Return the spelling of `password` that is behind `stored`: normalized, or as typed for an older hash; or None.

    How long it takes depends on what was typed only: every spelling is tried, also after one that is right.
    """
    if len(password) > MAX_TYPED_CHARS:
        return None
    spellings = dict.fromkeys((normalized(password), password))
    right = [spelling for spelling in spellings if _is_behind(stored or NOBODYS, spelling)]
    return right[0] if right and stored is not None else None


def _is_behind(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Tell whether `stored` was made with weaker parameters than today's; stronger ones are left alone."""
    found = argon2.extract_parameters(stored)
    return found.memory_cost < _hasher.memory_cost or found.time_cost < _hasher.time_cost


def check_password_length(password: str) -> None:
    """Raise BadPassword unless a member may choose `password`."""
    if len(password) > MAX_TYPED_CHARS or not SHORTEST <= len(normalized(password)) <= LONGEST:
        raise BadPassword()
