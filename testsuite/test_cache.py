"""What is kept in memory is counted in bytes."""

from __future__ import annotations

import sys
import unittest

from controllers.realtime.ring_buffer import RingBuffer
from controllers.web.byte_cache import Cache


class CacheTest(unittest.TestCase):
    """Values that were used last."""

    def test_what_was_not_used_for_longest_goes_first(self) -> None:
        cache: Cache[str, int] = Cache(max_bytes=10)
        for number, key in enumerate("abc"):
            cache.put(key, number, 3)
        self.assertEqual(cache.get("a"), 0)
        cache.put("d", 3, 4)
        self.assertEqual([key for key in "abcd" if key in cache], ["a", "c", "d"])
        self.assertIsNone(cache.get("b"))
        self.assertEqual(cache.bytes, 10)

    def test_a_value_takes_the_place_of_the_one_before_it(self) -> None:
        cache: Cache[str, int] = Cache(max_bytes=10)
        cache.put("a", 1, 8)
        cache.put("a", 2, 5)
        self.assertEqual((cache.get("a"), cache.bytes), (2, 5))

    def test_a_value_that_is_too_large_is_not_kept(self) -> None:
        cache: Cache[str, int] = Cache(max_bytes=10)
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
            buffer.drop_oldest()
        self.assertEqual(buffer.bytes, 0)
