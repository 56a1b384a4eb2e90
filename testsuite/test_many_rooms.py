"""A member of many rooms is told what is new in them by few questions to the stores."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from unittest.mock import AsyncMock

from controllers.realtime import marks, unread
from controllers.realtime.entry_cache import MAX_PAGE_MESSAGES
from controllers.web.window import RoomPages
from models.database import database
from models.models import Membership, Room, User
from models.passwords import PasswordHash
from models.reads import Move, Position, move
from testsuite.activity_case import ActivityTest

QUESTIONS = ("head", "after", "before", "lines_before", "newest_at", "deleted_beyond", "mentions_beyond")


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

    async def test_what_is_posted_here_in_a_room_that_nobody_here_reads_is_read_by_nobody(self) -> None:
        await self.read_nothing("lobby", "attic")
        ana = await self.listen()
        for number, is_known in enumerate([False, True, True], 1):
            with self.counting_reads() as asked:
                posts = [await self.do(f"number {number}", room=room) for room in ("lobby", "attic")]
                await self.until(lambda number=number: ana.counted("attic") == ana.counted("lobby") == (number, 0))  # type: ignore[misc]
                self.assertEqual(await self.hub.newest_at(["attic"]), {"attic": posts[-1].at})
                news = await self.site.unread.of_member(self.ana, ["lobby", "attic"])
                self.assertEqual([one.count for one in news.values()], [number, number])
            self.assertEqual(bool(asked), not is_known, asked)
        self.assertEqual([message.seq for message in (await self.hub.newest("attic", 10))[1]], [3, 2, 1])

    async def test_a_page_reaches_as_far_as_what_it_shows_although_others_post_while_it_is_read(self) -> None:
        await self.do("one", room="attic")
        pages = RoomPages(self.site.log, "attic")
        for number, name in ((2, "lines_before"), (3, "lines_after")):
            with mock.patch.object(self.site.log, name, functools.partial(self.be_slower_than_a_post, name)):
                head, newest = await self.hub.newest("attic", 10)
                again = await pages.after(0, 10)
            self.assertEqual((head, [message.seq for message in newest]), (2, [2, 1]))
            self.assertEqual((again.head, [message.seq for message in again.messages]), (number, [1, 2, 3][:number]))

    async def test_more_messages_than_are_kept_are_read(self) -> None:
        for number in range(MAX_PAGE_MESSAGES + 2):
            await self.site.log.append(self.draft(f"number {number}"))
        newest = [await self.hub.newest("lobby", MAX_PAGE_MESSAGES + 1) for _ in range(2)]
        self.assertEqual([(head, len(messages)) for head, messages in newest], [(102, 101)] * 2)

    async def be_slower_than_a_post(self, name: str, *args: object) -> object:
        """Answer a question to the log when another process has posted."""
        answer = type(self.site.log).__dict__[name]
        await self.site.log.append(self.draft("by another process", room="attic"))
        return await answer(self.site.log, *args)

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
        """Count what the log is asked for."""
        asked: list[str] = []
        with contextlib.ExitStack() as stack:
            for name in QUESTIONS:
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

    async def test_more_rooms_than_are_remembered_are_counted_all_the_same(self) -> None:
        await self.read_nothing("lobby", "attic")
        for room in ("lobby", "attic"):
            await self.do("hello", room=room)
        with mock.patch.object(marks, "MAX_ROOMS", 1):
            news = await self.site.unread.of_member(self.ana, ["lobby", "attic"])
        self.assertEqual({room: one.count for room, one in news.items()}, {"lobby": 1, "attic": 1})
