"""The sockets on which the site listens."""

from __future__ import annotations

import socket
import warnings

import tornado.netutil

BACKLOG_CONNECTIONS = 1024  # that wait to be accepted: all clients come back at once after a restart
SEND_BUFFER_BYTES = 128 * 1024  # Linux doubles it; by default it would keep 4 MB for each client that does not read


def listen(address: str, port: int) -> list[socket.socket]:
    """Return listening sockets, on a free port if `port` is 0. Raise OSError, which says for which address and why."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # Tornado does not close a socket that cannot be bound
        try:
            sockets = tornado.netutil.bind_sockets(port, address, backlog=BACKLOG_CONNECTIONS)
            for listener in sockets:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # accepted ones inherit it
            return sockets
        except (OSError, OverflowError, UnicodeError) as error:
            why = str(error)
    raise OSError(f"cannot listen on {address}:{port}: {why}")


def url_of(address: str, sockets: list[socket.socket]) -> str:
    """Return the URL at which sockets that listen on `address` are reached."""
    host = f"[{address}]" if ":" in address else address
    return f"http://{host}:{sockets[0].getsockname()[1]}/"
