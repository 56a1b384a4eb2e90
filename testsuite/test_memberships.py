"""Rooms and who is in them: kinds, addresses, joining and leaving, and who may do what."""

from __future__ import annotations

import asyncio
import unittest
from unittest import mock

from controllers.realtime.reads import Reads
from models import accounts, addresses, memberships, reads, rooms
from models.database import database
from models.errors.accounts import UnknownMember
from models.errors.base import Refusal
from models.errors.rooms import (
    AddressTaken,
    Archived,
    BadDescription,
    BadPeople,
    BadRoomName,
    NotYourRoom,
    OtherInTooManyRooms,
    StaysInRoom,
    TooManyNames,
    TooManyRooms,
    UnknownRoom,
)
from models.errors.stores import Unavailable
from models.memberships import change_room, join, leave, let_in, make_room, open_direct, put_out, set_own
from models.models import Membership, Room, User, create_tables
from models.passwords import PasswordHash
from models.reads import Move, Position
from models.rooms import room_of, rooms_of
from models.stores import Stores
from testsuite.needs import need
from testsuite.postgresql import shared_server
from testsuite.test_models import ModelsTest
from testsuite.waiting import together


class RoomsTest(ModelsTest):
    """A test with the administrator ana, and beto, carla and dora."""

    def setUp(self) -> None:
        super().setUp()
        self.ids = {}
        for name in ("ana", "beto", "carla", "dora"):
            user = User(username=name, password=PasswordHash("none"), is_admin=name == "ana")
            user.save()
            self.ids[name] = user.id
        self.ana, self.beto, self.carla, self.dora = self.ids.values()

    def make(self, name: str = "Chess club", kind: str = "open", by: str = "beto") -> rooms.RoomInfo:
        return make_room(self.ids[by], name, "", kind)

    def names(self, who: int) -> list[str]:
        return [room.name for room in rooms_of(who)]

    def assert_refused(self, refusal: type[Refusal], function: object, *args: object) -> None:
        with self.assertRaises(refusal) as refused:
            function(*args)  # type: ignore[operator]
        self.assertIs(type(refused.exception), refusal)


