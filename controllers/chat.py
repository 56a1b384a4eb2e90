"""The chat: what a connected client may send and how it is answered (docs/protocol.rst)."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from controllers.realtime import protocol
from controllers.realtime.frame import Frame
from controllers.realtime.protocol import BadMessage, ClientMessage
from controllers.realtime.subscriber import Subscriber
from controllers.site import Site
from controllers.sockjs.router import Connection, Router, Settings
from models.errors.base import Refusal
from models.errors.rooms import NotMember, UnknownRoom
from models.errors.stores import Failed
from models.logs.base import EDIT, POST, Draft, Entry
from models.models import LOBBY
from models.rooms import MAX_ROOMS, RoomInfo, room_of
from models.sessions import SignIn

logger = logging.getLogger(__name__)

CHARS_PER_MESSAGE = 1024  # so many in a message count as one message more for the rate limit
MESSAGES_PER_JOIN = 10  # a join counts as so many: what was missed is read and sent
MAX_APPENDING = 32  # entries of one connection, at the same time
POLLING_TRANSPORTS = ("xhr", "jsonp")
HEARTBEAT_SECONDS = 25.0  # after which a silent stream or poll gets one; proxies and home routers close soon after
TOO_MANY = (1008, "You have too many connections open")


class Session(Protocol):
    """What a chat connection uses of its SockJS session (controllers/sockjs/sessions.py)."""

    sign_in: SignIn | None
    transport_name: str

    @property
    def is_closed(self) -> bool: ...

    def try_send(self, frame: Frame, /) -> bool:
        """Send a frame now; else return False, and `on_drain` will be called."""

    def send_text(self, message: str, /) -> None:
        """Send a message now, or with the next poll."""

    def close(self, code: int, reason: str, /) -> None:
        """Close the session."""


class ChatConnection(Connection, Subscriber):
    """One chat client, over any transport: it answers the client's messages and subscribes to rooms."""

    session: Session

    def __init__(self, site: Site, session: Session) -> None:
        super().__init__(session)
        self.site = site
        self.room = LOBBY  # to which plain text is posted
        self.keys: dict[str, str] = {}  # the keys of joined rooms, by the address with which each was joined
        self.channels = set()
        self.appending = asyncio.Semaphore(MAX_APPENDING)

    # --- called by the rooms

    def send_text(self, text: str) -> None:
        self.session.send_text(text)

    def close(self, code: int, reason: str) -> None:
        self.session.close(code, reason)

    # --- called by the transport

    def on_open(self, info: object) -> None:
        assert self.session.sign_in is not None  # the router lets in signed-in members only
        self.sign_in = self.session.sign_in
        self.member = self.sign_in.member
        self.throttle = self.site.rate_limiter.throttles.of(self.member.id)
        self.try_send = self.session.try_send
        self.is_polling = self.session.transport_name in POLLING_TRANSPORTS
        if 0 < self.site.limits.connections_per_member <= self.site.hub.count_of_member(self.member.id):
            # Not at once: the transport, which is still opening the session, would answer twice.
            asyncio.get_running_loop().call_soon(self.close, *TOO_MANY)
            return
        self.site.hub.add(self)
        you = {"username": self.member.username}
        self.send_text(protocol.message("hello", version=protocol.VERSION, you=you, process=self.site.process))

    def on_drain(self) -> None:
        """Send what the client could not take before."""
        self.site.hub.drained(self)
        self.site.presence.drained(self)

    def on_close(self) -> None:
        self.site.presence.remove(self)
        for room in self.site.hub.remove(self):
            self.site.presence.leave(room, self.member)

    async def on_message(self, text: str) -> None:
        """Handle a client's message, as soon as the rate limit allows; a refusal is answered and changes nothing."""
        await self.throttle.wait(1 + len(text) / CHARS_PER_MESSAGE)
        if self.session.is_closed:
            return
        asked: Mapping[str, object] = {}
        try:
            asked = message = protocol.read(text, self.room)
            if message.get("room") in self.keys:
                message["room"] = self.keys[message["room"]]
            await MESSAGE_HANDLERS[message["type"]](self, message)
        except BadMessage as refusal:
            self.refuse(refusal, refusal.asked)
        except Refusal as refusal:
            self.refuse(refusal, asked)
        except Exception:
            logger.exception("a %s failed", asked.get("type"))
            self.refuse(Failed(), asked)

    def refuse(self, refusal: Refusal, asked: Mapping[str, object]) -> None:
        """Answer that nothing was stored, and why; and in how many seconds to try again, if that can help."""
        self.send_text(protocol.refusal_message(refusal, asked))

    # --- the client's messages, by type

    async def join(self, asked: ClientMessage) -> None:
        await self.throttle.wait(MESSAGES_PER_JOIN)
        room = await self.own_room(asked)
        if asked["room"] != room.slug and len(self.keys) < MAX_ROOMS:
            self.keys[asked["room"]] = room.slug
        if await self.site.hub.join(self, room, asked.get("after")):
            self.site.presence.join(room.slug, self.member)
        self.room = room.slug
        if self in self.site.hub.subscribers:  # else it has closed meanwhile, and would never be removed
            self.site.presence.send(self, room.slug)

    async def leave(self, asked: ClientMessage) -> None:
        if self.site.hub.leave(self, asked["room"]):
            self.site.presence.leave(asked["room"], self.member)

    async def post(self, asked: ClientMessage) -> None:
        """Start to append a post, or a change of one; the next message is handled before this one is on disk."""
        draft = self.site.check_draft(protocol.draft_of(asked, self.member.id))
        await self.appending.acquire()
        task = asyncio.ensure_future(self.append(draft, asked))
        task.add_done_callback(lambda _: self.appending.release())

    async def append(self, draft: Draft, asked: ClientMessage) -> None:
        """Append an entry, which acknowledges it, or answer why that was refused."""
        try:
            await self.site.append(draft, self.acknowledge)
            if draft.kind in (POST, EDIT):
                self.site.presence.set_typing(draft.room, self.member, is_typing=False)
        except Refusal as refusal:
            self.refuse(refusal, asked)
        except Exception:
            logger.exception("appending failed")
            self.refuse(Failed(), asked)

    def acknowledge(self, entry: Entry) -> None:
        """Tell the client that its entry is on disk."""
        self.send_text(protocol.message("ack", room=entry.room, seq=entry.seq, nonce=entry.nonce))

    async def read(self, asked: ClientMessage) -> None:
        await self.site.read_up_to(self.member.id, (await self.own_room(asked)).slug, asked["seq"])

    async def unread(self, asked: ClientMessage) -> None:
        await self.site.mark_unread(self.member.id, (await self.own_room(asked)).slug, asked["seq"])

    async def own_room(self, asked: ClientMessage) -> RoomInfo:
        """Return the member's room that a message is about.

        Raise UnknownRoom; NotMember if they were removed from it just now, as all connections are about to be told,
        unless they join it again.
        """
        try:
            return await self.site.query_cache.get_fresh(room_of, self.member.id, asked["room"])
        except UnknownRoom:
            if asked["type"] != "join" and any(channel.room == asked["room"] for channel in self.channels):
                raise NotMember() from None
            raise

    async def typing(self, asked: ClientMessage) -> None:
        self.site.presence.set_typing(asked["room"], self.member, is_typing=True)

    async def ping(self, asked: ClientMessage) -> None:
        self.send_text(protocol.message("pong"))


MESSAGE_HANDLERS: Mapping[str, Callable[[ChatConnection, ClientMessage], Awaitable[None]]] = {
    "join": ChatConnection.join,
    "leave": ChatConnection.leave,
    **dict.fromkeys(protocol.APPENDING, ChatConnection.post),
    "read": ChatConnection.read,
    "unread": ChatConnection.unread,
    "typing": ChatConnection.typing,
    "ping": ChatConnection.ping,
}


def chat_router(site: Site, sockjs_url: str) -> Router:
    """Return the chat's router, for signed-in members; `sockjs_url` is where the browser finds sockjs-client."""
    settings: Settings = {
        "authenticate": site.authenticator.find_sign_in,
        "sockjs_url": sockjs_url,
        "heartbeat_delay": HEARTBEAT_SECONDS,
        "transports": site.limits.transports,
    }
    return Router(functools.partial(ChatConnection, site), "/chat", settings)
