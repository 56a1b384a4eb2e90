"""Writers: they send a message again and again, under its nonce, until the site says that it is on disk."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any
from urllib.parse import urlencode

from faults.history import Acked, History, Sent
from faults.links import LINKS_BY_TRANSPORT, REFUSED_STATUS, RETRY_STATUS, Client, Link
from faults.readers import RECONNECT_DELAY_SECONDS, ROOM
from faults.web import Answer, Lost, request

ACK_TIMEOUT_SECONDS = 3.0  # for an acknowledgement
PAUSE_SECONDS = (0.1, 1.0)  # between two messages
MAX_MESSAGES_IN_FLIGHT = 3  # messages on the wire
LONG_MESSAGE_SHARE = 0.02  # of the messages are long ones
LONG_MESSAGE_CHARS = 6000  # of those, beyond ASCII so that every encoding of them is long
RESENT_SHARE = 0.1  # of the messages are sent once more although they were acknowledged
SENT_TWICE_SHARE = 0.1  # of the messages go to two processes at the same moment
FORM_CONTENT_TYPE = "application/x-www-form-urlencoded"


class Form:
    """The form of the room's page, as a browser without a script sends it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.place = client.place
        self.cookie = client.cookie
        self._name = self._token = ""  # of the cookie against forgery

    async def post(self, nonce: str, body: str) -> None:
        """Post; return when the site said that it is stored. Raise Lost."""
        try:
            async with asyncio.timeout(ACK_TIMEOUT_SECONDS):
                await self._post(nonce, body)
        except TimeoutError:
            raise Lost("the form was not answered") from None

    async def _post(self, nonce: str, body: str) -> None:
        if not self._token:
            await self._open_page()
        fields = urlencode({"_xsrf": self._token, "nonce": nonce, "body": body})
        headers = {"Cookie": f"{self.cookie}; {self._name}={self._token}", "Content-Type": FORM_CONTENT_TYPE}
        async with request(self.client.somewhere(), "POST", f"/rooms/{ROOM}", headers, fields.encode()) as answer:
            if answer.status != 302:  # who posts too often is told when to try again, as by the chat
                is_to_wait = answer.status == 429 and answer.header("Retry-After")
                raise self.place.refused("form", RETRY_STATUS if is_to_wait else answer.status)

    async def _open_page(self) -> None:
        async with request(self.client.somewhere(), "GET", f"/rooms/{ROOM}", {"Cookie": self.cookie}) as answer:
            if answer.status != 200:
                raise self.place.refused("page", answer.status)
            await answer.read()
            self._name, self._token = _cookie(answer, "_xsrf")


def _cookie(answer: Answer, name: str) -> tuple[str, str]:
    """Return what the site calls this cookie, and its value."""
    given = [value for header, value in answer.headers if header == "set-cookie"]
    found = next((line for line in given if line.startswith(f"{name}_")), "")
    called, _, value = found.partition(";")[0].partition("=")
    return called, value


