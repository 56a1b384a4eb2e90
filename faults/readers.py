"""Readers: each is a cursor that it never gives up, whatever happens to its connections.

They do what the page's connection.js does: drop what they have, join again where a seq jumps, reconnect with
their cursor, fetch the pages of a gap. They record what the server sent as well as what they showed.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
import time
from typing import Any

from faults.history import Gap, Heard, History, Joined
from faults.links import LINKS_BY_TRANSPORT, REFUSED_STATUS, RETRY_STATUS, Client, Link
from faults.web import Lost, request

ROOM = "lobby"
SILENCE_BEFORE_PING_SECONDS = 2.0  # without a word after which the server is asked whether it is there
PONG_TIMEOUT_SECONDS = 2.0  # for its answer
JOIN_TIMEOUT_SECONDS = 4.0  # until `joined`
PAGE_TIMEOUT_SECONDS = 5.0  # for a page
RECONNECT_DELAY_SECONDS = (0.05, 0.4)  # before the next connection
RELOAD_DELAY_SECONDS = (0.5, 1.5)  # between two looks of a reader without a script

ROW = re.compile(r'<li data-author="([^"]*)" class="row[^"]*" data-seq="(\d+)"[^>]*>(.*?)</li>', re.DOTALL)
OLDER = re.compile(r'id="older" href="\?before=(\d+)"')


def digest(author: str, text: str) -> str:
    """Return what stands for everything that is seen of an entry."""
    return hashlib.blake2b(f"{author}\0{text}".encode(), digest_size=8).hexdigest()


class Scribe:
    """Writes down what the readers hear."""

    def __init__(self, history: History) -> None:
        self.history = history

    def join(self, reader: str, transport: str, after: int | None) -> int:
        """Begin a stretch and return its number."""
        number = len(self.history.joined)
        self.history.joined.append(Joined(time.monotonic(), number, reader, transport, after))
        return number

    def hear(self, join: int, seq: int, seen: str, nonce: str | None, accepted: bool) -> None:
        """Note an entry."""
        self.history.heard.append(Heard(time.monotonic(), join, seq, seen, nonce, accepted))

    def gap(self, join: int, to: int) -> None:
        """Note that the server leaves entries out."""
        self.history.heard.append(Gap(time.monotonic(), join, to))


class Reader:
    """A reader of the room. `cursor` is the last seq that it showed; None before the first."""

    def __init__(self, client: Client, scribe: Scribe) -> None:
        self.client = client
        self.name = client.name
        self.place = client.place
        self.scribe = scribe
        self.cursor: int | None = None
        self.reconnects = 0
        self.gaps = 0

    async def run(self) -> None:
        """Read until cancelled."""
        raise NotImplementedError

    async def read_pages(self) -> None:
        """Show what lies after the cursor, from the room's pages. Raise Lost."""
        pages: list[list[tuple[int, str]]] = []
        before: int | None = None
        while before is None or (pages[-1] and pages[-1][0][0] > (self.cursor or 0) + 1):
            rows, before = await self._page(before)
            pages.append(rows)
            if before is None or self.cursor is None:
                break
        for rows in reversed(pages):
            join = self.scribe.join(self.name, "page", None)
            for seq, seen in rows:
                is_new = self.cursor is None or seq > self.cursor
                self.scribe.hear(join, seq, seen, None, is_new)
                self.cursor = seq if is_new else self.cursor

    async def _page(self, before: int | None) -> tuple[list[tuple[int, str]], int | None]:
        """Return the rows of one page and where the page before it ends. Raise Lost."""
        path = f"/rooms/{ROOM}" + ("" if before is None else f"?before={before}")
        try:
            async with asyncio.timeout(PAGE_TIMEOUT_SECONDS):
                async with request(self.client.somewhere(), "GET", path, {"Cookie": self.client.cookie}) as answer:
                    if answer.status != 200:
                        raise self.place.refused("page", answer.status)
                    text = (await answer.read()).decode()
        except TimeoutError:
            raise Lost("no page in time") from None
        rows = [(int(seq), digest(html.unescape(author), inner)) for author, seq, inner in ROW.findall(text)]
        older = OLDER.search(text)
        return rows, int(older[1]) if older else None


