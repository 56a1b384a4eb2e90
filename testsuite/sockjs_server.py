"""The test server that the SockJS protocol 0.3.3 describes: python -m testsuite.sockjs_server --port=8081"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import tornado.httpserver
import tornado.netutil
import tornado.web

from controllers.sockjs.framing import MAX_FRAME_BYTES
from controllers.sockjs.router import TRANSPORTS, Connection, Router, Settings

CLIENT = Path(__file__).resolve().parent.parent / "node_modules" / "sockjs-client" / "dist"
PUBLIC: Settings = {
    "allow_origin": "*",
    "authenticate": None,
    "response_limit": 4096,  # bytes, after which a stream ends; the protocol asks for it, so that it can be seen
    "sockjs_url": "/sockjs-client/sockjs.min.js",
}


class Echo(Connection):
    """Answers with what it hears."""

    def on_message(self, message: str) -> None:
        self.send(message)


class SlowEcho(Connection):
    """Answers in its own time; what comes meanwhile waits."""

    async def on_message(self, message: str) -> None:
        await asyncio.sleep(0.01)
        self.send(message)


class Close(Connection):
    """Closes at once; with a reason, if the query names one."""

    def on_open(self, info: Any) -> None:
        reason = info.get_argument("reason")
        self.session.close(*((3001, reason.decode()) if reason else ()))


class Broadcast(Connection):
    """Broadcasts every message to all connections."""

    everybody: set[Broadcast] = set()

    def on_open(self, info: Any) -> None:
        self.everybody.add(self)

    def on_message(self, message: str) -> None:
        self.broadcast(self.everybody, message)

    def on_close(self) -> None:
        self.everybody.discard(self)


class Faulty(Connection):
    """Fails as it is opened, if the query asks for that, and as it is closed."""

    def on_open(self, info: Any) -> None:
        if info.get_argument("open"):
            raise RuntimeError("on_open has failed")

    def on_message(self, message: str) -> None:
        self.close()

    def on_close(self) -> None:
        raise RuntimeError("on_close has failed")


def routers() -> list[Router]:
    """Return the protocol's services, and those that show what becomes of other connection classes."""
    return [
        Router(Echo, "/echo", PUBLIC),
        Router(Echo, "/disabled_websocket_echo", {**PUBLIC, "transports": TRANSPORTS[1:]}),
        Router(Echo, "/cookie_needed_echo", {**PUBLIC, "jsessionid": True}),
        Router(Close, "/close", PUBLIC),
        Router(SlowEcho, "/slow_echo", {**PUBLIC, "disconnect_delay": 30, "session_check_interval": 0.1}),
        Router(Echo, "/lively_echo", {**PUBLIC, "heartbeat_delay": 0.1}),
        Router(Broadcast, "/broadcast", PUBLIC),
        Router(Faulty, "/faulty", PUBLIC),
    ]


async def serve(port: int) -> None:
    """Serve until SIGTERM, then end every session."""
    asked_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    services = routers()
    client = (r"/sockjs-client/(.*)", tornado.web.StaticFileHandler, {"path": str(CLIENT)})
    application = tornado.web.Application(
        [*(route for router in services for route in router.urls), client],
        websocket_max_message_size=MAX_FRAME_BYTES,
        websocket_ping_interval=1,
        websocket_ping_timeout=1,
    )
    server = tornado.httpserver.HTTPServer(application)
    sockets = tornado.netutil.bind_sockets(port, "127.0.0.1")
    server.add_sockets(sockets)
    sys.stdout.write(f"SockJS's test server listens on http://127.0.0.1:{sockets[0].getsockname()[1]}/\n")
    sys.stdout.flush()
    await asked_to_stop.wait()
    server.stop()
    for router in services:
        router.close()
    await server.close_all_connections()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8081)
    asyncio.run(serve(parser.parse_args().port))
