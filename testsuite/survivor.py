"""A chat client that behaves as the page's own does: it reconnects with its cursor and resends with its nonce."""

from __future__ import annotations

import contextlib
import http.client
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import WebSocketException

from testsuite.clients import Chat

# How a connection ends: the socket, a closing frame, a request that was refused.
CONNECTION_ERRORS = (OSError, EOFError, AssertionError, http.client.HTTPException, WebSocketException)
RETRY_SECONDS = 0.05  # before another try


class Survivor(threading.Thread):
    """A reader that also posts one message after the other while `writes` is true.

    `connect` returns a chat that has joined the lobby after a seq. It reads until it has `last`.
    """

    def __init__(self, connect: Callable[[int], Chat], cursor: int, writes: bool = False) -> None:
        super().__init__(daemon=True)
        self.connect = connect
        self.cursor = cursor
        self.writes = writes
        self.last: int | None = None
        self.entries: list[dict[str, Any]] = []
        self.acknowledged: dict[str, int] = {}
        self.outages: list[float] = []  # seconds
        self.processes: list[str] = []  # that it has been at
        self._nonce = ""
        self._lost_at: float | None = None
        self._pause = threading.Event()

    def run(self) -> None:
        """Stay connected, as far as that is possible, until everything has come."""
        while not self._has_all():
            try:
                with contextlib.closing(self.connect(self.cursor)) as chat:
                    self._live(chat)
            except CONNECTION_ERRORS as why:
                self.why = why
                self._lost_at = self._lost_at or time.monotonic()
                self._pause.wait(RETRY_SECONDS)

    def __str__(self) -> str:
        state = f"lost {self.why!r}" if self._lost_at else "connected"
        return f"{self.connect}: {state} at {self.cursor}, {self._nonce} under way, alive: {self.is_alive()}"

    def has_reached(self, acknowledged: int, cursor: int) -> bool:
        """Tell whether it has sent and heard so much."""
        return self.cursor >= cursor and (not self.writes or len(self.acknowledged) >= acknowledged)

    def _has_all(self) -> bool:
        return self.last is not None and self.cursor >= self.last and not self._nonce

    def _live(self, chat: Chat) -> None:
        self.processes.append(next(message["process"] for message in chat.heard if message["type"] == "hello"))
        if self._lost_at is not None:
            self.outages.append(time.monotonic() - self._lost_at)
            self._lost_at = None
        if self._nonce:
            chat.post("never twice", nonce=self._nonce)
        while not self._has_all():
            if self.writes and not self._nonce:
                self._pause.wait(RETRY_SECONDS)
                self._nonce = secrets.token_hex(8)
                chat.post("never twice", nonce=self._nonce)
            self._hear(chat.receive())

    def _hear(self, message: dict[str, Any]) -> None:
        if message["type"] == "ack":
            self.acknowledged[message["nonce"]] = message["seq"]
            self._nonce = "" if message["nonce"] == self._nonce else self._nonce
        if message["type"] == "entry":
            self.entries.append(message)
            self.cursor = message["seq"]
