"""Ports for servers that are started, killed, and started again on the same one; and what becomes of connections."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

STATES = {"01": "ESTABLISHED", "08": "CLOSE_WAIT"}  # in /proc/net/tcp
PORTS = range(20_000, 32_000)  # below those that the kernel gives to clients, who could sit on one during a restart


def free_ports(count: int) -> list[int]:
    """Return ports that are free now."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found


def server_states(port: int) -> set[str]:
    """Return in which states the servers' ends of connections from a client's `port` are; none once they are closed."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {STATES.get(row[3], row[3]) for row in rows if row[2].endswith(f":{port:04X}")}
