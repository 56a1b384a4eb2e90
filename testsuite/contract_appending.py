"""What every log promises of appending."""

from __future__ import annotations

import asyncio
import time

from models.errors.rooms import NotMember
from models.logs.base import Entry, Head
from models.models import User
from models.passwords import PasswordHash
from testsuite.appender import append_until_stored, appenders
from testsuite.log_case import LogTest


class AppendingContract(LogTest):
    """Each entry is stored once, under the next number of its room."""

    async def test_an_entry_is_what_was_drafted_with_its_number_author_and_time(self) -> None:
        before = time.time()
        entry = await self.log.append(self.draft("olá \U0001f642\n'; --", nonce="n1", author=self.beto))
        self.assertEqual(
            entry,
            Entry("lobby", 1, "post", None, self.beto, "beto", "olá \U0001f642\n'; --", entry.at, "n1", 1, 1, True),
        )
        self.assertTrue(before - 1 <= entry.at <= time.time() + 1)
        self.assertEqual(await self.everything(), [entry])
        self.assertEqual(await self.log.before("lobby", None, 1), [entry])

    async def test_an_entry_tells_whether_a_bot_has_written_it(self) -> None:
        bot = User(username="deploy", password=PasswordHash("none"), is_bot=True)
        self.with_models(bot.save)
        drafts = [
            self.draft("by a bot", author=bot.id),
            self.draft("by a human"),
            self.draft("by a bot", author=bot.id),
        ]
        entries = [await self.log.append(draft) for draft in drafts]
        self.assertEqual([one.is_by_bot for one in entries], [True, False, True])
        self.assertEqual(await self.everything(), entries[:2])

    async def test_each_room_is_numbered_by_itself_from_one_on(self) -> None:
        entries = [*await self.fill(30), *await self.fill(20, "attic")]
        self.assertEqual(sorted(entry.seq for entry in entries), sorted([*range(1, 31), *range(1, 21)]))
        self.assertEqual([entry.seq for entry in await self.everything()], list(range(1, 31)))
        self.assertEqual({entry.room for entry in await self.everything("attic")}, {"attic"})

    async def test_entries_of_one_sender_keep_the_order_in_which_they_were_sent(self) -> None:
        await self.fill(300)
        self.assertEqual([entry.body for entry in await self.everything()], [f"lobby {n}" for n in range(300)])

    async def test_a_nonce_that_comes_again_gives_the_first_entry_and_stores_nothing(self) -> None:
        first = await self.log.append(self.draft("once", nonce="n"))
        again = await self.log.append(self.draft("once, differently", nonce="n"))
        together = await asyncio.gather(*(self.log.append(self.draft("many", nonce="m")) for _ in range(20)))
        self.assertEqual(again, first)
        self.assertEqual({entry.seq for entry in together}, {2})
        self.assertEqual([entry.body for entry in await self.everything()], ["once", "many"])

    async def test_a_nonce_that_comes_again_in_another_room_is_still_the_first_entry(self) -> None:
        first = await self.log.append(self.draft("in the lobby", nonce="n"))
        again = await self.log.append(self.draft("in the attic", nonce="n", room="attic"))
        self.assertEqual(again, first)
        self.assertEqual(await self.everything("attic"), [])
        together = [self.draft(room, nonce="m", room=room) for room in ("attic", "lobby")]
        one, other = await asyncio.gather(*map(self.log.append, together))
        self.assertEqual((one, one.room), (other, "attic"))

    async def test_the_nonces_of_two_authors_have_nothing_to_do_with_each_other(self) -> None:
        one = await self.log.append(self.draft("ana's", nonce="n"))
        other = await self.log.append(self.draft("beto's", nonce="n", author=self.beto))
        self.assertEqual([(one.seq, one.author), (other.seq, other.author)], [(1, "ana"), (2, "beto")])

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

    async def test_several_processes_number_one_room_without_gaps_or_doubles(self) -> None:
        processes, each = 4, 150
        with appenders(processes, self.address) as running:
            for number, one in enumerate(running):
                names = [f"{number}-{n}" for n in range(each)]
                one.append((self.ana, self.beto)[number % 2], names, names)
            here = asyncio.gather(*(append_until_stored(self.log, self.draft(f"here {n}")) for n in range(each)))
            found = [await asyncio.to_thread(one.outcomes) for one in running]
            found.append([entry.seq for entry in await here])
        total = (processes + 1) * each
        self.assertEqual(sorted(seq for seqs in found for seq in seqs), list(range(1, total + 1)))
        entries = await self.everything()
        self.assertEqual([entry.seq for entry in entries], list(range(1, total + 1)))
        self.assertEqual(len({entry.nonce for entry in entries}), total)
        self.assertEqual(await self.log.head("lobby"), Head(total, total, total))

    async def test_one_nonce_at_two_processes_at_the_same_moment_is_one_entry(self) -> None:
        nonces = [f"n{n}" for n in range(100)]
        with appenders(2, self.address) as running:
            for one in running:
                one.append(self.ana, nonces, nonces)
            first, second = [await asyncio.to_thread(one.outcomes) for one in running]
        self.assertEqual(first, second)
        self.assertEqual(sorted(first), list(range(1, 101)))
        self.assertEqual(len(await self.everything()), 100)
