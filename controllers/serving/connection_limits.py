"""Limits how many connections this process has open, so that no client address can use up all of them."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, IPv6Network, ip_address
from itertools import chain

import tornado.iostream

IPV6_NETWORK_BITS = 64  # the part of an IPv6 address that one customer gets as a whole


class LimitedStream(tornado.iostream.IOStream):
    """The stream of a connection that a ConnectionLimit counts until it closes."""

    limit: ConnectionLimit | None = None  # which counts it
    client: str = ""  # the key under which it is counted

    def close_fd(self) -> None:
        super().close_fd()
        if self.limit is not None:
            self.limit.remove(self)


class ConnectionLimit:
    """At most `max_connections` connections; a client gets another one only while it has fewer than are free.

    So one client alone can have half of them, a second one half of the rest, and the last ones go to clients that have
    none. When connections are scarce, the oldest ones on which no request has come yet are closed for new ones.
    """

    def __init__(self, max_connections: int) -> None:
        self._free = max_connections
        self._counts: Counter[str] = Counter()  # open connections, by client
        self._idle: dict[LimitedStream, None] = {}  # those on which no request has come yet, the oldest first

    def add(self, stream: LimitedStream, client: str) -> bool:
        """Count a new connection; return False if there is none left for this client. "" may have all of them."""
        while not self._has_room(client):
            idle = self._idle_stream(client)
            if idle is None:
                return False
            idle.close()
        stream.limit, stream.client = self, client
        self._free -= 1
        self._counts[client] += 1
        self._idle[stream] = None
        return True

    def mark_used(self, stream: LimitedStream) -> None:
        """Note that a request has come on a connection."""
        self._idle.pop(stream, None)

    def remove(self, stream: LimitedStream) -> None:
        """Count a connection no longer: it has closed."""
        self._idle.pop(stream, None)
        self._free += 1
        self._counts[stream.client] -= 1
        if not self._counts[stream.client]:
            del self._counts[stream.client]

    def _has_room(self, client: str) -> bool:
        return self._free > (self._counts[client] if client else 0)

    def _idle_stream(self, client: str) -> LimitedStream | None:
        """Return the idle connection to close for this client's new one: its own oldest, else the oldest of all."""
        own = (stream for stream in self._idle if stream.client == client)
        others = iter(self._idle if self._free == self._counts[client] else ())
        return next(chain(own, others), None)


def client_key(address: str) -> str:
    """Return the key under which connections from this address are counted: the address, or its IPv6 network.

    It is "" for what is no IP address, such as the path of a Unix socket.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, IPV6_NETWORK_BITS), strict=False))