class Kinds(RoomsTest):
    def test_a_new_member_is_in_the_lobby_alone(self) -> None:
        self.make()
        self.make("Secret", "closed")
        User(username="eva", password=PasswordHash("none")).save()
        self.assertEqual(self.names(User.get(User.username == "eva").id), ["Lobby"])

    def test_an_open_room_is_found_and_joined(self) -> None:
        made = self.make()
        found = rooms.OpenRoom("chess-club", "Chess club", "", 1)
        self.assertEqual(rooms.open_rooms(self.carla), [found])
        self.assert_refused(UnknownRoom, room_of, self.carla, "chess-club")
        self.assertEqual(join(self.carla, "chess-club")[0].slug, made.slug)
        join(self.carla, "chess-club")  # again
        self.assertEqual(rooms.open_rooms(self.carla), [])
        self.assertEqual(self.names(self.carla), ["Chess club", "Lobby"])

    def test_a_closed_room_is_as_if_it_were_not_there(self) -> None:
        closed = self.make("Layoffs", "closed")
        self.assertEqual(rooms.open_rooms(self.ana), [])
        for address in (closed.address, "nothing"):
            for function in (room_of, join, leave):
                self.assert_refused(UnknownRoom, function, self.ana, address)
            self.assert_refused(UnknownRoom, let_in, self.ana, address, "dora", Position(0, 0))
            self.assert_refused(UnknownRoom, put_out, self.ana, address, self.beto)
        self.make("Layoffs", "open", "carla")  # is not told that somebody has such a room
        self.make("Layoffs", "closed", "carla")
        let_in(self.beto, closed.address, "Carla", Position(0, 0))
        self.assertEqual(self.names(self.carla), ["Layoffs", "Layoffs", "Layoffs", "Lobby"])

    def test_a_direct_room_is_found_by_its_people_in_any_order(self) -> None:
        room = open_direct(self.ana, ["beto", "carla"])
        self.assertEqual((room.name, room.people), ("beto, carla", ("beto", "carla")))
        for who, others in ((self.carla, ["ana", "beto"]), (self.beto, ["carla", "ana", "beto", "ANA"])):
            again = open_direct(who, others)
            self.assertEqual(again.slug, room.slug)
        self.assertEqual(room_of(self.beto, room.address).name, "ana, carla")
        self.assertNotEqual(open_direct(self.ana, ["beto"]).slug, room.slug)
        self.assert_refused(UnknownRoom, room_of, self.dora, room.address)
        self.assert_refused(UnknownMember, open_direct, self.ana, ["nobody"])
        for people in ([], ["ana"], ["x" * 500]):
            with self.assertRaises((BadPeople, UnknownMember)):
                open_direct(self.ana, people)
        self.assert_refused(BadPeople, open_direct, self.ana, ["beto"] * 9)  # before anybody is looked up
        for number in range(8):
            User(username=f"u{number}", password=PasswordHash("none")).save()
        self.assert_refused(BadPeople, open_direct, self.ana, [f"u{number}" for number in range(8)])
        self.assertEqual(len(open_direct(self.ana, [f"u{number}" for number in range(7)]).people), 7)

    def test_nobody_is_in_more_rooms_than_the_sidebar_shows(self) -> None:
        """docs/security.rst 37."""
        with mock.patch.object(memberships, "MAX_ROOMS", 3):
            self.make("one")
            self.make("two")
            self.assert_refused(TooManyRooms, self.make, "three")
            other = self.make("four", by="carla")
            self.assert_refused(TooManyRooms, join, self.beto, other.address)
            self.assert_refused(OtherInTooManyRooms, let_in, self.carla, other.address, "beto", Position(0, 0))
            self.assert_refused(OtherInTooManyRooms, open_direct, self.carla, ["beto"])
            self.assert_refused(TooManyRooms, open_direct, self.beto, ["carla"])
        self.assertEqual(self.names(self.beto), ["Lobby", "one", "two"])
        self.assertEqual(Room.select().count(), 4)


class Addresses(RoomsTest):
    def test_names_of_any_script_give_a_readable_address(self) -> None:
        for name, slug in (
            ("Clube de Xadrez", "clube-de-xadrez"),
            ("  São   João / Ação!  ", "sao-joao-acao"),
            ("囲碁部", "囲碁部"),
            ("हिन्दी", "हिन्दी"),
            ("ΑΘΉΝΑ", "αθήνα"),
            ("Straße №5", "strasse-no5"),
            ("a/../b?c#d%20&e", "a-b-c-d-20-e"),
            ("\u202eevil", "evil"),
            ("x" * 60, "x" * 56),
        ):
            with self.subTest(name):
                self.assertEqual(addresses.slug_of(addresses.clean_room_name(name)), slug)
        self.assertEqual([self.make(name).address for name in ("🎉🎉", "♔")], ["room-1", "room-2"])
        self.make("Room 4")
        self.assertEqual([self.make(name).address for name in ("☂", "Room")], ["room-5", "room-6"])

    def test_names_that_cannot_be_seen_or_are_too_long_are_refused(self) -> None:
        for name in ("", " ", "\u200b\u2060", "\u00ad", "x" * 61, "x" * 100_000, "a\0b", "a\ue000", "\u2800"):
            with self.subTest(name[:9]):
                self.assert_refused(BadRoomName, self.make, name)
        self.assert_refused(BadDescription, make_room, self.ana, "fine", "x" * 251, "open")
        self.assertEqual(Room.select().count(), 1)

    def test_a_new_name_is_a_new_address_and_the_old_ones_lead_on_for_ever(self) -> None:
        made = self.make()
        renamed = change_room(self.beto, "chess-club", "Go club", "Black and white")
        again = change_room(self.beto, "chess-club", "Shogi club", "")
        self.assertEqual((renamed.address, again.address), ("go-club", "shogi-club"))
        for address in ("chess-club", "go-club", "shogi-club"):
            found = room_of(self.beto, address)
            self.assertEqual((found.slug, found.address, found.name), (made.slug, "shogi-club", "Shogi club"))
        for name in ("Chess club", "Go club", "SHOGI CLUB"):
            self.assert_refused(AddressTaken, self.make, name, "open", "carla")
        self.assertEqual(change_room(self.beto, "go-club", "Chess club", "").address, "chess-club")
        self.assert_refused(AddressTaken, change_room, self.beto, "go-club", "Lobby", "")

    def test_a_room_has_only_so_many_addresses_and_goes_back_to_any_of_them(self) -> None:
        open_one, closed = self.make(), self.make("Attic", "closed")
        with mock.patch.object(addresses, "MAX_ADDRESSES", 3):
            for number in range(2):
                change_room(self.beto, open_one.slug, f"Name {number}", "")
                change_room(self.beto, closed.slug, f"Name {number}", "")
            for room in (open_one, closed):
                before = room_of(self.beto, room.slug)
                self.assert_refused(TooManyNames, change_room, self.beto, room.slug, "Name 2", "new")
                self.assertEqual(room_of(self.beto, room.slug), before)
                self.assertEqual(change_room(self.beto, room.slug, before.name, "new").description, "new")
            self.assertEqual(change_room(self.beto, open_one.slug, "Chess club", "").address, "chess-club")
        self.assertEqual(change_room(self.beto, open_one.slug, "Name 2", "").address, "name-2")

    def test_the_lobby_keeps_its_address(self) -> None:
        self.assertEqual(change_room(self.ana, "lobby", "Salon", "").address, "lobby")
        self.assert_refused(NotYourRoom, change_room, self.beto, "lobby", "Mine", "")


