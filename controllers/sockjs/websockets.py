"""The WebSocket transports: what is sent goes straight to the socket for as long as the socket takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import tornado.httputil
import tornado.iostream
import tornado.websocket

from controllers.realtime.frame import Frame
from controllers.sockjs.close_reasons import BROKEN_FRAMING
from controllers.sockjs.framing import BadPayload, decode_messages, websocket_frame
from controllers.sockjs.handler import SockJSHandler
from controllers.sockjs.interfaces import Sender, Session
from controllers.sockjs.library import SockJSWebSocketHandler, rawwebsocket, websocket
from controllers.sockjs.websocket_protocol import WebSocketProtocol

MAX_WRITE_BUFFER_BYTES = 4 * 1024 * 1024  # that wait for a client that does not read; then its connection is closed
NO_HEADERS = tornado.httputil.HTTPHeaders()


class BaseWebSocket(SockJSHandler, SockJSWebSocketHandler):
    """What the two WebSocket transports share."""

    session: Session | None
    ws_connection: WebSocketProtocol | None

    # Tornado's own: the library's wrapper checks the same, and keeps the headers of the request in memory.
    _execute = tornado.websocket.WebSocketHandler._execute

    def check_origin(self, origin: str) -> bool:
        return True  # `prepare` has checked it

    def get_websocket_protocol(self) -> WebSocketProtocol | None:
        tornados = super().get_websocket_protocol()
        if tornados is None:
            return None
        protocol = WebSocketProtocol(self, False, tornados.params)
        protocol.throttle = self.server.frame_throttles.of(id(protocol) if self.member_id is None else self.member_id)
        return protocol

    def get_compression_options(self) -> None:
        """Return None, for no compression: every client gets the same bytes."""

    def make_sender(self, encode: Callable[[Sequence[str]], bytes]) -> Sender:
        """Return a function that sends a frame, or returns False while the socket has not taken the last one.

        It is a closure with everything at hand, since a broadcast calls it for a thousand members one by one.
        """
        assert self.ws_connection is not None
        stream = self.ws_connection.stream
        if stream.closed():
            return lambda frame: False  # the client left while it was authenticated; on_close follows
        stream.max_write_buffer_size = MAX_WRITE_BUFFER_BYTES
        waiting = stream._write_buffer.__len__  # stream.writing() tells the same, in twice the time
        send, send_bytes = stream.socket.send, self.send_bytes

        def try_send(frame: Frame) -> bool:
            if waiting():
                return False
            data = frame.encoded(encode)
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                stream.close()  # on_close follows, and removes the subscriber
                return True
            if sent < len(data):
                send_bytes(memoryview(data)[sent:])  # of the bytes that all slow clients share
            return True

        return try_send

    async def receive(self, messages: list[str]) -> None:
        """Pass on what a frame brought; no further frame is read meanwhile."""
        assert self.session is not None
        assert self.ws_connection is not None
        self.ws_connection.has_message = bool(messages)
        await self.session.on_messages(messages)

    def drop_request(self) -> None:
        """Free what only the handshake needed: ten thousand members keep their connections open for hours."""
        self.request.headers.clear()
        self.request._cookies = None
        self.request.connection = self.request.server_connection = None
        self._headers = NO_HEADERS
        self.ui = None  # type: ignore[assignment]
        if self.session is not None:
            self.session.conn_info = None

    def detach_session(self) -> None:
        """Let go of the session."""
        self._detach()

    def send_bytes(self, data: bytes | memoryview) -> None:
        """Send `data`; what the socket does not take now waits in the stream's buffer."""
        if self.ws_connection is None:
            return
        try:
            self.ws_connection.stream.write(data).add_done_callback(self.on_written)
        except tornado.iostream.StreamBufferFullError:
            self.ws_connection.stream.close()
        except tornado.iostream.StreamClosedError:
            return

    def send_pack(self, message: str, binary: bool = False) -> None:
        self.send_bytes(websocket_frame(message))

    def on_written(self, written: asyncio.Future[None]) -> None:
        """Note that what waited has left."""
        if not written.cancelled() and written.exception() is None and self.session is not None:
            self.session.notify_drained()


class WebSocket(BaseWebSocket, websocket.WebSocketTransport):
    """websocket."""

    def open(self, session_id: str) -> None:
        super().open(session_id)
        self.drop_request()

    async def on_message(self, message: str | bytes) -> None:
        if not message or self.session is None:
            return
        try:
            messages = decode_messages(message, self.server.max_messages)
        except BadPayload:
            self.refuse_framing(self.session)
            return
        await self.receive(messages)

    def refuse_framing(self, session: Session) -> None:
        """Close the connection: on the site with a reason, in a public router without a close frame, as in SockJS."""
        if not self.server.is_public:
            session.close(*BROKEN_FRAMING)
        elif self.ws_connection is not None:
            self.ws_connection.hang_up()


class RawWebSocket(BaseWebSocket, rawwebsocket.RawWebSocketTransport):
    """The same without SockJS's framing."""

    def open(self) -> None:
        self.server.stats.on_conn_opened()
        self.set_nodelay(True)
        session = self.session = self.server.create_raw_session()
        session.set_handler(self)
        session.verify_state()
        self.drop_request()

    def session_closed(self) -> None:
        if self.session is not None:
            self.close(*self.session.get_close_reason())
        self.detach_session()

    async def on_message(self, message: str | bytes) -> None:
        if isinstance(message, str) and self.session is not None:
            await self.receive([message])