class PageReader(Reader):
    """A reader without JavaScript: it reloads the page, and pages back to its cursor."""

    def __init__(self, client: Client, scribe: Scribe) -> None:
        super().__init__(client, scribe)
        self.looks = asyncio.Event()  # cleared: they do something else
        self.looks.set()

    async def run(self) -> None:
        while True:
            await self.looks.wait()
            try:
                await self.read_pages()
            except Lost:
                self.reconnects += 1
            await self.client.pause(RELOAD_DELAY_SECONDS)


class ChatReader(Reader):
    """A reader with a live connection over one `transport`."""

    def __init__(self, client: Client, transport: str, scribe: Scribe) -> None:
        super().__init__(client, scribe)
        self.transport = transport
        self._stretch: int | None = None  # what was joined last on this connection
        self._asked: int | None = None  # the cursor of the join that is not answered yet
        self._asks_again = False  # a seq jumped: nothing is shown until the new join is answered
        self._is_owed = False  # it was answered: what then still jumps, jumps in the log
        self._link: Link | None = None
        self._here = asyncio.Event()
        self._here.set()

    async def run(self) -> None:
        while True:
            try:
                await self._here.wait()
                async with LINKS_BY_TRANSPORT[self.transport](self.client) as link:
                    self._link = link
                    await self._follow(link)
            except Lost:
                self.reconnects += 1
            finally:
                self._link = None
            await self.client.pause(RECONNECT_DELAY_SECONDS)

    async def stay_away(self, seconds: float) -> None:
        """Close the page, and open it again later where it was."""
        self._here.clear()
        if self._link is not None:
            self._link.hang_up()
        try:
            await asyncio.sleep(seconds)
        finally:
            self._here.set()

    async def _follow(self, link: Link) -> None:
        self._stretch, self._asks_again, self._is_owed = None, False, False
        await self._join(link)
        deadline = time.monotonic() + JOIN_TIMEOUT_SECONDS
        while True:
            if self._stretch is None and time.monotonic() > deadline:
                raise Lost("not joined in time")
            for text in await self._listen(link):
                await self._take(link, json.loads(text))

    async def _listen(self, link: Link) -> list[str]:
        """Return the next messages; ask a silent server whether it is there. Raise Lost."""
        try:
            return await link.receive(SILENCE_BEFORE_PING_SECONDS)
        except TimeoutError:
            await link.send('{"type":"ping"}')
        try:
            return await link.receive(PONG_TIMEOUT_SECONDS)
        except TimeoutError:
            raise Lost("silent") from None

    async def _join(self, link: Link) -> None:
        self._asked = self.cursor
        after = {} if self.cursor is None else {"after": self.cursor}
        await link.send(json.dumps({"type": "join", "room": ROOM, **after}))

    async def _take(self, link: Link, message: dict[str, Any]) -> None:
        kind = message["type"]
        if kind == "joined":
            self._is_owed, self._asks_again = self._asks_again, False
            self._stretch = self.scribe.join(self.name, self.transport, self._asked)
        elif kind == "entry":
            if not self._hear(message):
                await self._join(link)
        elif kind == "gap":
            await self._fill(message["to"])
            await self._join(link)
        elif kind == "error":
            raise self.place.refused(
                f"join: {message['code']}", RETRY_STATUS if "retry_after" in message else REFUSED_STATUS
            )

    def _hear(self, entry: dict[str, Any]) -> bool:
        """Show an entry, or not. False: it jumps, and what lies between has to be asked for."""
        seq, cursor = entry["seq"], self.cursor
        is_jump = cursor is not None and seq > cursor + 1 and not self._is_owed
        is_new = not self._asks_again and not is_jump and (cursor is None or seq > cursor)
        if self._stretch is None:
            raise Lost("an entry before `joined`")
        self.scribe.hear(self._stretch, seq, digest(entry["author"], entry["html"]), entry["nonce"], is_new)
        if is_new:
            self.cursor, self._is_owed = seq, False
        if is_jump and not self._asks_again:
            self._asks_again = True
            return False
        return True

    async def _fill(self, to: int) -> None:
        """Read on the pages what the server will not replay."""
        self.gaps += 1
        if self._stretch is not None:
            self.scribe.gap(self._stretch, to)
        await self.read_pages()
