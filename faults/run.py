"""One run: the site, its clients, the faults, and the history that comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from itertools import islice
from typing import Any

from bench.people import slugs
from faults import ending
from faults.board import Board
from faults.crier import Crier
from faults.den import GUEST_TRANSPORTS, Den
from faults.faultmaker import Faultmaker
from faults.history import SETTLING_SECONDS, Beside, Heard, History, Page, Row
from faults.links import Client, Place
from faults.lists import ListReader
from faults.meetings import Meetings
from faults.proxy import Network
from faults.readers import ChatReader, PageReader, Reader, Scribe
from faults.schedule import Plan
from faults.site import Site
from faults.stores import ENGINES
from faults.waiting import until
from faults.writers import TaskWriter, Writer

Work = Coroutine[Any, Any, None]

READERS_BY_TRANSPORT = {"websocket": 8, "xhr-streaming": 6, "xhr-polling": 6}
PAGE_READER_COUNT = 2
LIST_READER_COUNT = 1
TASK_WRITER_COUNT = 4
WRITERS_BY_TRANSPORT = {"websocket": 6, "xhr-streaming": 3, "xhr-polling": 4, "form": 4}
MARKING_COUNT = 2  # of the readers by each transport say up to where they have read, on two devices each
MEMBER_COUNT = (
    sum(READERS_BY_TRANSPORT.values())
    + PAGE_READER_COUNT
    + LIST_READER_COUNT
    + TASK_WRITER_COUNT
    + sum(WRITERS_BY_TRANSPORT.values())
    + 2
    + len(GUEST_TRANSPORTS)
)

# Entries that latecomers are behind, who arrive when the faults are over: the live ones so far that they are told
# of a gap, if there is that much; the one without a script some pages.
LATE_ENTRIES = 700
LATE_PAGE_ENTRIES = 300

ROOM_COUNT = 20  # beside the lobby, in which everybody is and one member writes

END_TIMEOUT_SECONDS = 150.0  # after the faults in which the run has ended, even on a busy machine


class Run:
    """The clients of one run, and what they did."""

    def __init__(self, seed: int, plans: list[Plan], engine: str = "sqlite", rooms: int = ROOM_COUNT) -> None:
        self.history = History(seed=seed)
        self.plans = plans
        self.engine = engine
        self.rooms = slugs(rooms)
        self.left_out: dict[str, str] = {}
        self.readers: list[Reader] = []
        self.writers: list[Writer] = []
        self.place = Place()
        self.starts = Counter[str]()
        self.settled = 0.0  # seconds from when all was well until everything had arrived

    async def go(self, seconds: float) -> list[History]:
        """Let everything happen and return what did, in each room."""
        with (
            tempfile.TemporaryDirectory(prefix="faults-") as folder,
            ENGINES[self.engine](folder, seconds) as store,
        ):
            self.left_out = store.left_out
            site = Site(folder, store, MEMBER_COUNT, self.rooms, self.history)
            async with site.running():
                network = Network(site.ports())
                try:
                    self.place.ports = await network.start()
                    self._invite(site)
                    await self.den.open()
                    await self._act_in_time(site, network, seconds)
                finally:
                    network.stop()
            store.read(self.history)
            store.read(self.den.history)
            self.history.beside = [_beside(room, store.entries(room)) for room in self.rooms]
        self.history.output += [line for machine in site.machines for line in machine.limited]
        self.starts.update(starts=sum(process.starts for process in site.processes))
        self.starts.update(failed=sum(process.failed_starts for process in site.processes))
        self.history.complaints += self.place.complaints()
        return [self.history, self.den.history]

    def _invite(self, site: Site) -> None:
        """Make the clients, each of them a member."""
        scribe = Scribe(self.history, Board())
        dice = random.Random(self.history.seed)
        members = zip(site.names, site.cookies, strict=True)
        clients = (
            Client(name, cookie, self.place, random.Random(dice.random()), member=name) for name, cookie in members
        )
        self.crier = Crier(next(clients), self.rooms, self.history)
        self.den = Den(next(clients), list(islice(clients, len(GUEST_TRANSPORTS))), site.ids, self.history.seed)
        for transport, count in READERS_BY_TRANSPORT.items():
            self.readers += [ChatReader(client, transport, scribe) for client in islice(clients, count)]
            for number, client in enumerate([reader.client for reader in self.readers[-MARKING_COUNT:]]):
                self._add_marking(client, transport, scribe, stays_behind=number % 2 > 0)
        self.readers += [PageReader(client, scribe) for client in islice(clients, PAGE_READER_COUNT)]
        names = [reader.client.member for reader in self.chatting() if reader.marks]
        for transport, count in WRITERS_BY_TRANSPORT.items():
            self.writers += [Writer(client, transport, scribe, names) for client in islice(clients, count)]
        self.task_writers = [TaskWriter(client, scribe, names) for client in islice(clients, TASK_WRITER_COUNT)]
        self.list_readers = [ListReader(client, scribe) for client in islice(clients, LIST_READER_COUNT)]
        self.history.readers = [reader.name for reader in self.readers]
        meeting = [dataclasses.replace(writer.client, dice=random.Random(dice.random())) for writer in self.writers]
        self.meetings = Meetings(meeting, self.history, random.Random(dice.random()))

    def _add_marking(self, client: Client, transport: str, scribe: Scribe, stays_behind: bool) -> None:
        """Let a reader say up to where they have read, on a second device."""
        twin = dataclasses.replace(client, name=f"{client.name} too", dice=random.Random(client.dice.random()))
        self.readers.append(ChatReader(twin, transport, scribe, True, stays_behind))

    def _latecomers(self, head: int) -> list[Reader]:
        """Return readers with an old cursor: one of every kind, under new names."""
        late: dict[str, Reader] = {}
        for reader in self.readers:
            client = dataclasses.replace(reader.client, name=f"{reader.name} later")
            if isinstance(reader, ChatReader) and reader.transport not in late:
                late[reader.transport] = ChatReader(client, reader.transport, reader.scribe)
                late[reader.transport].cursor = max(head - LATE_ENTRIES, 0)
            elif isinstance(reader, PageReader) and "page" not in late:
                late["page"] = PageReader(client, reader.scribe)
                late["page"].cursor = max(head - LATE_PAGE_ENTRIES, 0)
        return list(late.values())

    async def _act_in_time(self, site: Site, network: Network, seconds: float) -> None:
        """Act, and complain if that does not end: a site may be too broken to come back."""
        try:
            async with asyncio.timeout(seconds + END_TIMEOUT_SECONDS):
                await self._act(site, network, seconds)
        except TimeoutError:
            self.history.complaints.append(f"the run did not end within {END_TIMEOUT_SECONDS:.0f} s after the faults")

    async def _act(self, site: Site, network: Network, seconds: float) -> None:
        """Read and write through the faults, then until everything has arrived."""
        faultmaker = Faultmaker(site, network, self.chatting(), self.history)
        reading = [reader.run() for reader in (*self.readers, *self.den.guests)]
        reading += [reader.run() for reader in self.list_readers]
        async with background(*reading, *(process.nurse() for process in site.processes)) as group:
            writing = [asyncio.create_task(one.run()) for one in (*self.writers, *self.task_writers, self.den.writer)]
            writing += [asyncio.create_task(self.den.run()), asyncio.create_task(self.meetings.run())]
            writing.append(asyncio.create_task(self.crier.run()))
            began = time.monotonic()
            await faultmaker.run(self.plans, began)
            await asyncio.sleep(max(began + seconds - time.monotonic(), 0.0))
            for writer in (*self.writers, *self.task_writers):
                writer.stop()
            self.den.stop()
            self.meetings.stop()
            self.crier.stop()
            for reader in self._latecomers(site.store.head()):
                self.readers.append(reader)
                self.history.readers.append(reader.name)
                group(reader.run())
            await site.get_well()
            self.history.healthy_at = self.den.history.healthy_at = time.monotonic()
            _, late = await asyncio.wait(writing, timeout=SETTLING_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*writing, return_exceptions=True)
            await self._arrive(site.store.head(), self.readers)
            self.settled = time.monotonic() - self.history.healthy_at
            await self._say_last_word(site)
            await self._end(site, group)

    async def _end(self, site: Site, group: Callable[[Work], None]) -> None:
        """Look at read positions, at what is new, and at who is in the room."""
        head = site.store.head()
        marking = ending.stop_marking(self.chatting())
        await ending.count(self.chatting(), self.history, head)
        await ending.mark_last(marking, self.chatting(), self.history, head)
        for reader in ending.fresh(self.chatting(), self.history):
            self.readers.append(reader)
            group(reader.run())
        async with asyncio.timeout(5 * SETTLING_SECONDS):
            await self.den.put_all_out_and_in(SETTLING_SECONDS)
        await self._arrive(site.store.head(self.den.history.room), self.den.guests)
        await ending.count(self.chatting(), self.history, head)
        await ending.look(marking, self.history)
        await asyncio.gather(*(self.list_readers[0].read_at(process) for process in site.processes))

    def chatting(self) -> list[ChatReader]:
        """Return the readers with a live connection."""
        return [reader for reader in self.readers if isinstance(reader, ChatReader)]

    async def _arrive(self, head: int, readers: Sequence[Reader]) -> None:
        """Return when these readers have everything, or are late."""
        await until(lambda: all((reader.cursor or 0) >= head for reader in readers), SETTLING_SECONDS)

    async def _say_last_word(self, site: Site) -> None:
        """Send one message in silence: only the doorbell can tell the other processes of it."""
        pages = [reader for reader in self.readers if isinstance(reader, PageReader)]
        for reader in pages:
            reader.looks.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLING_SECONDS):
                await self.writers[-1].say_one_more()
        await self._arrive(site.store.head(), self.chatting())
        for reader in pages:
            reader.looks.set()
        await self._arrive(site.store.head(), self.readers)

    def counts(self) -> list[str]:
        """Return what happened, in lines."""
        history = self.history
        messages = {(sent.writer, sent.nonce) for sent in history.sent}
        answered = {(ack.writer, ack.nonce) for ack in history.acked}
        heard = [one for one in history.heard if isinstance(one, Heard)]
        transports = Counter(history.joined[one.join].transport for one in heard)
        transports["page"] = sum(len(one.rows) for one in history.heard if isinstance(one, Page))
        doors = Counter(door.what for door in self.den.history.doors)
        kinds = Counter(fault.kind for fault in history.faults)
        answers = Counter({f"{transport} {status}": n for (transport, status), n in self.place.answers.items()})
        servers = Counter(fault.note.split()[0] for fault in history.faults if fault.kind.startswith("database "))
        return [
            f"messages: {len(messages)} sent, {len(answered)} acknowledged, {len(history.table)} stored",
            f"stored: {_list(Counter(row.kind for row in history.table))}; refused: {len(history.refused)}",
            f"changes of tasks that were overtaken: {sum(one.code == 'conflict' for one in history.refused)}",
            f"pages of tasks: {len(history.listed)}",
            f"read positions: {len(history.positions)}, told: {len(history.told)}",
            f"counts told: {len(history.counted)}, shown: {len(history.shown)}",
            f"direct rooms: {len({opened.room for opened in history.opened})}, opened: {len(history.opened)}",
            f"rooms beside: {len(self.rooms)}, said there: {len(history.cried)}",
            f"closed room: {len(self.den.history.table)} stored; {_list(doors)}",
            f"resent: {len(history.sent) - len(messages)}; acknowledged again: {len(history.acked) - len(answered)}",
            f"told to wait: {sum(writer.refusals for writer in self.writers)}",
            f"entries heard: {len(heard)} ({_list(transports)}), {sum(one.accepted for one in heard)} of them new",
            f"joins and pages: {len(history.joined)}; gaps: {sum(reader.gaps for reader in self.readers)}",
            f"reconnects: readers {sum(reader.reconnects for reader in self.readers)}, "
            f"writers {sum(writer.reconnects for writer in self.writers)}",
            f"answers in trouble: {_list(answers)}",
            f"process starts: {self.starts['starts']}, {self.starts['failed']} of them in vain",
            f"faults: {_list(kinds)}",
            f"of those, of a database's server: {_list(servers)}",
            f"everything had arrived {self.settled:.1f} s after all was well",
        ]


def _beside(room: str, rows: list[Row]) -> Beside:
    """Return what a room has beside the post with which it was made."""
    return Beside(room, [row.nonce for row in rows[1:]], [row.seq for row in rows])


def _list(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


@contextlib.asynccontextmanager
async def background(*work: Work) -> AsyncIterator[Callable[[Work], None]]:
    """Do `work` beside the block, and what is added by the function that is yielded; what fails there fails here."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in work]
        try:
            yield lambda one: tasks.append(group.create_task(one))
        finally:
            for task in tasks:
                task.cancel()
