"""What is kept in memory is counted in bytes."""

from __future__ import annotations

import sys
import unittest

from controllers.realtime.entry_cache import EntryCache, MemoryLimit
from controllers.realtime.ring_buffer import RingBuffer
from controllers.web.lru_cache import LRUCache
from models.logs.base import Entry


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


class RingBufferTest(unittest.TestCase):
    """The last values."""

    def test_there_are_so_many_and_their_bytes_are_counted(self) -> None:
        buffer: RingBuffer[str] = RingBuffer(max_items=3)
        texts = ["x" * 100, "é" * 200, "😀" * 300, "y", "zz"]
        for text in texts:
            buffer.add(text, text)
        self.assertEqual(list(buffer), texts[2:])
        self.assertEqual(buffer.bytes, sum(map(sys.getsizeof, texts[2:])))
        while buffer:
            buffer.remove_oldest()
        self.assertEqual(buffer.bytes, 0)


class EntryCacheTest(unittest.TestCase):
    """The newest entries of several rooms."""

    @staticmethod
    def entries(seqs: range) -> list[tuple[Entry, str]]:
        return [(Entry("lobby", seq, "post", None, 1, "ana", "body", 0.0, f"{seq}"), f"message {seq}") for seq in seqs]

    def test_it_has_the_messages_that_were_added_and_says_where_it_does_not_reach_back(self) -> None:
        newest = [entry for entry, _ in self.entries(range(1, 8))][::-1]
        cache = EntryCache(7, newest, MemoryLimit(10**6))
        self.assertEqual((cache.messages_after(7, 7), cache.messages_after(6, 7)), ([], None))
        cache.extend(self.entries(range(8, 12)))
        self.assertEqual(cache.messages_after(8, 10), [(9, "message 9"), (10, "message 10")])
        self.assertIsNone(cache.messages_after(6, 11))
        self.assertEqual([entry.seq for entry in cache.newest(6)], [11, 10, 9, 8, 7, 6])

    def test_where_all_hold_too_much_the_largest_shrinks(self) -> None:
        alone = EntryCache(0, [], MemoryLimit(10**6))
        alone.extend(self.entries(range(1, 6)))
        held = alone.bytes
        limit = MemoryLimit(max_bytes=6 * held)
        small, large = EntryCache(0, [], limit), EntryCache(0, [], limit)
        small.extend(self.entries(range(1, 6)))
        large.extend(self.entries(range(1, 101)))
        self.assertEqual(small.bytes, held)
        self.assertLessEqual(small.bytes + large.bytes, 6 * held)
        self.assertGreater(small.bytes + large.bytes, 5 * held)
        self.assertEqual(large.newest(1)[0].seq, 100)
