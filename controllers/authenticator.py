"""Whether a name and a password go together, and how often one may try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from models import accounts, failures, passwords
from models.accounts import Member
from models.errors import WrongPassword
from models.passwords import PasswordHash

Work = Callable[..., Awaitable[Any]]  # runs a verb in a thread of its own


class Authenticator:
    """Checks passwords, one at a time in this process, so that as many as arrive at once are counted one by one."""

    def __init__(self, read: Work, write: Work, hash: Work) -> None:
        self._read = read
        self._write = write
        self._hash = hash
        self._turn = asyncio.Lock()

    async def find(self, username: str, password: str, *keys: str) -> tuple[Member, PasswordHash]:
        """Return whom this name and password belong to, and the hash.

        Raise WrongPassword in every other case, one like the other, and count it for `keys` (models/failures.py).
        Raise TooManyFailures.
        """
        async with self._turn:
            found: tuple[Member, PasswordHash] | None = await self._read(accounts.find_member, username)
            await self._read(failures.check, *keys)
            stored = found[1] if found else None
            is_right = await self._hash(passwords.verify, stored, password)
            if found and is_right:
                return found
            await self._write(failures.count, *keys)
        raise WrongPassword()

    async def strengthen(self, member: Member, password: str, stored: PasswordHash) -> None:
        """Replace the hash of a password that was right, if it was made with weaker parameters than today's."""
        if passwords.is_outdated(stored):
            fresh = await self._hash(passwords.hash_password, password)
            await self._write(accounts.rehash_password, member.id, stored, fresh)
