"""The router: which transports there are, at which URLs, and the sessions behind them."""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable

from controllers.sockjs import interfaces
from controllers.sockjs.close_reasons import RESTARTING
from controllers.sockjs.handler import SockJSHandler
from controllers.sockjs.http import EventSource, HtmlFile, Jsonp, JsonpSend, XhrPolling, XhrSend, XhrStreaming
from controllers.sockjs.interfaces import Settings
from controllers.sockjs.library import SockJSConnection as Connection
from controllers.sockjs.library import router, stop_timers
from controllers.sockjs.pages import Greeting, Iframe, Info
from controllers.sockjs.pinger import Pinger
from controllers.sockjs.sessions import BaseSession, RawSession, Session, WebSocketSession
from controllers.sockjs.websocket_protocol import MESSAGELESS_FRAMES_BURST, MESSAGELESS_FRAMES_PER_SECOND
from controllers.sockjs.websockets import RawWebSocket, WebSocket
from controllers.web.rate_limit import Throttles

__all__ = ["TRANSPORTS", "Connection", "Router", "Settings"]

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

MAX_MESSAGES_PER_SEND = 16
SITE_SESSION_ID, PUBLIC_SESSION_ID = "[A-Za-z0-9_-]{1,64}", "[^/.]+"  # patterns

Route = tuple[str, type[SockJSHandler], dict[str, interfaces.Router]]

# The last part of the URL, what answers there, and the transports that use it.
SESSION_URLS: tuple[tuple[str, type[SockJSHandler], set[str]], ...] = (
    ("websocket", WebSocket, {"websocket"}),
    ("xhr", XhrPolling, {"xhr-polling", "iframe-xhr-polling"}),
    ("xhr_send", XhrSend, {*TRANSPORTS} - {"websocket", "jsonp-polling"}),
    ("xhr_streaming", XhrStreaming, {"xhr-streaming"}),
    ("eventsource", EventSource, {"iframe-eventsource"}),
    ("htmlfile", HtmlFile, {"iframe-htmlfile"}),
    ("jsonp", Jsonp, {"jsonp-polling"}),
    ("jsonp_send", JsonpSend, {"jsonp-polling"}),
)
OTHER_URLS: tuple[tuple[str, type[SockJSHandler], set[str]], ...] = (
    ("/info", Info, {*TRANSPORTS}),
    ("/iframe[0-9-.a-z_]*.html", Iframe, {name for name in TRANSPORTS if name.startswith("iframe-")}),
    ("/websocket", RawWebSocket, {"websocket"}),
    ("/?", Greeting, {*TRANSPORTS}),
)


class Router(router.SockJSRouter):
    """Serves a SockJS connection class below a prefix, to the site's members or to the public.

    The site's router has the setting `authenticate`, an async function that returns the SignIn of a request or None:
    sessions are only for members, and for pages of the same origin. The settings of a public one are
    `{"allow_origin": "*", "authenticate": None}`: it is for everybody and every origin, as in the SockJS protocol
    0.3.3. Anything between would lend a member's cookie to any page: ValueError.

    The hooks of a connection class are plain methods; only `on_message` may be a coroutine, and the next message waits
    for it. `on_drain` is called when there is room to send again.
    A router must be made while the event loop runs, else RuntimeError: the library's timers would never fire.
    """

    settings: Settings

    def __init__(
        self,
        connection: Callable[[BaseSession], interfaces.Connection],
        prefix: str = "",
        user_settings: Settings | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        settings: Settings = {"jsessionid": False, "verify_ip": False, "transports": TRANSPORTS}
        settings.update(user_settings or {})
        self.is_public = settings.get("allow_origin") == "*"
        if self.is_public == (settings.get("authenticate") is not None):
            raise ValueError("a router has `authenticate`, or is public: allow_origin='*', authenticate=None")
        super().__init__(connection, prefix, settings, session_kls=Session)
        stop_timers(self)
        self.pinger = Pinger()
        self.frame_throttles = Throttles(MESSAGELESS_FRAMES_PER_SECOND, MESSAGELESS_FRAMES_BURST)
        self._websocket_sessions: weakref.WeakSet[Session | RawSession] = weakref.WeakSet()
        self.websockets_enabled = "websocket" in settings["transports"]
        self.max_messages = sys.maxsize if self.is_public else MAX_MESSAGES_PER_SEND
        self._transport_urls = self._routes(prefix, set(settings["transports"]))  # what `urls` returns
        self._expire_sessions()

    def _routes(self, prefix: str, transports: set[str]) -> list[Route]:
        """Return the routes of these transports; the others have none."""
        session_id = PUBLIC_SESSION_ID if self.is_public else SITE_SESSION_ID
        session_url = f"{prefix}/[^/.]+/(?P<session_id>{session_id})/"
        served = [(session_url + name, handler) for name, handler, users in SESSION_URLS if users & transports]
        served += [(prefix + path, handler) for path, handler, users in OTHER_URLS if users & transports]
        return [(pattern + "$", handler, {"server": self}) for pattern, handler in served]

    def create_session(self, session_id: str, register: bool = True) -> Session:
        """Return a new session; one that is not registered is on a WebSocket, and cannot be found by its id."""
        kind = Session if register else WebSocketSession
        session = kind(self._connection, self, session_id, self.settings["disconnect_delay"])
        if register:
            self._sessions.add(session)
        else:
            self._websocket_sessions.add(session)
        return session

    def create_raw_session(self) -> RawSession:
        """Return a new session without SockJS's framing."""
        session = RawSession(self._connection, self)
        self._websocket_sessions.add(session)
        return session

    def _expire_sessions(self) -> None:
        """Close the sessions whose clients have stayed away, now and at every interval."""
        self._sessions.expire()
        self._timer = self._loop.call_later(self.settings["session_check_interval"], self._expire_sessions)

    def close(self) -> None:
        """Close every session, with a reason that makes its client connect anew, and stop the timers."""
        self.pinger.close()
        self._timer.cancel()
        for session in [*self._sessions._items.values(), *self._websocket_sessions]:
            session.close(*RESTARTING)
