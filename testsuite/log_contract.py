"""What every engine that keeps the rooms' logs promises; test_log_contract.py says it of each of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
import time
import unittest
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

from models.database import database
from models.errors import NotMember, Unavailable, Unstorable
from models.logs.base import Draft, Entry, RoomLog
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash
from testsuite.appender import appenders, open_log
from testsuite.live import TIMEOUT
from testsuite.mongodb import any_mongo, mongo_database


class LogTest(unittest.IsolatedAsyncioTestCase):
    """A test with a log. A class for an engine says where it lies.

    In the people's database, which is always there, ana and beto are in the lobby, ana alone in the attic.
    """

    def people_url(self) -> str:
        """Return an empty database for the people."""
        return str(Path(self.folder) / "people.db")

    @property
    def address(self) -> str:
        """Where the log lies: the people's database and, after a space, a MongoDB if it is there."""
        return self.people

    def setUp(self) -> None:
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.people = self.people_url()
        create_tables(self.people)
        ids = []
        for name in ("ana", "beto"):
            user = User(username=name, password=PasswordHash("none"))
            user.save()
            ids.append(user.id)
        self.ana, self.beto = ids
        Membership.create(room=Room.create(slug="attic", name="Attic"), user=self.ana)
        database.close()

    def draft(self, body: str, nonce: str = "", author: int = 0, room: str = "lobby") -> Draft:
        return Draft(room, author or self.ana, body, nonce or body)

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # its own book-keeping is most of the time otherwise
        self.log: RoomLog = await self.enterAsyncContext(open_log(self.address))

    async def fill(self, count: int, room: str = "lobby") -> list[Entry]:
        return await asyncio.gather(*(self.log.append(self.draft(f"{room} {n}", room=room)) for n in range(count)))

    async def everything(self, room: str = "lobby") -> list[Entry]:
        return await self.log.after(room, 0, 100_000)

    async def until(self, what: Callable[[], bool]) -> None:
        """Return once `what` is true."""
        async with asyncio.timeout(TIMEOUT):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[dict[str, int]]:
        """Hear the doorbell. Yield the heads that it has told, which go on growing."""
        heard: dict[str, int] = {}

        async def listen() -> None:
            async for room, head in self.log.changes():
                heard[room] = head

        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class OnMongodb(LogTest):
    """A test with a log on a MongoDB, in a database of its own."""

    needs = ("mongodb",)
    server: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.server = cls.enterClassContext(any_mongo())

    def setUp(self) -> None:
        super().setUp()
        self.url = self.enterContext(mongo_database(self.server))

    @property
    def address(self) -> str:
        return f"{self.people} {self.url}"


