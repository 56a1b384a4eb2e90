"""What every log promises of search: the same hits on each engine, and no query that cannot be answered."""

from __future__ import annotations

import random
from collections.abc import Sequence
from unittest import mock

from models.logs.base import Draft, Entry
from models.models import Membership, Room
from models.people import find_authors
from models.rooms import rooms_of
from models.search import wanted
from models.search.finding import Found, Scope, find
from models.search.query import parse
from models.search.wanted import Unindexed
from models.tasks import body_of_new
from testsuite.log_case import LogTest

FIRST_OF_2020 = 1_577_880_000.0  # at noon of UTC, which is the same day everywhere but at the date line

TEXTS = {
    "accents": "Não vou, São Paulo é longe",
    "sharp": "Die Straße ist lang",
    "chinese": "我们在东京都开会",
    "japanese": "新しい部屋を作りました",
    "korean": "한국어를 배웁니다",
    "thai": "ไปไหนมา",
    "hindi": "हिन्दी में लिखा",
    "code": "call `foo.bar_baz(42)` in #lobby",
    "long": "conversations about deployment " + "x" * 100,
    "party": "Well done 🎉🎉",
    "order": "a new room and a new day",
    "other": "a room that is new",
    "letters": "a b c",
}

FINDS = {
    "nao": "accents",
    "NÃO": "accents",
    "sa\u0303o paulo": "accents",
    "strasse": "sharp",
    "STRASSE": "sharp",
    "straße": "sharp",
    "东京": "chinese",
    "京都开": "chinese",
    "会": "chinese",
    "东": "chinese",
    '"东京都"': "chinese",
    "部屋": "japanese",
    "국어": "korean",
    "한국어": "korean",
    "\u1112\u1161\u11ab국": "korean",
    "ไหน": "thai",
    "हिन्दी": "hindi",
    "foo": "code",
    "foo.bar": "code",
    "bar_baz": "code",
    "42": "code",
    "conver": "long",
    "deploy CONVERS": "long",
    "deploy*": "long",
    "x" * 60: "long",
    "🎉": "party",
    "done 🎉": "party",
    '"new room"': "order",
    '"a new room"': "order",
    "room -that": "order",
    'room -"new day"': "other",
    "room -new": "",
    "new room": "order other",
    "roo new": "order other",
    '"roo"': "",
    '"new roo': "",
    "b": "letters",
    '"b c" a': "letters",
    "京东": "",
    "eve": "",
    "foo nothing": "",
}

ANYTHING = (
    *('"', "*", "-", "--", '""', "%", "_", "\\", "'", "''", ":", "in:", "from:", "-in:", "before:", "\0", "a\0b"),
    *("AND", "NOT", "OR", "a AND", "NEAR(a b)", "a NEAR/2 b", "words : a", "^a", "{words}: a", "a + b", "(a", "a)"),
    *("a:*", "a & b", "a | b", "!a", "a <-> b", "a <2> b", "'a'", "''a", "a:B", "$regex", "^a.*", "(a+)+$", "[a"),
    *("\ud83d\udc4b", "\u0301", "\u202e", "\u3099", "before:0001-01-01", "after:9999-12-31", "before:2026-02-30"),
    *('"' * 999, "-" * 999, "a" * 8000, "a " * 4000, "-a " * 2000, "in:x " * 999, "东" * 8000, "\u0301" * 8000),
    " ".join(f"word{number}" for number in range(1000)),
)


