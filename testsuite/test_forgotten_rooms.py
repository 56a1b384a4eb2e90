"""A process forgets rooms that nobody reads any more, and nobody notices."""

from __future__ import annotations

import asyncio
from unittest import mock

from controllers.realtime import hub
from controllers.realtime.channel import Channel
from models.database import database
from models.models import Membership, Room
from models.rooms import RoomInfo, room_of
from testsuite.activity_case import ActivityTest, Listener

ROOM_COUNT = 30
KEPT = 5
LIMIT_SECONDS = 10.0  # it takes a hundredth


class ForgottenRooms(ActivityTest):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch.object(hub, "MAX_CHANNELS", KEPT))
        self.slugs = [f"room-{number}" for number in range(ROOM_COUNT)]
        with database.connection_context(), database.atomic():
            for slug in self.slugs:
                room = Room.create(slug=slug, name=slug)
                for member_id in self.ids.values():
                    Membership.create(room=room, user=member_id)

    async def open_all(self) -> None:
        for slug in self.slugs:
            await self.hub.newest(slug, 10)

    async def join(self, listener: Listener, slug: str) -> None:
        room: RoomInfo = await self.site.read(room_of, self.ana, slug)
        await self.hub.join(listener, room, None)

    def entries(self, listener: Listener, room: str) -> list[str]:
        """Return the texts of a room's entries that were heard."""
        heard = [one for one in listener.heard if one["type"] == "entry" and one["room"] == room]
        return [one["body"] for one in heard]

    async def test_few_are_kept_and_their_memory_is_counted(self) -> None:
        for slug in self.slugs:
            await self.do(f"said in {slug}", room=slug)
        await self.open_all()
        self.assertEqual(len(self.hub._channels), KEPT)
        memory = self.hub._context.memory
        self.assertEqual(memory._held_bytes, sum(channel.tail.cache.bytes for channel in self.hub._channels.values()))
        self.assertEqual(len(memory._caches), KEPT)

    async def test_a_room_that_was_forgotten_is_read_again_with_what_has_come_meanwhile(self) -> None:
        await self.do("before", room=self.slugs[0])
        await self.open_all()
        self.assertNotIn(self.slugs[0], self.hub._channels)
        await self.do("meanwhile", room=self.slugs[0])
        _, newest = await self.hub.newest(self.slugs[0], 10)
        self.assertEqual([one.body for one in newest], ["meanwhile", "before"])

    async def test_a_room_that_somebody_has_open_is_never_forgotten(self) -> None:
        ana = await self.listen()
        await self.join(ana, self.slugs[0])
        for number in range(3):
            await self.open_all()
            await self.do(f"still here {number}", room=self.slugs[0])
        await self.until(lambda: len(self.entries(ana, self.slugs[0])) == 3)
        self.assertIn(self.slugs[0], self.hub._channels)
        self.assertLessEqual(len(self.hub._channels), KEPT + 1)

    async def test_who_joins_while_it_is_being_forgotten_misses_nothing(self) -> None:
        ana = await self.listen()
        slug = self.slugs[0]
        deliver_all = Channel.deliver_all
        forgotten: list[bool] = []

        async def be_slow(channel: Channel) -> None:
            await deliver_all(channel)
            if channel.room == slug and not forgotten:
                forgotten.append(True)
                await self.open_all()

        with mock.patch.object(Channel, "deliver_all", be_slow):
            await self.join(ana, slug)
        await self.do("for ana", room=slug)
        await self.until(lambda: self.entries(ana, slug) == ["for ana"])

    async def test_more_rooms_than_are_kept_can_be_joined_at_the_same_time(self) -> None:
        ana = await self.listen()
        with mock.patch.object(type(self.site.log), "look", return_value=None):  # as on a server: each room is read
            async with asyncio.timeout(LIMIT_SECONDS):
                await asyncio.gather(*(self.join(ana, slug) for slug in self.slugs))
        self.assertEqual(sorted(self.hub.rooms()), sorted(self.slugs))
        self.hub.remove(ana)
        await self.open_all()
        self.assertEqual(len(self.hub._channels), KEPT)
