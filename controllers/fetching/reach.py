"""Which addresses may be fetched from: public ones, and none that only this machine or its network can reach."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

from tornado.netutil import Resolver

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

DEFAULT_PORTS = {"http": 80, "https": 443}

# Python calls more than this global, in some versions: reserved addresses, and those that carry another address.
UNICAST_NETWORK = IPv6Network("2000::/3")  # all that is assigned; without IPv4-mapped, NAT64 and site-local addresses
TUNNEL_NETWORKS: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments (RFC 6890)
    IPv4Network("192.88.99.0/24"),  # relays for 6to4 (RFC 7526)
    IPv6Network("2001::/23"),  # Teredo (RFC 4380) and other protocol assignments (RFC 2928)
    IPv6Network("2002::/16"),  # 6to4 (RFC 3056)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
)


class OutOfReach(Exception):
    """An address or port that may not be fetched from."""


@dataclass(frozen=True, slots=True)
class Reach:
    """The ports and addresses that may be fetched from. `networks` are included although they are not public."""

    ports: frozenset[int] = frozenset(DEFAULT_PORTS.values())
    networks: tuple[Network, ...] = ()
    max_redirects: int = 5

    def includes(self, address: str) -> bool:
        """Tell whether a fetch may connect to a resolved address."""
        found = ip_address(address)
        return is_public(found) or any(found in network for network in self.networks)

    def may_include(self, url: str) -> bool:
        """Tell whether `url` is one of the web at a port that may be fetched from; whose address it is comes later."""
        return is_web_url(url) and port_of(url) in self.ports


PUBLIC = Reach()


def reach_of(url: str) -> Reach:
    """Return the reach for a URL that an option has set: any address, its port only, no redirects."""
    return Reach(frozenset({port_of(url)}), (IPv4Network("0.0.0.0/0"), IPv6Network("::/0")), max_redirects=0)


def is_public(address: Address) -> bool:
    """Tell whether an address is on the public internet (IANA's special-purpose registries, RFC 6890)."""
    if not address.is_global or address.is_multicast:
        return False
    if isinstance(address, IPv6Address) and address not in UNICAST_NETWORK:
        return False
    return not any(address in network for network in TUNNEL_NETWORKS)


def is_web_url(url: str) -> bool:
    """Tell whether `url` is one of http or https, with a host, and without a name and a password."""
    try:
        parts = urlsplit(url)
        return parts.scheme in DEFAULT_PORTS and bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:  # of the port, or of an address in brackets
        return False


def port_of(url: str) -> int:
    """Return the port of a web URL."""
    parts = urlsplit(url)
    return parts.port or DEFAULT_PORTS[parts.scheme]


class CheckedResolver(Resolver):
    """Resolves names, and refuses those with an address outside `reach`.

    The client connects to the addresses returned here: there is no second look-up, and an unusual spelling
    (127.1, 0x7f000001, full-width digits) is checked by the address that it means to the system.
    """

    def initialize(self, resolver: Resolver, reach: Reach) -> None:
        self._resolver = resolver
        self._reach = reach

    def close(self) -> None:
        self._resolver.close()

    async def resolve(
        self, host: str, port: int, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[tuple[int, Any]]:
        """Return the addresses of `host`. Raise OutOfReach if its port or one of them may not be connected to."""
        if port not in self._reach.ports:
            raise OutOfReach(f"port {port}")
        found = await self._resolver.resolve(host, port, family)
        for _, address in found:
            if not self._reach.includes(address[0]):
                raise OutOfReach(f"{host} is {address[0]}")
        return found
