"""What processes report of presence, in the database: others read what is new to them, and miss nothing."""

from __future__ import annotations

import contextlib
import functools
import random
import threading
import unittest
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from controllers.realtime.online import Changes, Online
from models import presence
from models.database import database, execute, writing
from models.models import Room, User, create_tables
from models.passwords import PasswordHash
from models.presence import KEPT_VERSIONS, LocalPresence, Name, ProcessReport, Reported, Reports
from testsuite.cases import FolderTest
from testsuite.earlier import report_presence
from testsuite.postgresql import shared_server
from testsuite.waiting import together, wait_for

NAMES = ("ana", "beto", "carla", "dora", "Émile", "Zoe")
ROOMS = ("lobby", "attic", "cellar")
TYPING_SECONDS = 1000.0  # that do not end within a test
REPORT_COUNT = 2 * KEPT_VERSIONS + 10  # after which old changes are gone
ROWS = "SELECT process_id, room_id, user_id, connections FROM presence ORDER BY 1, 2, 3"


def here(member_id: int, room: str = "lobby", connections: int = 1, typing_for: float = 0.0) -> LocalPresence:
    """Return somebody's presence."""
    return LocalPresence(room, member_id, connections, typing_for)


def look(online: Online) -> Changes:
    """Let this memory of a process be up to date; return what has changed in it."""
    for _ in online.take(presence.reports(online.versions)):
        pass
    changes = online.changes()
    return Changes(changes.rooms, sorted(changes.came), sorted(changes.left))


def seen(online: Online) -> dict[str, tuple[list[str], list[str]]]:
    """Return who is online and who is typing, by room, as this memory has it; rooms where nobody is are left out."""
    return {
        room: (list(people), online.typing.names(room)) for room, people in sorted(online.rooms.items()) if len(people)
    }


