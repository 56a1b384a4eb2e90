"""sockjs-tornado as it comes: the only place that imports it, and where its warnings are kept away."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the library's own, as it is imported: "@asynchronous is deprecated"
    from sockjs.tornado import SockJSConnection, proto, router, session, sessioncontainer
    from sockjs.tornado.transports import (
        eventsource,
        htmlfile,
        jsonp,
        rawwebsocket,
        websocket,
        xhr,
        xhrstreaming,
    )

__all__ = [
    "SockJSConnection",
    "eventsource",
    "htmlfile",
    "jsonp",
    "proto",
    "rawwebsocket",
    "router",
    "session",
    "sessioncontainer",
    "websocket",
    "xhr",
    "xhrstreaming",
]
