"""Who asks the API, with what, and what every call may use."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from controllers.base import BaseHandler
from controllers.site import Site
from controllers.web.early_answer import EarlyAnswer
from controllers.web.hashing_queue import Disconnected
from controllers.web.rate_limit import Payer
from models.errors.requests import NotByToken
from models.logs.base import Draft, Entry
from models.members import Member
from models.rooms import RoomInfo, room_of
from models.sessions import SignIn
from models.tokens import TokenSignIn


@dataclass(frozen=True, slots=True)
class Call:
    """One request of a member, by a session or by a token."""

    site: Site
    asker: SignIn | TokenSignIn
    handler: BaseHandler

    @property
    def early(self) -> EarlyAnswer:
        """The way to answer before the request is finished."""
        return EarlyAnswer(self.handler)

    @property
    def disconnected(self) -> Disconnected:
        """A future that is done once the client has hung up."""
        return self.handler.disconnected

    @property
    def member(self) -> Member:
        """The member who asks."""
        return self.asker.member

    @property
    def payer(self) -> Payer:
        """Whose rate limit it counts for: each token has one of its own."""
        return payer_of(self.asker)

    def pay(self) -> None:
        """Count a change for the rate limit. Raise SlowDown."""
        self.site.rate_limiter.take(self.payer)

    async def room(self, address: str) -> RoomInfo:
        """Return the member's room that has or had this address. Raise UnknownRoom."""
        return await self.site.query_cache.get(room_of, self.member.id, address)

    async def append(
        self, room: RoomInfo, kind: str, body: str, nonce: str | None, target: int | None = None
    ) -> tuple[Entry, bool]:
        """Append an entry; return it, and whether it is new: the same nonce twice is one entry. Raise Refusal."""
        is_asked = nonce is not None
        draft = Draft(room.slug, self.member.id, body, nonce or secrets.token_hex(16), kind, target)
        draft = self.site.check_draft(draft, self.payer)
        head = await self.site.hub.head(room.slug) if is_asked else 0
        entry = await self.site.append(draft)
        return entry, entry.seq > head


def payer_of(asker: SignIn | TokenSignIn) -> Payer:
    """Return whose rate limit the requests of a sign-in count for."""
    return ("token", asker.token_id) if isinstance(asker, TokenSignIn) else asker.member.id


def require_session(call: Call) -> SignIn:
    """Return the session of a call. Raise NotByToken."""
    if isinstance(call.asker, TokenSignIn):
        raise NotByToken()
    return call.asker
