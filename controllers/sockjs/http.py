"""SockJS's transports over HTTP: polling and streaming, receiving and sending."""

from __future__ import annotations

import re
import secrets
from typing import Any

import tornado.web

from controllers.sockjs.framing import MAX_MESSAGE, BadPayload, decode_messages
from controllers.sockjs.handler import Guarded
from controllers.sockjs.library import eventsource, htmlfile, jsonp, proto, xhr, xhrstreaming
from controllers.sockjs.sessions import Session
from controllers.web import headers

CALLBACK = re.compile(rb"[A-Za-z0-9_.]{1,128}")


class GuardedHttp(Guarded):
    """The HTTP transports: polling and streaming, receiving and sending."""

    is_gone = False  # hung up, perhaps while we asked who it is

    def initialize(self, server: Any) -> None:
        super().initialize(server)
        if self.request.version == "HTTP/1.0":
            # Its end is the end of the connection: no length is known. Tornado has decided before we could say so.
            self.request.connection._disconnect_on_finish = True

    async def prepare(self) -> None:
        """Refuse before anything is answered: streams begin with a prelude."""
        await super().prepare()
        session = self.server.get_session(self.path_kwargs["session_id"])
        if session is not None and not self.server.is_open and session.sign_in.member.id != self.sign_in.member.id:
            raise tornado.web.HTTPError(403, "somebody else's session")

    def on_connection_close(self) -> None:
        self.is_gone = True
        super().on_connection_close()

    def _attach_session(self, session_id: str, start_heartbeat: bool = False) -> bool:
        if self.is_gone:
            return False  # nobody would ever tell the session
        attached: bool = super()._attach_session(session_id, start_heartbeat)  # type: ignore[misc]
        session: Session | None = self.session  # type: ignore[attr-defined]
        if attached and session is not None:
            session.drained()
        return attached

    def send_complete(self, flushed: Any = None) -> None:
        if flushed is not None and not flushed.cancelled():
            flushed.exception()  # the reader is gone; on_connection_close says so too
        super().send_complete()  # type: ignore[misc]


class Polling(GuardedHttp):
    """The transports whose answer is one frame."""

    active: bool

    @property
    def is_answered(self) -> bool:  # type: ignore[override]
        return not self.active


class XhrPolling(Polling, xhr.XhrPollingTransport):
    """xhr-polling, and iframe-xhr-polling."""


class Streaming(GuardedHttp):
    """The transports whose answer does not end; in silence a heartbeat keeps it open, which the library leaves out."""

    def _attach_session(self, session_id: str, start_heartbeat: bool = True) -> bool:
        return super()._attach_session(session_id, True)


class XhrStreaming(Streaming, xhrstreaming.XhrStreamingTransport):
    """xhr-streaming."""


class EventSource(Streaming, eventsource.EventSourceTransport):
    """eventsource, and iframe-eventsource."""

    needs_source = True

    def set_header(self, name: str, value: Any) -> None:
        # The protocol names no charset here: event streams have no other than UTF-8.
        super().set_header(name, "text/event-stream" if value == "text/event-stream; charset=UTF-8" else value)


class Calling(GuardedHttp):
    """Transports that name a function of the page: only a plain name is let through."""

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

    def get_argument(self, name: str, *args: Any, **kwargs: Any) -> Any:
        return self.callback if name == "c" else super().get_argument(name, *args, **kwargs)


class HtmlFile(Calling, Streaming, htmlfile.HtmlFileTransport):
    """htmlfile, and iframe-htmlfile: a page that never ends, made of scripts; on the site these carry one nonce."""

    def initialize(self, server: Any) -> None:
        super().initialize(server)
        self.opening = "<script>"
        if not server.is_open:
            nonce = secrets.token_urlsafe(16)
            self.opening = f'<script nonce="{nonce}">'
            self.content_policy = f"default-src 'none'; script-src 'nonce-{nonce}'; frame-ancestors 'self'"
            self.set_default_headers()

    def write(self, chunk: str | bytes | dict[str, Any]) -> None:
        if isinstance(chunk, str) and chunk.startswith("<!doctype"):
            # The library strips "_" and "." from the callback, so sockjs-client's "_jp.a" is never found.
            stripped = re.sub(r"[\W_]+", "", self.callback)
            chunk = chunk.replace(f"parent.{stripped};", f"parent.{self.callback};", 1)
            chunk = chunk.replace("<script>", self.opening, 1)
        super().write(chunk)

    def send_pack(self, message: str, binary: bool = False) -> None:
        self.active = False
        self.notify_sent(len(message))
        call = f"p({proto.json_encode(message)})".replace("<", "\\u003c")  # a "</script>" in it would end the script
        self.write(f"{self.opening}\n{call};\n</script>\r\n")
        self.flush().add_done_callback(self.send_complete)


class Jsonp(Calling, Polling, jsonp.JSONPTransport):
    """jsonp-polling; the comment in front keeps the answer from being taken for anything but a script."""

    def send_pack(self, message: str, binary: bool = False) -> None:
        self.active = False
        self.set_header("Content-Type", "application/javascript; charset=UTF-8")
        self.write(f"/**/{self.callback}({proto.json_encode(message)});\r\n")
        self.flush().add_done_callback(self.send_complete)


class Sending(GuardedHttp):
    """The two URLs by which clients without a websocket send."""

    async def receive(self, session_id: str, payload: str | bytes) -> bool:
        """Hand the messages of `payload` to the session; tell whether all went well."""
        self.handle_session_cookie()
        self.disable_cache()
        if len(payload) > MAX_MESSAGE:
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


class XhrSend(Sending, xhr.XhrSendHandler):
    """xhr_send."""

    async def post(self, session_id: str) -> None:
        if await self.receive(session_id, self.request.body):
            self.set_status(204)
            self.flush()  # with its Content-Type, which Firefox asks for; `finish` would leave it out


class JsonpSend(Sending, jsonp.JSONPSendHandler):
    """jsonp_send: a form in a frame posts it, and shows the answer in that frame."""

    content_policy = headers.FRAME_POLICY
    max_bytes = {"d": MAX_MESSAGE}

    async def post(self, session_id: str) -> None:
        form = self.request.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
        payload = self.get_body_argument("d", "", strip=False) if form else self.request.body
        if await self.receive(session_id, payload):
            self.write("ok")
