"""The websocket transports: what is sent goes straight to the socket as long as the socket takes it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Any

import tornado.httputil
import tornado.iostream
import tornado.websocket

from controllers.realtime.frame import Frame
from controllers.sockjs.framing import BadPayload, decode_messages, websocket_frame
from controllers.sockjs.handler import Guarded
from controllers.sockjs.library import rawwebsocket, websocket
from controllers.web.rate_limit import Throttle, Throttles

log = logging.getLogger(__name__)

MAX_BUFFER = 4 * 1024 * 1024  # bytes that wait for a reader who does not read; then the connection ends
TEXT, CLOSE = 0x1, 0x8  # opcodes
BROKEN, NO_TEXT, FAILED = 1002, 1007, 1011  # close codes: not the protocol, not UTF-8, our own fault
# What a client may close with: what RFC 6455, 7.4 and IANA's registry let an endpoint send, and what is free to use.
CLOSE_CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
# Frames of one member that say nothing: pings, pongs, pieces of a message, empty ones. Beyond, reading pauses.
FRAMES_PER_SECOND, FRAMES_AT_ONCE = 100, 200
NO_HEADERS = tornado.httputil.HTTPHeaders()


class Pulse:
    """Pings all websockets from one task, and closes those that don't answer; a task for each took 1.2 KiB a member."""

    LOOK = 0.25  # seconds between two looks for those whose time has come

    def __init__(self) -> None:
        # Each holds a time (time.monotonic) for those who all wait equally long in it, so that the soonest is first.
        self._new: dict[Protocol, float] = {}  # when each is to be pinged for the first time
        self._answered: dict[Protocol, float] = {}  # when each is to be pinged again
        self._pinged: dict[Protocol, float] = {}  # by when each must have answered
        self._task = asyncio.create_task(self._beat())

    def add(self, protocol: Protocol) -> None:
        """Ping a connection from now on."""
        self._new[protocol] = time.monotonic() + protocol.ping_interval

    def remove(self, protocol: Protocol) -> None:
        """Forget a connection that has closed."""
        for waiting in (self._new, self._answered, self._pinged):
            waiting.pop(protocol, None)

    def stop(self) -> None:
        """Ping nobody any more."""
        self._task.cancel()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self.LOOK)
            now = time.monotonic()
            for protocol in _due(self._pinged, now):
                if protocol.has_answered():
                    self._answered[protocol] = now + max(protocol.ping_interval - protocol.ping_timeout, 0)
                else:
                    protocol.close(reason="ping timed out")
            for protocol in (*_due(self._new, now), *_due(self._answered, now)):
                protocol.ping()
                self._pinged[protocol] = now + protocol.ping_timeout


def _due(times: dict[Protocol, float], now: float) -> list[Protocol]:
    """Take those out whose time has come."""
    due = [protocol for protocol, _ in takewhile(lambda item: item[1] <= now, times.items())]
    for protocol in due:
        del times[protocol]
    return due


class Protocol(tornado.websocket.WebSocketProtocol13):
    """Tornado's, but what only the handshake needed ends with it, and the pings are the router's."""

    handler: Any  # GuardedWebSocket
    throttle: Throttle
    has_message = False  # whether there was one in the last frame
    _fault = FAILED  # what is wrong if Tornado hangs up now

    def start_pinging(self) -> None:
        if self.ping_interval > 0:
            self.handler.server.pulse.add(self)

    def ping(self) -> None:
        """Ask whether the other side is there."""
        self._received_pong = False
        with contextlib.suppress(tornado.iostream.StreamClosedError, tornado.websocket.WebSocketClosedError):
            self.write_ping(b"")

    def has_answered(self) -> bool:
        """Tell whether the last ping was answered."""
        return self._received_pong

    async def _receive_frame(self) -> None:
        """Receive one; Tornado takes it unmasked too, which RFC 6455, 5.1 forbids.

        Messages are counted by whoever hears them; of frames without one only so many are read in a second.
        """
        self._frame_mask, self._fault, self.has_message = None, BROKEN, False
        await super()._receive_frame()
        if self._frame_mask is None:
            self._refuse(BROKEN)
        elif not self.has_message:
            await self.throttle.wait()

    def _handle_message(self, opcode: int, data: bytes) -> asyncio.Future[None] | None:
        if self._frame_mask is None:
            return None  # refused in a moment
        if opcode == CLOSE and (code := _fault_in_closing(data)):
            self._refuse(code)
            return None
        if opcode == TEXT:
            self._fault = NO_TEXT
        return super()._handle_message(opcode, data)

    def _abort(self) -> None:
        """Hang up; where it is for a frame that Tornado does not take, say so before."""
        if self.stream is not None and not self.is_closing():
            self._refuse(self._fault)
        self.hang_up()

    def hang_up(self) -> None:
        """End the connection without a word."""
        super()._abort()

    def _refuse(self, code: int) -> None:
        """End the connection at once, with a close code for what is wrong with the last frame."""
        self.client_terminated = True  # nothing more is read, so that nobody waits for the answer
        self.close(code)

    async def _receive_frame_loop(self) -> None:
        """Receive in a task of its own: the coroutines of the request need not stay for hours beneath it."""
        self._receiving = asyncio.create_task(super()._receive_frame_loop())
        self._receiving.add_done_callback(self._ended)

    def _ended(self, receiving: asyncio.Task[None]) -> None:
        self.handler.server.pulse.remove(self)
        if not receiving.cancelled() and (error := receiving.exception()):
            log.error("receiving failed", exc_info=error)


