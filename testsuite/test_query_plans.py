"""Each query of the log and of rooms is answered by an index, however long the tables are, on every engine."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any
from unittest import mock

from motor.motor_tornado import MotorClient
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

from models import memberships, presence, reads, rooms, tasks
from models.database import database
from models.logs import sql, sql_append, sql_tasks
from models.logs.base import Draft, RoomLog
from models.models import Room
from testsuite import log_case
from testsuite.mongodb import opened
from testsuite.postgresql import shared_server

GROWING = {"entry", "membership", "mention", "answer", "address", "task", "presence", "presence_change"}
OF_ROOMS = ("entry", "mention", "answer")  # of which no query may read those of a whole room
ALIASES = r"reply|t\d+"  # of these tables
ROOM_COUNT, ENTRY_COUNT = 5, 20_000  # and so many in each
MEMBER_COUNT = 1000
ADD_ENTRIES = f"""
    WITH RECURSIVE numbers (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM numbers WHERE seq < {ENTRY_COUNT})
    INSERT INTO entry
    SELECT slug, seq, CASE mod(seq, 50) WHEN 7 THEN 'delete' WHEN 8 THEN 'react' WHEN 9 THEN 'edit' ELSE 'post' END,
        CASE WHEN mod(seq, 50) IN (7, 8, 9, 10) THEN seq - 6 END, 1, 'x', 1.0, slug || seq, seq, seq, TRUE, ''
    FROM room, numbers
"""
ADD_TASKS = """
    INSERT INTO task SELECT room_id, seq, seq, FALSE, 'x', 'u' || mod(seq, 9), seq FROM entry WHERE mod(seq, 40) = 1
"""
ADD_MENTIONS = "INSERT INTO mention SELECT mod(seq, 2), room_id, seq FROM entry WHERE mod(seq, 20) = 0"
ADD_ANSWERS = "INSERT INTO answer SELECT room_id, seq, mod(seq, 2) + 1 FROM entry WHERE mod(seq, 50) = 10"
ADD_MEMBERS = f"""
    WITH RECURSIVE numbers (number) AS (
        SELECT 10 UNION ALL SELECT number + 1 FROM numbers WHERE number < {MEMBER_COUNT}
    )
    INSERT INTO "user" (username, folded, skeleton, folded_skeleton, password, email, join_date, is_admin)
    SELECT 'u' || number, 'u' || number, '', '', '', '', '2026-01-01 00:00:00', FALSE FROM numbers
"""
ADD_MEMBERSHIPS = """
    INSERT INTO membership (user_id, room_id) SELECT id, slug FROM "user", room WHERE id > 2 AND mod(id, 2) = 0
