"""The chat of the tutorial on stock sockjs-tornado: a set of participants and a broadcast.

It keeps nothing, asks nobody who they are, and tells everyone of everyone's arrival.
"""

import asyncio
import sys
import warnings
from typing import Any

import tornado.web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import sockjs.tornado


class ChatConnection(sockjs.tornado.SockJSConnection):
    """One participant."""

    participants: set["ChatConnection"] = set()

    def on_open(self, request: Any) -> None:
        """Tell the others, then come in."""
        self.broadcast(self.participants, "Someone joined.")
        self.participants.add(self)

    def on_message(self, message: str) -> None:
        """Send everyone what one said."""
        self.broadcast(self.participants, message)

    def on_close(self) -> None:
        """Leave, then tell the others."""
        self.participants.remove(self)
        self.broadcast(self.participants, "Someone left.")


async def main() -> None:
    """Serve on a free port and say which."""
    router = sockjs.tornado.SockJSRouter(ChatConnection, "/chat")
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(tornado.web.Application(router.urls)).add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    sys.stdout.write(f"tutorial listens on http://127.0.0.1:{port}/\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