class OnSqlite(FolderTest):
    def url(self) -> str:
        """Return the address of an empty database."""
        return f"{self.folder}/people.db"

    def setUp(self) -> None:
        super().setUp()
        create_tables(self.url())
        self.addCleanup(database.close)
        for room in ROOMS[1:]:
            Room.create(slug=room, name=room)
        for name in NAMES:
            User(username=name, password=PasswordHash("none")).save()
        self.online = Online()

    def silence(self, process: str, seconds: float) -> None:
        """Let the last heartbeat of a process be so long ago."""
        execute("UPDATE process SET beat_at = beat_at - ? WHERE id = ?", seconds, process)

    def test_only_what_has_changed_is_read(self) -> None:
        presence.report("one", 1, [here(1), here(2, "attic")])
        presence.report("two", 1, [here(3)])
        self.assertEqual(look(self.online), Changes({"lobby", "attic"}, ["ana", "beto", "carla"], []))
        presence.report("one", 2, [here(2, "attic", 0)])
        presence.report("one", 3, [here(4)])
        found = presence.reports(self.online.versions)
        self.assertEqual(found.running, {"one", "two"})
        reported = [
            Reported("attic", 2, Name("beto", "beto"), 0, 0.0),
            Reported("lobby", 4, Name("dora", "dora"), 1, 0.0),
        ]
        self.assertEqual(
            {process: (one.version, one.is_whole, len(one.reported)) for process, one in found.new.items()},
            {"one": (3, False, 2)},
        )
        self.assertEqual([one._replace(typing_for=0.0) for one in found.new["one"].reported], reported)
        self.assertEqual(look(self.online), Changes({"lobby", "attic"}, ["dora"], ["beto"]))
        self.assertEqual(presence.reports(self.online.versions).new, {})
        self.assertEqual(seen(self.online), {"lobby": (["ana", "carla", "dora"], [])})
        self.assertEqual(
            execute(ROWS).fetchall(), [("one", "lobby", 1, 1), ("one", "lobby", 4, 1), ("two", "lobby", 3, 1)]
        )

    def test_a_heartbeat_is_nothing_new(self) -> None:
        self.assertTrue(presence.report("one", 1, [here(1)]))
        look(self.online)
        self.silence("one", 9.0)
        self.assertFalse(presence.report("one", 1, []))
        self.silence("one", 9.0)
        self.assertEqual(presence.reports(self.online.versions).new, {})
        self.assertEqual(presence.reports(self.online.versions).running, {"one"})

    def test_who_comes_again_or_has_several_connections_is_no_news_to_anybody(self) -> None:
        presence.report("one", 1, [here(1), here(1, "attic")])
        look(self.online)
        presence.report("one", 2, [here(1, connections=3)])
        presence.report("one", 3, [here(1, "attic", connections=0)])
        presence.report("two", 1, [here(1)])
        self.assertEqual(look(self.online), Changes({"attic", "lobby"}, [], []))
        presence.report("one", 4, [here(1, connections=0)])
        self.assertEqual(look(self.online), Changes({"lobby"}, [], []))
        self.assertEqual(list(self.online.everybody), ["ana"])
        presence.report("two", 2, [here(1, connections=0)])
        self.assertEqual(look(self.online), Changes({"lobby"}, [], ["ana"]))

    def test_who_is_typing_is_told_and_stops(self) -> None:
        presence.report("one", 1, [here(1, typing_for=TYPING_SECONDS), here(2, typing_for=TYPING_SECONDS)])
        look(self.online)
        self.assertEqual(seen(self.online), {"lobby": (["ana", "beto"], ["ana", "beto"])})
        presence.report("one", 2, [here(1), here(2, connections=0)])
        self.assertEqual(look(self.online).rooms, {"lobby"})
        self.assertEqual(seen(self.online), {"lobby": (["ana"], [])})

    def test_after_a_report_that_failed_all_is_read(self) -> None:
        presence.report("one", 1, [here(1)])
        look(self.online)
        with contextlib.suppress(InterruptedError), writing():
            presence._store("one", 2, [here(2)])
            raise InterruptedError
        presence.report("one", 3, [here(3)])
        found = presence.reports(self.online.versions).new["one"]
        self.assertEqual((found.version, found.is_whole, len(found.reported)), (3, True, 2))

    def test_who_has_missed_many_changes_reads_all_and_they_are_not_kept(self) -> None:
        presence.report("one", 1, [here(1)])
        look(self.online)
        lately = Online()
        for version in range(2, REPORT_COUNT):
            presence.report("one", version, [here(2 + version % 3, connections=version % 2)])
            if version == REPORT_COUNT - KEPT_VERSIONS // 2:
                look(lately)
        self.assertFalse(presence.reports(lately.versions).new["one"].is_whole)
        self.assertTrue(presence.reports(self.online.versions).new["one"].is_whole)
        look(self.online)
        look(lately)
        self.assertEqual(seen(self.online), seen(lately))
        ((kept,),) = execute("SELECT count(*) FROM presence_change").fetchall()
        self.assertLess(kept, 2 * KEPT_VERSIONS)

    def test_a_process_is_gone_after_silence_and_back_with_a_heartbeat(self) -> None:
        for process, member_id in (("one", 1), ("two", 2)):
            presence.report(process, 1, [here(member_id)])
        look(self.online)
        for off in (11.0, -11.0):  # the clock may have been set back
            with self.subTest(off=off):
                self.silence("two", off)
                self.assertEqual(look(self.online), Changes({"lobby"}, [], ["beto"]))
                self.assertEqual(look(self.online), Changes(set(), [], []))
                presence.report("two", 1, [])
                self.assertEqual(look(self.online), Changes({"lobby"}, ["beto"], []))

    def test_one_that_stops_has_the_grace_period(self) -> None:
        presence.report("one", 1, [here(1)])
        presence.stop("one")
        self.silence("one", 4.0)
        self.assertEqual(presence.reports({}).running, {"one"})
        self.silence("one", 1.1)
        self.assertEqual(presence.reports({}).running, set())

    def test_the_rows_of_a_dead_process_are_deleted_and_it_may_come_back(self) -> None:
        for process, member_id in (("one", 1), ("two", 2)):
            presence.report(process, 1, [here(member_id)])
        look(self.online)
        self.silence("two", 59.0)
        self.assertFalse(presence.reports({}).has_dead)
        self.silence("two", 2.0)
        self.assertTrue(presence.reports({}).has_dead)
        presence.delete_dead()
        self.assertFalse(presence.reports({}).has_dead)
        self.assertEqual(execute(ROWS).fetchall(), [("one", "lobby", 1, 1)])
        self.assertEqual(execute("SELECT DISTINCT process_id FROM presence_change").fetchall(), [("one",)])
        self.assertTrue(presence.report("two", 1, []))  # it learns that its rows are gone
        self.assertFalse(presence.report("two", 2, [here(2)]))
        look(self.online)
        self.assertEqual(seen(self.online), {"lobby": (["ana", "beto"], [])})

    def test_nothing_is_missed_if_the_rows_are_deleted_while_the_reader_is_suspended(self) -> None:
        presence.report("one", 7, [here(1), here(2)])
        look(self.online)
        execute("DELETE FROM process")
        self.assertTrue(presence.report("one", 8, [here(1, connections=0)]))
        presence.report("one", 9, [here(2), here(3)])
        look(self.online)
        self.assertEqual(seen(self.online), {"lobby": (["beto", "carla"], [])})

    def test_a_process_of_the_version_before_is_seen_and_sees_what_others_report(self) -> None:
        presence.report("new", 1, [here(1), here(2)])
        seen_before = set(report_presence("old", [here(3, typing_for=TYPING_SECONDS)]))
        self.assertEqual(seen_before, {("lobby", "ana"), ("lobby", "beto"), ("lobby", "carla")})
        look(self.online)
        self.assertEqual(seen(self.online), {"lobby": (["ana", "beto", "carla"], ["carla"])})
        for changes in ([here(4)], [here(3, connections=0), here(5, "attic")], [here(5, "attic", connections=0)]):
            presence.report("new", 1, [])
            report_presence("old", changes)
            look(self.online)
        self.assertEqual(seen(self.online), {"lobby": (["ana", "beto", "dora"], [])})
        presence.report("new", 2, [here(2, connections=0)])
        self.assertEqual(set(report_presence("old", [])), {("lobby", "ana"), ("lobby", "dora")})

    def test_four_processes_report_at_once_and_a_fifth_misses_nothing(self) -> None:
        is_over = threading.Event()

        def live(number: int) -> Counter[tuple[str, int]]:
            draw, connections = random.Random(number), Counter[tuple[str, int]]()
            with database.connection_context():
                for version in range(1, REPORT_COUNT):
                    keys = {(draw.choice(ROOMS), draw.randrange(len(NAMES)) + 1) for _ in range(3)}
                    connections.update({key: 1 - 2 * (connections[key] > 0) for key in keys})
                    changes = [here(member_id, room, connections[room, member_id]) for room, member_id in keys]
                    presence.report(f"process {number}", version, changes)
            return connections

        def read() -> None:
            with database.connection_context():
                while not is_over.is_set():
                    look(self.online)

        with ThreadPoolExecutor(1) as reader:
            reading = reader.submit(read)
            try:
                found = together(*(functools.partial(live, number) for number in range(4)))
            finally:
                is_over.set()
            reading.result()
        for number in range(4):  # on a slow machine the first has been silent for long
            presence.report(f"process {number}", REPORT_COUNT - 1, [])
        look(self.online)
        wanted = {
            room: {NAMES[key - 1] for one in found for (place, key), n in one.items() if place == room and n}
            for room in ROOMS
        }
        self.assertEqual({room: set(people) for room, people in self.online.rooms.items()}, wanted)
        self.assertEqual(set(self.online.everybody), set().union(*wanted.values()))