class LookingAfter(RoomsTest):
    def test_who_made_a_room_and_administrators_in_it_look_after_it(self) -> None:
        room = self.make("Garden", "closed")
        for name in ("ana", "carla", "dora"):
            let_in(self.beto, room.address, name, Position(0, 0))
        for function, args in (
            (change_room, ("Weeds", "")),
            (memberships.archive, (True,)),
            (put_out, (self.beto,)),
        ):
            self.assert_refused(NotYourRoom, function, self.carla, room.address, *args)
        put_out(self.ana, room.address, self.dora)
        put_out(self.beto, room.address, self.carla)
        self.assertEqual({person.username for person in rooms.people_of(room.slug)}, {"ana", "beto"})
        self.assert_refused(UnknownMember, put_out, self.beto, room.address, self.dora)

    def test_who_leaves_hands_the_room_to_who_is_in_it_longest(self) -> None:
        room = self.make("Garden", "closed")
        for name in ("carla", "dora"):
            let_in(self.beto, room.address, name, Position(0, 0))
        leave(self.beto, room.address)
        self.assertEqual(room_of(self.carla, room.address).keeper_id, self.carla)
        leave(self.dora, room.address)
        leave(self.carla, room.address)
        self.assertIsNone(Room.get(Room.slug == room.slug).keeper)
        self.assertEqual(rooms.count_people(room.slug), 0)

    def test_a_room_without_people_is_its_who_joins_it_next(self) -> None:
        room = self.make("Garden", "open")
        leave(self.beto, room.address)
        join(self.dora, room.address)
        join(self.carla, room.address)
        self.assertEqual(room_of(self.carla, room.address).keeper_id, self.dora)
        self.assertIsNone(room_of(self.dora, "lobby").keeper_id)
        self.assertIsNone(open_direct(self.dora, ["carla"]).keeper_id)

    def test_a_member_who_is_removed_from_the_site_hands_over_what_they_looked_after(self) -> None:
        room, empty = self.make("Garden", "closed"), self.make("Desert", "closed")
        let_in(self.beto, room.address, "carla", Position(0, 0))
        accounts.remove_member(self.ana, self.beto)
        self.assertEqual(room_of(self.carla, room.address).keeper_id, self.carla)
        self.assertIsNone(Room.get(Room.slug == empty.slug).keeper)

    def test_nobody_leaves_the_lobby_or_a_direct_room(self) -> None:
        direct = open_direct(self.ana, ["beto"])
        for address in ("lobby", direct.address):
            self.assert_refused(StaysInRoom, leave, self.ana, address)
        self.assert_refused(StaysInRoom, put_out, self.ana, "lobby", self.beto)
        for function, args in ((put_out, (self.beto,)), (change_room, ("x", "")), (memberships.archive, (True,))):
            self.assert_refused(NotYourRoom, function, self.ana, direct.address, *args)
        self.assert_refused(NotYourRoom, let_in, self.ana, direct.address, "carla", Position(0, 0))

    def test_an_archived_room_lets_nobody_in_and_can_be_opened_again(self) -> None:
        room = self.make()
        memberships.archive(self.beto, room.address, True)
        self.assertEqual(rooms.open_rooms(self.carla), [])
        self.assert_refused(UnknownRoom, join, self.carla, room.address)
        self.assert_refused(Archived, let_in, self.beto, room.address, "carla", Position(0, 0))
        self.assert_refused(Archived, change_room, self.beto, room.address, "Other", "")
        self.assertTrue(room_of(self.beto, room.address).is_archived)
        memberships.archive(self.beto, room.address, False)
        join(self.carla, room.address)

    def test_what_one_wants_of_a_room_is_ones_own(self) -> None:
        set_own(self.ana, "lobby", "all", is_muted=True, is_pinned=True)
        own, other = room_of(self.ana, "lobby"), room_of(self.beto, "lobby")
        self.assertEqual((own.notify, own.is_muted, own.is_pinned), ("all", True, True))
        self.assertEqual((other.notify, other.is_muted, other.is_pinned), ("mentions", False, False))