class Writer:
    """A member who posts. `waiting` maps the nonces of unacknowledged messages to their bodies."""

    def __init__(self, client: Client, transport: str, history: History) -> None:
        self.client = client
        self.name = client.name
        self.dice = client.dice
        self.transport = transport
        self.history = history
        self.form = Form(client)
        self.waiting: dict[str, str] = {}
        self.reconnects = 0
        self.refusals = 0  # that asked to wait
        self._is_last = asyncio.Event()
        self._forms: list[asyncio.Task[None]] = []  # of messages that go to two processes

    def stop(self) -> None:
        """Begin nothing new."""
        self._is_last.set()

    async def say_one_more(self) -> None:
        """Write one message, after everything else."""
        self._draft(1)
        await self.run()

    async def run(self) -> None:
        """Write, until stopped and everything is acknowledged."""
        while self.waiting or not self._is_last.is_set():
            try:
                if self.transport == "form":
                    await self._fill_forms()
                else:
                    async with LINKS_BY_TRANSPORT[self.transport](self.client) as link:
                        await self._write(link)
            except Lost:
                self.reconnects += 1
                await self.client.pause(RECONNECT_DELAY_SECONDS)
        await asyncio.gather(*self._forms)

    # --- by the form

    async def _fill_forms(self) -> None:
        while await self._has_something():
            for nonce, body in list(self.waiting.items()):
                await self._post(nonce, body)
                if self.dice.random() < RESENT_SHARE:
                    await self._post(nonce, body)

    async def _post(self, nonce: str, body: str) -> None:
        self._note_sent(nonce, body, "form")
        await self.form.post(nonce, body)
        self._note_ack(nonce, None)

    # --- by a live connection

    async def _write(self, link: Link) -> None:
        while await self._has_something():
            nonces = set(self.waiting)
            for nonce, body in list(self.waiting.items()):
                if self.dice.random() < SENT_TWICE_SHARE:
                    self._forms.append(asyncio.create_task(self._try_form(nonce, body)))
                await self._send(link, nonce, body)
            await self._hear_acks(link, nonces)
            await asyncio.gather(*self._forms)
            self._forms.clear()

    async def _send(self, link: Link, nonce: str, body: str) -> None:
        self._note_sent(nonce, body, self.transport)
        await link.send(json.dumps({"type": "post", "room": ROOM, "body": body, "nonce": nonce}))

    async def _try_form(self, nonce: str, body: str) -> None:
        try:
            await self._post(nonce, body)
        except Lost:
            return  # it went by the live connection as well

    async def _hear_acks(self, link: Link, nonces: set[str]) -> None:
        """Return when all of `nonces` are acknowledged; some are sent once more for good measure. Raise Lost."""
        while nonces:
            try:
                messages = await link.receive(ACK_TIMEOUT_SECONDS)
            except TimeoutError:
                raise Lost("no acknowledgement in time") from None
            for message in map(json.loads, messages):
                if message["type"] == "ack":
                    nonces.discard(message["nonce"])
                    body = self._note_ack(message["nonce"], message["seq"])
                    if body and self.dice.random() < RESENT_SHARE:
                        nonces.add(message["nonce"])
                        await self._send(link, message["nonce"], body)
                elif message["type"] == "error":
                    await self._send_later(link, message)
                    if message["nonce"] not in self.waiting:
                        nonces.discard(message["nonce"])

    async def _send_later(self, link: Link, refusal: dict[str, Any]) -> None:
        """Wait as the site asks to, and send again unless it is acknowledged meanwhile. Raise Lost if refused."""
        if "retry_after" not in refusal:
            raise link.place.refused(f"post: {refusal['code']}", REFUSED_STATUS)
        self.refusals += 1
        await asyncio.sleep(refusal["retry_after"])
        if (body := self.waiting.get(refusal["nonce"])) is not None:
            await self._send(link, refusal["nonce"], body)

    # --- what is waiting

    async def _has_something(self) -> bool:
        """Wait until there is something to send; False when there will be nothing any more."""
        if self.waiting:
            return True
        try:
            async with asyncio.timeout(self.dice.uniform(*PAUSE_SECONDS)):
                await self._is_last.wait()
            return False
        except TimeoutError:
            self._draft(self.dice.randint(1, MAX_MESSAGES_IN_FLIGHT))
            return True

    def _draft(self, count: int) -> None:
        for _ in range(count):
            nonce = secrets.token_hex(8)
            long = "ü€😀 " * (LONG_MESSAGE_CHARS // 4) if self.dice.random() < LONG_MESSAGE_SHARE else ""
            self.waiting[nonce] = f"{self.name} says {nonce} {long}".rstrip()

    def _note_sent(self, nonce: str, body: str, transport: str) -> None:
        self.history.sent.append(Sent(time.monotonic(), self.name, nonce, body, transport))

    def _note_ack(self, nonce: str, seq: int | None) -> str | None:
        """Note an acknowledgement; return the body if it was the first."""
        self.history.acked.append(Acked(time.monotonic(), self.name, nonce, seq))
        return self.waiting.pop(nonce, None)
