"""Ports for servers that are started, killed, and started again on the same one."""

from __future__ import annotations

import contextlib
import random
import socket

PORTS = range(20_000, 32_000)  # below those that the kernel gives to clients, who could sit on one during a restart


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found