class SearchContract(LogTest):
    """docs/security.rst 28, 30 and 31: only what is in one's rooms is found, and nothing that was deleted."""

    async def say(self, body: str, author: int = 0, target: int | None = None, room: str = "lobby") -> Entry:
        return await self.log.append(Draft(room, author or self.ana, body, f"{random.random()}", target=target))

    async def change(self, kind: str, target: int, body: str = "") -> Entry:
        return await self.log.append(Draft("lobby", self.ana, body, f"{random.random()}", kind, target))

    async def search(
        self, typed: str, member: int = 0, older: int | None = None, limit: int = 50, fields: Sequence[str] = ()
    ) -> Found:
        query = parse(typed, *fields)
        scope: list[Scope] = []

        def look_up() -> None:
            authors = find_authors([name.removeprefix("@") for name in (*query.authors, *query.authors_without)])
            scope.append(Scope(member or self.ana, rooms_of(member or self.ana), authors))

        self.with_models(look_up)
        return await find(self.log, scope[0], query, older, limit)

    async def hits(self, typed: str, member: int = 0, fields: Sequence[str] = ()) -> list[str]:
        """Return the texts of all hits, newest first; `fields` are those of the form."""
        return [message.body for message in (await self.search(typed, member, fields=fields)).messages]

    async def test_words_are_found_in_all_scripts_by_their_beginnings_and_parts(self) -> None:
        for text in TEXTS.values():
            await self.say(text)
        names = {text: name for name, text in TEXTS.items()}
        for typed, expected in FINDS.items():
            with self.subTest(typed):
                found = [names[body] for body in await self.hits(typed)]
                self.assertEqual(sorted(found), expected.split())

    async def test_the_newest_come_first_and_pages_follow_one_another_over_rooms(self) -> None:
        posted = [await self.say(f"word {number}", room=["lobby", "attic"][number % 3 == 0]) for number in range(30)]
        posted += await self.fill(7)
        found: list[tuple[str, int]] = []
        before = None
        while len(found) <= len(posted):
            page = await self.search("wo* -nothing", older=before, limit=7)
            found += [(one.entry.room, one.seq) for one in page.messages]
            before = page.older
            if before is None:
                break
        self.assertEqual(found, [(entry.room, entry.seq) for entry in reversed(posted[:30])])

    async def test_messages_of_one_moment_are_all_found(self) -> None:
        with mock.patch("time.time", return_value=FIRST_OF_2020):
            lobby, attic = await self.fill(300), await self.fill(300, "attic")
        found, before = [], None
        while True:
            page = await self.search("in:lobby in:attic", older=before, limit=100)
            found += [(one.entry.room, one.seq) for one in page.messages]
            if (before := page.older) is None:
                break
        self.assertEqual(sorted(found), sorted((entry.room, entry.seq) for entry in (*lobby, *attic)))
        self.assertEqual([seq for room, seq in found if room == "attic"], list(range(300, 0, -1)))

    async def test_two_messages_at_the_same_place_of_the_index_are_both_found_and_removed(self) -> None:
        with mock.patch("time.time", return_value=FIRST_OF_2020), mock.patch.object(wanted, "SEQ_BITS", 0):
            posts = [await self.say(f"twin {number}") for number in range(5)]
            await self.change("delete", posts[1].seq)
            self.assertEqual(sorted(await self.hits("twin")), ["twin 0", "twin 2", "twin 3", "twin 4"])
            await self.change("edit", posts[3].seq, "single")
            self.assertEqual(sorted(await self.hits("twin")), ["twin 0", "twin 2", "twin 4"])

    async def test_only_what_is_in_ones_rooms_is_found(self) -> None:
        await self.say("secret of the attic", room="attic")
        await self.say("no secret", self.beto)
        self.assertEqual(await self.hits("secret"), ["no secret", "secret of the attic"])
        for typed in ("secret", "secret in:attic", "in:attic", "from:ana", "-nothing", "secret in:lobby in:attic"):
            with self.subTest(typed):
                self.assertNotIn("secret of the attic", await self.hits(typed, self.beto))
        self.with_models(lambda: Membership.delete().where(Membership.room == "attic").execute())
        self.assertEqual(await self.hits("secret"), ["no secret"])

    async def test_it_is_narrowed_by_rooms_authors_and_days(self) -> None:
        self.with_models(lambda: Membership.create(room="attic", user=self.beto))
        with mock.patch("time.time", return_value=FIRST_OF_2020):
            await self.say("old word of ana")
        with mock.patch("time.time", return_value=FIRST_OF_2020 + 1):
            await self.say("old word of beto", self.beto, room="attic")
        await self.say("new word of ana", room="attic")
        await self.say("new word of beto", self.beto)
        every = ["new word of beto", "new word of ana", "old word of beto", "old word of ana"]
        for typed, expected in {
            "word": every,
            "word in:lobby": [every[0], every[3]],
            "word in:#Attic": [every[1], every[2]],
            "word -in:attic": [every[0], every[3]],
            "word in:lobby in:attic": every,
            "from:ana": [every[1], every[3]],
            "from:@Ana word": [every[1], every[3]],
            "from:me new": [every[1]],
            "-from:ana": [every[0], every[2]],
            "from:ana from:beto in:attic": [every[1], every[2]],
            "before:2020-01-02": every[2:],
            "word before:2020-01-01": [],
            "after:2020-01-01 before:2020-01-02": every[2:],
            "after:2020-01-02": every[:2],
            "word after:2020-01-02 from:beto": [every[0]],
            "word in:nowhere": [],
            "word from:nobody": [],
            "old -beto": [every[3]],
        }.items():
            with self.subTest(typed):
                self.assertEqual(await self.hits(typed), expected)
        self.assertEqual(await self.hits("word", fields=["attic", "ana"]), [every[1]])
        self.assertEqual(await self.hits("", fields=["", "beto", "2020-01-02"]), [every[0]])

    async def test_a_message_is_found_by_its_text_as_it_is_now(self) -> None:
        post = await self.say("frist words")
        await self.change("edit", post.seq, "first words")
        self.assertEqual([await self.hits(word) for word in ("frist", "first")], [[], ["first words"]])
        await self.change("edit", post.seq, "last words")
        self.assertEqual([await self.hits(word) for word in ("first", "last")], [[], ["last words"]])
        await self.change("delete", post.seq)
        self.assertEqual([await self.hits(word) for word in ("last", "words", "from:me")], [[], [], []])

    async def test_notes_reactions_and_tasks_are_no_hits(self) -> None:
        post = await self.say("a post")
        await self.change("react", post.seq, "🎉")
        for kind, body in (("note", '{"did": "made", "name": ""}'), ("task_made", body_of_new("wash up", "", ""))):
            await self.log.append(Draft("lobby", self.ana, body, f"{random.random()}", kind))
        self.assertEqual(await self.hits("from:me"), ["a post"])
        self.assertEqual([await self.hits(word) for word in ("🎉", "made", "wash")], [[], [], []])

    async def test_any_text_is_a_query(self) -> None:
        await self.say("a AND b 东京")
        for typed in ANYTHING:
            with self.subTest(typed[:20]):
                await self.search(typed)
                await self.search("", fields=[typed] * 4)

    async def test_a_member_of_hundreds_of_rooms_searches_them_all(self) -> None:
        def make_rooms() -> None:
            for number in range(400):
                Membership.create(room=Room.create(slug=f"room-{number}", name=f"Room {number}"), user=self.ana)

        self.with_models(make_rooms)
        await self.say("word", room="room-399")
        self.assertEqual(await self.hits("word"), ["word"])

    # --- filling the index of a log that exists

    async def fill_index(self) -> int:
        """Fill the index; return how often something was done."""
        count = 0
        while await self.log.fill_search_index("a"):
            count += 1
        return count

    async def test_the_index_of_a_log_that_exists_is_filled_bit_by_bit(self) -> None:
        await self.fill(450)
        edited, deleted = await self.say("before"), await self.say("deleted")
        await self.change("edit", edited.seq, "afterwards")
        await self.change("delete", deleted.seq)
        await self.say("elsewhere", room="attic")
        self.assertEqual(await self.log.count_unindexed(), Unindexed(0, 0))
        await self.forget_index()
        self.assertEqual(await self.hits("lobby"), [])
        unindexed = await self.log.count_unindexed()
        self.assertEqual(unindexed, Unindexed(455, 455))
        await self.say("meanwhile")
        self.assertEqual(await self.hits("from:me"), ["meanwhile"])
        for _ in range(2):  # the attic, and a part of the lobby
            self.assertTrue(await self.log.fill_search_index("a"))
        self.assertLess((await self.log.count_unindexed()).left, 455)
        self.assertGreater(await self.fill_index(), 1)
        self.assertEqual(await self.log.count_unindexed(), Unindexed(0, 0))
        self.assertEqual(await self.hits("before"), [])
        page = await self.search("from:me", limit=1000)
        found = [*page.messages]
        while page.older is not None:  # where much is looked at, a page may end before its limit
            page = await self.search("from:me", older=page.older, limit=1000)
            found += page.messages
        self.assertEqual([one.body for one in found[:4]], ["meanwhile", "elsewhere", "afterwards", "lobby 449"])
        self.assertEqual(len(found), 453)

    async def test_one_process_at_a_time_fills_the_index(self) -> None:
        await self.fill(450)
        await self.forget_index()
        await self.log.fill_search_index("a")
        left = await self.log.count_unindexed()
        self.assertTrue(await self.log.fill_search_index("b"))
        self.assertEqual(await self.log.count_unindexed(), left)
        await self.log.fill_search_index("a")
        self.assertLess((await self.log.count_unindexed()).left, left.left)

    async def test_what_is_edited_or_deleted_before_the_index_has_it_is_found_as_it_is(self) -> None:
        posts = [await self.say(f"text {number}") for number in range(3)]
        await self.forget_index()
        await self.change("edit", posts[0].seq, "changed")
        await self.change("delete", posts[1].seq)
        await self.fill_index()
        self.assertEqual(await self.hits("from:me"), ["text 2", "changed"])
        await self.change("delete", posts[0].seq)
        self.assertEqual(await self.hits("from:me"), ["text 2"])
