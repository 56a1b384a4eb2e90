"""SockJS sessions that belong to a member and hold nothing for readers that are slow or away."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import tornado.iostream
import tornado.websocket

from controllers.realtime.frame import Frame
from controllers.sockjs.framing import raw_websocket_frames, sockjs_array, sockjs_websocket_frame
from controllers.sockjs.library import proto, rawwebsocket, session, sessioncontainer

log = logging.getLogger(__name__)

MAX_QUEUE = 64 * 1024  # characters of acknowledgements that wait for a poll
MAX_SENT = 1024 * 1024  # characters of what an ordinary SockJS connection sent that wait for a poll
TOO_MUCH = (1008, "Too much is waiting for you")

sessioncontainer.time = time.monotonic  # by which sessions expire; the library asks the wall clock, which may jump


class OpenSession(session.BaseSession):
    """What the library does when a session opens and closes; but a failing connection is logged, and is ended."""

    state: int
    conn: Any

    def verify_state(self) -> None:
        if self.state != session.CONNECTING:
            return
        self.state = session.OPEN
        try:
            self.conn.on_open(self.conn_info)
        except Exception:
            log.exception("a connection could not be opened")
            self.close(1011, "The connection could not be opened")

    def close(self, code: int = 3000, message: str = "Go away!") -> None:
        if self.state == session.CLOSED:
            return
        conn, self.conn = self.conn, None
        self.state, self.close_reason = session.CLOSED, (code, message)
        try:
            conn.on_close()
        except Exception:
            log.exception("a connection failed as it was closed")
        self.conn_info = None  # what it asked for, all its headers, while readers may still hear why it is over
        self.stats.on_sess_closed(self.transport_name)
        if self.handler is not None:
            self.handler.session_closed()


class Session(session.Session, OpenSession):
    """A SockJS session that belongs to the member who opened it and holds nothing but its acknowledgements."""

    sign_in: Any = None
    _heartbeat_timer: asyncio.TimerHandle | None

    def set_handler(self, handler: Any, start_heartbeat: bool = True) -> bool:
        if self.sign_in is None:
            self.sign_in = handler.sign_in
        attached: bool = super().set_handler(handler, start_heartbeat)
        return attached

    def offer(self, frame: Frame) -> bool:
        """Send `frame` if it can leave now; else return False, and `on_drain` will be called."""
        handler = self.handler
        if handler is None or not handler.active or self.send_queue or self.is_closed:
            return False
        handler.send_pack(frame.encoded(sockjs_array))
        return True

    def say(self, message: str) -> None:
        """Send `message` now, or with the next poll; a session that lets too much wait is ended."""
        if self.is_closed:
            return
        self.send_message(message)
        if len(self.send_queue) > MAX_QUEUE:
            self.close(*TOO_MUCH)

    def send_jsonified(self, message: str, stats: bool = True) -> None:
        super().send_jsonified(message, stats)
        if len(self.send_queue) > MAX_SENT:
            self.close(*TOO_MUCH)

    def flush(self) -> None:
        super().flush()
        self.drained()

    def drained(self) -> None:
        """Tell the connection that there is room again, if there is."""
        if self.state == session.OPEN and self.handler is not None and self.handler.active and not self.send_queue:
            tell_drained(self.conn)

    async def on_messages(self, messages: list[str]) -> None:
        """Hand over one message after the other: whoever sends faster than they are heard waits."""
        for message in messages:
            if self.state == session.OPEN:
                heard = self.conn.on_message(message)
                if inspect.isawaitable(heard):
                    await heard

    # The library's timer cannot be cancelled: what is closed would be held until its time has come.

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
            self.handler.send_pack(proto.HEARTBEAT)  # after which a poll is over, and stops this

    def close(self, code: int = 3000, message: str = "Go away!") -> None:
        if self.handler is not None and self.handler.is_answered:
            self.handler._detach()  # it is just being answered; the next poll will be told
        close_session(self, super().close, code, json.dumps(message)[1:-1])  # the library puts it between quotes


class WebSocketSession(Session):
    """A session whose reader is a socket of its own: bytes go straight to it."""

    encode = staticmethod(sockjs_websocket_frame)

    def set_handler(self, handler: Any, start_heartbeat: bool = True) -> bool:
        self.offer = handler.offers(self.encode)  # type: ignore[method-assign]
        return super().set_handler(handler, start_heartbeat=self.server.is_open)  # the site's have their pings

    def say(self, message: str) -> None:
        frame = Frame([message])
        if not self.offer(frame) and self.handler is not None:
            self.handler.send_bytes(frame.encoded(self.encode))


class RawSession(rawwebsocket.RawSession, OpenSession):
    """A session without SockJS's framing: `wscat` and the like."""

    encode = staticmethod(raw_websocket_frames)
    sign_in: Any = None
    say = WebSocketSession.say
    on_messages = Session.on_messages

    def set_handler(self, handler: Any) -> bool:
        self.sign_in = handler.sign_in
        self.offer = handler.offers(self.encode)
        attached: bool = super().set_handler(handler)
        return attached

    def drained(self) -> None:
        if self.state == session.OPEN:
            tell_drained(self.conn)

    def close(self, code: int = 3000, message: str = "Go away!") -> None:
        close_session(self, super().close, code, message)


def tell_drained(conn: Any) -> None:
    """Tell a connection that there is room again, if it is one that asks for that."""
    on_drain = getattr(conn, "on_drain", None)
    if on_drain is not None:
        on_drain()


def close_session(ended: Any, close: Callable[[int, str], None], code: int, message: str) -> None:
    """Close once: `on_close` may lead here again."""
    if ended.state in (session.CLOSED, session.CLOSING):
        return
    with contextlib.suppress(tornado.iostream.StreamClosedError, tornado.websocket.WebSocketClosedError):
        close(code, message)
