"""What the parts of this package are to each other, and what of sockjs-tornado, which has no types, they use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypedDict

import tornado.web

from controllers.realtime.frame import Frame
from controllers.sockjs.pinger import Pinger
from controllers.web.rate_limit import Throttles
from models.sessions import SignIn


class Settings(TypedDict, total=False):
    """The settings of a router; what is not given is as in the library, or off."""

    authenticate: Callable[[tornado.web.RequestHandler], Awaitable[SignIn | None]] | None
    allow_origin: str  # "*" in a public router
    transports: Sequence[str]  # those of TRANSPORTS that are on
    sockjs_url: str  # where the iframe page finds sockjs-client
    heartbeat_delay: float  # seconds of silence after which a heartbeat is sent
    disconnect_delay: float  # seconds without a request after which a session is closed
    session_check_interval: float  # seconds between two looks for sessions to close
    response_limit: int  # bytes after which a stream ends, for the client to open the next one
    jsessionid: bool  # whether to set the cookie JSESSIONID
    verify_ip: bool  # whether all requests of a session must come from one address


class Stats(Protocol):
    """The library's figures about a router."""

    def on_conn_opened(self) -> None: ...

    def on_sess_closed(self, transport_name: str) -> None: ...


class Connection(Protocol):
    """What is served: an object of a SockJS connection class, one for each session."""

    def on_open(self, info: object) -> None: ...

    def on_message(self, message: str) -> Awaitable[None] | None: ...

    def on_drain(self) -> None: ...

    def on_close(self) -> None: ...


class Sender(Protocol):
    """A function that sends a frame if it can leave now, and tells whether it has."""

    def __call__(self, frame: Frame) -> bool: ...


class Transport(Protocol):
    """The request handler by which a session sends now."""

    name: str
    active: bool  # whether it can send
    sign_in: SignIn | None

    @property
    def is_answered(self) -> bool: ...

    def send_pack(self, message: str, binary: bool = False) -> None: ...

    def detach_session(self) -> None: ...

    def session_closed(self) -> None: ...


class WebSocketTransport(Transport, Protocol):
    """The same, where it is a WebSocket."""

    def send_bytes(self, data: bytes) -> None: ...

    def make_sender(self, encode: Callable[[Sequence[str]], bytes]) -> Sender: ...


class Session(Protocol):
    """A session, as transports know it."""

    conn_info: object
    send_queue: str

    @property
    def member_id(self) -> int | None: ...

    @property
    def is_closed(self) -> bool: ...

    def verify_state(self) -> None: ...

    def notify_drained(self) -> None: ...

    async def on_messages(self, messages: list[str]) -> None: ...

    def get_close_reason(self) -> tuple[int, str]: ...

    def close(self, code: int = ..., message: str = ...) -> None: ...


class RawSession(Session, Protocol):
    """The same, without SockJS's framing."""

    def set_handler(self, handler: WebSocketTransport) -> bool: ...


class Router(Protocol):
    """The router, as transports and sessions know it."""

    settings: Settings
    is_public: bool  # for everybody and every origin
    cookie_needed: bool
    websockets_enabled: bool
    max_messages: int  # in one send
    stats: Stats
    pinger: Pinger
    frame_throttles: Throttles

    def get_session(self, session_id: str) -> Session | None: ...

    def create_raw_session(self) -> RawSession: ...
