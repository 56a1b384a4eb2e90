"""Who sent a request: the session in its cookie, or a name and a password, and how often one may try these."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tornado.web

from controllers.web.cookies import SESSION, read_signed, signed_name, signed_value
from controllers.web.hashing import Gone, Hashing, HungUp
from controllers.web.query_cache import Memory
from models import accounts, failures, passwords, sign_ins
from models.accounts import Member, SignIn
from models.errors import Busy, WrongPassword
from models.passwords import PasswordHash

Work = Callable[..., Awaitable[Any]]  # runs a verb in a thread of the database's


@dataclass(frozen=True, slots=True)
class Proven:
    """A member whose password was right, the hash of it, and whether it is to be hashed anew."""

    member: Member
    stored: PasswordHash
    is_outdated: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """What a wrong password is counted for (models/failures.py), and what a right one (models/sign_ins.py)."""

    wrong: Sequence[str]
    right: Sequence[str]


class Authenticator:
    """Checks passwords, one at a time in this process; each try is counted before its password is looked at."""

    def __init__(self, read: Work, write: Work, hashing: Hashing, memory: Memory) -> None:
        self._read = read
        self._write = write
        self._hashing = hashing
        self._memory = memory

    async def find_sign_in(self, handler: tornado.web.RequestHandler) -> SignIn | None:
        """Return who sent this request; None if its cookie is missing, old, foreign, forged or truncated."""
        signed = signed_name(handler, SESSION), signed_value(handler, SESSION)
        token = self._memory.token(signed, lambda: read_signed(handler, SESSION, accounts.SESSION_DAYS))
        return await self._memory.read(accounts.find_sign_in, token) if token else None

    async def find(self, username: str, password: str, gone: Gone, keys: Counted) -> Proven:
        """Return whom this name and password belong to.

        Raise WrongPassword in every other case, one like the other. Raise TooManyFailures, TooManySignIns, Busy,
        HungUp. A right one stays counted, too: else whoever has it could have the others wait, and fill the table.
        """
        if gone.done():
            raise HungUp()
        await self._read(sign_ins.check, *keys.right)
        await self._read(failures.check, *keys.wrong)
        found: tuple[Member, PasswordHash] | None = await self._read(accounts.find_member, username)
        async with self._hashing.turn(keys.wrong[0], gone):
            counted = await self._write(failures.count, *keys.wrong)
            stored = found[1] if found else None
            spelling = await self._hashing.work(passwords.matching, stored, password)
            if found and spelling is not None:
                await self._write(failures.take_back, counted)
                await self._write(sign_ins.count, *keys.right)
                return Proven(*found, passwords.is_outdated(found[1]) or spelling != passwords.normalized(password))
        raise WrongPassword()

    async def strengthen(self, proven: Proven, password: str, gone: Gone) -> None:
        """Replace the hash of a password that was right, if it was made otherwise than today; later, if all wait."""
        if not proven.is_outdated:
            return
        account = failures.account_key(proven.member.username)
        with contextlib.suppress(Busy, HungUp):
            async with self._hashing.turn(account, gone):
                fresh = await self._hashing.work(passwords.hash_password, password)
            await self._write(accounts.rehash_password, proven.member.id, proven.stored, fresh)