"""
ADD_ADDRESSES = (
    "INSERT INTO address (address, room_id) SELECT slug, slug FROM room WHERE slug NOT IN (SELECT room_id FROM address)"
)
STATEMENT = re.compile(r"\s*(SELECT|UPDATE|DELETE)\b")  # INSERT reads nothing


def constants(*modules: ModuleType) -> dict[str, str]:
    """Return the statements that are constants of these modules, as patterns of what is executed, by name."""
    found = {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and STATEMENT.match(value)
    }
    return {
        name: re.escape(value).replace(r"\{\}", ".*").replace(r"\{now\}", ".*").replace(r"\?", ".{1,2}")
        for name, value in found.items()
    }


async def use_the_log(log: RoomLog, member_id: int, head: int) -> None:
    """Append and read in each way; the log of the lobby has so many entries."""
    middle = head // 2
    bodies = {"post": "@ana and @room", "edit": "@beto", "react": "x", "unreact": "x", "delete": ""}
    for kind, body in bodies.items():
        target = None if kind == "post" else head + 1
        await log.append(Draft("lobby", member_id, body, f"n {kind}", kind, target))
    await log.append(Draft("lobby", member_id, "", "n", "delete", middle))
    body = tasks.body_of_new("a task", "ana", "")
    task = await log.append(Draft("lobby", member_id, body, "n task", "task_made", middle + 2))
    for kind in ("task_done", "task_removed"):
        await log.append(Draft("lobby", member_id, tasks.body_of_deed("ana", None), f"n {kind}", kind, task.seq))
    await log.task_states("lobby")
    await log.task_states("lobby", [middle])
    await log.tasks_given_to("ana", ["lobby", "attic"], 10)
    await log.count_tasks_given_to("ana", ["lobby", "attic"])
    for read in (log.after, log.lines_after):
        await read("lobby", middle, 50)
    for back in (log.before, log.lines_before):
        await back("lobby", None, 50)
    for of in (log.entries, log.changes_of, log.count_replies):
        await of("lobby", range(middle, middle + 50))
    await log.deleted_beyond({"lobby": middle, "attic": head})
    await log.mentions_beyond(member_id, {"lobby": middle, "attic": head})
    await log.answers_beyond(member_id, {"lobby": middle, "attic": head})
    await log.replies("lobby", middle, 50)
    await log.newest_at(["lobby", "attic"])
    await log.head("lobby")


class OnSqlite(log_case.LogTest):
    def setUp(self) -> None:
        super().setUp()
        self.plans: dict[str, list[str]] = {}  # of what was executed: where the growing tables are read without a key
        self.with_models(self._fill)

    def _fill(self) -> None:
        for number in range(ROOM_COUNT - 2):
            Room.create(slug=f"room-{number}", name=f"{number}", address=f"room-{number}", kind="open")
        for statement in (ADD_ENTRIES, ADD_TASKS, ADD_MENTIONS, ADD_ANSWERS):
            database.execute_sql(statement)
        for statement in (ADD_MEMBERS, ADD_MEMBERSHIPS, ADD_ADDRESSES):
            database.execute_sql(statement)
        Room.update(head=ENTRY_COUNT, posts=ENTRY_COUNT, lines=ENTRY_COUNT).execute()
        self.with_statistics()

    def with_statistics(self) -> None:
        """Do nothing: SQLite has none unless it is asked to, which nobody does."""

    @contextlib.contextmanager
    def explaining(self) -> Iterator[None]:
        """Ask for the plan of each statement before it is executed."""
        execute = type(database.obj).execute_sql

        def explain(engine: Any, statement: str, values: Any = None) -> Any:
            if STATEMENT.match(statement) and statement not in self.plans and "pg_" not in statement:
                self.plans[statement] = self.without_key(execute, engine, statement, values)
            return execute(engine, statement, values)

        with mock.patch.object(type(database.obj), "execute_sql", explain):
            yield

    def without_key(self, execute: Any, engine: Any, statement: str, values: Any) -> list[str]:
        """Return the steps of the plan that read a growing table from one end to the other, or a whole room."""
        steps = [row[3] for row in execute(engine, f"EXPLAIN QUERY PLAN {statement}", values).fetchall()]
        tables = "|".join([*GROWING, ALIASES])
        of_rooms = "|".join(("reply", *OF_ROOMS))
        return [one for one in steps if re.match(rf"SCAN ({tables})\b|SEARCH ({of_rooms}) .*\(room_id=\?\)$", one)]

    async def test_no_query_reads_a_table_that_grows(self) -> None:
        with self.explaining():
            await use_the_log(self.log, self.ana, ENTRY_COUNT)
            self.with_models(self.use_rooms)
            self.with_models(self.use_presence)
        slow = [f"{' '.join(statement.split())}: {steps}" for statement, steps in self.plans.items() if steps]
        self.assertEqual(slow, [], "\n".join(slow))
        executed = "\n;".join(self.plans)
        for name, pattern in constants(sql, sql_append, sql_tasks, rooms, reads, presence).items():
            with self.subTest(name):
                self.assertRegex(executed, re.compile(pattern, re.DOTALL))

    def use_rooms(self) -> None:
        made = memberships.make_room(self.ana, "Open", "", "open")
        memberships.join(self.beto, made.address)
        memberships.let_in(self.ana, made.address, "u77", reads.Position(0, 0))
        memberships.change_room(self.ana, made.address, "Opened", "")
        memberships.set_own(self.ana, made.address, "all", is_muted=True, is_pinned=True)
        memberships.archive(self.ana, made.address, is_archived=True)
        memberships.put_out(self.ana, made.address, self.beto)
        memberships.leave(self.ana, made.address)
        memberships.open_direct(self.ana, ["beto", "u77"])
        for of_member in (rooms.rooms_of, rooms.open_rooms, reads.positions_of):
            of_member(self.ana)
        for of_room in (rooms.people_of, rooms.count_people, rooms.member_ids):
            of_room("attic")
        rooms.usernames([self.ana])
        rooms.writers([self.ana])
        reads.move([reads.Move(self.ana, "lobby", 7, 7)])
        reads.set_back(reads.Move(self.ana, "lobby", 3, 3))
        reads.moved_since(1)
        rooms.changed_since(1)

    def use_presence(self) -> None:
        for version in (1, presence.KEPT_VERSIONS):
            presence.report("one", version, [presence.LocalPresence("lobby", self.ana, version % 2, 0.0)])
        for known in ({}, {"one": presence.KEPT_VERSIONS - 1}):
            presence.reports(known)
        presence.stop("one")
        presence.delete_dead()


class OnPostgresql(OnSqlite):
    needs = ("postgres",)

    def people_url(self) -> str:
        return self.enterContext(shared_server().fresh_database())

    def with_statistics(self) -> None:
        database.execute_sql("ANALYZE")

    def without_key(self, execute: Any, engine: Any, statement: str, values: Any) -> list[str]:
        execute(engine, "SET enable_seqscan = off")  # which is faster in tables as small as these
        (((plan,),),) = (execute(engine, f"EXPLAIN (FORMAT JSON) {statement}", values).fetchall(),)
        found: list[str] = []
        nodes = [one["Plan"] for one in (json.loads(plan) if isinstance(plan, str) else plan)]
        while nodes:
            node = nodes.pop()
            nodes += node.get("Plans", [])
            condition = node.get("Index Cond") or node.get("Recheck Cond") or ""
            is_whole_room = node.get("Relation Name") in OF_ROOMS and re.fullmatch(
                r"\(+\w*\.?room_id = [^()]*\)+", condition
            )
            if (
                "Scan" in node["Node Type"]
                and node.get("Relation Name") in GROWING
                and (not condition or is_whole_room)
            ):
                found.append(f"{node['Node Type']} on {node['Relation Name']} {condition}")
        return found


class Commands(CommandListener):
    """Remembers what the entries were searched for."""

    def __init__(self) -> None:
        self.filters: dict[str, Any] = {}  # by what they look like

    def started(self, event: CommandStartedEvent) -> None:
        command = event.command
        if command.get(event.command_name) != "entries":
            return
        for one in (
            command.get("filter"),
            *(stage.get("$match") for stage in command.get("pipeline", [])),
            *(update["q"] for update in command.get("updates", [])),
        ):
            if one and "_id" not in one and "operationType" not in one:  # of the change stream
                self.filters.setdefault(re.sub(r"\d+", "n", str(one)), one)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


class OnMongodb(log_case.OnMongodb):
    def setUp(self) -> None:
        super().setUp()
        self.commands = Commands()
        client = functools.partial(MotorClient, event_listeners=[self.commands])
        self.enterContext(mock.patch("models.logs.mongo_database.MotorClient", client))

    async def test_no_query_reads_the_whole_log(self) -> None:
        await self.fill(60)
        await use_the_log(self.log, self.ana, 60)
        async with self.listening() as heard:
            await self.until(lambda: "lobby" in heard)
        self.assertGreater(len(self.commands.filters), 12)
        with opened(self.url) as mongo:
            for text, found in self.commands.filters.items():
                plan = mongo.command("explain", {"find": "entries", "filter": found})["queryPlanner"]["winningPlan"]
                with self.subTest(text):
                    self.assertNotIn("COLLSCAN", str(plan))
