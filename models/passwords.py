"""Password hashes: Argon2id with the parameters that OWASP's password storage cheat sheet recommends."""

from __future__ import annotations

import base64
import secrets
import unicodedata

import argon2

from models.errors.accounts import BadPassword

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 1000  # nothing is cut off
MAX_TYPED_CHARS = 2 * MAX_PASSWORD_CHARS  # before normalization: some keyboards send a letter and its accent as two

_hasher = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class PasswordHash(str):
    """A finished Argon2id hash in its standard text form, as opposed to a password."""


def hash_password(password: str) -> PasswordHash:
    """Return the hash of `password`. Takes about 20 ms, so it is called in a thread."""
    return PasswordHash(_hasher.hash(normalized(password)))


def normalized(password: str) -> str:
    """Return `password` as it is hashed: in NFC, since keyboards spell the same letter in two ways.

    NIST SP 800-63B-4, 3.1.1.2, of 2025; earlier editions asked for NFKC. What is too long is returned unchanged.
    """
    return unicodedata.normalize("NFC", password) if len(password) <= MAX_TYPED_CHARS else password


def _dummy_hash() -> PasswordHash:
    """Return a random hash that belongs to no password and takes as long to verify as a real one."""
    salt, digest = (base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=") for size in (16, 32))
    costs = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return PasswordHash(f"$argon2id$v=19${costs}${salt}${digest}")


DUMMY_HASH = _dummy_hash()  # verified when there is no such user, so that both cases take equally long
NOBODYS = DUMMY_HASH  # the name by which migration 0003 imports it; migrations do not change


def verify(stored: str | None, password: str) -> bool:
    """Return whether `stored` is a hash of `password`. None (no such user) takes equally long."""
    return matching(stored, password) is not None


def matching(stored: str | None, password: str) -> str | None:
    """Return the spelling of `password` that `stored` is a hash of, or None.

    That is the normalized one or, for hashes from before it was normalized, the one that was typed. Both are always
    tried, so that the time depends on the typed text only.
    """
    if len(password) > MAX_TYPED_CHARS:
        return None
    spellings = dict.fromkeys((normalized(password), password))
    right = [spelling for spelling in spellings if _is_hash_of(stored or DUMMY_HASH, spelling)]
    return right[0] if right and stored is not None else None


def _is_hash_of(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


def is_outdated(stored: str) -> bool:
    """Return whether `stored` was made with weaker parameters than today's. Stronger ones are kept."""
    found = argon2.extract_parameters(stored)
    return found.memory_cost < _hasher.memory_cost or found.time_cost < _hasher.time_cost


def check_password_length(password: str) -> None:
    """Raise BadPassword unless the length of `password` is allowed."""
    if not MIN_PASSWORD_CHARS <= len(normalized(password)) <= MAX_PASSWORD_CHARS:
        raise BadPassword()