class RoomLogContract(LogTest):
    """What every engine promises."""

    def blocked(self) -> contextlib.AbstractContextManager[None]:
        """Make the store refuse to write for as long as the context lasts."""
        raise NotImplementedError

    def curse(self) -> None:
        """Make the store refuse each message that begins with "cursed", for ever."""
        raise NotImplementedError

    async def test_a_message_that_cannot_be_stored_fails_alone(self) -> None:
        self.curse()
        cursed = [
            self.draft("cursed"),
            self.draft("half a pair \ud83d", nonce="half a pair"),
            self.draft("a nonce", nonce="half a pair \ude00"),
            self.draft("a room", room="\udc00"),
            replace(self.draft("no number"), target=2**70),
        ]
        drafts = [self.draft(f"{n}", author=(self.ana, self.beto)[n % 2]) for n in range(300)]
        for number, one in enumerate([*cursed, *cursed]):
            drafts.insert((11, 12, 150, 151, 200, 299, 300, 301, 0, 305)[number], one)
        with self.assertLogs("models.logs.group_commit", "WARNING") as logged:
            outcomes = await asyncio.gather(*map(self.log.append, drafts), return_exceptions=True)
        self.assertNotIn("cursed", "".join(logged.output))
        good = [outcome for outcome, one in zip(outcomes, drafts, strict=True) if one not in cursed]
        self.assertEqual([getattr(entry, "body", entry) for entry in good], [f"{n}" for n in range(300)])
        self.assertEqual([type(one) for one in outcomes if one not in good], [Unstorable] * 10)
        self.assertEqual([(e.seq, e.body) for e in await self.everything()], [(n + 1, f"{n}") for n in range(300)])

    async def test_an_entry_is_what_was_drafted_with_its_number_author_and_time(self) -> None:
        before = time.time()
        entry = await self.log.append(self.draft("olá \U0001f642\n'; --", nonce="n1", author=self.beto))
        self.assertEqual(
            entry, Entry("lobby", 1, "post", None, self.beto, "beto", "olá \U0001f642\n'; --", entry.at, "n1")
        )
        self.assertTrue(before - 1 <= entry.at <= time.time() + 1)
        self.assertEqual(await self.everything(), [entry])
        self.assertEqual(await self.log.before("lobby", None, 1), [entry])

    async def test_each_room_is_numbered_by_itself_from_one_on(self) -> None:
        entries = [*await self.fill(30), *await self.fill(20, "attic")]
        self.assertEqual(sorted(entry.seq for entry in entries), sorted([*range(1, 31), *range(1, 21)]))
        self.assertEqual([entry.seq for entry in await self.everything()], list(range(1, 31)))
        self.assertEqual({entry.room for entry in await self.everything("attic")}, {"attic"})

    async def test_entries_of_one_sender_keep_the_order_in_which_they_were_sent(self) -> None:
        await self.fill(300)
        self.assertEqual([entry.body for entry in await self.everything()], [f"lobby {n}" for n in range(300)])

    async def test_the_head_is_the_newest_number(self) -> None:
        self.assertEqual(await self.log.head("lobby"), 0)
        await self.fill(3)
        self.assertEqual((await self.log.head("lobby"), await self.log.head("attic")), (3, 0))
        self.assertEqual(await self.log.head("nowhere"), 0)

    async def test_after_gives_the_next_ones_oldest_first(self) -> None:
        await self.fill(10)
        for seq, limit, seqs in ((0, 3, [1, 2, 3]), (8, 5, [9, 10]), (10, 5, []), (99, 5, []), (4, 1, [5])):
            self.assertEqual([entry.seq for entry in await self.log.after("lobby", seq, limit)], seqs)
        self.assertEqual(await self.log.after("nowhere", 0, 5), [])

    async def test_before_gives_the_previous_ones_newest_first(self) -> None:
        await self.fill(10)
        for seq, limit, seqs in ((None, 3, [10, 9, 8]), (3, 5, [2, 1]), (1, 5, []), (99, 2, [10, 9]), (6, 1, [5])):
            self.assertEqual([entry.seq for entry in await self.log.before("lobby", seq, limit)], seqs)
        self.assertEqual(await self.log.before("nowhere", None, 5), [])

    async def test_paging_both_ways_gives_every_entry_once(self) -> None:
        everything = sorted(await self.fill(350), key=lambda entry: entry.seq)
        forth: list[Entry] = []
        while page := await self.log.after("lobby", forth[-1].seq if forth else 0, 47):
            forth += page
        self.assertEqual(forth, everything)
        back: list[Entry] = []
        while page := await self.log.before("lobby", back[-1].seq if back else None, 47):
            back += page
        self.assertEqual(back, everything[::-1])

    async def test_a_nonce_that_comes_again_in_another_room_is_still_the_first_entry(self) -> None:
        first = await self.log.append(self.draft("in the lobby", nonce="n"))
        again = await self.log.append(self.draft("in the attic", nonce="n", room="attic"))
        self.assertEqual(again, first)
        self.assertEqual(await self.everything("attic"), [])
        together = [self.draft(room, nonce="m", room=room) for room in ("attic", "lobby")]
        one, other = await asyncio.gather(*map(self.log.append, together))
        self.assertEqual((one, one.room), (other, "attic"))

    async def test_who_is_not_a_member_appends_nothing_and_spoils_nothing(self) -> None:
        drafts = [
            self.draft("let me in", author=self.beto, room="attic"),
            self.draft("fine", author=self.ana, room="attic"),
            self.draft("nobody", author=999_999),
            self.draft("nowhere", room="nowhere"),
            self.draft("fine too"),
        ]
        outcomes = await asyncio.gather(*map(self.log.append, drafts), return_exceptions=True)
        kinds = [type(outcome) for outcome in outcomes]
        self.assertEqual(kinds, [NotMember, Entry, NotMember, NotMember, Entry])
        self.assertEqual([entry.body for entry in await self.everything("attic")], ["fine"])
        self.assertEqual([entry.body for entry in await self.everything()], ["fine too"])

    async def test_a_nonce_that_comes_again_gives_the_first_entry_and_stores_nothing(self) -> None:
        first = await self.log.append(self.draft("once", nonce="n"))
        again = await self.log.append(self.draft("once, differently", nonce="n"))
        together = await asyncio.gather(*(self.log.append(self.draft("many", nonce="m")) for _ in range(20)))
        self.assertEqual(again, first)
        self.assertEqual({entry.seq for entry in together}, {2})
        self.assertEqual([entry.body for entry in await self.everything()], ["once", "many"])

    async def test_the_nonces_of_two_authors_have_nothing_to_do_with_each_other(self) -> None:
        one = await self.log.append(self.draft("ana's", nonce="n"))
        other = await self.log.append(self.draft("beto's", nonce="n", author=self.beto))
        self.assertEqual([(one.seq, one.author), (other.seq, other.author)], [(1, "ana"), (2, "beto")])

    async def test_several_processes_number_one_room_without_gaps_or_doubles(self) -> None:
        processes, each = 4, 150
        with appenders(processes, self.address) as running:
            for number, one in enumerate(running):
                names = [f"{number}-{n}" for n in range(each)]
                one.begin((self.ana, self.beto)[number % 2], names, names)
            here = asyncio.gather(*(self.log.append(self.draft(f"here {n}")) for n in range(each)))
            found = [await asyncio.to_thread(one.end) for one in running]
            found.append([entry.seq for entry in await here])
        total = (processes + 1) * each
        self.assertEqual(sorted(seq for seqs in found for seq in seqs), list(range(1, total + 1)))
        entries = await self.everything()
        self.assertEqual([entry.seq for entry in entries], list(range(1, total + 1)))
        self.assertEqual(len({entry.nonce for entry in entries}), total)
        self.assertEqual(await self.log.head("lobby"), total)

    async def test_one_nonce_at_two_processes_at_the_same_moment_is_one_entry(self) -> None:
        nonces = [f"n{n}" for n in range(100)]
        with appenders(2, self.address) as running:
            for one in running:
                one.begin(self.ana, nonces, nonces)
            first, second = [await asyncio.to_thread(one.end) for one in running]
        self.assertEqual(first, second)
        self.assertEqual(sorted(first), list(range(1, 101)))
        self.assertEqual(len(await self.everything()), 100)

    async def test_a_number_is_never_seen_before_the_one_below_it(self) -> None:
        bodies = [f"b{n}" for n in range(300)]
        seen: list[Entry] = []
        with appenders(2, self.address) as running:
            for number, one in enumerate(running):
                one.begin(self.ana, bodies, [f"{number} {body}" for body in bodies])
            async with asyncio.timeout(TIMEOUT):
                while len(seen) < 600:
                    seen += await self.log.after("lobby", len(seen), 50)
                    self.assertEqual([entry.seq for entry in seen], list(range(1, len(seen) + 1)))
            for one in running:
                await asyncio.to_thread(one.end)

    async def test_the_doorbell_rings_for_another_process_and_for_this_one(self) -> None:
        with appenders(1, self.address) as (other,):
            async with self.listening() as heard:
                for number in range(1, 20, 2):
                    other.begin(self.ana, [f"there {number}"], [f"there {number}"])
                    await self.until(lambda n=number: heard.get("lobby") == n)  # type: ignore[misc]
                    self.assertEqual(await asyncio.to_thread(other.end), [number])
                    await self.log.append(self.draft(f"attic {number}", room="attic"))
                    await self.until(lambda n=number: heard.get("attic") == n // 2 + 1)  # type: ignore[misc]
                    await self.log.append(self.draft(f"here {number}"))
                    await self.until(lambda n=number: heard.get("lobby") == n + 1)  # type: ignore[misc]

    async def test_the_doorbell_rings_first_for_all_rooms(self) -> None:
        await self.fill(3)
        async with self.listening() as heard:
            await self.until(lambda: heard == {"lobby": 3, "attic": 0})

    async def test_a_store_that_cannot_write_is_unavailable_and_never_a_false_success(self) -> None:
        await self.fill(2)
        with self.blocked(), self.assertLogs("models", "WARNING"):
            outcomes = await asyncio.gather(
                *(self.log.append(self.draft(f"blocked {n}")) for n in range(5)), return_exceptions=True
            )
            self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 5)
            self.assertEqual(len(await self.everything()), 2)
        self.assertEqual(len(await self.everything()), 2)
        again = [await self.log.append(self.draft(f"blocked {n}")) for n in range(5)]
        self.assertEqual([entry.seq for entry in again], [3, 4, 5, 6, 7])


