"""Tornado's WebSocket protocol with fewer objects for each connection, and stricter about frames (RFC 6455)."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import tornado.iostream
import tornado.websocket

from controllers.sockjs.close_reasons import INTERNAL_ERROR, INVALID_TEXT, PROTOCOL_ERROR
from controllers.sockjs.pinger import Pinger
from controllers.web.rate_limit import Throttle

logger = logging.getLogger(__name__)

OPCODE_TEXT, OPCODE_CLOSE = 0x1, 0x8
# Codes with which a client may close: those that RFC 6455, 7.4 and IANA's registry let an endpoint send, and free ones.
CLIENT_CLOSE_CODES = {*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)}
# Frames of one member that complete no message (pings, pongs, fragments, empty ones); beyond, reading pauses.
MESSAGELESS_FRAMES_PER_SECOND, MESSAGELESS_FRAMES_BURST = 100, 200


class WebSocketProtocol(tornado.websocket.WebSocketProtocol13):
    """Tornado's, but one Pinger pings all connections, and nothing of the handshake stays in memory."""

    throttle: Throttle  # of frames that complete no message
    has_message = False  # whether the last frame completed one
    _abort_code = INTERNAL_ERROR  # with which to close if Tornado aborts the connection now

    @property
    def _pinger(self) -> Pinger:
        pinger: Pinger = self.handler.server.pinger  # type: ignore[attr-defined]  # the router's, from a BaseWebSocket
        return pinger

    def start_pinging(self) -> None:
        if self.ping_interval > 0:
            self._pinger.add(self)

    def ping(self) -> None:
        """Send a ping."""
        self._received_pong = False
        with contextlib.suppress(tornado.iostream.StreamClosedError, tornado.websocket.WebSocketClosedError):
            self.write_ping(b"")

    def has_answered(self) -> bool:
        """Tell whether the last ping was answered."""
        return self._received_pong

    def _write_frame(self, fin: bool, opcode: int, data: bytes, flags: int = 0) -> asyncio.Future[None]:
        """Write a ping, a pong or a close frame; messages may come to wait until it has left."""
        written = super()._write_frame(fin, opcode, data, flags)
        if not written.done():
            written.add_done_callback(self.handler.on_written)  # type: ignore[attr-defined]  # of a BaseWebSocket
        return written

    async def _receive_frame(self) -> None:
        """Receive a frame; refuse an unmasked one (RFC 6455, 5.1), which Tornado takes.

        Messages are limited where they are received. Of frames without a message only so many are read in a second.
        """
        self._frame_mask, self._abort_code, self.has_message = None, PROTOCOL_ERROR, False
        await super()._receive_frame()
        if self._frame_mask is None:
            self._refuse(PROTOCOL_ERROR)
        elif not self.has_message:
            await self.throttle.wait()

    def _handle_message(self, opcode: int, data: bytes) -> asyncio.Future[None] | None:
        if self._frame_mask is None:
            return None  # _receive_frame refuses it
        if opcode == OPCODE_CLOSE and (code := _fault_in_closing(data)):
            self._refuse(code)
            return None
        if opcode == OPCODE_TEXT:
            self._abort_code = INVALID_TEXT
        return super()._handle_message(opcode, data)

    def _abort(self) -> None:
        """Close the connection; if the reason is a frame that Tornado refuses, with the close code for it."""
        if self.stream is not None and not self.is_closing():
            self._refuse(self._abort_code)
        self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without a close frame."""
        super()._abort()

    def _refuse(self, code: int) -> None:
        """Close the connection at once, with a close code for what is wrong with the last frame."""
        self.client_terminated = True  # nothing more is read, not even the client's close frame
        self.close(code)

    async def _receive_frame_loop(self) -> None:
        """Receive in a task of its own, so that the coroutines of the request do not stay in memory for hours."""
        self._receiving = asyncio.create_task(super()._receive_frame_loop())
        self._receiving.add_done_callback(self._received_all)

    def _received_all(self, receiving: asyncio.Task[None]) -> None:
        self._pinger.remove(self)
        if not receiving.cancelled() and (error := receiving.exception()):
            logger.error("receiving failed", exc_info=error)


def _fault_in_closing(data: bytes) -> int:
    """Return the close code for what is wrong with the payload of a close frame, 0 if nothing is."""
    if len(data) == 1 or (data and int.from_bytes(data[:2], "big") not in CLIENT_CLOSE_CODES):
        return PROTOCOL_ERROR
    try:
        data[2:].decode()
    except UnicodeDecodeError:
        return INVALID_TEXT
    return 0
