"""A bare Tornado handler: what a page or a form costs before an application does anything."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import tornado.web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets


class SameHandler(tornado.web.RequestHandler):
    """Answers a GET with given bytes."""

    def initialize(self, answer: bytes) -> None:
        """Take the answer."""
        self.answer = answer

    def get(self) -> None:
        """Answer."""
        self.set_header("Content-Type", "application/json")
        self.finish(self.answer)


class BareHandler(tornado.web.RequestHandler):
    """Answers a GET with a word, and a POST after reading one form field."""

    def get(self) -> None:
        """Greet."""
        self.finish("Hello, world")

    def post(self) -> None:
        """Read the field that a room's form has too."""
        self.finish(str(len(self.get_body_argument("body"))))


async def main(*route: Any) -> None:
    """Serve on a free port and say which."""
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(tornado.web.Application([route])).add_sockets(sockets)
    port = sockets[0].getsockname()[1]
    sys.stdout.write(f"bare listens on http://127.0.0.1:{port}/\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    if sys.argv[1:]:  # a file with the answer
        asyncio.run(main("/", SameHandler, {"answer": Path(sys.argv[1]).read_bytes()}))
    else:
        asyncio.run(main("/", BareHandler))
