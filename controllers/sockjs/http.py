"""SockJS's transports over HTTP: polling, streaming, and the URLs by which their clients send."""

from __future__ import annotations

import asyncio
import re
import secrets
from typing import Any

import tornado.web

from controllers.sockjs.framing import MAX_FRAME_BYTES, BadPayload, decode_messages
from controllers.sockjs.handler import SockJSHandler
from controllers.sockjs.interfaces import Router, Session
from controllers.sockjs.library import eventsource, htmlfile, jsonp, pollingbase, proto, xhr, xhrstreaming
from controllers.web import headers

CALLBACK = re.compile(rb"[A-Za-z0-9_.]{1,128}")


class HttpHandler(SockJSHandler, pollingbase.PollingTransportBase):
    """What all of them share: a session can be used by its member only."""

    session: Session | None
    active: bool  # whether the next frame can be sent

    def initialize(self, server: Router) -> None:
        super().initialize(server)
        if self.request.version == "HTTP/1.0":
            # It has no chunks: the end of the connection ends the answer. Tornado has decided to keep it open already.
            self.request.connection._disconnect_on_finish = True

    async def prepare(self) -> None:
        """Refuse before any part of the answer is sent: streams begin with a prelude."""
        await super().prepare()
        session = self.server.get_session(self.path_kwargs["session_id"])
        if session is not None and session.member_id != self.member_id:
            raise tornado.web.HTTPError(403, "somebody else's session")

    def _attach_session(self, session_id: str, start_heartbeat: bool = False) -> bool:
        if self.request.connection.stream.closed():
            return False  # the client hung up while it was authenticated: nothing would close the session
        attached: bool = super()._attach_session(session_id, start_heartbeat)
        if attached and self.session is not None:
            self.session.notify_drained()
        return attached

    def detach_session(self) -> None:
        """Let go of the session: it sends by its client's next request."""
        self._detach()

    def send_complete(self, flushed: asyncio.Future[None] | None = None) -> None:
        if flushed is not None and not flushed.cancelled():
            flushed.exception()  # the client is gone; on_connection_close handles that
        super().send_complete()


class PollingHandler(HttpHandler):
    """The transports whose answer is one frame."""

    @property
    def is_answered(self) -> bool:  # type: ignore[override]
        return not self.active


class XhrPolling(PollingHandler, xhr.XhrPollingTransport):
    """xhr-polling, and iframe-xhr-polling."""


class StreamingHandler(HttpHandler):
    """The transports whose answer does not end; heartbeats, which the library leaves out, keep a silent one open."""

    def _attach_session(self, session_id: str, start_heartbeat: bool = True) -> bool:
        return super()._attach_session(session_id, True)


class XhrStreaming(StreamingHandler, xhrstreaming.XhrStreamingTransport):
    """xhr-streaming."""


class EventSource(StreamingHandler, eventsource.EventSourceTransport):
    """eventsource, and iframe-eventsource."""

    needs_source = True

    def set_header(self, name: str, value: Any) -> None:
        # The protocol names no charset here: event streams have no other than UTF-8.
        super().set_header(name, "text/event-stream" if value == "text/event-stream; charset=UTF-8" else value)


class CallbackHandler(HttpHandler):
    """The transports that call a function of the page, whose name is in the query: a plain name, else 500."""

    needs_source = True
    callback = ""

    async def prepare(self) -> None:
        await super().prepare()
        if self.request.method != "GET":
            return  # 405 follows
        given = self.request.query_arguments.get("c", [b""])[-1]
        if CALLBACK.fullmatch(given):
            self.callback = given.decode()
        else:
            self.set_status(500)
            self.set_header("Content-Type", "text/plain; charset=UTF-8")
            self.finish(f'{"invalid " if given else ""}"callback" parameter{"" if given else " required"}')

    def get_argument(self, name: str, *args: Any, **kwargs: Any) -> Any:  # Tornado's has three overloads
        return self.callback if name == "c" else super().get_argument(name, *args, **kwargs)


class HtmlFile(CallbackHandler, StreamingHandler, htmlfile.HtmlFileTransport):
    """htmlfile, and iframe-htmlfile: a page that never ends, made of scripts; on the site these carry one nonce."""

    def initialize(self, server: Router) -> None:
        super().initialize(server)
        self.script_tag = "<script>"
        if not server.is_public:
            nonce = secrets.token_urlsafe(16)
            self.script_tag = f'<script nonce="{nonce}">'
            self.content_policy = f"default-src 'none'; script-src 'nonce-{nonce}'; frame-ancestors 'self'"
            self.set_default_headers()

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        if isinstance(chunk, str) and chunk.startswith("<!doctype"):
            chunk = chunk.replace("<script>", self.script_tag, 1)
        super().write(chunk)

    def send_pack(self, message: str, binary: bool = False) -> None:
        self.active = False
        self.notify_sent(len(message))
        call = f"p({proto.json_encode(message)})".replace("<", "\\u003c")  # a "</script>" in it would end the script
        self.write(f"{self.script_tag}\n{call};\n</script>\r\n")
        self.flush().add_done_callback(self.send_complete)


class Jsonp(CallbackHandler, PollingHandler, jsonp.JSONPTransport):
    """jsonp-polling; the comment in front keeps the answer from being taken for anything but a script."""

    def send_pack(self, message: str, binary: bool = False) -> None:
        self.active = False
        self.set_header("Content-Type", "application/javascript; charset=UTF-8")
        self.write(f"/**/{self.callback}({proto.json_encode(message)});\r\n")
        self.flush().add_done_callback(self.send_complete)


class SendHandler(HttpHandler):
    """The two URLs by which clients without a WebSocket send."""

    async def receive(self, session_id: str, payload: str | bytes) -> bool:
        """Pass the messages in `payload` to the session; return False if the answer says what is wrong with them."""
        self.handle_session_cookie()
        self.disable_cache()
        if len(payload) > MAX_FRAME_BYTES:
            raise tornado.web.HTTPError(413)
        session = self.server.get_session(session_id)
        if session is None or session.is_closed:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", "text/plain; charset=UTF-8")
        try:
            messages = decode_messages(payload, self.server.max_messages)
        except BadPayload as error:
            self.set_status(500)
            self.write(str(error))
            return False
        await session.on_messages(messages)
        return True


class XhrSend(SendHandler, xhr.XhrSendHandler):
    """xhr_send."""

    async def post(self, session_id: str) -> None:
        if await self.receive(session_id, self.request.body):
            self.set_status(204)
            self.flush()  # with its Content-Type, which Firefox needs; `finish` would leave it out


class JsonpSend(SendHandler, jsonp.JSONPSendHandler):
    """jsonp_send: a form in a frame posts to it, and that frame shows the answer."""

    content_policy = headers.FRAME_POLICY
    max_bytes = {"d": MAX_FRAME_BYTES}

    async def post(self, session_id: str) -> None:
        is_form = self.request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        payload = self.get_body_argument("d", "", strip=False) if is_form else self.request.body
        if await self.receive(session_id, payload):
            self.write("ok")
