"""What a process tells of a member's rooms: whatever happens while it looks, the numbers are right in the end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import json
import tempfile
import unittest
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from unittest.mock import AsyncMock

import app
from controllers.realtime import unread
from controllers.realtime.activity import MAX_DESCRIPTIONS
from controllers.realtime.frame import Frame
from controllers.realtime.subscriber import Subscriber
from controllers.site import Limits, Site
from controllers.web.rendering import MessageRenderer
from models.database import database
from models.logs.base import Draft, Entry
from models.members import Member
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash
from models.reads import Move, Position, move, version_now
from models.sessions import SignIn
from models.stores import Stores
from testsuite.test_unread import Place
from testsuite.waiting import TIMEOUT_SECONDS

Condition = Callable[[], bool]


class Listener(Subscriber):
    """A connection that takes everything at once."""

    def __init__(self, member: Member) -> None:
        self.sign_in = SignIn(member.id, member)
        self.channels = set()
        self.is_polling = False
        self.heard: list[dict[str, Any]] = []
        self.try_send = self.take

    def take(self, frame: Frame) -> bool:
        self.heard += map(json.loads, frame.messages)
        return True

    def send_text(self, text: str) -> None:
        self.heard.append(json.loads(text))

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(reason)

    def counted(self, room: str) -> tuple[int, int]:
        """Return how much is new, and how many mentions, by what was heard."""
        place = None
        for message in self.heard:
            if message["type"] == "rooms":
                told = {one["room"]: one for one in message["rooms"]}
                place = Place(told[room]) if room in told else None
            elif place and message.get("room") == room:
                place.take(message)
        return (place.unread, len(place.mentions)) if place else (-1, -1)

    def heads(self, room: str) -> list[int]:
        """Return the heads of a room that were heard, in order."""
        return [one["head"] for one in self.told_of(room) if "head" in one]

    def reads(self, room: str) -> list[int]:
        """Return the positions in a room that were heard, in order."""
        seqs = [one["seq"] if one.get("type") == "read" else one.get("read") for one in self.told_of(room)]
        return [seq for seq in seqs if seq is not None]

    def told_of(self, room: str) -> list[dict[str, Any]]:
        """Return what was heard of a room, in order."""
        rooms = [message["rooms"] if message["type"] == "rooms" else [message] for message in self.heard]
        return [one for one in itertools.chain(*rooms) if one.get("room") == room]


class ActivityTest(unittest.IsolatedAsyncioTestCase):
    """One process on a SQLite file. ana listens to what beto does in the lobby and in the attic."""

    def setUp(self) -> None:
        folder = self.enterContext(tempfile.TemporaryDirectory())
        create_tables(str(Path(folder) / "people.db"))
        Room.create(slug="attic", name="Attic")
        self.ids = {}
        for name in ("ana", "beto"):
            user = User(username=name, password=PasswordHash("none"))
            user.save()
            self.ids[name] = user.id
            Membership.create(room="attic", user=user.id)
        database.close()
        self.nonces = map(str, itertools.count())

    async def asyncSetUp(self) -> None:
        asyncio.get_running_loop().set_debug(False)  # or most of the time would be spent on its checks
        limits = Limits(8000, 0, 0, ())
        self.stores = Stores()
        renderer = MessageRenderer(str(app.TEMPLATES_FOLDER))
        self.site = Site("Prosa", self.stores, "http://127.0.0.1:1/", limits, renderer)
        self.addAsyncCleanup(self.site.close)
        self.hub = self.site.hub
        for room in ("lobby", "attic"):
            await self.hub.newest(room, 1)
        self.ana, self.beto = self.ids["ana"], self.ids["beto"]

    def draft(self, body: str, kind: str = "post", target: int | None = None, room: str = "lobby") -> Draft:
        return Draft(room, self.beto, body, next(self.nonces), kind, target)

    async def do(self, body: str, kind: str = "post", target: int | None = None, room: str = "lobby") -> Entry:
        """Let beto do something at this process."""
        return await self.hub.append(self.draft(body, kind, target, room))

    async def listen(self, name: str = "ana") -> Listener:
        """Connect a member, and return when they were told of their rooms."""
        listener = self.connect(name)
        await self.until(lambda: bool(listener.heard))
        return listener

    def connect(self, name: str = "ana") -> Listener:
        listener = Listener(Member(self.ids[name], name, is_admin=False))
        self.hub.add(listener)
        return listener

    async def until(self, what: Condition) -> None:
        """Return once `what` is true."""
        async with asyncio.timeout(TIMEOUT_SECONDS):
            while not what():  # noqa: ASYNC110 - what is waited for is no event
                await asyncio.sleep(0.002)

    async def read_nothing(self, *rooms: str) -> None:
        """Let ana have seen these rooms when nothing was said there."""
        await self.site.reads.move_now([Move(self.ana, room, 0, 0) for room in rooms])

    @contextlib.asynccontextmanager
    async def held_up(self, owner: object, name: str) -> AsyncIterator[asyncio.Event]:
        """Hold up the answer of a method until the end; yield an event that tells when somebody waits for it."""
        asked, released = asyncio.Event(), asyncio.Event()
        method: Callable[..., Awaitable[object]] = getattr(owner, name)

        async def hold_up(*args: object) -> object:
            answer = await method(*args)
            asked.set()
            await released.wait()
            return answer

        with mock.patch.object(owner, name, hold_up):
            try:
                yield asked
            finally:
                released.set()


class WhileRoomsAreDescribed(ActivityTest):
    async def test_what_happens_in_the_room_of_somebody_who_just_comes_is_told(self) -> None:
        await self.read_nothing("lobby")
        first = await self.do("soon gone")
        await self.do("stays")
        async with self.held_up(self.site.log, "deleted_beyond") as asked:
            ana = self.connect()
            await asked.wait()
            await self.do("", "delete", first.seq)
            await self.hub.newest("lobby", 1)  # by now it would have been noted
        await self.until(lambda: ana.counted("lobby") == (1, 0))

    async def test_what_was_told_meanwhile_is_not_set_back(self) -> None:
        await self.read_nothing("lobby")
        known = await self.listen()
        first = await self.do("soon gone")
        await self.until(lambda: known.counted("lobby") == (1, 0))
        async with self.held_up(self.site.log, "deleted_beyond") as asked:
            ana = self.connect()
            await asked.wait()
            await self.do("", "delete", first.seq)
            await self.do("stays")
            await self.until(lambda: ana.heads("lobby")[-1:] == [3])
        await self.until(lambda: ana.counted("lobby") == (1, 0) and ana.heads("lobby") == sorted(ana.heads("lobby")))

    async def test_a_position_that_moved_meanwhile_is_not_set_back(self) -> None:
        await self.read_nothing("lobby")
        first = await self.do("read on the other device")
        async with self.held_up(self.hub, "newest_at") as asked:
            ana = self.connect()
            await asked.wait()
            await self.site.reads.move(self.ana, "lobby", Position(first.seq, first.posts))
        await self.until(lambda: ana.counted("lobby") == (0, 0))

    async def test_a_position_that_moves_at_each_look_is_never_told_as_less_than_before(self) -> None:
        await self.read_nothing("lobby")
        posts = iter([await self.do("read while it is looked") for _ in range(MAX_DESCRIPTIONS + 1)])
        look = self.site.log.deleted_beyond

        async def look_while_they_read(positions: dict[str, int]) -> dict[str, list[int]]:
            answer = await look(positions)
            for post in itertools.islice(posts, 1):
                await self.site.reads.move(self.ana, "lobby", Position(post.seq, post.posts))
            return answer

        with mock.patch.object(self.site.log, "deleted_beyond", look_while_they_read):
            ana = await self.listen()
            await self.until(lambda: any(message["type"] == "rooms" for message in ana.heard))
        self.assertEqual(ana.reads("lobby"), sorted(ana.reads("lobby")))

    async def test_of_two_looks_at_once_the_older_does_not_take_the_place_of_the_newer(self) -> None:
        await self.read_nothing("lobby")
        first = await self.do("soon gone")
        async with self.held_up(self.site.log, "deleted_beyond") as asked:
            looking = asyncio.create_task(self.site.unread.of_member(self.ana, ["lobby"]))
            await asked.wait()
            await self.do("", "delete", first.seq)
        await looking
        counts = await self.site.unread.of_member(self.ana, ["lobby"])
        self.assertEqual(counts["lobby"].count, 0)


class Closing(ActivityTest):
    async def test_what_is_under_way_ends_and_nothing_more_is_begun(self) -> None:
        await self.hub.heads()
        log, seen = self.site.log, asyncio.all_tasks()
        async with self.held_up(log, "after") as asked:
            await log.append(self.draft("by another process"))
            await self.do("so the one before has to be read")
            await asked.wait()
            await self.hub.close()
            await log.append(self.draft("by another process"))
            await self.do("stored all the same")
            await self.until(lambda: asyncio.all_tasks() <= seen)


class ManyRooms(ActivityTest):
    async def test_what_is_new_in_many_rooms_is_read_by_no_more_queries_than_in_one(self) -> None:
        rooms = {"ana": ["attic"], "carla": [f"room-{number}" for number in range(60)]}
        with database.connection_context():
            user = User(username="carla", password=PasswordHash("none"))
            user.save()
            self.ids["carla"] = user.id
            for room in rooms["carla"]:
                Room.create(slug=room, name=room)
                for member_id in (user.id, self.beto):
                    Membership.create(room=room, user=member_id)
        for room in (*rooms["ana"], *rooms["carla"]):
            await self.site.log.append(self.draft("hello @ana @carla", room=room))
        await self.hub.heads()
        one, many = [await self.count_queries(name, rooms[name]) for name in ("ana", "carla")]
        self.assertLessEqual(many, one)

    async def count_queries(self, name: str, rooms: list[str]) -> int:
        """Return how many queries are needed to tell a member of what is new in these rooms."""
        await self.stores.write(move, [Move(self.ids[name], room, 0, 0) for room in rooms])
        execute = type(database.obj).execute_sql
        with mock.patch.object(type(database.obj), "execute_sql", autospec=True, side_effect=execute) as executed:
            listener = await self.listen(name)
        self.assertEqual({room: listener.counted(room) for room in rooms}, dict.fromkeys(rooms, (1, 1)))
        return executed.call_count

    async def test_what_others_say_in_a_room_that_nobody_has_joined_is_looked_at_once_for_all_its_members(self) -> None:
        self.site.start()
        with database.connection_context():
            Room.create(slug="cellar", name="Cellar")
            for member_id in self.ids.values():
                Membership.create(room="cellar", user=member_id)
        await self.site.reads.move_now([Move(member_id, "cellar", 0, 0) for member_id in self.ids.values()])
        for seq, (body, mentions, looks) in enumerate([("one", 0, 4), ("two", 0, 1), ("three, @ana", 1, 5)], 1):
            await self.site.log.append(self.draft(body, room="cellar"))  # as another process does
            heads = await self.hub.heads()
            await self.until(lambda heads=heads, seq=seq: "cellar" in heads and heads["cellar"].seq == seq)  # type: ignore[misc]
            with self.counting_reads() as asked:
                news = [await self.site.unread.of_member(member_id, ["cellar"]) for member_id in self.ids.values()]
            counts = [(one["cellar"].count, one["cellar"].mention_count) for one in news]
            self.assertEqual(counts, [(seq, mentions), (seq, 0)])
            self.assertLessEqual(len(asked), looks, asked)

    async def test_who_has_signed_in_just_now_is_told_of_their_rooms_without_another_look(self) -> None:
        look = AsyncMock(wraps=self.stores.doorbell.look)
        with mock.patch.object(self.stores.doorbell, "look", look):
            listener = await self.listen()
            look.assert_not_awaited()
            self.hub.activity.refresh([self.ana])
            await self.until(lambda: len(listener.heard) == 2)
            look.assert_awaited_once()

    async def test_where_the_log_knows_up_to_where_nothing_is_a_mark_nobody_looks_for_one(self) -> None:
        await self.site.log.append(self.draft("@ana @beto"))
        await self.site.log.append(self.draft("two"))
        marked = AsyncMock(return_value={"lobby": 1})
        with self.counting_reads() as asked, mock.patch.object(self.site.log, "marked", marked):
            for position, is_looked_for in ((1, False), (0, True)):
                for member_id in self.ids.values():
                    await self.site.reads.set_back(member_id, "lobby", Position(position, position))
                    news = (await self.site.unread.of_member(member_id, ["lobby"]))["lobby"]
                    self.assertEqual((news.count, news.mention_count), (2 - position, 1 - position))
                self.assertEqual(bool(asked), is_looked_for, asked)
        marked.assert_awaited_once()

    async def test_when_the_newest_entry_was_appended_is_asked_for_once_for_all_who_ask(self) -> None:
        entry = await self.site.log.append(self.draft("one"))
        newest_at = AsyncMock(wraps=self.site.log.newest_at)
        with mock.patch.object(self.site.log, "newest_at", newest_at):
            asked = [self.hub.newest_at(rooms) for rooms in [["lobby"], ["lobby", "cellar"], ["lobby"]]]
            times = {"lobby": entry.at}
            self.assertEqual(await asyncio.gather(*asked), [times, {**times, "cellar": 0.0}, times])
            newest_at.assert_awaited_once()

    async def test_who_reads_the_newest_messages_of_a_room_asks_the_log_for_nothing(self) -> None:
        drafts = *map(self.draft, ("one", "two", "three")), self.draft("", "delete", 2), self.draft("four")
        entries = [await self.site.log.append(draft) for draft in drafts]
        await self.hub.newest("lobby", 10)  # somebody has the room open
        for seq, asked_log in enumerate([0, 1, 0, 1, 0, 1], 1):
            with self.counting_reads() as asked:
                await self.site.mark_read(self.ana, "lobby", seq)
            self.assertEqual(asked, ["before"] * asked_log)
            known = entries[min(seq, 5) - 1]
            positions = await self.site.reads.positions(self.ana)
            self.assertEqual(positions["lobby"], Position(known.seq, known.posts))

    @contextlib.contextmanager
    def counting_reads(self) -> Iterator[list[str]]:
        """Count what the log is asked for what is new."""
        asked: list[str] = []
        with contextlib.ExitStack() as stack:
            for name in ("after", "before", "deleted_beyond", "mentions_beyond"):
                method = getattr(self.site.log, name)
                noted = functools.partial(self.note_and_call, asked, name, method)
                stack.enter_context(mock.patch.object(self.site.log, name, noted))
            yield asked

    async def note_and_call(self, asked: list[str], name: str, method: Callable[..., Any], *args: object) -> object:
        """Note that something was asked, and ask it."""
        asked.append(name)
        return await method(*args)

    async def test_of_many_that_were_deleted_or_name_somebody_only_the_newest_are_listed(self) -> None:
        posts = [await self.site.log.append(self.draft("hello @ana")) for _ in range(9)]
        for post in posts[:5]:
            await self.site.log.append(self.draft("", "delete", post.seq))
        await self.read_nothing("lobby")
        with mock.patch.object(unread, "MAX_SEQS", 3):
            ana = await self.listen()
        self.assertEqual(ana.counted("lobby"), (4, 3))
        (lobby,) = [room for room in ana.heard[-1]["rooms"] if room["room"] == "lobby"]
        self.assertEqual((lobby["deleted"], lobby["read_posts"]), ([3, 4, 5], 2))


class RoomsThatNobodyHasOpened(ActivityTest):
    """A process learns of a room's entries although nobody there has opened the room."""

    async def test_what_is_posted_here_is_told(self) -> None:
        self.make("cellar")
        ana = await self.listen()
        await self.read_nothing("cellar")
        await self.do("down here", room="cellar")
        await self.until(lambda: ana.counted("cellar") == (1, 0))

    async def test_what_another_process_had_posted_when_it_is_opened_is_told(self) -> None:
        self.make("loft")
        ana = await self.listen()
        await self.read_nothing("loft")
        await self.site.log.append(self.draft("up here", room="loft"))  # the doorbell has not rung yet
        await self.hub.newest("loft", 1)
        await self.until(lambda: ana.counted("loft") == (1, 0))

    def make(self, room: str) -> None:
        with database.connection_context():
            Room.create(slug=room, name=room)
            for member_id in self.ids.values():
                Membership.create(room=room, user=member_id)


