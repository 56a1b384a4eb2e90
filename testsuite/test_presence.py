"""Who is online, as the subscribers of every process are told it."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

from models.names import initial, tint
from testsuite.cases import FolderTest, ProcessesTest, SiteTest, add_members
from testsuite.clients import Chat, Client
from testsuite.crowd import SECRET, make_crowd, signed_in
from testsuite.mongodb import OnMongodb
from testsuite.postgresql import OnPostgresql
from testsuite.tables import sql
from testsuite.waiting import leave_the_core, wait_for


class Presence(SiteTest):
    """Members come and go at two processes."""

    members = (*SiteTest.members, "dora")
    is_long = True
    processes = 2

    def test_everybody_is_told_who_is_online_whichever_process_they_are_at(self) -> None:
        ana, beto, carla = self.chat("ana"), self.chat("beto", server=1), self.chat("carla", server=1)
        for reader in (ana, beto, carla):
            told = until_online(reader, "ana", "beto", "carla")
            self.assertEqual((told["room"], told["count"]), ("lobby", 3))

    def test_two_connections_of_one_member_count_once(self) -> None:
        ana = self.chat("ana")
        for server in (0, 1, 1):
            self.chat("beto", server)
        self.chat("carla")
        self.assertEqual(until_online(ana, "ana", "beto", "carla")["count"], 3)

    def test_the_page_says_who_is_online_at_the_other_process(self) -> None:
        ana = self.chat("ana", server=1)
        until_present(ana, "ana")
        page = self.client("beto")
        wait_for(lambda: re.search(r'id="online"(?s:.*)>ana<', page.get("/rooms/lobby").text), "ana is in the list")

    def test_who_is_in_another_room_is_online_all_the_same(self) -> None:
        room = self.client("dora").post("/direct", {"username": "ana"}).location
        ana, dora = self.chat("ana"), self.chat("dora", server=1)
        ana.until("person", username="dora", online=True)
        dora.send("join", room=room.rpartition("/")[2])
        dora.send("leave", room="lobby")
        until_absent(ana, "dora")
        self.assertNotIn("person", [message["type"] for message in ana.heard if message.get("online") is False])
        self.assertIn("<small>online</small>", self.client("carla").get("/members").text)
        self.assertEqual(told_of(self.chat("ana", server=1, join=False), room)["online"], ["dora"])
        dora.close()
        ana.until("person", username="dora", online=False)

    def test_only_who_stays_away_or_leaves_the_room_is_gone(self) -> None:
        ana, beto, carla = self.chat("ana"), self.chat("beto", server=1), self.chat("carla", server=1)
        until_online(ana, "ana", "beto", "carla")
        met = len(ana.heard)
        left = time.monotonic()
        beto.close()
        carla.send("leave", room="lobby")
        self.chat("beto")  # back, and at another process
        until_absent(ana, "carla")
        self.assertGreater(time.monotonic() - left, 4)
        self.assertLess(time.monotonic() - left, 8)
        self.assertEqual([frame for frame in presences(ana, met) if "beto" not in frame["online"]], [])

    def test_who_reconnects_all_the_time_never_leaves(self) -> None:
        ana, carla, beto = self.chat("ana"), self.chat("carla"), self.client("beto")
        first = beto.chat()
        until_online(ana, "ana", "beto", "carla")
        met = len(ana.heard)
        first.close()
        carla.close()
        until = time.monotonic() + 7
        while time.monotonic() < until:
            beto.chat().close()
            leave_the_core()
        until_absent(ana, "carla")
        self.assertEqual([frame for frame in presences(ana, met) if "beto" not in frame["online"]], [])


class Death(SiteTest):
    """A process that is killed, and one that is stopped."""

    is_long = True
    processes = 3

    def test_the_members_of_a_dead_process_leave(self) -> None:
        ana = self.chat("ana")
        beto, carla = self.chat("beto", server=1), self.chat("carla", server=2)
        until_online(ana, "ana", "beto", "carla")
        killed = time.monotonic()
        self.servers[1].stop(signal.SIGKILL)
        self.servers[2].stop()
        self.assertEqual(carla.until_closed(), 1012)
        until_online(ana, "ana", "beto")
        self.assertLess(time.monotonic() - killed, 9, "stopped: after the grace")
        until_online(ana, "ana")
        self.assertGreater(time.monotonic() - killed, 6.9, "killed: after ten seconds of silence")
        self.assertLess(time.monotonic() - killed, 12)
        beto.close()


class Promise(ProcessesTest, FolderTest):
    """Members come, go and type at three processes: each process tells the same of it, whatever becomes of another."""

    is_long = True
    QUICK = (
        "models.presence:SILENCE_SECONDS=3.0",
        "models.presence:DELETE_SECONDS=5.0",
        "controllers.realtime.presence:HEARTBEAT_SECONDS=0.3",
        "controllers.realtime.presence:GRACE_SECONDS=0.3",
    )
    NAMES = ("ana", "beto", "carla")

    def setUp(self) -> None:
        super().setUp()
        add_members(self.folder, (*self.NAMES, "dora", "edu"))
        self.servers = [self.start("--messages_per_second=0", altered=self.QUICK) for _ in range(3)]
        self.readers = [self.chat(name, server) for server, name in enumerate(self.NAMES)]
        self.all_told("presence", online=[*self.NAMES], count=3)

    def all_told(self, type: str, **fields: Any) -> None:
        """Return once all readers were told so."""
        for reader in self.readers:
            reader.until(type, room="lobby", **fields)

    def test_all_are_told_of_those_who_come_and_go_and_type_wherever_that_is(self) -> None:
        for server in range(3):
            dora = self.chat("dora", server)
            self.all_told("presence", online=[*self.NAMES, "dora"], count=4)
            dora.send("typing", room="lobby")
            self.all_told("typing", members=["dora"])
            dora.post("done")
            self.all_told("typing", members=[])
            edu = self.chat("edu", (server + 1) % 3)
            self.all_told("presence", online=[*self.NAMES, "dora", "edu"], count=5)
            dora.send("leave", room="lobby")
            self.all_told("presence", online=[*self.NAMES, "edu"], count=4)
            edu.close()
            self.all_told("presence", online=[*self.NAMES], count=3)
            dora.close()

    def test_the_members_of_a_process_that_is_killed_leave_and_may_come_back_at_another(self) -> None:
        self.chat("dora", 2).send("typing", room="lobby")
        self.all_told("typing", members=["dora"])
        lost = self.readers.pop()
        self.servers[2].stop(signal.SIGKILL)
        self.assertEqual(lost.until_closed(), 1006)
        self.all_told("presence", online=["ana", "beto"])
        self.chat("dora", 1)
        self.servers[2] = self.start("--messages_per_second=0", altered=self.QUICK)
        self.readers.append(self.chat("carla", 2))
        self.all_told("presence", online=[*self.NAMES, "dora"])
        wait_for(lambda: sql(self.folder, "SELECT count(*) FROM process") == [(3,)], "the dead process is deleted")
        self.assertEqual(sql(self.folder, "SELECT count(*) FROM presence"), [(4,)])

    def test_a_process_that_was_suspended_until_its_rows_were_deleted_goes_on(self) -> None:
        process = self.servers[2].process
        process.send_signal(signal.SIGSTOP)
        self.addCleanup(process.send_signal, signal.SIGCONT)
        slow = self.readers.pop()
        self.all_told("presence", online=["ana", "beto"])
        wait_for(lambda: sql(self.folder, "SELECT count(*) FROM process") == [(2,)], "its rows are deleted")
        self.chat("dora", 0)
        self.all_told("presence", online=["ana", "beto", "dora"])
        process.send_signal(signal.SIGCONT)
        self.readers.append(slow)
        self.all_told("presence", online=[*self.NAMES, "dora"])


class PromiseOnPostgresql(OnPostgresql, Promise):
    pass


class PromiseOnMongodb(OnMongodb, Promise):
    pass


class Skewed(OnPostgresql, FolderTest):
    """Two machines whose clocks differ, and a database with its own; silence comes ten times as fast."""

    QUICK = (
        "models.presence:SILENCE_SECONDS=1.0",
        "controllers.realtime.presence:HEARTBEAT_SECONDS=0.3",
        "controllers.realtime.presence:TYPING_SECONDS=1.5",
    )

    def test_nobody_is_lost_however_far_the_clocks_of_two_machines_are_apart(self) -> None:
        add_members(self.folder, ("ana", "beto"))
        servers = [self.start(altered=(*self.QUICK, f"clock=clock{number}")) for number in range(2)]
        ana, beto = (
            Client(server.wait().url).sign_in(name).chat()
            for server, name in zip(servers, ("ana", "beto"), strict=True)
        )
        for chat in (ana, beto):
            self.addCleanup(chat.close)
            until_online(chat, "ana", "beto")
        for off in (0.8, -0.8, 9.0, -9.0, 90.0, 3600.0):
            with self.subTest(off=off):
                written = Path(self.folder, "written")
                written.write_text(str(off))
                written.replace(Path(self.folder, "clock1"))  # the process never reads a file that is half written
                met = [len(chat.heard) for chat in (ana, beto)]
                self.until_beaten(6)
                for writer, reader, name in ((ana, beto, "ana"), (beto, ana, "beto")):
                    writer.send("typing", room="lobby")
                    reader.until("typing", members=[name])
                    reader.until("typing", members=[])
                for chat, count in zip((ana, beto), met, strict=True):
                    chat.until("ack", nonce=chat.post("still here"))
                    self.assertEqual(presences(chat, count), [])

    def until_beaten(self, times: int) -> None:
        """Return once both processes have said so often that they live."""
        beats: set[tuple[object, ...]] = set()

        def enough() -> bool:
            beats.update(sql(self.folder, "SELECT id, beat_at FROM process"))
            counts = Counter(process for process, _ in beats)
            return len(counts) == 2 and min(counts.values()) > times

        wait_for(enough, "both processes live")


class Crowd(SiteTest):
    """Many members at once."""

    processes = 2
    options = ("--messages_per_second=0", f"--cookie_secret={SECRET}")

    def test_a_crowd_that_arrives_is_a_handful_of_frames(self) -> None:
        ana = self.chat("ana")
        until_online(ana, "ana")
        names = make_crowd(self.folder, 120)
        begun = time.monotonic()
        with contextlib.ExitStack() as leaving:
            for number, server in enumerate(self.servers):
                for client in signed_in(self.folder, server.url, names[number::2]):
                    leaving.enter_context(contextlib.closing(client.chat()))
            told = until_count(ana, 121)
            quarters = (time.monotonic() - begun) / 0.25
            frames = [frame for frame in ana.heard if frame["type"] == "presence"]
            self.assertLess(len(frames), quarters + 3)
            self.assertEqual(told["online"], ["ana", *names[:99]])
            self.assertEqual(told["pictures"], [[initial(name), tint(name)] for name in told["online"]])
            newcomer = self.chat("beto")
            self.assertEqual(len(until_count(newcomer, 122)["online"]), 100)


def until_online(chat: Chat, *names: str) -> dict[str, Any]:
    """Return the frame that says that just these members are online."""
    return chat.until("presence", online=list(names))


def until_count(chat: Chat, count: int) -> dict[str, Any]:
    """Return the frame that says that so many members are online."""
    return chat.until("presence", count=count)


def until_present(chat: Chat, name: str) -> None:
    """Return once this member is online."""
    while name not in chat.until("presence")["online"]:
        pass


def until_absent(chat: Chat, name: str) -> None:
    """Return once this member is not online."""
    while name in chat.until("presence")["online"]:
        pass


def told_of(chat: Chat, path: str) -> dict[str, Any]:
    """Return what a member was told of a room of theirs."""
    rooms: list[dict[str, Any]] = chat.until("rooms")["rooms"]
    return next(room for room in rooms if room["address"] == path.rpartition("/")[2])


def presences(chat: Chat, since: int) -> list[dict[str, Any]]:
    """Return the presence frames that a reader has heard after its first `since` messages."""
    return [message for message in chat.heard[since:] if message["type"] == "presence"]
