"""The only place that imports sockjs-tornado 1.0.7, without its warnings, and that patches it."""

from __future__ import annotations

import json
import re
import time
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, as it is imported: "@asynchronous is deprecated"
    from sockjs.tornado import SockJSConnection, proto, router, session, sessioncontainer
    from sockjs.tornado.transports import (
        eventsource,
        htmlfile,
        jsonp,
        pollingbase,
        rawwebsocket,
        websocket,
        xhr,
        xhrstreaming,
    )
    from sockjs.tornado.websocket import SockJSWebSocketHandler

__all__ = [
    "SockJSConnection",
    "SockJSWebSocketHandler",
    "eventsource",
    "htmlfile",
    "jsonp",
    "pollingbase",
    "proto",
    "rawwebsocket",
    "router",
    "session",
    "websocket",
    "xhr",
    "xhrstreaming",
]

MATCHES_NOTHING = re.compile(r"(?!)")


def _disconnect(code: int, reason: str) -> str:
    """Return the frame that closes a session; the library pastes the reason between quotes as it is."""
    return f"c[{code},{json.dumps(reason)}]"


def _on_drain(connection: SockJSConnection) -> None:
    """Do nothing: a connection class may override this, to be told when there is room to send again."""


proto.disconnect = _disconnect
sessioncontainer.time = time.monotonic  # by which sessions expire; the library asks the wall clock, which may jump
htmlfile.RE = MATCHES_NOTHING  # what the library strips from the callback: "_" and ".", so that "_jp.a" is never found
SockJSConnection.on_drain = _on_drain


def stop_timers(started: router.SockJSRouter) -> None:
    """Stop a router's timers: one expires sessions by the wall clock, the other makes figures that nothing reads."""
    started._sessions_cleanup.stop()
    started.stats._callback.stop()