class Mentions(ActivityTest):
    async def tell(self, *entries: Entry) -> list[str]:
        """Let ana hear of entries within one second; return the excerpts of mentions that she is told."""
        ana = await self.listen()
        self.hub.activity.note_entries("lobby", entries)
        await self.until(lambda: any(one["type"] == "activity" for one in ana.heard))
        await asyncio.sleep(0)
        return [one["excerpt"] for one in ana.heard if one["type"] == "mention"]

    async def store(self, *drafts: Draft) -> list[Entry]:
        return [await self.site.log.append(draft) for draft in drafts]

    async def test_a_text_that_was_deleted_at_once_goes_to_nobody(self) -> None:
        posts = await self.store(self.draft("secret, @ana"), self.draft("stays, @ana"))
        edit, deletion = await self.store(
            self.draft("secret, too, @ana", "edit", posts[0].seq), self.draft("", "delete", posts[0].seq)
        )
        self.assertEqual(await self.tell(*posts, edit, deletion), ["stays, @ana"])

    async def test_of_a_text_that_was_edited_at_once_the_last_one_is_told(self) -> None:
        posts = await self.store(self.draft("fisrt, @ana"), self.draft("only once @ana"))
        edits = await self.store(
            self.draft("first, @ana", "edit", posts[0].seq), self.draft("nobody", "edit", posts[1].seq)
        )
        self.assertEqual(await self.tell(*posts, *edits), ["first, @ana"])

    async def test_it_is_told_in_plain_words(self) -> None:
        posts = await self.store(self.draft("**Bold** [words](https://example.org) `code` and @ana\n\n> a quote"))
        self.assertEqual(await self.tell(*posts), ["Bold words code and @ana a quote"])


class ReadPositions(ActivityTest):
    async def test_none_is_told_that_is_older_than_what_was_told_before(self) -> None:
        reads, stores = self.site.reads, self.stores
        await reads._fetch()
        for number in range(3):
            await self.do(f"number {number}")
        ana = await self.listen()
        await reads.positions(self.ana)
        await stores.write(move, [Move(self.ana, "lobby", 1, 1)])  # by another process
        async with self.held_up(reads, "_read") as asked:
            fetching = asyncio.create_task(reads._fetch())
            await asked.wait()
            await reads.move(self.ana, "lobby", Position(3, 3))
            writing = asyncio.create_task(reads.flush())
            await asyncio.sleep(0)
            await stores.write(version_now)  # after what was to be written before
        await asyncio.gather(fetching, writing)
        await reads._fetch()
        self.assertEqual([one["seq"] for one in ana.heard if one["type"] == "read"], [3])
