"""The chat: what a connected client may say and what it is answered (the wire protocol of docs/protocol.rst)."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Mapping
from typing import Any

from controllers.realtime import protocol
from controllers.realtime.protocol import BadMessage
from controllers.realtime.subscriber import Subscriber
from controllers.site import Site
from controllers.sockjs.router import Connection, Router
from controllers.web.rendering import clean
from models.accounts import SignIn
from models.errors import Failed, Refusal, SlowDown, Unavailable
from models.logs.base import Draft, Entry
from models.rooms import LOBBY, room_of

logger = logging.getLogger(__name__)

CHARS_PER_MESSAGE = 1024  # of a message that weigh as much as one message more
MESSAGES_PER_JOIN = 10  # messages, as much as joining weighs: what was missed is read and sent
MAX_APPENDING_POSTS = 32  # posts of one connection that wait for the disk
POLLING_TRANSPORTS = ("xhr", "jsonp")
HEARTBEAT_SECONDS = 25.0  # seconds of silence on a stream or a poll; proxies and home routers wait for little more
TOO_MANY = (1008, "You have too many connections open")


class ChatConnection(Connection, Subscriber):
    """One chat client, over whichever transport: it speaks the wire protocol and is a cursor for the Hub."""

    def __init__(self, site: Site, session: Any) -> None:
        super().__init__(session)
        self.site = site
        self.room = LOBBY  # where plain text goes
        self.channels = set()
        self.appending = asyncio.Semaphore(MAX_APPENDING_POSTS)

    # --- what the Hub calls

    def say(self, text: str) -> None:
        self.session.say(text)

    def close(self, code: int, reason: str) -> None:
        self.session.close(code, reason)

    # --- what the transport calls

    def on_open(self, info: Any) -> None:
        self.sign_in: SignIn = self.session.sign_in
        self.member = self.sign_in.member
        self.pace = self.site.limiter.paces.of(self.member.id)
        self.offer = self.session.offer
        self.is_polling = self.session.transport_name in POLLING_TRANSPORTS
        if 0 < self.site.limits.connections_per_member <= len(self.site.hub.subscribers.of_member(self.member.id)):
            # Not at once: a transport that is still opening the session would answer twice.
            asyncio.get_running_loop().call_soon(self.close, *TOO_MANY)
            return
        self.site.hub.add(self)
        self.say(
            protocol.message("hello", version=1, you={"username": self.member.username}, process=self.site.process)
        )

    def on_drain(self) -> None:
        """There is room again."""
        self.site.hub.drained(self)
        self.site.presence.drained(self)

    def on_close(self) -> None:
        self.site.presence.forget(self)
        for room in self.site.hub.remove(self):
            self.site.presence.leave(room, self.member)

    async def on_message(self, text: str) -> None:
        """Do what a message asks, when it is its turn; a refused one is answered and changes nothing."""
        await self.pace.wait(1 + len(text) / CHARS_PER_MESSAGE)
        if self.session.is_closed:
            return
        asked: dict[str, Any] = {}
        try:
            asked = protocol.read(text, self.room)
            await MESSAGES[asked["type"]](self, asked)
        except BadMessage as refusal:
            self.refuse(refusal, refusal.asked)
        except Refusal as refusal:
            self.refuse(refusal, asked)
        except Exception:
            logger.exception("a %s failed", asked.get("type"))
            self.refuse(Failed(), asked)

    def refuse(self, refusal: Refusal, asked: Mapping[str, Any]) -> None:
        """Say that nothing was stored, and why; and when to try again, if that is of any use."""
        when = {"retry_after": refusal.retry_after} if isinstance(refusal, Unavailable | SlowDown) else {}
        self.say(protocol.refusal_message(refusal, asked, **when))

    # --- the protocol's messages

    async def join(self, asked: dict[str, Any]) -> None:
        await self.pace.wait(MESSAGES_PER_JOIN)
        room = await self.site.memory.read(room_of, self.member.id, asked["room"])
        if await self.site.hub.join(self, room, asked.get("after")):
            self.site.presence.enter(room.slug, self.member)
        self.room = room.slug
        if self in self.site.hub.subscribers:  # else it has closed meanwhile, and would be remembered for ever
            self.site.presence.tell(self, room.slug)

    async def leave(self, asked: dict[str, Any]) -> None:
        if self.site.hub.leave(self, asked["room"]):
            self.site.presence.leave(asked["room"], self.member)

    async def post(self, asked: dict[str, Any]) -> None:
        """Append, without waiting for the disk before the next message is read."""
        body = clean(asked["body"], self.site.limits.max_message)
        self.site.limiter.take(self.member.id)
        draft = Draft(asked["room"], self.member.id, body, asked["nonce"])
        await self.appending.acquire()
        task = asyncio.ensure_future(self.append(draft, asked))
        task.add_done_callback(lambda _: self.appending.release())

    async def append(self, draft: Draft, asked: dict[str, Any]) -> None:
        """Append and acknowledge."""
        try:
            await self.site.hub.append(draft, self.acknowledge)
            self.site.presence.type(draft.room, self.member, is_typing=False)
        except Refusal as refusal:
            self.refuse(refusal, asked)
        except Exception:
            logger.exception("appending failed")
            self.refuse(Failed(), asked)

    def acknowledge(self, entry: Entry) -> None:
        """Say that the entry is on disk."""
        self.say(protocol.message("ack", room=entry.room, seq=entry.seq, nonce=entry.nonce))

    async def typing(self, asked: dict[str, Any]) -> None:
        self.site.presence.type(asked["room"], self.member)

    async def ping(self, asked: dict[str, Any]) -> None:
        self.say(protocol.message("pong"))


MESSAGES = {
    "join": ChatConnection.join,
    "leave": ChatConnection.leave,
    "post": ChatConnection.post,
    "typing": ChatConnection.typing,
    "ping": ChatConnection.ping,
}


def chat_router(site: Site, sockjs_url: str) -> Router:
    """Return the routes of the chat, for members of the site; `sockjs_url` is where sockjs-client is."""
    settings = {
        "authenticate": site.authenticator.find_sign_in,
        "sockjs_url": sockjs_url,
        "heartbeat_delay": HEARTBEAT_SECONDS,
        "transports": site.limits.transports,
    }
    return Router(functools.partial(ChatConnection, site), "/chat", settings)
