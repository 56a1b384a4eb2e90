"""Who gets one of the process's places for connections: nobody may take them all."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv6Address, IPv6Network, ip_address
from itertools import chain

import tornado.iostream

NETWORK_BITS = 64  # of an IPv6 address: whoever has one address has all of its network


class Stream(tornado.iostream.IOStream):
    """A connection that gives its place back as it closes."""

    places: Places | None = None  # that it has one of
    holder = ""  # who it counts for

    def close_fd(self) -> None:
        super().close_fd()
        if self.places is not None:
            self.places.give_back(self)


class Places:
    """So many connections, of which one address gets another only while it has fewer than are left for all.

    So one alone can take half of them, a second one half of the rest, and the last are for those who have none. Where
    places are scarce, the oldest connections that have not asked anything yet make room.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._taken: Counter[str] = Counter()
        self._silent: dict[Stream, None] = {}  # which have not asked anything yet, the oldest first

    def take(self, stream: Stream, holder: str) -> bool:
        """Give a place to a new connection, if there is one for this holder; "" may hold all."""
        while not self._has_room(holder):
            silent = self._silent_one(holder)
            if silent is None:
                return False
            silent.close()
        stream.places, stream.holder = self, holder
        self._left -= 1
        self._taken[holder] += 1
        self._silent[stream] = None
        return True

    def hear(self, stream: Stream) -> None:
        """Note that a connection asks something."""
        self._silent.pop(stream, None)

    def give_back(self, stream: Stream) -> None:
        """Note that a connection has closed."""
        self._silent.pop(stream, None)
        self._left += 1
        self._taken[stream.holder] -= 1
        if not self._taken[stream.holder]:
            del self._taken[stream.holder]

    def _has_room(self, holder: str) -> bool:
        return self._left > (self._taken[holder] if holder else 0)

    def _silent_one(self, holder: str) -> Stream | None:
        """Return the connection that makes room for one more of this holder: one of their own, else another's."""
        own = (stream for stream in self._silent if stream.holder == holder)
        others = iter(self._silent if self._left == self._taken[holder] else ())
        return next(chain(own, others), None)


def holder_of(address: str) -> str:
    """Return who a connection from this address counts for: its address, or its network where that is one customer's.

    "" where it is no IP address, but that of a local socket.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Network((found, NETWORK_BITS), strict=False))
