"""Authentication: a request's session or token, or a name and a password, and how often these may be tried."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import tornado.web
from tornado.httputil import HTTPServerRequest

from controllers.web.cookies import SESSION_COOKIE, read_signed_cookie, signed_name, signed_value
from controllers.web.hashing_queue import ClientDisconnected, Disconnected, HashingQueue
from controllers.web.query_cache import QueryCache
from controllers.web.token_uses import TokenUses
from models import accounts, failures, passwords, sessions, sign_ins, tokens
from models.errors.accounts import Busy, WrongPassword
from models.errors.tokens import UnknownToken
from models.members import Member, find_member
from models.passwords import PasswordHash
from models.sessions import SignIn
from models.stores import Stores
from models.tokens import TokenSignIn

BEARER = "Bearer "  # RFC 6750, 2.1; the name of a scheme is the same in upper and lower case


@dataclass(frozen=True, slots=True)
class VerifiedMember:
    """A member whose password was right, its stored hash, and whether it has to be hashed anew."""

    member: Member
    stored: PasswordHash
    is_outdated: bool


@dataclass(frozen=True, slots=True)
class AttemptKeys:
    """The keys under which a wrong password (models/failures.py) and a right one (models/sign_ins.py) are counted."""

    wrong: Sequence[str]
    right: Sequence[str]


class Authenticator:
    """Verifies passwords, one at a time in this process; each attempt is counted before its password is verified."""

    def __init__(self, stores: Stores, hashing_queue: HashingQueue, query_cache: QueryCache) -> None:
        self._read = stores.read
        self._write = stores.write
        self._hashing_queue = hashing_queue
        self._query_cache = query_cache
        self.token_uses = TokenUses(stores)

    async def find_sign_in(self, handler: tornado.web.RequestHandler) -> SignIn | None:
        """Return the sign-in of a request; None if its cookie is missing, old, foreign, forged or truncated."""
        token = self._token(handler)
        return await self._query_cache.get_fresh(sessions.find_sign_in, token) if token else None

    async def find_removed(self, handler: tornado.web.RequestHandler) -> str:
        """Return the name of a visitor who was a member and was removed from the site; "" for any other visitor.

        To be asked after `find_sign_in`.
        """
        token = self._token(handler)
        return await self._query_cache.get(sessions.removed_owner, token) if token else ""

    def _token(self, handler: tornado.web.RequestHandler) -> str:
        signed = signed_name(handler, SESSION_COOKIE), signed_value(handler, SESSION_COOKIE)
        return self._query_cache.get_token(
            signed, lambda: read_signed_cookie(handler, SESSION_COOKIE, sessions.SESSION_DAYS)
        )

    async def find_token(self, request: HTTPServerRequest) -> TokenSignIn | None:
        """Return the sign-in of a request's token; None if there is none, or it is unknown or has ended."""
        credentials = request.headers.get("Authorization", "")
        if len(credentials) != len(BEARER) + tokens.TOKEN_CHARS or not credentials.lower().startswith(BEARER.lower()):
            return None
        try:
            found = await self._query_cache.get_fresh(tokens.find_token, credentials[len(BEARER) :])
        except UnknownToken:  # which is not cached: anybody can make up as many as they like
            return None
        if found.is_over:
            return None
        self.token_uses.note(found.token_id)
        return found

    async def verify(
        self, username: str, password: str, disconnected: Disconnected, keys: AttemptKeys
    ) -> VerifiedMember:
        """Return the member with this name and password, who is no bot.

        Raise WrongPassword in every other case, and never tell which. Raise TooManyFailures, TooManySignIns, Busy,
        ClientDisconnected. A right password stays counted, too: otherwise its owner could occupy the hashing queue and
        fill the table of sessions.
        """
        if disconnected.done():
            raise ClientDisconnected()
        await self._read(sign_ins.check, *keys.right)
        await self._read(failures.check, *keys.wrong)
        found: tuple[Member, PasswordHash] | None = await self._read(find_member, username)
        async with self._hashing_queue.turn(keys.wrong[0], disconnected):
            counted = await self._write(failures.count, *keys.wrong)
            stored = found[1] if found and not found[0].is_bot else None
            spelling = await self._hashing_queue.run(passwords.matching, stored, password)
            if found and spelling is not None:
                await self._write(failures.uncount, counted)
                await self._write(sign_ins.count, *keys.right)
                is_outdated = passwords.is_outdated(found[1]) or spelling != passwords.normalized(password)
                return VerifiedMember(*found, is_outdated)
        raise WrongPassword()

    async def rehash_if_outdated(self, verified: VerifiedMember, password: str, disconnected: Disconnected) -> None:
        """Replace a hash that was made with older parameters; left for a later sign-in if the queue is full."""
        if not verified.is_outdated:
            return
        account = failures.account_key(verified.member.username)
        with contextlib.suppress(Busy, ClientDisconnected):
            async with self._hashing_queue.turn(account, disconnected):
                fresh = await self._hashing_queue.run(passwords.hash_password, password)
            await self._write(accounts.rehash_password, verified.member.id, verified.stored, fresh)