def _fault_in_closing(data: bytes) -> int:
    """Return the close code for what is wrong with the payload of a closing frame, 0 if nothing is."""
    if len(data) == 1 or (data and int.from_bytes(data[:2], "big") not in CLOSE_CODES):
        return BROKEN
    try:
        data[2:].decode()
    except UnicodeDecodeError:
        return NO_TEXT
    return 0


class GuardedWebSocket(Guarded):
    """What the two websocket transports share."""

    session: Any
    ws_connection: Any

    # Tornado's own: the library's wrapper checks the same, and keeps the request's headers for ever.
    _execute = tornado.websocket.WebSocketHandler._execute

    def check_origin(self, origin: str) -> bool:
        return True  # Guarded.prepare has asked

    def get_websocket_protocol(self) -> Protocol | None:
        protocol = super().get_websocket_protocol()  # type: ignore[misc]
        if protocol is None:
            return None
        ours = Protocol(self, False, protocol.params)  # type: ignore[arg-type]
        throttles: Throttles = self.server.frame_throttles
        ours.throttle = throttles.of(self.sign_in.member.id if self.sign_in else id(ours))
        return ours

    def get_compression_options(self) -> None:
        """None: the same bytes go to everybody."""

    def offers(self, encode: Callable[[Sequence[str]], bytes]) -> Callable[[Frame], bool]:
        """Return what sends a frame, or returns False while the socket still has something to take.

        A function with all that it needs at hand: a thousand members hear a message one by one.
        """
        stream = self.ws_connection.stream
        if stream.closed():
            return lambda frame: False  # hung up while we asked who it is; on_close follows
        stream.max_write_buffer_size = MAX_BUFFER
        waiting = stream._write_buffer.__len__  # stream.writing() asks the same, in twice the time
        send, send_bytes = stream.socket.send, self.send_bytes

        def offer(frame: Frame) -> bool:
            if waiting():
                return False
            data = frame.encoded(encode)
            try:
                sent = send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                stream.close()  # on_close follows, and forgets this reader
                return True
            if sent < len(data):
                send_bytes(memoryview(data)[sent:])  # which all slow readers share
            return True

        return offer

    async def hear(self, messages: list[str]) -> None:
        """Hand over what a frame brought, and read no further meanwhile."""
        self.ws_connection.has_message = bool(messages)
        await self.session.on_messages(messages)

    def drop_request(self) -> None:
        """Let go of what only the handshake needed: ten thousand members sit on their connections for hours."""
        self.request.headers.clear()
        self.request._cookies = None
        self.request.connection = self.request.server_connection = None
        self._headers = NO_HEADERS
        self.ui = None  # type: ignore[assignment]
        if self.session is not None:
            self.session.conn_info = None

    def send_bytes(self, data: bytes | memoryview) -> None:
        """Send `data`, waiting in the stream's own buffer for what the socket does not take now."""
        if self.ws_connection is None:
            return
        try:
            self.ws_connection.stream.write(data).add_done_callback(self._written)
        except tornado.iostream.StreamBufferFullError:
            self.ws_connection.stream.close()
        except tornado.iostream.StreamClosedError:
            return

    def send_pack(self, message: str, binary: bool = False) -> None:
        self.send_bytes(websocket_frame(message))

    def _written(self, written: asyncio.Future[None]) -> None:
        if not written.cancelled() and written.exception() is None and self.session is not None:
            self.session.drained()


class WebSocket(GuardedWebSocket, websocket.WebSocketTransport):
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
            self.refuse_framing()
            return
        await self.hear(messages)

    def refuse_framing(self) -> None:
        """End the connection: abruptly, as the protocol has it; on the site with a word to those who write clients."""
        if self.server.is_open:
            self.ws_connection.hang_up()
        else:
            self.session.close(1002, "Broken framing")


class RawWebSocket(GuardedWebSocket, rawwebsocket.RawWebSocketTransport):
    """The same without SockJS's framing."""

    def open(self) -> None:
        self.server.stats.on_conn_opened()
        self.set_nodelay(True)
        self.session = self.server.create_raw_session()
        self.session.set_handler(self)
        self.session.verify_state()
        self.drop_request()

    def session_closed(self) -> None:
        self.close(*self.session.get_close_reason())
        self._detach()

    async def on_message(self, message: str | bytes) -> None:
        if isinstance(message, str) and self.session is not None:
            await self.hear([message])
