"""The promise holds in a minute of everything that goes wrong, and the harness shows that it does go wrong."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock
from unittest.mock import AsyncMock

import cysqlite
import tornado.web

from faults import faultmaker
from faults.faultmaker import DATABASE_KINDS, KINDS, Faultmaker
from faults.history import Fault, History
from faults.links import Client, Place
from faults.machine import Machine
from faults.meetings import Meetings
from faults.process import Process
from faults.schedule import FAULTS_BY_ENGINE, Plan, schedule
from faults.stores import without_gaps
from faults.waiting import until
from models.logs.base import TASKS
from testsuite.database_server import DatabaseServer
from testsuite.needs import need
from testsuite.ports import free_ports
from testsuite.servers import ROOT, Server
from testsuite.waiting import TIMEOUT_SECONDS

RUN_SECONDS = 60
SEED = 20261122
ENOUGH_OPENED = 40  # direct rooms, for some of three people to have met again
RUN_TIMEOUT_SECONDS = 300  # for the run, its beginning and its end

# Each of these must have happened, or the run has proved less than it says.
ON_ALL = (
    r"messages: (\d+) sent",
    r"stored: .*?\bedit (\d+)",
    r"stored: .*?\bdelete (\d+)",
    r"stored: .*?\breact (\d+)",
    r"stored: .*?\bunreact (\d+)",
    *(rf"stored: .*?\b{kind} (\d+)" for kind in TASKS),
    r"refused: (\d+)",
    r"overtaken: (\d+)",
    r"pages of tasks: (\d+)",
    r"read positions: (\d+)",
    r"counts told: (\d+)",
    r"\bshown: (\d+)",
    r"direct rooms: (\d+)",
    r"closed room: (\d+)",
    r"\btold (\d+)$",
    r"resent: (\d+)",
    r"reconnects: readers (\d+)",
    r"writers (\d+)$",
    r"websocket (\d+)",
    r"xhr-polling (\d+)",
    r"xhr-streaming (\d+)",
    r"page (\d+)",
    r"faults: .*?\bkill (\d+)",
    r"faults: .*?\bpause (\d+)",
    r"faults: .*?\brolling restart (\d+)",
    r"faults: .*?\breset (\d+)",
    r"faults: .*?\bhalf open (\d+)",
    r"faults: .*?\baborted poll (\d+)",
    r"faults: .*?\blocked (\d+)",
)

# And where the database is on a server of its own, these.
WITH_A_SERVER = (
    r"faults: .*?\bmachine away (\d+)",
    r"faults: .*?\bdatabase killed (\d+)",
    r"faults: .*?\bdatabase restarted (\d+)",
    r"faults: .*?\bdatabase paused (\d+)",
)
WITH_TWO = (r"server: .*?\bMongoServer (\d+)", r"server: .*?\bPostgresqlServer (\d+)")
COUNTED = {
    "sqlite": ON_ALL,
    "postgresql": ON_ALL + WITH_A_SERVER,
    "mongodb": ON_ALL + WITH_A_SERVER + WITH_TWO,
}


class Schedule(unittest.TestCase):
    def test_a_seed_is_one_schedule(self) -> None:
        for engine in FAULTS_BY_ENGINE:
            self.assertEqual(schedule(1, 60, engine), schedule(1, 60, engine))
            self.assertNotEqual(schedule(1, 60, engine), schedule(2, 60, engine))

    def test_a_minute_has_faults_of_every_kind_and_most_end_in_it(self) -> None:
        for engine, deck in FAULTS_BY_ENGINE.items():
            for seed in range(20):
                plans = schedule(seed, 60, engine)
                self.assertEqual({plan.kind for plan in plans}, set(deck), seed)
                self.assertTrue(all(plan.at < 60 and plan.at + plan.lasts <= 61 for plan in plans), seed)

    def test_every_kind_is_known_to_whoever_carries_it_out(self) -> None:
        self.assertEqual({kind for deck in FAULTS_BY_ENGINE.values() for kind in deck}, set(KINDS))


class Ending(unittest.IsolatedAsyncioTestCase):
    async def test_a_process_whose_ending_was_called_off_has_ended_all_the_same(self) -> None:
        threads = ThreadPoolExecutor(1)
        asyncio.get_running_loop().set_default_executor(threads)
        folder = self.enterContext(tempfile.TemporaryDirectory())
        server = Server(folder)
        self.addCleanup(server.stop)
        process = Process(0, 0, lambda port: server, History())
        await process.start()
        begun, over = asyncio.Event(), threading.Event()
        self.addCleanup(over.set)
        loop = asyncio.get_running_loop()
        waiting = loop.run_in_executor(None, lambda: (loop.call_soon_threadsafe(begun.set), over.wait()))
        await begun.wait()  # the one thread is taken
        ending = asyncio.create_task(process.end(signal.SIGKILL))
        for _ in range(2):  # turns of the loop: the ending begins, and asks for a thread
            await asyncio.sleep(0)
        self.assertEqual(threads._work_queue.qsize(), 1)
        ending.cancel()
        over.set()
        await asyncio.gather(waiting, ending, return_exceptions=True)
        self.assertIsNotNone(server.process.poll())


class Files(unittest.TestCase):
    def test_of_a_database_the_cells_of_its_pages_are_looked_at_and_not_the_gaps_where_sqlite_leaves_copies(
        self,
    ) -> None:
        dice = random.Random(SEED)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "people.db"
            with contextlib.closing(cysqlite.connect(str(file))) as connection:
                connection.execute("PRAGMA secure_delete = 1")
                connection.execute("CREATE TABLE post (id INTEGER PRIMARY KEY, body TEXT)")
                for number in dice.sample(range(1000), 1000):
                    body = f"says {number:04}." + "x" * dice.randrange(400)
                    connection.execute("INSERT INTO post VALUES (?, ?)", (number, body))
                connection.execute("DELETE FROM post WHERE id >= 500")
            whole = file.read_bytes()
        found = [{int(one) for one in re.findall(rb"says (\d{4})\.", part)} for part in (whole, without_gaps(whole))]
        self.assertGreater(found[0], set(range(500)))
        self.assertEqual(found[1], set(range(500)))


class Deaf(DatabaseServer):
    """A server that does not stop when it is asked to."""

    starts = 0

    def start(self) -> None:
        program = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
        self._process = subprocess.Popen([sys.executable, "-W", "error", "-c", program], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        with self._process.stdout as output:
            output.readline()
        self.starts += 1


class Restarting(unittest.IsolatedAsyncioTestCase):
    async def test_a_database_that_does_not_stop_is_killed_and_the_run_goes_on(self) -> None:
        server, history = Deaf(), History(seed=SEED)
        self.addCleanup(server.kill)
        server.start()
        site: Any = SimpleNamespace(processes=[], store=SimpleNamespace(servers=[server]))
        network: Any = None
        plan = Plan(0.0, "database restarted", 0, 0.0, 0.0)
        with mock.patch("testsuite.database_server.TIMEOUT_SECONDS", 0.1):
            await Faultmaker(site, network, [], history).restart_database(plan)
        self.assertEqual(server.starts, 2)
        told = [(fault.kind, fault.note) for fault in history.faults]
        self.assertEqual(told, [("database restarted", "Deaf"), ("database killed", "Deaf when it did not stop")])


class Limits(unittest.IsolatedAsyncioTestCase):
    needs = ("nginx",)

    async def test_a_run_knows_why_nginx_has_refused_something(self) -> None:
        (port,) = free_ports(1)
        process: Any = SimpleNamespace(port=port, start=AsyncMock(), end=AsyncMock())
        machine = Machine(Path(self.enterContext(tempfile.TemporaryDirectory())), [process])
        await machine.start()
        try:
            await asyncio.to_thread(self.ask_until_refused, machine.port())
        finally:
            await machine.end(signal.SIGTERM)
        self.assertIn("limiting requests", machine.limited[0])

    def ask_until_refused(self, port: int) -> None:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)) as connection:

            def status() -> int:
                connection.request("GET", "/")
                with connection.getresponse() as answer:
                    answer.read()
                return answer.status

            deadline = time.monotonic() + TIMEOUT_SECONDS
            while status() != 429:
                self.assertLess(time.monotonic(), deadline)


class Lounge(tornado.web.RequestHandler):
    """Answers every form like a site where people meet."""

    async def get(self) -> None:
        self.set_cookie("_xsrf_1", "token")

    async def post(self) -> None:
        self.redirect("/rooms/direct")


class Meeting(unittest.IsolatedAsyncioTestCase):
    async def test_in_the_end_all_who_have_met_meet_once_more_however_often_they_have_met(self) -> None:
        place, history = Place(), History(seed=SEED)
        place.ports = free_ports(1)
        server = tornado.web.Application([(".*", Lounge)]).listen(place.ports[0], "127.0.0.1")
        names = ("ana", "beto", "carla")
        clients = [Client(name, "", place, random.Random(SEED), member=name) for name in names]
        with mock.patch("faults.meetings.PAUSE_SECONDS", (0.0, 0.001)):
            meetings = Meetings(clients, history, random.Random(SEED))
            running = asyncio.create_task(meetings.run())
            await until(lambda: len(history.opened) >= ENOUGH_OPENED, TIMEOUT_SECONDS)
            before = len(history.opened)
            self.assertGreaterEqual(before, ENOUGH_OPENED)
            meetings.stop()
            await asyncio.wait_for(running, TIMEOUT_SECONDS)
        server.stop()
        self.assertLessEqual(len(history.opened) - before, 2 + 2 * 3)  # of the last meeting, and of three pairs


class Late(unittest.IsolatedAsyncioTestCase):
    """Some faults at once, the first of which takes all the time that the others may wait."""

    def setUp(self) -> None:
        self.broken = 0
        self.enterContext(mock.patch.multiple(faultmaker, RECOVERY_SECONDS=0.0, MAX_LATE_SECONDS=TIMEOUT_SECONDS))

    async def break_it(self, *_: object) -> None:
        self.assertFalse(self.broken, "it is broken already")
        self.broken += 1
        await asyncio.sleep(0.01)
        faultmaker.MAX_LATE_SECONDS = 0.0
        self.broken -= 1

    async def assert_one_happens(self, kind: str) -> None:
        broken = {"end": self.break_it, "start": self.break_it}
        process = SimpleNamespace(index=0, lock=asyncio.Lock(), give_time=lambda: None, **broken)
        machine = SimpleNamespace(processes=[process], **broken)
        site: Any = SimpleNamespace(processes=[process], machines=[machine], store=SimpleNamespace(left_out={}))
        network: Any = None
        history = History(seed=SEED)

        async def happen(maker: Faultmaker, plan: Plan) -> None:
            history.faults.append(Fault(time.monotonic(), plan.kind, ""))
            await self.break_it()

        with mock.patch.dict(DATABASE_KINDS, {"database paused": happen}):
            await Faultmaker(site, network, [], history).run([Plan(0.0, kind, 0, 0.0, 0.0)] * 4, time.monotonic())
        late = [fault.note for fault in history.faults[1:] if fault.kind == "too late"]
        self.assertEqual([history.faults[0].kind, *late], [kind] * 4)

    async def test_faults_of_the_database_do_not_pile_up(self) -> None:
        await self.assert_one_happens("database paused")

    async def test_faults_of_processes_do_not_pile_up(self) -> None:
        for kind in ("kill", "rolling restart", "machine away"):
            with self.subTest(kind=kind), mock.patch.object(faultmaker, "MAX_LATE_SECONDS", TIMEOUT_SECONDS):
                await self.assert_one_happens(kind)


class Starting(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "later"
        self.history = History()
        self.enterContext(mock.patch("faults.process.START_TIMEOUT_SECONDS", 0.0))

    def serve(self, port: int) -> Server:
        return Server(str(self.folder.parent), f"--database={self.folder}/prosa.db", port=port, fresh=True)

    async def test_a_process_that_does_not_start_is_complained_about(self) -> None:
        process = Process(0, 0, self.serve, self.history)
        await process.start()
        self.assertIn("process 0: does not start", "".join(self.history.complaints))
        self.assertEqual(process.failed_starts, 1)

    async def test_it_has_all_its_time_from_when_the_database_is_mended(self) -> None:
        def serve(port: int) -> Server:
            if process.starts == 1:
                with mock.patch("faults.process.START_TIMEOUT_SECONDS", RUN_TIMEOUT_SECONDS):
                    process.give_time()
            else:
                self.folder.mkdir()
            return self.serve(port)

        process = Process(0, 0, serve, self.history)
        await process.start()
        await process.end(signal.SIGTERM)
        self.assertEqual(self.history.complaints, [])
        self.assertEqual((process.starts, process.failed_starts), (2, 1))


class OnSqlite(unittest.TestCase):
    """docs/security.rst 22: `kill -9` again and again under load, and worse.

    The harness also asks the database for its integrity, and every process to end within 10 s of SIGTERM.
    """

    needs: tuple[str, ...] = ("faults",)
    engine = "sqlite"

    def test_what_was_acknowledged_is_heard_by_everybody_exactly_once_and_in_order(self) -> None:
        code, said = run(self.engine)
        self.assertEqual(code, 0, said)
        self.assertIn(f"seed {SEED}", said)
        for pattern in COUNTED[self.engine]:
            found = re.search(pattern, said, re.MULTILINE)
            self.assertTrue(found and int(found[1]), f"{pattern} in:\n{said}")


class OnPostgresql(OnSqlite):
    needs = ("postgres",)
    engine = "postgresql"


class OnMongodb(OnSqlite):
    needs = ("postgres", "mongodb")
    engine = "mongodb"


def run(engine: str) -> tuple[int, str]:
    """Run the harness; return its exit code and what it said, such as where the history of a failed run is left."""
    need("faults")
    command = [sys.executable, "-W", "error", "-m", "faults", f"--engine={engine}"]
    ended = subprocess.run(
        [*command, f"--seconds={RUN_SECONDS}", f"--seed={SEED}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_TIMEOUT_SECONDS,
        check=False,
    )
    return ended.returncode, ended.stdout
