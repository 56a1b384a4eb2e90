"""Writers: they send an entry again and again, under its nonce, until the site says that it is on disk, or refuses."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from faults.drafts import Draft, Drafter
from faults.form import CODES_BY_STATUS, Form, Unwanted
from faults.history import Acked, Refused, Sent
from faults.links import LINKS_BY_TRANSPORT, REFUSED_STATUS, Client, Link
from faults.readers import RECONNECT_DELAY_SECONDS, Scribe
from faults.task_drafts import TaskDrafter
from faults.web import Lost

ACK_TIMEOUT_SECONDS = 3.0  # for an acknowledgement
PAUSE_SECONDS = (0.1, 1.0)  # between two messages
MAX_MESSAGES_IN_FLIGHT = 3  # messages on the wire
RESENT_SHARE = 0.1  # of the messages are sent once more although they were acknowledged
SENT_TWICE_SHARE = 0.1  # of the messages go to two processes at the same moment
REFUSED_FOR_GOOD = set(CODES_BY_STATUS.values())


class Writer:
    """A member who writes. `waiting` has the drafts that are not answered, by nonce."""

    def __init__(self, client: Client, transport: str, scribe: Scribe, names: list[str]) -> None:
        self.client = client
        self.name = client.name
        self.dice = client.dice
        self.transport = transport
        self.history = scribe.history
        self.room = scribe.history.room
        self.form = Form(client, self.room)
        self.drafter = Drafter(self.name, self.dice, scribe.board, names)
        self.waiting: dict[str, Draft] = {}
        self.reconnects = 0
        self.refusals = 0  # that asked to wait
        self._is_last = asyncio.Event()
        self._forms: list[asyncio.Task[None]] = []  # of messages that go to two processes

    def stop(self) -> None:
        """Begin nothing new."""
        self._is_last.set()

    async def say_one_more(self) -> None:
        """Write one message, after everything else."""
        self._add(self.drafter.post())
        await self.run()

    async def run(self) -> None:
        """Write, until stopped and everything is answered."""
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
            for draft in list(self.waiting.values()):
                await self._post(draft)
                if self.dice.random() < RESENT_SHARE:
                    await self._post(draft)

    async def _post(self, draft: Draft) -> None:
        """Send by the form, and note the answer. Raise Lost."""
        self._note_sent(draft, "form", draft.kind_by_form)
        try:
            await self.form.send(*draft.form(self.room), draft.refusals)
        except Unwanted as unwanted:
            self._note_refusal(draft.nonce, unwanted.code, "form")
        else:
            self._note_ack(draft.nonce, None)

    # --- by a live connection

    async def _write(self, link: Link) -> None:
        while await self._has_something():
            nonces = set(self.waiting)
            for draft in list(self.waiting.values()):
                if self.dice.random() < SENT_TWICE_SHARE:
                    self._forms.append(asyncio.create_task(self._try_form(draft)))
                await self._send(link, draft)
            await self._hear_acks(link, nonces)
            await asyncio.gather(*self._forms)
            self._forms.clear()

    async def _send(self, link: Link, draft: Draft) -> None:
        self._note_sent(draft, self.transport, draft.kind)
        await link.send(json.dumps(draft.message(self.room)))

    async def _try_form(self, draft: Draft) -> None:
        try:
            await self._post(draft)
        except Lost:
            return  # it went by the live connection as well

    async def _hear_acks(self, link: Link, nonces: set[str]) -> None:
        """Return when all of `nonces` are answered; some are sent once more for good measure. Raise Lost."""
        while nonces:
            try:
                messages = await link.receive(ACK_TIMEOUT_SECONDS)
            except TimeoutError:
                raise Lost("no acknowledgement in time") from None
            for message in map(json.loads, messages):
                if message["type"] == "ack":
                    nonces.discard(message["nonce"])
                    draft = self._note_ack(message["nonce"], message["seq"])
                    if draft and self.dice.random() < RESENT_SHARE:
                        nonces.add(message["nonce"])
                        await self._send(link, draft)
                elif message["type"] == "error":
                    await self._take_refusal(link, message)
                    if message["nonce"] not in self.waiting:
                        nonces.discard(message["nonce"])

    async def _take_refusal(self, link: Link, refusal: dict[str, Any]) -> None:
        """Give up, or wait as the site asks to, and send again unless it is answered meanwhile. Raise Lost."""
        if refusal["code"] in REFUSED_FOR_GOOD:
            self._note_refusal(refusal["nonce"], refusal["code"], self.transport)
            return
        if "retry_after" not in refusal:
            raise link.place.refused(f"post: {refusal['code']}", REFUSED_STATUS)
        self.refusals += 1
        await asyncio.sleep(refusal["retry_after"])
        if (draft := self.waiting.get(refusal["nonce"])) is not None:
            await self._send(link, draft)

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
            for _ in range(self.dice.randint(1, MAX_MESSAGES_IN_FLIGHT)):
                self._add(self.drafter.draw())
            return True

    def _add(self, draft: Draft) -> None:
        self.waiting[draft.nonce] = draft

    def _note_sent(self, draft: Draft, transport: str, kind: str) -> None:
        sent = draft.nonce, draft.body, transport, kind, draft.target
        self.history.sent.append(Sent(time.monotonic(), self.name, *sent))

    def _note_ack(self, nonce: str, seq: int | None) -> Draft | None:
        """Note an acknowledgement; return the draft if it was the first."""
        self.history.acked.append(Acked(time.monotonic(), self.name, nonce, seq))
        return self.waiting.pop(nonce, None)

    def _note_refusal(self, nonce: str, code: str, transport: str) -> None:
        self.history.refused.append(Refused(time.monotonic(), self.name, nonce, code, transport))
        self.waiting.pop(nonce, None)


class TaskWriter(Writer):
    """A member who keeps the list of tasks, by forms that are sent at the same moment, so that some want the same."""

    def __init__(self, client: Client, scribe: Scribe, names: list[str]) -> None:
        super().__init__(client, "form", scribe, names)
        self.drafter = TaskDrafter(self.name, self.dice, scribe.tasks, names)

    async def _fill_forms(self) -> None:
        while await self._has_something():
            drafts = list(self.waiting.values())
            drafts += [draft for draft in drafts if self.dice.random() < RESENT_SHARE]
            for ended in await asyncio.gather(*map(self._post, drafts), return_exceptions=True):
                if ended is not None:
                    raise ended