class ReadPositions(RoomsTest):
    def test_they_move_forward_and_back_only_where_asked(self) -> None:
        self.assertEqual(reads.positions_of(self.ana), {})
        for seq, is_back, left in ((5, False, 5), (3, False, 5), (3, True, 3), (4, False, 4)):
            one = Move(self.ana, "lobby", seq, seq - 1)
            reads.set_back(one) if is_back else reads.move([one])
            self.assertEqual(reads.positions_of(self.ana), {"lobby": Position(left, left - 1)})
        self.assertEqual(reads.positions_of(self.beto), {})

    def test_what_has_moved_since_is_told_once(self) -> None:
        before = reads.version_now()
        reads.move([Move(self.ana, "lobby", 5, 5), Move(self.beto, "lobby", 2, 2), Move(99, "lobby", 1, 1)])
        version, moved = reads.moved_since(before)
        self.assertEqual({(one.member_id, one.seq) for one in moved}, {(self.ana, 5), (self.beto, 2)})
        reads.move([Move(self.ana, "lobby", 4, 4)])  # changes nothing
        self.assertEqual(reads.version_now(), version)
        self.assertEqual(reads.moved_since(version), (version, []))


class ReadPositionsOfAProcess(RoomsTest, unittest.IsolatedAsyncioTestCase):
    """Two processes have the same database; what the other one has written is read while this one writes, too."""

    async def asyncSetUp(self) -> None:
        self.stores = Stores()
        self.addAsyncCleanup(self.stores.close)
        self.told: list[int] = []
        self.here = Reads(self.stores, lambda member_id, room, position, is_back: self.told.append(position.seq))
        await self.here._fetch()
        await self.here.positions(self.ana)

    async def elsewhere(self, seq: int) -> None:
        """Let ana read up to there at the other process."""
        await self.stores.write(reads.move, [Move(self.ana, "lobby", seq, seq)])

    async def exchange(self) -> int:
        """Let this process write and read; return the stored position, which must be the one that is known here."""
        await self.here.flush()
        await self.here._fetch()
        known = (await self.here.positions(self.ana))["lobby"]
        self.assertEqual(await self.stores.read(reads.positions_of, self.ana), {"lobby": known})
        return known.seq

    async def test_a_position_that_is_behind_the_stored_one_is_not_kept(self) -> None:
        await self.elsewhere(5)
        fetching = asyncio.create_task(self.here._fetch())
        await asyncio.sleep(0)  # the database is being asked
        await self.here.move(self.ana, "lobby", Position(3, 3))
        await fetching
        self.assertEqual(await self.exchange(), 5)

    async def test_one_that_is_still_to_be_written_does_not_hide_a_further_one(self) -> None:
        await self.here.move(self.ana, "lobby", Position(3, 3))
        await self.elsewhere(5)
        self.here._positions.clear()  # as those are that have been kept longest
        self.assertEqual((await self.here.positions(self.ana))["lobby"].seq, 5)
        self.assertEqual(await self.exchange(), 5)

    async def test_of_two_that_are_to_be_written_the_further_one_is(self) -> None:
        await self.here.move(self.ana, "lobby", Position(5, 5))
        await self.here.move_now([Move(self.ana, "lobby", 3, 3)])
        self.assertEqual(await self.exchange(), 5)

    async def test_one_that_could_not_be_set_back_is_not_set_back_later(self) -> None:
        await self.here.move_now([Move(self.ana, "lobby", 5, 5)])
        with mock.patch.object(self.here, "_write", side_effect=Unavailable), self.assertRaises(Unavailable):
            await self.here.set_back(self.ana, "lobby", Position(2, 2))
        await self.here.move(self.ana, "lobby", Position(6, 6))
        await self.elsewhere(7)
        self.assertEqual(await self.exchange(), 7)
        self.assertEqual(self.told, [5, 6, 7])

    async def test_what_was_read_before_it_was_set_back_is_not_written_after_it(self) -> None:
        await self.here.move(self.ana, "lobby", Position(5, 5))
        await self.here.set_back(self.ana, "lobby", Position(2, 2))
        self.assertEqual(await self.exchange(), 2)
        self.assertEqual(self.told, [5, 2])

    async def test_what_is_read_while_it_is_set_back_stays_read(self) -> None:
        await self.here.move_now([Move(self.ana, "lobby", 5, 5)])
        setting = asyncio.create_task(self.here.set_back(self.ana, "lobby", Position(2, 2)))
        await asyncio.sleep(0)  # it is being written
        await self.here.move(self.ana, "lobby", Position(6, 6))
        await setting
        self.assertEqual(await self.exchange(), 6)
        self.assertEqual(self.told, [5, 6])


