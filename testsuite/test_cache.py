"""What is kept in memory is counted in bytes."""

from __future__ import annotations

import unittest
from dataclasses import replace

from controllers.realtime.encoding import Encoded
from controllers.realtime.entry_cache import EntryCache, MemoryLimit
from controllers.web.lru_cache import LRUCache
from models.logs.base import Entry
from models.messages import Message, as_posted


class CacheTest(unittest.TestCase):
    """Values that were used last."""

    def test_what_was_not_used_for_longest_goes_first(self) -> None:
        cache: LRUCache[str, int] = LRUCache(max_bytes=10)
        for number, key in enumerate("abc"):
            cache.put(key, number, 3)
        self.assertEqual(cache.get("a"), 0)
        cache.put("d", 3, 4)
        self.assertEqual([key for key in "abcd" if key in cache], ["a", "c", "d"])
        self.assertIsNone(cache.get("b"))
        self.assertEqual(cache.bytes, 10)

    def test_a_value_takes_the_place_of_the_one_before_it(self) -> None:
        cache: LRUCache[str, int] = LRUCache(max_bytes=10)
        cache.put("a", 1, 8)
        cache.put("a", 2, 5)
        self.assertEqual((cache.get("a"), cache.bytes), (2, 5))

    def test_a_value_that_is_too_large_is_not_kept(self) -> None:
        cache: LRUCache[str, int] = LRUCache(max_bytes=10)
        cache.put("a", 1, 11)
        self.assertEqual((cache.get("a"), cache.bytes), (None, 0))


class EntryCacheTest(unittest.TestCase):
    """The newest entries of several rooms."""

    @staticmethod
    def entries(seqs: range) -> list[tuple[Encoded, Message | None]]:
        posts = [
            Entry("lobby", seq, "post", None, 1, "ana", "body", 0.0, f"{seq}", seq, seq, is_drawn=True) for seq in seqs
        ]
        return [
            (Encoded(post.seq, None, is_change=False, text=f"message {post.seq}"), as_posted(post)) for post in posts
        ]

    def change(self, seq: int, target: int) -> tuple[Encoded, Message | None]:
        return Encoded(seq, target, is_change=True, text=f"message {target} by {seq}", shorter=f"change {seq}"), None

    def messages(self, seqs: range) -> list[Message]:
        """Return messages, newest first."""
        return [message for _, message in self.entries(seqs) if message][::-1]

    def filled(self, memory: MemoryLimit) -> EntryCache:
        """Return a cache of a room of seven messages."""
        cache = EntryCache(7, memory)
        cache.fill(self.messages(range(1, 8)))
        return cache

    def test_it_has_the_messages_that_were_added_and_says_where_it_does_not_reach_back(self) -> None:
        cache = self.filled(MemoryLimit(10**6))
        self.assertEqual((cache.texts_after(7, 7), cache.texts_after(6, 7)), ([], None))
        cache.extend(self.entries(range(8, 12)), {})
        self.assertEqual(cache.texts_after(8, 10), [(9, "message 9"), (10, "message 10")])
        self.assertIsNone(cache.texts_after(6, 11))
        newest = cache.newest(6)
        self.assertEqual(newest and [message.seq for message in newest], [11, 10, 9, 8, 7, 6])

    def test_a_message_is_in_its_newest_change_only_and_its_earlier_state_nowhere(self) -> None:
        cache = self.filled(MemoryLimit(10**6))
        edited = replace(self.messages(range(7, 8))[0], body="as it is now")
        cache.extend([self.change(8, 7)], {7: edited})
        cache.extend([self.change(9, 3), self.change(10, 7)], {7: replace(edited, body="as it is at last")})
        texts = ["change 8", "message 3 by 9", "message 7 by 10"]
        self.assertEqual(cache.texts_after(7, 10), list(zip((8, 9, 10), texts, strict=True)))
        self.assertEqual([message.body for message in cache.newest(2) or ()], ["as it is at last", "body"])
        cache.extend([self.change(11, 7)], {7: replace(edited, body="")})
        self.assertEqual([message.seq for message in cache.newest(2) or ()], [6, 5])

    def test_what_came_before_it_was_filled_is_there_once_as_it_is_in_the_log(self) -> None:
        cache = EntryCache(7, MemoryLimit(10**6))
        cache.extend(self.entries(range(8, 11)), {})
        self.assertEqual([message.seq for message in cache.newest(3) or ()], [10, 9, 8])
        self.assertIsNone(cache.newest(4))
        edited = replace(self.messages(range(8, 9))[0], body="as it is now")
        cache.fill([*self.messages(range(9, 10)), edited, *self.messages(range(1, 8))])
        found = cache.newest(100) or []
        self.assertEqual([message.seq for message in found], [*range(10, 0, -1)])
        self.assertEqual([found[1].body, found[2].body], ["body", "as it is now"])
        other = self.filled(MemoryLimit(10**6))
        other.extend(self.entries(range(8, 11)), {8: edited})
        self.assertEqual(cache.bytes - other.bytes, 8, "the words of message 8")

    def test_where_all_hold_too_much_the_largest_shrinks(self) -> None:
        alone = EntryCache(0, MemoryLimit(10**6))
        alone.extend(self.entries(range(1, 6)), {})
        held = alone.bytes
        limit = MemoryLimit(max_bytes=6 * held)
        small, large = EntryCache(0, limit), EntryCache(0, limit)
        small.extend(self.entries(range(1, 6)), {})
        large.extend(self.entries(range(1, 101)), {})
        self.assertEqual(small.bytes, held)
        self.assertLessEqual(small.bytes + large.bytes, 6 * held)
        self.assertGreater(small.bytes + large.bytes, 5 * held)
        self.assertEqual([message.seq for message in large.newest(1) or ()], [100])
