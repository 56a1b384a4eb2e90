"""Readers: each is a cursor that it never gives up, whatever happens to its connections.

They do what the page's connection.js does: drop what they have, join again where a seq jumps, reconnect with
their cursor, fetch the pages of a gap. They record what the server sent as well as what they showed. Some say up to
where they have read, and now and then that they have not.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from faults.board import Board
from faults.history import Door, Gap, Heard, History, Joined, Page, Said, Told
from faults.links import LINKS_BY_TRANSPORT, REFUSED_STATUS, RETRY_STATUS, Client, Link
from faults.seen import HEAD, OLDER, ROW, look_of, shown_by, text_of, texts_in
from faults.tally import Tally
from faults.task_drafts import TaskBoard
from faults.task_seen import task_in
from faults.web import Lost, request

ROOM = "lobby"
SILENCE_BEFORE_PING_SECONDS = 2.0  # without a word after which the server is asked whether it is there
PONG_TIMEOUT_SECONDS = 2.0  # for its answer
JOIN_TIMEOUT_SECONDS = 4.0  # until `joined`
PAGE_TIMEOUT_SECONDS = 5.0  # for a page
RECONNECT_DELAY_SECONDS = (0.05, 0.4)  # before the next connection
RELOAD_DELAY_SECONDS = (0.5, 1.5)  # between two looks of a reader without a script
MARK_DELAY_SECONDS = (0.5, 2.0)  # between two times that a reader says where they are
UNREAD_SHARE = 0.15  # of those, that say that something is to be new again
OUTSIDE_DELAY_SECONDS = (0.3, 0.8)  # before the next try of who is not in the room
OUTSIDE_CODES = ("not_member", "unknown_room")


class Scribe:
    """Writes down what the readers of a room hear, and tells the writers of what they may change."""

    def __init__(self, history: History, board: Board) -> None:
        self.history = history
        self.board = board
        self.tasks = TaskBoard()

    def join(self, reader: str, transport: str, after: int | None, head: int, asked: float) -> int:
        """Begin a stretch and return its number."""
        number = len(self.history.joined)
        self.history.joined.append(Joined(time.monotonic(), number, reader, transport, after, head, asked))
        return number

    def hear(self, join: int, raw: str, entry: dict[str, Any], accepted: bool) -> None:
        """Note an entry."""
        seq, kind = entry["seq"], entry["kind"]
        quote = text_of(entry["quote"]) if "quote" in entry else None
        known = entry["nonce"], accepted, kind, entry.get("target"), shown_by(entry), list(texts_in(raw)), quote
        task = task_in(entry)
        self.history.heard.append(Heard(time.monotonic(), join, seq, *known, task))
        if accepted and kind == "post":
            self.board.hear(seq, entry["author"])
        elif accepted and kind == "delete":
            self.board.lose(entry["target"])
        if accepted:
            self.tasks.hear(entry)

    def gap(self, join: int, to: int) -> None:
        """Note that the server leaves entries out."""
        self.history.heard.append(Gap(time.monotonic(), join, to))

    def page(self, page: Page) -> None:
        """Note what was on pages."""
        self.history.heard.append(page)


class Reader:
    """A reader of the room. `cursor` is the last seq that it showed; None before the first."""

    def __init__(self, client: Client, scribe: Scribe) -> None:
        self.client = client
        self.name = client.name
        self.place = client.place
        self.scribe = scribe
        self.room = scribe.history.room
        self.path = f"/rooms/{self.room}"
        self.cursor: int | None = None
        self.reconnects = 0
        self.gaps = 0

    async def run(self) -> None:
        """Read until cancelled."""
        raise NotImplementedError

    async def read_pages(self) -> None:
        """Show what lies after the cursor, from the room's pages. Raise Lost."""
        asked = time.monotonic()
        text = await self.fetch_page(self.path)
        found = HEAD.search(text)
        head = int(found[1]) if found else 0
        rows, texts = ROW.findall(text), texts_in(text)
        older = OLDER.search(text)
        while older and self.cursor is not None and int(rows[0][0]) > self.cursor + 1:
            text = await self.fetch_page(f"{self.path}?before={older[1]}")
            rows, texts = ROW.findall(text) + rows, texts_in(text) + texts
            older = OLDER.search(text)
        reach = int(rows[0][0]) if older else 1
        shows = {seq: look_of(inner) for seq, inner in rows}
        numbers = [int(seq) for seq, _ in rows]
        self.scribe.page(Page(time.monotonic(), asked, self.name, head, reach, numbers, shows, list(texts)))
        self.cursor = max(self.cursor or 0, head)

    async def fetch_page(self, path: str) -> str:
        """Return the HTML of one page. Raise Lost."""
        try:
            async with asyncio.timeout(PAGE_TIMEOUT_SECONDS):
                async with request(self.client.somewhere(), "GET", path, {"Cookie": self.client.cookie}) as answer:
                    if answer.status != 200:
                        raise self.place.refused("page", answer.status)
                    return (await answer.read()).decode()
        except TimeoutError:
            raise Lost("no page in time") from None


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
    """A reader with a live connection over one `transport`.

    `marks`: they say up to where they have read, or, if they stay behind, that all is new.
    """

    def __init__(
        self, client: Client, transport: str, scribe: Scribe, marks: bool = False, stays_behind: bool = False
    ) -> None:
        super().__init__(client, scribe)
        self.transport = transport
        self.marks = marks
        self.stays_behind = stays_behind
        self.tally = Tally(self.room, client.member)
        self._mark_at = 0.0
        self._stretch: int | None = None  # what was joined last on this connection
        self._asked: int | None = None  # the cursor of the join that is not answered yet
        self._asked_at = 0.0
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

    async def say(self, what: str, seq: int) -> None:
        """Send `read` or `unread`, if there is a connection."""
        if self._link is not None:
            self.scribe.history.said.append(Said(time.monotonic(), self.client.member, what, seq))
            await self._link.send(json.dumps({"type": what, "room": self.room, "seq": seq}))

    async def _follow(self, link: Link) -> None:
        self._stretch, self._asks_again, self._is_owed = None, False, False
        self.tally = Tally(self.room, self.client.member)
        await self._join(link)
        while True:
            if self._stretch is None and time.monotonic() > self._asked_at + JOIN_TIMEOUT_SECONDS:
                raise Lost("not joined in time")
            for text in await self._listen(link):
                await self._take(link, text, json.loads(text))
            if self.marks and time.monotonic() > self._mark_at and self.cursor:
                await self._mark()

    async def _mark(self) -> None:
        dice, cursor = self.client.dice, self.cursor or 1
        self._mark_at = time.monotonic() + dice.uniform(*MARK_DELAY_SECONDS)
        if self.stays_behind:
            if self.tally.read != 0:
                await self.say("unread", 1)
        elif dice.random() < UNREAD_SHARE:
            await self.say("unread", dice.randint(1, cursor))
        else:
            await self.say("read", cursor)

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
        self._asked, self._asked_at = self.cursor, time.monotonic()
        after = {} if self.cursor is None else {"after": self.cursor}
        await link.send(json.dumps({"type": "join", "room": self.room, **after}))

    async def _take(self, link: Link, text: str, message: dict[str, Any]) -> None:
        kind = message["type"]
        self._reckon(message)
        if kind == "joined":
            self._is_owed, self._asks_again = self._asks_again, False
            begun = self._asked, message["head"], self._asked_at
            self._stretch = self.scribe.join(self.name, self.transport, *begun)
        elif kind == "entry" and message["room"] == self.room:
            if not self._hear(text, message):
                await self._join(link)
        elif kind == "gap":
            await self._fill(message["to"])
            await self._join(link)
        elif kind == "error":
            await self._take_error(link, message)

    def _reckon(self, message: dict[str, Any]) -> None:
        """Take what is told of what is new."""
        before = self.tally.read
        self.tally.take(message)
        if self.tally.read not in (before, None):
            told = Told(time.monotonic(), self.name, self.client.member, self.tally.read, before is None)
            self.scribe.history.told.append(told)

    async def _take_error(self, link: Link, error: dict[str, Any]) -> None:
        raise self.place.refused(f"join: {error['code']}", RETRY_STATUS if "retry_after" in error else REFUSED_STATUS)

    def _hear(self, text: str, entry: dict[str, Any]) -> bool:
        """Show an entry, or not. False: it jumps, and what lies between has to be asked for."""
        seq, cursor = entry["seq"], self.cursor
        is_jump = cursor is not None and seq > cursor + 1 and not self._is_owed
        is_new = not self._asks_again and not is_jump and (cursor is None or seq > cursor)
        if self._stretch is None:
            raise Lost("an entry before `joined`")
        self.scribe.hear(self._stretch, text, entry, is_new)
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


class Guest(ChatReader):
    """A reader of a room in which they are now and then: they knock until they are let in again."""

    is_inside = False

    async def _take(self, link: Link, text: str, message: dict[str, Any]) -> None:
        if message["type"] in ("joined", "error"):
            self.is_inside = message["type"] == "joined"
        await super()._take(link, text, message)

    async def _take_error(self, link: Link, error: dict[str, Any]) -> None:
        if error["code"] not in OUTSIDE_CODES:
            await super()._take_error(link, error)
        if error["code"] == "not_member":
            doors = self.scribe.history.doors
            doors.append(Door(time.monotonic(), self._asked_at, self.name, "told", self._stretch))
        await self.client.pause(OUTSIDE_DELAY_SECONDS)
        await self._join(link)
