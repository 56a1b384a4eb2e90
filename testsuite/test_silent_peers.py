"""Peers that do not answer pings: they are closed, and delay no broadcast."""

from __future__ import annotations

import itertools
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import app
from testsuite.cases import SiteTest
from testsuite.clients import Client
from testsuite.ports import server_states
from testsuite.servers import ROOT, environment
from testsuite.waiting import TIMEOUT_SECONDS, leave_the_core

GONE_SECONDS = 60.0  # after which a silent peer is gone
LONG = "x" * 4000  # in each message: what the silent peers do not read fills their connections
CLOSE_TIMEOUT_SECONDS = 5.0  # that Tornado waits for the answer to a closing frame

# A member who joins the lobby, tells the port that this took, and listens; pings are answered meanwhile.
MEMBER = """
import sys
from websockets.exceptions import ConnectionClosed
from testsuite.clients import Client
client = Client(sys.argv[1])
client.cookies["session"] = sys.argv[2]
chat = client.chat()
print(chat.socket.local_address[1], flush=True)
try:
    while True:
        chat.receive(3600)
except ConnectionClosed:
    print("closed", flush=True)
"""
UPGRADE = (
    "GET /chat/websocket HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nCookie: session={session}\r\n\r\n"
)
PING, PONG = b"\x89\0", b"\x8a\x80\0\0\0\0"


class Listener:
    """A member in a process of its own, which can be stopped."""

    def __init__(self, client: Client) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", MEMBER, client.url, client.cookies["session"]],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            env=environment(),
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def is_connected(self) -> bool:
        """Tell whether the server holds its connection: a FIN would wait behind what a stopped client does not read."""
        return "ESTABLISHED" in server_states(self.port)

    def close(self) -> None:
        """End it, whatever became of it."""
        self.process.kill()
        self.process.communicate(timeout=TIMEOUT_SECONDS)


class PeerTest(SiteTest):
    def deaf(self, member: str) -> socket.socket:
        """Return a websocket of `member` that never answers a ping."""
        parts = urlsplit(self.server.url)
        deaf = socket.create_connection((parts.hostname, parts.port), TIMEOUT_SECONDS)
        self.addCleanup(deaf.close)
        session = self.client(member).cookies["session"]
        deaf.sendall(UPGRADE.format(host=parts.netloc, session=session).encode())
        self.assertTrue(deaf.recv(4096).startswith(b"HTTP/1.1 101"))
        return deaf


class Pings(PeerTest):
    """Each connection is pinged in time, however many new ones come: routers forget silent connections."""

    is_long = True
    altered = ("app:PING_INTERVAL_SECONDS=2.0", "app:PING_TIMEOUT_SECONDS=1.6")
    late = 1.0  # seconds that a ping may come late on a busy machine; behind a newcomer it comes 1.6 s late

    def test_newcomers_hold_up_nobodys_ping(self) -> None:
        peer, newcomer = self.deaf("beto"), self.client("carla")
        peer.settimeout(0.4)
        pinged_at = [time.monotonic()]
        while len(pinged_at) < 5:
            try:
                heard = peer.recv(4096)
            except TimeoutError:
                self.listen(newcomer, join=False)
                continue
            if PING in heard:
                peer.sendall(PONG)
                pinged_at.append(time.monotonic())
        pauses = [later - earlier for earlier, later in itertools.pairwise(pinged_at)]
        self.assertLess(max(pauses), 2.0 + self.late)


class SilentPeers(PeerTest):
    """docs/security.rst 17: a peer without pongs is gone, and harms no broadcast meanwhile."""

    needs = ("quiet",)  # who is awake has two seconds for an answer
    is_long = True
    altered = ("app:PING_INTERVAL_SECONDS=2.0", "app:PING_TIMEOUT_SECONDS=2.0")

    def listener(self, member: str) -> Listener:
        """Return a member in a process of its own, ended with the test."""
        listener = Listener(self.client(member))
        self.addCleanup(listener.close)
        return listener

    def test_the_stopped_and_the_deaf_end_and_meanwhile_everybody_else_hears_everything(self) -> None:
        awake, *asleep = [self.listener(member) for member in ("beto", "carla", "carla", "carla")]
        here, there, deaf = self.chat("ana"), self.chat("ana"), self.deaf("carla")
        for listener in asleep:
            listener.process.send_signal(signal.SIGSTOP)
        said, deadline = 0, time.monotonic() + 2 * TIMEOUT_SECONDS
        while any(listener.is_connected() for listener in asleep):
            self.assertLess(time.monotonic(), deadline)
            there.until("entry", nonce=here.post(f"louder {said} {LONG}"))
            said += 1
            leave_the_core()
        seqs = [message["seq"] for message in there.heard if message["type"] == "entry"]
        self.assertEqual(seqs, list(range(there.head + 1, there.head + 1 + said)))
        self.assertGreater(said, 10)
        while deaf.recv(65536):
            self.assertLess(time.monotonic(), deadline)
        self.assertTrue(awake.is_connected())
        here.until("presence", online=["ana", "beto"])

    def test_with_the_sites_own_limits_that_takes_less_than_a_minute(self) -> None:
        self.assertLess(app.PING_INTERVAL_SECONDS + app.PING_TIMEOUT_SECONDS + CLOSE_TIMEOUT_SECONDS, GONE_SECONDS)
