"""SockJS sessions that belong to a member and queue nothing for clients that are slow or away."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Callable

import tornado.iostream
import tornado.websocket

from controllers.realtime.frame import Frame
from controllers.sockjs.close_reasons import GO_AWAY, OPENING_FAILED, TOO_MUCH_QUEUED
from controllers.sockjs.framing import raw_websocket_frames, sockjs_array, sockjs_websocket_frame
from controllers.sockjs.interfaces import Connection, Router, Stats, Transport, WebSocketTransport
from controllers.sockjs.library import proto, rawwebsocket, session
from models.sessions import SignIn

logger = logging.getLogger(__name__)

MAX_QUEUED_CHARS = 64 * 1024  # of acknowledgements and other texts that wait for the next poll
MAX_QUEUED_CHARS_WITHOUT_CURSOR = 1024 * 1024  # the same, of a connection class that knows only the library's `send`


class BaseSession(session.BaseSession):
    """A session as the library's, but a connection class that fails is logged and its session closed."""

    server: Router
    stats: Stats
    state: int
    conn: Connection | None
    handler: Transport | None
    transport_name: str
    is_closed: bool
    sign_in: SignIn | None = None  # of the member who opened it; None in a public router

    @property
    def member_id(self) -> int | None:
        """The id of the member to whom the session belongs; None in a public router."""
        return self.sign_in.member.id if self.sign_in else None

    def verify_state(self) -> None:
        """Open the session unless it is open already."""
        if self.state != session.CONNECTING:
            return
        self.state = session.OPEN
        assert self.conn is not None
        try:
            self.conn.on_open(self.conn_info)
        except Exception:
            logger.exception("a connection could not be opened")
            self.close(*OPENING_FAILED)

    def close(self, code: int = GO_AWAY.code, message: str = GO_AWAY.text) -> None:
        """Close the session; the library sends code and text."""
        if self.state == session.CLOSED:
            return
        conn, self.conn = self.conn, None
        assert conn is not None
        self.state, self.close_reason = session.CLOSED, (code, message)
        try:
            conn.on_close()
        except Exception:
            logger.exception("a connection failed as it was closed")
        self.conn_info = None  # all headers of the first request; a closed session may wait for its client's next poll
        self.stats.on_sess_closed(self.transport_name)
        if self.handler is not None:
            self.handler.session_closed()

    def open_connection(self) -> Connection | None:
        """Return the connection while the session is open, else None."""
        return self.conn if self.state == session.OPEN else None


class Session(session.Session, BaseSession):
    """A session over HTTP: it belongs to the member who opened it, and queues acknowledgements at most."""

    _heartbeat_timer: asyncio.TimerHandle | None

    def set_handler(self, handler: Transport, start_heartbeat: bool = True) -> bool:
        """Send by this transport from now on; return False, and answer why, if that cannot be."""
        if self.sign_in is None:
            self.sign_in = handler.sign_in
        attached: bool = super().set_handler(handler, start_heartbeat)
        return attached

    def try_send(self, frame: Frame) -> bool:
        """Send `frame` if it can leave now; else return False, and `on_drain` will be called."""
        handler = self.handler
        if handler is None or not handler.active or self.send_queue or self.is_closed:
            return False
        handler.send_pack(frame.encoded(sockjs_array))
        return True

    def send_text(self, message: str) -> None:
        """Send `message` now or with the next poll; close a session for which too much waits."""
        if self.is_closed:
            return
        self.send_message(message)
        if len(self.send_queue) > MAX_QUEUED_CHARS:
            self.close(*TOO_MUCH_QUEUED)

    def send_jsonified(self, message: str, stats: bool = True) -> None:
        super().send_jsonified(message, stats)
        if len(self.send_queue) > MAX_QUEUED_CHARS_WITHOUT_CURSOR:
            self.close(*TOO_MUCH_QUEUED)

    def flush(self) -> None:
        super().flush()
        self.notify_drained()

    def notify_drained(self) -> None:
        """Call the connection's `on_drain` if there is room to send."""
        if self.handler is not None and self.handler.active and not self.send_queue:
            _notify_drained(self)

    async def on_messages(self, messages: list[str]) -> None:
        """Pass on one message after the other, each when the last one is done with."""
        for message in messages:
            conn = self.open_connection()
            if conn is not None:
                result = conn.on_message(message)
                if inspect.isawaitable(result):
                    await result

    # The library's heartbeat timer cannot be cancelled: it would keep a closed session in memory until its time.

    def start_heartbeat(self) -> None:
        self.stop_heartbeat()
        delay = self.server.settings["heartbeat_delay"]
        self._heartbeat_timer = asyncio.get_running_loop().call_later(delay, self._heartbeat)

    def stop_heartbeat(self) -> None:
        if self._heartbeat_timer is not None:
            self._heartbeat_timer.cancel()
            self._heartbeat_timer = None

    def _heartbeat(self) -> None:
        if self.handler is not None:
            self.start_heartbeat()
            self.handler.send_pack(proto.HEARTBEAT)  # which answers a poll, and so stops the timer again

    def close(self, code: int = GO_AWAY.code, message: str = GO_AWAY.text) -> None:
        if self.handler is not None and self.handler.is_answered:
            self.handler.detach_session()  # its answer is on the way; the next poll gets the reason
        _close(self, super().close, code, message)


class WebSocketSession(Session):
    """A session on a WebSocket: bytes go straight to the socket."""

    encode = staticmethod(sockjs_websocket_frame)
    handler: WebSocketTransport | None

    def set_handler(self, handler: WebSocketTransport, start_heartbeat: bool = True) -> bool:  # type: ignore[override]
        self.try_send = handler.make_sender(self.encode)  # type: ignore[method-assign]
        return super().set_handler(handler, start_heartbeat=self.server.is_public)  # the site's are pinged

    def send_text(self, message: str) -> None:
        frame = Frame([message])
        if not self.try_send(frame) and self.handler is not None:
            self.handler.send_bytes(frame.encoded(self.encode))


class RawSession(rawwebsocket.RawSession, BaseSession):
    """A session on a plain WebSocket, without SockJS's framing, for `wscat` and programs."""

    encode = staticmethod(raw_websocket_frames)
    handler: WebSocketTransport | None
    send_text = WebSocketSession.send_text
    on_messages = Session.on_messages

    def set_handler(self, handler: WebSocketTransport) -> bool:
        self.sign_in = handler.sign_in
        self.try_send = handler.make_sender(self.encode)
        attached: bool = super().set_handler(handler)
        return attached

    def notify_drained(self) -> None:
        _notify_drained(self)

    def close(self, code: int = GO_AWAY.code, message: str = GO_AWAY.text) -> None:
        _close(self, super().close, code, message)


def _notify_drained(drained: BaseSession) -> None:
    """Call the connection's `on_drain` while the session is open."""
    conn = drained.open_connection()
    if conn is not None:
        conn.on_drain()


def _close(closing: BaseSession, close: Callable[[int, str], None], code: int, message: str) -> None:
    """Call `close` unless the session is closed already: `on_close` may close it again."""
    if closing.is_closed:
        return
    with contextlib.suppress(tornado.iostream.StreamClosedError, tornado.websocket.WebSocketClosedError):
        close(code, message)