class OnPostgresql(OnSqlite):
    needs = ("postgres",)

    def url(self) -> str:
        return self.enterContext(shared_server().fresh_database())

    def test_a_report_does_not_wait_for_changes_of_people(self) -> None:
        presence.report("one", 1, [here(1)])

        def report() -> bool:
            with database.connection_context():
                execute("SET lock_timeout = 100")
                return presence.report("one", 2, [here(2)]) or presence.report("two", 1, [here(3)])

        with writing():
            (is_new,) = together(report)
        self.assertTrue(is_new)

    def test_a_report_whose_answer_was_lost_may_be_stored_while_it_is_made_again(self) -> None:
        def report() -> bool:
            with database.connection_context():
                return presence.report("one", 2, [here(1)])

        def is_waiting() -> bool:
            return execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is not None

        with ThreadPoolExecutor(1) as threads:
            with database.atomic():
                presence._run(presence.ADD_PROCESS, "one")
                again = threads.submit(report)
                wait_for(is_waiting, "the second report waits for the first")
            self.assertTrue(again.result())
        look(self.online)
        self.assertEqual(seen(self.online), {"lobby": (["ana"], [])})


class Memory(unittest.TestCase):
    """What a process knows, change by change, is what one would know who was told all at once."""

    def test_it_is_the_same_as_if_all_were_counted_anew(self) -> None:
        for seed in range(50):
            with self.subTest(seed=seed):
                self.live(random.Random(seed))

    def test_typing_ends_by_itself_and_that_is_a_change(self) -> None:
        online, rooms = Online(), set[str]()
        reported = [Reported("lobby", 1, Name("ana", "ana"), 1, 0.05), Reported("attic", 1, Name("ana", "ana"), 1, 9.0)]
        for _ in online.take(Reports(["one"], {"one": ProcessReport(1, True, reported)}, False)):
            pass
        self.assertEqual(online.changes().rooms, {"lobby", "attic"})

        def is_over() -> bool:
            rooms.update(online.changes().rooms)
            return not online.typing.names("lobby")

        wait_for(is_over, "nobody is typing in the lobby")
        self.assertEqual((rooms, online.typing.names("attic")), ({"lobby"}, ["ana"]))

    def live(self, draw: random.Random) -> None:
        online, told = Online(), set[str]()
        stored: dict[str, dict[tuple[str, int], Reported]] = {}
        for step in range(60):
            reports = self.reports(draw, stored, step)
            for _ in online.take(reports):
                pass
            changes = online.changes()
            rows = [one for rows in stored.values() for one in rows.values()]
            everybody = sorted({one.name for one in rows})
            self.assertEqual(list(online.everybody), [name.username for name in everybody])
            self.assertEqual(online.everybody.first(2), [name.username for name in everybody[:2]])
            self.assertEqual((set(changes.came) | told) - set(changes.left), set(online.everybody))
            told = set(online.everybody)
            self.assertEqual(seen(online), dict(self.count(rows)))

    def reports(self, draw: random.Random, stored: dict[str, dict[tuple[str, int], Reported]], step: int) -> Reports:
        """Let some processes report, and some fall silent."""
        new: dict[str, ProcessReport] = {}
        for process in ("one", "two", "three"):
            if draw.random() < 0.1:
                stored.pop(process, None)
                continue
            if draw.random() < 0.4:
                is_whole = process not in stored or draw.random() < 0.3
                changed = [self.reported(draw) for _ in range(draw.randrange(6))]
                rows = stored[process] = {} if is_whole else stored[process]
                rows.update({(one.room, one.member_id): one for one in changed})
                stored[process] = {key: one for key, one in rows.items() if one.connections}
                sent = list(stored[process].values()) if is_whole else changed
                new[process] = ProcessReport(step, is_whole, sent)
        return Reports(list(stored), new, False)

    def reported(self, draw: random.Random) -> Reported:
        member_id = draw.randrange(len(NAMES))
        name = Name(NAMES[member_id].casefold(), NAMES[member_id])
        is_typing = draw.random() < 0.3
        return Reported(draw.choice(ROOMS), member_id, name, draw.randrange(3), TYPING_SECONDS * is_typing)

    def count(self, rows: list[Reported]) -> Iterator[tuple[str, tuple[list[str], list[str]]]]:
        """Yield who is in each room, and who is typing there, anew."""
        for room in sorted({one.room for one in rows}):
            inside = [one for one in rows if one.room == room]
            names = sorted({one.name for one in inside}), sorted({one.name for one in inside if one.typing_for})
            yield room, ([name.username for name in names[0]], [name.username for name in names[1]])
