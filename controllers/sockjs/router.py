"""The router of the chat: which transports there are, at which URLs, and the sessions behind them."""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable
from typing import Any

from controllers.sockjs.http import (
    EventSource,
    HtmlFile,
    Jsonp,
    JsonpSend,
    XhrPolling,
    XhrSend,
    XhrStreaming,
)
from controllers.sockjs.library import SockJSConnection as Connection
from controllers.sockjs.library import router
from controllers.sockjs.pages import Greeting, Iframe, Info
from controllers.sockjs.sessions import RawSession, Session, WebSocketSession
from controllers.sockjs.websockets import FRAMES_AT_ONCE, FRAMES_PER_SECOND, Pulse, RawWebSocket, WebSocket
from controllers.web.rate_limit import Throttles

__all__ = ["TRANSPORTS", "Connection", "Router"]

# The tutorial's list, in the names of sockjs-client.
TRANSPORTS = (
    "websocket",
    "xhr-streaming",
    "iframe-eventsource",
    "iframe-htmlfile",
    "xhr-polling",
    "iframe-xhr-polling",
    "jsonp-polling",
)

MAX_MESSAGES = 16  # in one send
RESTARTING = (1012, "The server is restarting")


# The last part of the URL, what answers there, and the transports that use it.
SESSION_URLS: tuple[tuple[str, type, set[str]], ...] = (
    ("websocket", WebSocket, {"websocket"}),
    ("xhr", XhrPolling, {"xhr-polling", "iframe-xhr-polling"}),
    ("xhr_send", XhrSend, {*TRANSPORTS} - {"websocket", "jsonp-polling"}),
    ("xhr_streaming", XhrStreaming, {"xhr-streaming"}),
    ("eventsource", EventSource, {"iframe-eventsource"}),
    ("htmlfile", HtmlFile, {"iframe-htmlfile"}),
    ("jsonp", Jsonp, {"jsonp-polling"}),
    ("jsonp_send", JsonpSend, {"jsonp-polling"}),
)
OTHER_URLS: tuple[tuple[str, type, set[str]], ...] = (
    ("/info", Info, {*TRANSPORTS}),
    ("/iframe[0-9-.a-z_]*.html", Iframe, {name for name in TRANSPORTS if name.startswith("iframe-")}),
    ("/websocket", RawWebSocket, {"websocket"}),
    ("/?", Greeting, {*TRANSPORTS}),
)


class Router(router.SockJSRouter):
    """Serves a SockJS connection class below a prefix, in one of two profiles.

    The site's: `user_settings` has `authenticate`, an async function from a request handler to somebody with a
    `member`, or None; sessions are made only for somebody, and only for pages of the same origin. The open one,
    `{"allow_origin": "*", "authenticate": None}`: for everybody and every origin, as the SockJS protocol 0.3.3 has it.
    Anything between would hand a member's cookie to any page, and is a ValueError.

    Further settings: `transports`, those of TRANSPORTS that are on; `sockjs_url`, where the iframe page finds
    sockjs-client; those of the library. The hooks of the connection are plain methods; only `on_message` may be a
    coroutine, and the next message waits for it. A connection's `on_drain`, if it has one, is told of new room.
    Built while the loop runs, else RuntimeError: the library would bind its timers to a loop that never turns.
    """

    def __init__(
        self,
        connection: Callable[[Any], Connection],
        prefix: str = "",
        user_settings: dict[str, Any] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        settings = {"jsessionid": False, "verify_ip": False, "transports": TRANSPORTS, **(user_settings or {})}
        self.is_open = settings.get("allow_origin") == "*"
        if self.is_open == (settings.get("authenticate") is not None):
            raise ValueError("a router has `authenticate`, or is open: allow_origin='*', authenticate=None")
        super().__init__(connection, prefix, settings, session_kls=Session)
        self.pulse = Pulse()
        self.frame_throttles = Throttles(FRAMES_PER_SECOND, FRAMES_AT_ONCE)
        # The library's timers go by the wall clock; and nobody reads its figures.
        self._sessions_cleanup.stop()
        self.stats._callback.stop()
        self._sockets: weakref.WeakSet[Session | RawSession] = weakref.WeakSet()
        self.websockets_enabled = "websocket" in settings["transports"]
        self.max_messages = sys.maxsize if self.is_open else MAX_MESSAGES
        self._transport_urls = self._routes(prefix, set(settings["transports"]))
        self._expire()

    def _routes(self, prefix: str, transports: set[str]) -> list[tuple[str, type, dict[str, Any]]]:
        """Return the routes of these transports; what is off has none."""
        session_id = "[^/.]+" if self.is_open else "[A-Za-z0-9_-]{1,64}"
        session_url = f"{prefix}/[^/.]+/(?P<session_id>{session_id})/"
        served = [(session_url + name, handler) for name, handler, users in SESSION_URLS if users & transports]
        served += [(prefix + path, handler) for path, handler, users in OTHER_URLS if users & transports]
        return [(pattern + "$", handler, {"server": self}) for pattern, handler in served]

    def create_session(self, session_id: str, register: bool = True) -> Session:
        """Return a new session; one that is not registered belongs to a websocket."""
        kind = Session if register else WebSocketSession
        session = kind(self._connection, self, session_id, self.settings["disconnect_delay"])
        if register:
            self._sessions.add(session)
        else:
            self._sockets.add(session)
        return session

    def create_raw_session(self) -> RawSession:
        """Return a new session without SockJS's framing."""
        session = RawSession(self._connection, self)
        self._sockets.add(session)
        return session

    def _expire(self) -> None:
        """End the sessions whose readers have stayed away, now and once a second."""
        self._sessions.expire()
        self._timer = self._loop.call_later(self.settings["session_check_interval"], self._expire)

    def stop(self) -> None:
        """End every session, telling its reader to connect anew, and stop the timers."""
        self.pulse.stop()
        self._timer.cancel()
        for session in [*self._sessions._items.values(), *self._sockets]:
            session.close(*RESTARTING)
