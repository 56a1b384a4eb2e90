"""A chat client that does what docs/protocol.rst demands of one.

It reconnects with its cursor, resends with its nonce, sends again what is refused for now, and reads on the room's
pages what is too much to be sent.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from websockets.exceptions import WebSocketException

from testsuite.clients import Chat, Client
from testsuite.roompage import rows

# How a connection ends: the socket, a closing frame, a request that was refused.
CONNECTION_ERRORS = (OSError, EOFError, AssertionError, http.client.HTTPException, WebSocketException)
RETRY_SECONDS = 0.05  # before another try
TEXT = "never twice"


class Survivor(threading.Thread):
    """A reader that also posts one message after the other while `writes` is true.

    `connect` returns a new connection of `client`. It reads until it has `last`. `entries` are those that it has heard,
    or read on a page, each with its `seq` and the `nonce`, which is in the text, too.
    """

    def __init__(self, client: Client, connect: Callable[[Client], Chat], cursor: int, writes: bool = False) -> None:
        super().__init__(daemon=True)
        self.client = client
        self.connect = connect
        self.cursor = cursor
        self.writes = writes
        self.last: int | None = None
        self.entries: list[dict[str, Any]] = []
        self.acknowledged: dict[str, int] = {}
        self.outages: list[float] = []  # seconds
        self.processes: list[str] = []  # that it has been at
        self.gaps = 0
        self.refusals = 0
        self._nonce = ""
        self._lost_at: float | None = None
        self._pause = threading.Event()

    def run(self) -> None:
        """Stay connected, as far as that is possible, until everything has come."""
        while not self._has_all():
            try:
                with contextlib.closing(self.connect(self.client)) as chat:
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
        self.processes.append(chat.until("hello")["process"])
        self._join(chat)
        if self._lost_at is not None:
            self.outages.append(time.monotonic() - self._lost_at)
            self._lost_at = None
        if self._nonce:
            self._post(chat)
        while not self._has_all():
            if self.writes and not self._nonce:
                self._pause.wait(RETRY_SECONDS)
                self._nonce = secrets.token_hex(8)
                self._post(chat)
            self._hear(chat, chat.receive())

    def _join(self, chat: Chat) -> None:
        chat.send("join", room="lobby", after=self.cursor)
        while (message := chat.receive())["type"] != "joined":
            if message["type"] == "error":
                self._wait(message)
                chat.send("join", room="lobby", after=self.cursor)

    def _wait(self, error: dict[str, Any]) -> None:
        """Wait until what was refused may be sent again."""
        self.refusals += 1
        self._pause.wait(error["retry_after"])

    def _post(self, chat: Chat) -> None:
        chat.post(f"{TEXT} {self._nonce}", nonce=self._nonce)

    def _hear(self, chat: Chat, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "ack":
            self.acknowledged[message["nonce"]] = message["seq"]
            self._nonce = "" if message["nonce"] == self._nonce else self._nonce
        elif kind == "entry":
            self._take(message["seq"], message["nonce"])
        elif kind == "gap":
            self.gaps += 1
            self._read_pages(message["from"], message["to"])
        elif kind == "error":
            self._wait(message)
            self._post(chat)

    def _take(self, seq: int, nonce: str) -> None:
        self.entries.append({"seq": seq, "nonce": nonce})
        self.cursor = seq

    def _read_pages(self, first: int, last: int) -> None:
        """Read the entries from `first` to `last` on the room's pages, the newest first."""
        found: dict[int, str] = {}
        before = last + 1
        while before > first:
            page = rows(self.client.get(f"/rooms/lobby?before={before}"))
            if not page:
                raise AssertionError(f"no page before {before}")  # it may have been asked of a process that ended
            found.update((row.seq, row.text) for row in page)
            before = page[0].seq
        for seq in range(first, last + 1):
            if written := re.search(f"{TEXT} ([0-9a-f]+)", found.get(seq, "")):
                self._take(seq, written[1])