class ServedLogContract(LogTest):
    """What an engine with a server promises when that server goes away under load. A class for it says how it goes."""

    def stop_server(self) -> None:
        """End the server in good order."""
        raise NotImplementedError

    def kill_server(self) -> None:
        """End the server as `kill -9` does."""
        raise NotImplementedError

    def start_server(self) -> None:
        """Start it again with what it has on disk, and return once it answers."""
        raise NotImplementedError

    async def test_a_server_that_is_killed_under_load_and_comes_back(self) -> None:
        await self.go_through(self.kill_server)

    async def test_a_server_that_is_stopped_under_load_and_comes_back(self) -> None:
        await self.go_through(self.stop_server)

    async def go_through(self, end_server: Callable[[], None]) -> None:
        """End the server twice under load: once it comes back at once, once after appends have been refused."""
        load = Load(self.log, [self.ana, self.beto])
        bodies = [f"there {n}" for n in range(300)]
        with appenders(1, self.address) as (other,), self.assertLogs("models", "WARNING"):
            async with load.running():
                await self.until(lambda: len(load.acknowledged) > 50)
                other.begin(self.beto, bodies, bodies)
                for refusals in (0, 1):
                    await asyncio.to_thread(end_server)
                    await self.until(lambda n=refusals: len(load.refused) >= n)  # type: ignore[misc]
                    before = len(load.acknowledged)
                    await asyncio.to_thread(self.start_server)
                    await self.until(lambda n=before: len(load.acknowledged) > n + 50)  # type: ignore[misc]
            first = await asyncio.to_thread(other.end)
            other.begin(self.beto, bodies, bodies)
            again = await asyncio.to_thread(other.end)
            entries = await self.everything()
            await self.until(lambda: len(load.seen) == len(entries))
            await load.end()
        self.assertEqual([entry.seq for entry in entries], list(range(1, len(entries) + 1)))
        self.assertEqual(load.seen, entries)
        stored = {entry.nonce: entry.seq for entry in entries}
        self.assertEqual(stored, {**load.acknowledged, **dict(zip(bodies, again, strict=True))})
        self.assertEqual(len(stored), len(entries))
        self.assertEqual(
            [seq for seq in first if seq != "Unavailable"],
            [seq for seq, earlier in zip(again, first, strict=True) if earlier != "Unavailable"],
        )

    async def test_while_the_server_is_away_everything_is_unavailable_and_then_nothing_is(self) -> None:
        await self.fill(3)
        await asyncio.to_thread(self.stop_server)
        with self.assertLogs("models", "WARNING"):
            outcomes = await asyncio.gather(
                self.log.append(self.draft("away")),
                self.log.after("lobby", 0, 5),
                self.log.before("lobby", None, 5),
                self.log.head("lobby"),
                return_exceptions=True,
            )
        self.assertEqual([type(outcome) for outcome in outcomes], [Unavailable] * 4)
        await asyncio.to_thread(self.start_server)
        self.assertEqual((await self.log.append(self.draft("back"))).seq, 4)
        self.assertEqual(len(await self.everything()), 4)


