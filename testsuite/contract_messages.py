"""What every log promises of messages that change: edits, deletions, reactions, answers, and what is counted."""

from __future__ import annotations

import asyncio
import random
from unittest import mock

from models import rules
from models.errors.base import Refusal
from models.errors.messages import Deleted, NotYourMessage, TooManyChanges, UnknownTarget
from models.errors.rooms import Archived, NotMember
from models.logs.base import CHANGES, Draft, Entry, Head
from models.messages import MAX_EXCERPT_CHARS, Message, Quote, Reaction, load
from models.models import Membership, Room, User
from models.passwords import PasswordHash
from testsuite.log_case import LogTest

THUMB, DARK_THUMB, HEART = "\U0001f44d", "\U0001f44d\U0001f3ff", "\u2764\ufe0f"


class MessagesContract(LogTest):
    """A message is the fold of a post and what names it, the same for all, in one order.

    docs/security.rst 29, 30 and 37: who may not changes nothing, what is deleted is gone, and changes have an end.
    """

    def setUp(self) -> None:
        super().setUp()
        self.with_models(self._add_people)

    def _add_people(self) -> None:
        root = User(username="root", password=PasswordHash("none"), is_admin=True)
        root.save()
        self.root = root.id

    async def say(self, body: str, author: int = 0, target: int | None = None, room: str = "lobby") -> Entry:
        return await self.do("post", target, body, author, room)

    async def do(self, kind: str, target: int | None, body: str = "", author: int = 0, room: str = "lobby") -> Entry:
        return await self.log.append(Draft(room, author or self.ana, body, f"{random.random()}", kind, target))

    async def message(self, seq: int, room: str = "lobby") -> Message:
        return (await load(self.log, room, [seq]))[seq]

    async def drawn(self, room: str = "lobby") -> list[int]:
        return [entry.seq for entry in await self.log.lines_after(room, 0, 1000)]

    async def assert_refused(self, refusal: type[Refusal], kind: str, target: int | None, **fields: object) -> None:
        before = await self.everything()
        with self.assertRaises(refusal) as refused:
            await self.do(kind, target, **fields)  # type: ignore[arg-type]
        self.assertIs(type(refused.exception), refusal)
        self.assertEqual(await self.everything(), before)

    # --- editing

    async def test_an_edited_message_has_the_last_text(self) -> None:
        post = await self.say("frist")
        await self.do("edit", post.seq, "first")
        edit = await self.do("edit", post.seq, "first!")
        message = await self.message(post.seq)
        self.assertEqual((message.body, message.edited_at, message.changed_seq), ("first!", edit.at, edit.seq))
        self.assertEqual([one.body for one in await self.everything()], ["frist", "first", "first!"])

    async def test_only_who_wrote_a_message_edits_it_and_they_and_administrators_delete_it(self) -> None:
        post = await self.say("mine")
        await self.assert_refused(NotYourMessage, "edit", post.seq, body="ours", author=self.beto)
        await self.assert_refused(NotYourMessage, "edit", post.seq, body="ours", author=self.root)
        await self.assert_refused(NotYourMessage, "delete", post.seq, author=self.beto)
        await self.do("delete", post.seq, author=self.root)
        self.assertTrue((await self.message(post.seq)).is_deleted)

    # --- deleting

    async def test_the_text_of_a_deleted_message_and_of_its_edits_is_nowhere(self) -> None:
        post = await self.say("a secret")
        await self.do("edit", post.seq, "a secret that was edited @beto")
        await self.do("react", post.seq, THUMB, self.beto)
        await self.do("delete", post.seq)
        message = await self.message(post.seq)
        self.assertEqual((message.body, message.reactions, message.edited_at), ("", (), 0.0))
        entries = await self.everything()
        self.assertNotIn("secret", repr(entries))
        self.assertNotIn("beto'", repr([entry.mentions for entry in entries]))
        self.assertEqual([entry.kind for entry in entries], ["post", "edit", "react", "delete"])
        self.assertEqual(await self.drawn(), [])

    async def test_an_answered_message_that_was_deleted_keeps_its_place_until_the_answers_are_gone(self) -> None:
        post = await self.say("question")
        answers = [await self.say(f"answer {number}", self.beto, post.seq) for number in range(2)]
        await self.do("delete", post.seq)
        self.assertEqual(await self.drawn(), [post.seq, answers[0].seq, answers[1].seq])
        quote = (await self.message(answers[0].seq)).quote
        self.assertEqual(quote, Quote(post.seq, "ana", ""))
        for answer in answers:
            self.assertIn(post.seq, await self.drawn())
            await self.do("delete", answer.seq, author=self.beto)
        self.assertEqual(await self.drawn(), [])

    async def test_what_is_gone_takes_no_change_and_no_answer(self) -> None:
        post = await self.say("gone soon")
        await self.do("delete", post.seq)
        for kind in ("post", *CHANGES):
            with self.subTest(kind):
                await self.assert_refused(Deleted, kind, post.seq, body=THUMB)

    async def test_a_deletion_that_is_sent_again_is_the_same_deletion(self) -> None:
        post = await self.say("once")
        deletion = Draft("lobby", self.ana, "", "n", "delete", post.seq)
        first = await self.log.append(deletion)
        self.assertEqual(await self.log.append(deletion), first)
        both = [Draft("lobby", self.ana, "", "m", "delete", (await self.say("two")).seq)] * 2
        one, other = await asyncio.gather(*map(self.log.append, both))
        self.assertEqual(one, other)

    # --- answers and reactions

    async def test_an_answer_shows_the_first_words_of_what_it_answers_as_they_are_now(self) -> None:
        body = "first\n\n" + "words " * 500
        post = await self.say(body)
        answer = await self.say("indeed", self.beto, post.seq)
        self.assertEqual((await self.message(answer.seq)).quote, Quote(post.seq, "ana", body[:MAX_EXCERPT_CHARS]))
        await self.do("edit", post.seq, "other words")
        self.assertEqual((await self.message(answer.seq)).quote, Quote(post.seq, "ana", "other words"))
        self.assertEqual(((await self.message(post.seq)).replies, (await self.message(answer.seq)).replies), (1, 0))

    async def test_reactions_are_counted_by_emoji_whatever_the_skin_tone_and_each_member_once(self) -> None:
        post = await self.say("vote")
        for emoji, author in ((THUMB, self.beto), (HEART, self.ana), (DARK_THUMB, self.ana), (THUMB, self.beto)):
            await self.do("react", post.seq, emoji, author)
        self.assertEqual(
            (await self.message(post.seq)).reactions,
            (Reaction((THUMB, DARK_THUMB), ("beto", "ana")), Reaction((HEART,), ("ana",))),
        )
        await self.do("unreact", post.seq, THUMB)
        await self.do("unreact", post.seq, HEART, self.beto)  # which they have not
        self.assertEqual(
            (await self.message(post.seq)).reactions, (Reaction((THUMB,), ("beto",)), Reaction((HEART,), ("ana",)))
        )

    async def test_a_message_takes_only_so_many_changes(self) -> None:
        post = await self.say("popular")
        with mock.patch.multiple(rules, MAX_CHANGES=9, MAX_CHANGES_BY_MEMBER=5, MAX_EMOJI=3):
            for number in range(3):
                await self.do("react", post.seq, chr(0x1F600 + number), self.beto)
            await self.assert_refused(TooManyChanges, "react", post.seq, body=chr(0x1F610))
            await self.do("react", post.seq, chr(0x1F600), self.ana)
            for _ in range(2):
                await self.do("unreact", post.seq, chr(0x1F600), self.beto)
            await self.assert_refused(TooManyChanges, "unreact", post.seq, body=chr(0x1F600), author=self.beto)
            for _ in range(3):
                await self.do("edit", post.seq, "more popular")
            await self.assert_refused(TooManyChanges, "react", post.seq, body=chr(0x1F600), author=self.root)
            await self.do("delete", post.seq)

    # --- what cannot be a target

    async def test_targets_that_are_no_messages_of_this_room_are_refused(self) -> None:
        post = await self.say("here")
        edit = await self.do("edit", post.seq, "still here")
        there = [await self.say(f"there {number}", room="attic") for number in range(5)]
        for target in (0, -1, edit.seq, edit.seq + 1, there[-1].seq, 2**53, 2**70):
            for kind in ("post", *CHANGES):
                with self.subTest(kind, target=target):
                    await self.assert_refused(UnknownTarget, kind, target, body=THUMB)

    async def test_who_is_not_in_the_room_changes_nothing_there(self) -> None:
        post = await self.say("private", room="attic")
        for kind in ("post", *CHANGES):
            with self.subTest(kind), self.assertRaises(NotMember):
                await self.do(kind, post.seq, THUMB, self.root, "attic")
        self.assertEqual(len(await self.everything("attic")), 1)

    async def test_an_archived_room_takes_notes_and_nothing_else(self) -> None:
        post = await self.say("before")
        self.with_models(lambda: Room.update(archived_at=1.0).where(Room.slug == "lobby").execute())
        await self.assert_refused(Archived, "post", None, body="after")
        for kind in ("post", *CHANGES):
            with self.subTest(kind):
                await self.assert_refused(Archived, kind, post.seq, body=THUMB)
        note = await self.do("note", None, "archived")
        self.assertEqual(await self.drawn(), [post.seq, note.seq])

    # --- counting and paging

    async def test_each_entry_says_how_many_posts_and_lines_there_are_up_to_it(self) -> None:
        one = await self.say("one")
        await self.do("note", None, "made")
        await self.do("react", one.seq, THUMB)
        await self.say("two")
        await self.do("delete", one.seq)
        entries = await self.everything()
        self.assertEqual([(e.posts, e.lines) for e in entries], [(1, 1), (1, 2), (1, 2), (2, 3), (2, 3)])
        self.assertEqual([e.is_drawn for e in entries], [False, True, False, True, False])
        self.assertEqual(await self.log.head("lobby"), Head(5, 2, 3))
        self.assertEqual((await self.log.heads())["lobby"], Head(5, 2, 3))

    async def test_pages_hold_what_is_drawn_however_much_lies_between(self) -> None:
        seqs = []
        for number in range(30):
            seqs.append((await self.say(f"line {number}")).seq)
            for _ in range(number % 4):
                await self.do("react", seqs[-1], THUMB)
        for number in (*range(3, 24), 29):
            await self.do("delete", seqs[number])
        left = [*seqs[:3], *seqs[24:29]]
        self.assertEqual(await self.drawn(), left)
        for limit in (1, 3, 8, 50):
            with self.subTest(limit=limit):
                forth: list[int] = []
                while page := await self.log.lines_after("lobby", forth[-1] if forth else 0, limit):
                    forth += [entry.seq for entry in page]
                back: list[int] = []
                while page := await self.log.lines_before("lobby", back[-1] if back else None, limit):
                    back += [entry.seq for entry in page]
                self.assertEqual((forth, back[::-1]), (left, left))
        self.assertEqual([one.seq for one in await self.log.lines_before("lobby", left[4], 2)], left[2:4][::-1])
        self.assertEqual([one.seq for one in await self.log.lines_after("lobby", left[4], 2)], left[5:7])
        self.assertEqual(await self.log.lines_before("nowhere", None, 5), [])
        self.assertEqual(await self.log.lines_after("nowhere", 0, 5), [])

    async def test_what_was_deleted_beyond_a_position_is_told_by_its_number(self) -> None:
        seqs = [(await self.say(f"{number}")).seq for number in range(6)]
        for seq in (seqs[1], seqs[3], seqs[5]):
            await self.do("delete", seq)
        await self.say("elsewhere", room="attic")
        deleted = await self.log.deleted_beyond({"lobby": seqs[1], "attic": 0, "nowhere": 0})
        self.assertEqual({room: sorted(some) for room, some in deleted.items()}, {"lobby": [seqs[3], seqs[5]]})
        self.assertEqual(await self.log.deleted_beyond({}), {})

    # --- mentions

    async def test_mentions_name_members_of_the_room_and_are_found_beyond_a_position(self) -> None:
        self.with_models(lambda: Membership.create(room="attic", user=self.beto))
        post = await self.say("@beto and @BETO, @root, @nobody, a@beto.com `@ana` @room", room="attic")
        self.assertEqual((await self.message(post.seq, "attic")).mentions, ("beto", "room"))
        again = await self.say("@beto again", room="attic")
        self.assertEqual(await self.mentions(self.beto, {"attic": 0}), {"attic": [post.seq, again.seq]})
        self.assertEqual(await self.mentions(self.beto, {"attic": post.seq, "lobby": 0}), {"attic": [again.seq]})
        self.assertEqual(await self.mentions(self.root, {"attic": 0}), {"attic": [post.seq]})  # of @room
        self.assertEqual(await self.mentions(self.beto, {}), {})

    async def mentions(self, member_id: int, positions: dict[str, int]) -> dict[str, list[int]]:
        """Return where a member is named beyond positions, in order."""
        found = await self.log.mentions_beyond(member_id, positions)
        return {room: sorted(seqs) for room, seqs in found.items()}

    async def test_an_edit_and_a_deletion_change_who_is_mentioned(self) -> None:
        post = await self.say("@beto")
        await self.do("edit", post.seq, "@root rather")
        self.assertEqual((await self.message(post.seq)).mentions, ("root",))
        found = [await self.mentions(who, {"lobby": 0}) for who in (self.beto, self.root)]
        self.assertEqual(found, [{}, {"lobby": [post.seq]}])
        await self.do("delete", post.seq)
        self.assertEqual(await self.mentions(self.root, {"lobby": 0}), {})

    async def test_the_longest_name_is_meant(self) -> None:
        for name in ("ana maria", "ana maria braga", "O'Neil-Smith"):
            self.with_models(lambda name=name: User(username=name, password=PasswordHash("none")).save())  # type: ignore[misc]
        post = await self.say("@Ana Maria Braga! @ana maria, @ana m @o'neil-smith's @o'neil @room.")
        message = await self.message(post.seq)
        self.assertEqual(message.mentions, ("ana maria braga", "ana maria", "ana", "O'Neil-Smith", "room"))

    # --- answers to a member

    async def answers(self, member_id: int, positions: dict[str, int]) -> dict[str, list[int]]:
        """Return where a member is answered beyond positions, in order."""
        found = await self.log.answers_beyond(member_id, positions)
        return {room: sorted(seqs) for room, seqs in found.items()}

    async def test_answers_to_a_member_are_found_beyond_a_position(self) -> None:
        self.with_models(lambda: Membership.create(room="attic", user=self.beto))
        post = await self.say("a question")
        other = await self.say("another", self.beto)
        attic = await self.say("a question", room="attic")
        found = [await self.say("an answer", self.beto, post.seq) for _ in range(2)]
        await self.say("an answer to beto", self.root, other.seq)
        await self.say("answered by herself", self.ana, post.seq)
        await self.say("no answer", self.beto)
        there = await self.say("an answer", self.beto, attic.seq, room="attic")
        seqs = [entry.seq for entry in found]
        everywhere = {"lobby": 0, "attic": 0, "nowhere": 0}
        self.assertEqual(await self.answers(self.ana, everywhere), {"lobby": seqs, "attic": [there.seq]})
        self.assertEqual(await self.answers(self.ana, {"lobby": seqs[0]}), {"lobby": seqs[1:]})
        self.assertEqual(await self.answers(self.ana, {"lobby": seqs[1], "attic": there.seq}), {})
        self.assertEqual(await self.answers(self.root, everywhere), {})
        self.assertEqual(await self.answers(self.ana, {}), {})

    async def test_answers_that_are_stored_together_are_each_found_by_whom_they_answer(self) -> None:
        posts = [await self.say("a question", author) for author in (self.ana, self.beto)]
        for number in range(3):
            await asyncio.gather(*(self.say(f"{number}", self.root, post.seq) for post in posts * 5))
        for member_id, post in zip((self.ana, self.beto), posts, strict=True):
            seqs = [entry.seq for entry in await self.log.replies("lobby", post.seq, 99)]
            self.assertEqual(await self.answers(member_id, {"lobby": 0}), {"lobby": seqs})
            self.assertEqual(len(seqs), 15)

    async def test_a_deleted_answer_is_none_and_one_to_a_deleted_message_still_is_one(self) -> None:
        post = await self.say("a question")
        deleted, edited = [await self.say("an answer", self.beto, post.seq) for _ in range(2)]
        await self.do("delete", deleted.seq, author=self.beto)
        await self.do("edit", edited.seq, "another answer", self.beto)
        await self.do("delete", post.seq)
        self.assertEqual(await self.answers(self.ana, {"lobby": 0}), {"lobby": [edited.seq]})
        await self.do("delete", edited.seq, author=self.beto)
        self.assertEqual(await self.answers(self.ana, {"lobby": 0}), {})

    # --- at the same moment

    async def test_edits_deletions_and_reactions_at_the_same_moment_are_one_order(self) -> None:
        for _ in range(10):
            post = await self.say("contested")
            await self.say("an answer", self.beto, post.seq)
            outcomes = await asyncio.gather(
                *(self.do("edit", post.seq, f"edit {number}") for number in range(5)),
                *(self.do("react", post.seq, THUMB, self.beto) for _ in range(3)),
                self.do("delete", post.seq),
                self.do("delete", post.seq, author=self.root),
                return_exceptions=True,
            )
            accepted = [one for one in outcomes if isinstance(one, Entry)]
            self.assertEqual({type(one) for one in outcomes if one not in accepted}, {Deleted})
            deletions = [one for one in accepted if one.kind == "delete"]
            self.assertEqual(len(deletions), 1)
            self.assertTrue(all(one.seq < deletions[0].seq for one in accepted if one.kind == "edit"))
            self.assertTrue((await self.message(post.seq)).is_deleted)
            self.assertNotIn("edit", {one.body[:4] for one in await self.everything()})

    async def test_many_queries_for_many_messages_are_as_few_as_for_one(self) -> None:
        seqs = [(await self.say(f"{number}")).seq for number in range(20)]
        for seq in seqs:
            await self.do("edit", seq, "edited")
        calls = []
        for name in ("entries", "changes_of", "count_replies"):
            original = getattr(self.log, name)
            spy = mock.patch.object(self.log, name, side_effect=original)
            calls.append(self.enterContext(spy))
        self.assertEqual({one.body for one in (await load(self.log, "lobby", seqs)).values()}, {"edited"})
        self.assertEqual(sum(one.call_count for one in calls), 5)