class AtTheSameMoment(unittest.TestCase):
    """On an engine on which transactions can run at the same time."""

    needs = ("postgres",)

    def setUp(self) -> None:
        need("postgres")
        create_tables(self.enterContext(shared_server().fresh_database()))
        self.addCleanup(database.close)
        self.ids = []
        for name in ("ana", "beto"):
            user = User(username=name, password=PasswordHash("none"))
            user.save()
            self.ids.append(user.id)

    def outcome(self, function: object, *args: object) -> str:
        with database.connection_context():
            try:
                return str(function(*args).slug)  # type: ignore[operator]
            except Refusal as refusal:
                return type(refusal).__name__

    def test_two_who_take_one_address_get_one_room_and_one_answer(self) -> None:
        for number in range(20):
            asked = [(make_room, member, f"Room {number}", "", "open") for member in self.ids]
            outcomes = together(*(lambda args=args: self.outcome(*args) for args in asked))
            self.assertEqual(sorted(outcomes), ["AddressTaken", f"room-{number}"])

    def test_two_who_open_one_direct_room_get_the_same(self) -> None:
        asked = [(open_direct, self.ids[0], ["beto"]), (open_direct, self.ids[1], ["ana"])]
        for _ in range(20):
            outcomes = together(*(lambda args=args: self.outcome(*args) for args in asked))
            self.assertEqual(len(set(outcomes)), 1)
            with database.connection_context():
                Membership.delete().where(Membership.room == outcomes[0]).execute()
                Room.delete().where(Room.slug == outcomes[0]).execute()