class Load:
    """Senders that send one message after the other, each until it is acknowledged, and a reader that follows."""

    SENDERS = 6

    def __init__(self, log: RoomLog, authors: list[int]) -> None:
        self._log = log
        self._authors = authors
        self._is_over = False
        self.acknowledged: dict[str, int] = {}  # nonce: seq
        self.refused: list[str] = []
        self.seen: list[Entry] = []

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send meanwhile, and return when each sender has its last acknowledgement. The reader goes on until `end`."""
        self._following = asyncio.create_task(self._follow())
        senders = [asyncio.create_task(self._send(number)) for number in range(self.SENDERS)]
        try:
            yield
        except BaseException:
            for task in (*senders, self._following):
                task.cancel()
            raise
        finally:
            self._is_over = True
            await asyncio.gather(*senders)

    async def end(self) -> None:
        """Let the reader end."""
        self._following.cancel()
        await asyncio.gather(self._following, return_exceptions=True)

    async def _send(self, number: int) -> None:
        for n in itertools.count():
            draft = Draft("lobby", self._authors[number % 2], f"{number}: {n}", f"{number}-{n}")
            while draft.nonce not in self.acknowledged:
                try:
                    self.acknowledged[draft.nonce] = (await self._log.append(draft)).seq
                except Unavailable:
                    self.refused.append(draft.nonce)
                    await asyncio.sleep(0.05)
            if self._is_over:
                return

    async def _follow(self) -> None:
        async for room, head in self._log.changes():
            while room == "lobby" and len(self.seen) < head:
                try:
                    self.seen += await self._log.after(room, len(self.seen), 50)
                except Unavailable:
                    await asyncio.sleep(0.05)
