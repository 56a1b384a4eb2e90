"""What a process tells of a member's rooms: whatever happens while it looks, the numbers are right in the end."""

from __future__ import annotations

import asyncio
import itertools
from unittest import mock

from controllers.realtime.activity import MAX_DESCRIPTIONS
from models.database import database
from models.logs.base import Draft, Entry
from models.models import Membership, Room
from models.reads import Move, Position, move, version_now
from testsuite.activity_case import ActivityTest


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

    async def test_what_was_told_before_the_doorbell_rang_is_not_set_back(self) -> None:
        await self.read_nothing("lobby")
        ana = await self.listen()
        one = await self.do("one")
        for draft in (self.draft("two"), self.draft("", "delete", one.seq)):
            await self.site.log.append(draft)  # as another process does
        await self.hub.newest("lobby", 10)  # somebody looks at a page
        await self.until(lambda: ana.heads("lobby")[-1] == 3)
        self.hub.activity.refresh([self.ana])
        await self.until(lambda: [one["type"] for one in ana.heard].count("rooms") == 2)
        self.assertEqual(ana.counted("lobby"), (1, 0))
        await self.do("three")
        await self.until(lambda: ana.heads("lobby")[-1] == 4)
        self.assertEqual(ana.counted("lobby"), (2, 0))

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
        await self.hub.newest("lobby", 1)
        log, seen = self.site.log, asyncio.all_tasks()
        async with self.held_up(log, "after") as asked:
            await log.append(self.draft("by another process"))
            await self.do("so the one before has to be read")
            await asked.wait()
            await self.hub.close()
            await log.append(self.draft("by another process"))
            await self.do("stored all the same")
            await self.until(lambda: asyncio.all_tasks() <= seen)


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
